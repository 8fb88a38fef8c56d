"""Long text in pieces that a model speaks well: sentences, joined where short and parted where long."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from ..errors import InvalidInputError
from ..text.characters import END_OF_TEXT
from ..text.lines import Lines, ends_itself
from ..text.stray import Stray
from .boundaries import sentences
from .parts import is_run, parts, without_runs

__all__ = ["Piece", "Splitter"]

End = Literal["clause", "sentence", "paragraph"]

WINDOW = 4096
"""Characters that are looked at at a time: what is kept in memory of a book."""


@dataclass(frozen=True)
class Piece:
    """What is spoken in one call: whole `sentences`, or a part of one; `end` is what comes to its end there.

    `spoken` is false for what has nothing to say, such as a line of asterisks.
    """

    sentences: tuple[str, ...]
    end: End
    spoken: bool = True

    @property
    def text(self) -> str:
        """The sentences with a space between them, and a stop behind a heading or an item without one."""
        return _together(self.sentences)


def windows(text: str | Iterable[str]) -> Iterator[str]:
    """The text in chunks of a window at most. Raises `InvalidInputError` for what is no text."""
    for chunk in (text,) if isinstance(text, str) else text:
        if not isinstance(chunk, str):
            raise InvalidInputError(f"text must come as str, not {type(chunk).__name__}: decode it first")
        for start in range(0, len(chunk), WINDOW):
            yield chunk[start : start + WINDOW]


class Splitter:
    """Cuts text into pieces while it arrives, each as soon as no text behind it could change it.

    `measure` counts letters and digits at least once, but for markup. No piece measures more than `limit`
    unless it is a single word. A sentence joins the next ones of its paragraph while it measures less than
    `join_below`. Tags, numbers, abbreviations and words are never split. The pieces' texts in a row are the
    text, but for white space, for the hyphens of words that a line's end broke, and for what no model can
    say, of which `take_warnings` tells. What was cut depends on the text alone, not on how it was divided
    among the calls; not more than a window of it is kept.
    """

    def __init__(
        self, limit: int, *, join_below: int, language: str, measure: Callable[[str], int] = len
    ) -> None:
        self._limit, self._language = limit, language
        self._joiner = _Joiner(limit, join_below, language, measure)
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._stray, self._lines = Stray(), Lines()
        self._warnings: list[str] = []
        self._text = ""  # of one paragraph or line, from the start of a sentence
        self._looked = self._looks = 0  # up to here it holds no cut, which so many looks showed
        self._last_look = 0  # where the last of them was
        self._scanned = 0  # and up to here, but for what may open a sentence, no place where one could be
        self._known = 0  # up to here a look at all of it showed none when a short one did
        self._number = 0  # of the line where it begins
        self._in_run = False  # behind the begin of what is left out

    @property
    def waiting(self) -> int:
        """Characters that came and are in no piece yet."""
        return self._stray.waiting + self._lines.waiting + len(self._text) + self._joiner.waiting

    def take_warnings(self) -> list[str]:
        """What was left out of the text since the last call, and where."""
        warnings, self._warnings = self._stray.take_warnings() + self._warnings, []
        return warnings

    def add(self, text: str) -> Iterator[Piece]:
        """Take the next characters, and yield the pieces that they complete."""
        yield from self._take(self._stray.add(self._newlines.decode(text)))

    def flush(self, end: End) -> Iterator[Piece]:
        """Yield all that came as pieces, as if an `end` followed."""
        rest = self._stray.add(self._newlines.decode("", final=True), last=True)
        yield from self._take(rest, last=True)
        yield from self._finish(last=True)
        yield from self._joiner.flush(end)

    def _take(self, text: str, *, last: bool = False) -> Iterator[Piece]:
        for stretch, end in self._lines.add(text, last=last):
            self._number = self._number or self._lines.number
            yield from self._read(stretch)
            if end is not None:
                yield from self._finish(last=end == "paragraph")
                self._number, self._in_run = 0, False
            if end == "paragraph":
                yield from self._joiner.flush("paragraph")

    def _read(self, stretch: str) -> Iterator[Piece]:
        if self._in_run:
            space = _SPACE.search(stretch)
            self._in_run = space is None
            stretch = stretch[space.start() :] if space else ""
        self._text = (self._text + stretch).lstrip()
        while True:
            if found := self._certain():
                yield from self._cut(found)
            elif len(self._text) >= WINDOW:
                yield from self._cut_anywhere()
            else:
                return

    def _finish(self, *, last: bool) -> Iterator[Piece]:
        """Cut the rest, the `last` of its paragraph or not."""
        found = sentences(self._text, self._language)
        if len(found) > 1:
            yield from self._cut(found[:-1])
        if found:
            self._text = ""
            self._looked = self._looks = self._last_look = self._scanned = self._known = 0
            yield from self._say(found[-1], last=last)

    def _cut_anywhere(self) -> Iterator[Piece]:
        space = _UP_TO_SPACE.match(self._text, 0, WINDOW)
        if space is None and is_run(self._text[:WINDOW]):
            self._leave_out(f"{WINDOW:,} characters and more without a space", self._text)
            behind = _SPACE.search(self._text)
            self._text, self._in_run = self._text[behind.start() :].lstrip() if behind else "", behind is None
            self._looked = self._looks = self._last_look = self._scanned = 0
            return
        found = sentences(self._text[: space.end() if space else WINDOW], self._language)
        yield from self._cut(found[:-1] or found)

    def _cut(self, found: list[str]) -> Iterator[Piece]:
        if not found:
            return
        length = len(self._text)
        self._text = self._text[sum(map(len, found)) :].lstrip()
        self._looked = self._looks = self._last_look = self._scanned = 0
        known, self._known = self._known - (length - len(self._text)), 0
        if known > 0 and _OF_PAIRS.isdisjoint(self._text[: known + 1]):
            self._looked = self._last_look = known
            places = _PLACE.finditer(self._text, 0, known + 1)
            self._looks = sum(_END.match(place[0]) is not None for place in places)
        for sentence in found:
            yield from self._say(sentence)

    def _say(self, sentence: str, *, last: bool = False) -> Iterable[Piece]:
        kept, runs = without_runs(sentence.strip())
        for run in runs:
            self._leave_out(f"{len(run):,} characters without a space", run)
        if END_OF_TEXT in kept:
            self._leave_out("the mark of a text's end", END_OF_TEXT)
            kept = " ".join(kept.replace(END_OF_TEXT, " ").split())
        return self._joiner.add(kept, last=last) if kept else ()

    def _leave_out(self, what: str, text: str) -> None:
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
        self._warnings.append(f"left out {what} ({shown}), in the paragraph from line {self._number:,} on")

    def _certain(self) -> list[str]:
        """The sentences up to the first place that shows where one ends, whatever comes.

        A quotation or parenthesis that is open may go on beyond the ends of sentences: it is looked at as if
        it were closed, unless that would be longer than a piece. Not much more than that is looked at.
        """
        scanned = len(self._text[: self._scanned].rstrip(_MAY_OPEN)) - 1 if self._scanned else 0
        for place in _PLACE.finditer(self._text, max(self._looked, scanned), WINDOW):
            before, self._looked = self._looked, place.end()
            is_first_beyond = before <= self._limit < place.end()  # what was taken for closed is open now
            if not (is_first_beyond or _END.match(place[0])):
                continue
            self._looks += 1
            is_near = place.end() - self._last_look < _NEAR and self._looks > _MANY_LOOKS
            if is_near and not is_first_beyond:
                continue
            self._last_look = place.end()
            begin = 0 if is_first_beyond else self._begin_of_look(place.end())
            seen = self._text[begin : place.end() + 1]
            closers = _closers(seen) if place.end() <= self._limit else ""
            ended = _ended(sentences(seen + closers, self._language), self._looked - begin)
            if ended and begin:  # once a cut: what was not looked at now may hold ends without a space behind
                whole = _ended(sentences(self._text[: place.end() + 1], self._language), self._looked)
                self._known = 0 if whole else place.end()
                ended = whole or [self._text[:begin] + ended[0], *ended[1:]]
            if ended:
                return ended
        self._scanned = min(len(self._text), WINDOW)
        return []

    def _begin_of_look(self, end: int) -> int:
        """Where to look from for a sentence that ends at `end`: a word, and as far as a piece may reach."""
        far = max(_PIECE, min(self._limit, 2 * _PIECE))
        back = _LOOKED_BACK + _NEAR if self._looks > _MANY_LOOKS else far
        begin = end - back
        word = self._text.rfind(" ", 0, begin) + 1 if begin > 0 else 0
        # sentences, and not a word: a row of them without a space is looked at in part
        return begin - back if begin - word > back and _IN_ROW.search(self._text, word, begin) else word


_SHOWN = 20
_PIECE = 400
_LOOKED_BACK, _MANY_LOOKS, _NEAR = 60, 20, 40
"""Characters that are looked at where so many stops were no end, and from one look to the next: a row of
initials, or of dots."""
_SPACE, _IN_ROW = re.compile(r"\s"), re.compile(r"[\s。．！？｡]")  # noqa: RUF001
_UP_TO_SPACE = re.compile(r".*\s", re.DOTALL)
_OPENERS = "`\"'“‘„«‹(\\[{"  # noqa: RUF001
_PLACE = re.compile(rf"(?:[^\w\s]\s|[。．！？｡])\s*[{_OPENERS}]*(?=[^\s{_OPENERS}])")  # noqa: RUF001
"""Where a sentence may have ended: up to the first letter of the next, which has to be seen."""
_MAY_OPEN = "".join(filter(str.isspace, map(chr, range(0x3001)))) + _OPENERS.replace("\\", "")
_END = re.compile(r"[^,;:&*/%$+=<>#@~^|\s–—-]")  # noqa: RUF001
"""A character that may end a sentence: any but these."""
_PAIRS = [tuple(pair) for pair in ('""', "``", "“”", "‘’", "«»", "‹›", "()", "[]", "{}")]  # noqa: RUF001
_PAIRS_OF_ASCII = [pair for pair in _PAIRS if "".join(pair).isascii()]
_OF_PAIRS = frozenset("".join(map("".join, _PAIRS)))


def _ended(found: list[str], by: int) -> list[str]:
    if len(found) == 1:
        return found if len(found[0]) <= by else []
    return found[: sum(end <= by for end in accumulate(map(len, found)))]


def _closers(text: str) -> str:
    """What is open in the text, closed."""
    closed = ""
    for begin, end in _PAIRS_OF_ASCII if text.isascii() else _PAIRS:
        if (begun := text.count(begin)) and (begun % 2 if begin == end else begun > text.count(end)):
            closed += end
    return closed


def _together(texts: Iterable[str]) -> str:
    """Sentences in a row; one without an end, such as a heading, gets a full stop."""
    *all_but_last, last = texts
    return " ".join([*(text if ends_itself(text) else text + "." for text in all_but_last), last])


class _Joiner:
    def __init__(self, limit: int, join_below: int, language: str, measure: Callable[[str], int]) -> None:
        self._limit, self._join_below, self._language, self._measure = limit, join_below, language, measure
        self._open: list[str] = []
        self._size = 0  # of what is open but for `_tiny`, a little less or more than it measures in one
        self._tiny: list[str] = []  # the last of them, too short to be measured one by one
        self._tiny_length = 0  # with what comes between them and behind

    @property
    def waiting(self) -> int:
        return sum(map(len, self._open))

    def add(self, sentence: str, *, last: bool = False) -> Iterable[Piece]:
        """Take a sentence, the `last` of its paragraph or not; the pieces that it completes."""
        length = self._tiny_length + len(sentence)
        if not last and _TINY * length < min(self._join_below, _SURELY * self._limit - self._size):
            self._tiny.append(sentence)
            self._tiny_length = length + (1 if ends_itself(sentence) else 2)
            self._open.append(sentence)
            return ()
        return self._measured(sentence, last)

    def _measured(self, sentence: str, last: bool) -> Iterator[Piece]:
        together = _together([*self._tiny, sentence])
        size = self._size_of(together)
        if self._open and self._size + 1 + size > self._limit:
            size = self._size_of(sentence) if self._tiny else size
            yield from self.flush("sentence")
        if not self._open:
            *first, (sentence, size) = parts(sentence, size, self._limit, self._measure, self._language)
            for part, _ in first:
                yield _piece((part,), "clause")
        # what measures next to nothing, as letters that a voice does not know, shall not grow without end
        self._size += 1 + max(size, len(together) // _TINY)
        self._open.append(sentence)
        self._tiny, self._tiny_length = [], 0
        if not last and self._size > self._join_below:
            yield from self.flush("sentence")

    def _size_of(self, text: str) -> int:
        """What the text measures; of one that is far too long for a piece, about that."""
        if len(text) > _FAR * self._limit:
            middle, seen = len(text) // 2, self._limit // 2 + 1
            samples = text[:seen], text[middle : middle + seen]
            size = sum(map(self._measure, samples)) * len(text) // (2 * seen)
            if size > _FAR * self._limit:
                return size
        return self._measure(text)

    def flush(self, end: End) -> Iterator[Piece]:
        is_close = len(self._open) > 1 and self._size > _SURELY * self._limit
        if is_close and self._measure(_together(self._open)) > self._limit:
            for sentence in self._open[:-1]:
                yield _piece((sentence,), "sentence")
            del self._open[:-1]
        if self._open:
            yield _piece(tuple(self._open), end)
        self._open, self._size, self._tiny, self._tiny_length = [], 0, [], 0


_TINY = 4
"""Characters in words for one as written, at most, in what is too short to be worth a measurement."""
_FAR = 6
_SURELY = 0.8
"""Sentences that measure less than this part of a limit one by one measure less than all of it together."""


def _piece(texts: tuple[str, ...], end: End) -> Piece:
    spoken = any(character.isalnum() for text in texts for character in text)
    return Piece(texts, end, spoken)

"""Long text in pieces that a model speaks well: sentences, joined where short and parted where long."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Literal

from .errors import InvalidInputError

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
        """The sentences with a space between them."""
        return " ".join(self.sentences)


def windows(text: str | Iterable[str]) -> Iterator[str]:
    """The text in chunks of a window at most. Raises `InvalidInputError` for what is no text."""
    for chunk in (text,) if isinstance(text, str) else text:
        if not isinstance(chunk, str):
            raise InvalidInputError(f"text must come as str, not {type(chunk).__name__}: decode it first")
        for start in range(0, len(chunk), WINDOW):
            yield chunk[start : start + WINDOW]


class Splitter:
    """Cuts text into pieces while it arrives, each as soon as no text behind it could change it.

    No piece measures more than `limit` unless it is a single word. A sentence joins the next ones of its
    paragraph while it measures less than `join_below`. Tags, numbers, abbreviations and words are
    never split. The pieces' texts in a row are the text, but for white space. What was cut depends on the
    text alone, not on how it was divided among the calls; not more than a window of it is kept.
    """

    def __init__(
        self, limit: int, *, join_below: int, language: str, measure: Callable[[str], int] = len
    ) -> None:
        self._limit, self._language, self._measure = limit, language, measure
        self._joiner = _Joiner(limit, join_below, measure)
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._text = ""  # of one paragraph, from the start of a sentence
        self._looked = 0  # up to here it holds no cut

    @property
    def waiting(self) -> int:
        """Characters that came and are in no piece yet."""
        return len(self._text) + self._joiner.waiting

    def add(self, text: str) -> Iterator[Piece]:
        """Take the next characters, and yield the pieces that they complete."""
        self._text = (self._text + self._newlines.decode(text)).lstrip()
        while True:
            paragraph = _PARAGRAPH.search(self._text, 0, WINDOW)
            end = paragraph.start() if paragraph is not None else WINDOW
            if sentences := self._certain(end):
                yield from self._cut(sentences)
            elif paragraph is not None:
                rest = self._text[paragraph.end() :]
                self._text = self._text[:end]
                yield from self.flush("paragraph")
                self._text = rest.lstrip()
            elif len(self._text) >= WINDOW:
                space = _UP_TO_SPACE.match(self._text, 0, WINDOW)
                sentences = _sentences(self._text[: space.end() if space else WINDOW], self._language)
                yield from self._cut(sentences[:-1] or sentences)
            else:
                return

    def flush(self, end: End) -> Iterator[Piece]:
        """Yield all that came as pieces, as if an `end` followed."""
        sentences = _sentences(self._text, self._language)
        self._text, self._looked = "", 0
        for sentence in sentences[:-1]:
            yield from self._joiner.add(sentence.strip())
        if sentences:
            yield from self._joiner.add(sentences[-1].strip(), last=True)
        yield from self._joiner.flush(end)

    def _cut(self, sentences: list[str]) -> Iterator[Piece]:
        self._text, self._looked = self._text[sum(map(len, sentences)) :].lstrip(), 0
        for sentence in sentences:
            yield from self._joiner.add(sentence.strip())

    def _certain(self, end: int) -> list[str]:
        """The sentences up to the first place that shows where one ends, whatever comes; none before `end`.

        A quotation or parenthesis that is open may go on beyond the ends of sentences: it is looked at as if
        it were closed, unless that would be longer than a piece.
        """
        for place in _PLACE.finditer(self._text, self._looked, end):
            self._looked = place.end()
            seen = self._text[: place.end() + 1]
            closed = seen + (_closers(seen) if self._measure(seen) <= self._limit else "")
            sentences = _sentences(closed, self._language)
            if count := sum(end <= self._looked for end in accumulate(map(len, sentences))):
                return sentences[:count]
        return []


_PARAGRAPH = re.compile(r"\n[^\S\n]*\n|[\v\f\u2028\u2029]")
_UP_TO_SPACE = re.compile(r".*\s", re.DOTALL)
_OPENERS = "`\"'“‘„«‹(\\[{"  # noqa: RUF001
_PLACE = re.compile(rf"(?:[^\w\s]\s|[。．！？｡])\s*[{_OPENERS}]*(?=[^\s{_OPENERS}])")  # noqa: RUF001
"""Where a sentence may have ended: up to the first letter of the next, which has to be seen."""
_PAIRS = [tuple(pair) for pair in ('""', "``", "“”", "‘’", "«»", "‹›", "()", "[]", "{}")]  # noqa: RUF001


def _closers(text: str) -> str:
    """What is open in the text, closed."""
    return "".join(
        end
        for begin, end in _PAIRS
        if (text.count(begin) % 2 if begin == end else text.count(begin) > text.count(end))
    )


# --- Sentences ---


@cache
def _abbreviations() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What never ends a sentence, and what does not before a number, where the library thinks otherwise."""
    from .english.tables import BEFORE_NAMES, BEFORE_NUMBERS, TITLES

    titles, names = "|".join(TITLES), "|".join(BEFORE_NAMES)
    numbers = "|".join(short for short in BEFORE_NUMBERS if short != "no")
    return (
        re.compile(rf"(?i:(?<![\w.])(?:{titles}|vs|approx|cf|e\.g|i\.e)\.)$|\b(?:{names})\.$"),
        re.compile(rf"(?i:\b(?:{numbers})\.)$|\bNo\.$"),
    )


_MARKER = r"(?:[-*•]|\d{1,3}[.)])"
_ITEM = re.compile(rf"(?<=\n)(?=[^\S\n]*{_MARKER}\s)")
"""Where an item of a list begins."""
_BARE_MARKER = re.compile(rf"\s*{_MARKER}\s*")


def _sentences(block: str, language: str) -> list[str]:
    """Sentences in order, each with the white space behind it: in a row they are the block."""
    import sentencex  # type: ignore[import-untyped]

    found: list[str] = []
    for item in _ITEM.split(block):
        begins = True
        for sentence in sentencex.segment(language, item):
            if found and (not sentence.strip() or (not begins and _goes_on(found[-1], sentence, language))):
                found[-1] += sentence
            else:
                found.append(sentence)
            begins = False
    return found


def _goes_on(before: str, after: str, language: str) -> bool:
    if _BARE_MARKER.fullmatch(before):
        return True
    if language != "en":
        return False
    never_last, not_before_numbers = _abbreviations()
    if never_last.search(before.rstrip()):
        return True
    return after[:1].isdigit() and not_before_numbers.search(before.rstrip()) is not None


# --- Joining and parting ---


class _Joiner:
    def __init__(self, limit: int, join_below: int, measure: Callable[[str], int]) -> None:
        self._limit, self._join_below, self._measure = limit, join_below, measure
        self._open: list[str] = []

    @property
    def waiting(self) -> int:
        return sum(map(len, self._open))

    def add(self, sentence: str, *, last: bool = False) -> Iterator[Piece]:
        """Take a sentence, the `last` of its paragraph or not."""
        if self._open and self._measure(" ".join([*self._open, sentence])) > self._limit:
            yield from self.flush("sentence")
        *parts, rest = _parts(sentence, self._limit, self._measure) if not self._open else [sentence]
        for part in parts:
            yield _piece((part,), "clause")
        self._open.append(rest)
        if not last and self._measure(" ".join(self._open)) >= self._join_below:
            yield from self.flush("sentence")

    def flush(self, end: End) -> Iterator[Piece]:
        if self._open:
            yield _piece(tuple(self._open), end)
            self._open.clear()


def _piece(sentences: tuple[str, ...], end: End) -> Piece:
    spoken = any(character.isalnum() for sentence in sentences for character in sentence)
    return Piece(sentences, end, spoken)


_ATOM = re.compile(r"(?:\[ *[A-Za-z][A-Za-z ]*\]|\S)+")
_STRONG, _WEAK = re.compile(r"[;:.!?—–][\"'”’)]*$|^[—–-]+$"), re.compile(r"[,)][\"'”’]*$")  # noqa: RUF001
_COST_OF_DISTANCE = {"strong": 1.0, "weak": 1.5, "none": 4.0}


def _parts(sentence: str, limit: int, measure: Callable[[str], int]) -> list[str]:
    """A sentence in parts within the limit, of like length, broken after punctuation where there is some."""
    if measure(sentence) <= limit:
        return [sentence]
    atoms = list(_ATOM.finditer(sentence))
    if len(atoms) < 2:
        return [sentence]
    middle = len(sentence) / 2
    breaks = min(
        atoms[:-1], key=lambda atom: _cost(atom[0]) * (abs(atom.end() - middle) + 0.1 * len(sentence))
    )
    head, tail = sentence[: breaks.end()], sentence[breaks.end() :].lstrip()
    return [*_parts(head, limit, measure), *_parts(tail, limit, measure)]


def _cost(atom: str) -> float:
    if _STRONG.search(atom):
        return _COST_OF_DISTANCE["strong"]
    return _COST_OF_DISTANCE["weak" if _WEAK.search(atom) else "none"]

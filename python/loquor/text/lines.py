"""What the ends of lines mean: a line that was wrapped goes on, a heading or an item of a list does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from .broken_words import keeps_hyphen

__all__ = ["CLOSERS", "MARKER", "LineEnd", "Lines", "ends_itself", "with_whole_words"]

LineEnd = Literal["line", "paragraph"]
Meaning = Literal["wrap", "line"]

_SEEN = 160
"""Characters of a line that are looked at."""
_WIDEST_WRAP = 120
"""Nobody wraps longer lines than this: what is longer was ended on purpose."""
_USUAL_WRAP = 60
_VERSE = 20
"""Lines from here on are verse where some end in commas, and not items of a list or parts of an address."""
_SHORT, _NARROW = 30, 24
"""Lines in small letters are items of a list if all are short, and the next word had room in a narrow one."""
_LONGEST_WORD = 30
"""Characters beyond which a word, such as an address, says nothing of how wide the lines of a text are."""
_MOST = 4096
"""Characters of white space that are kept in a row, and columns of a line that are counted."""

_BREAKS = "\n\v\f\u2028\u2029"
_BREAKS_OF_ONE = frozenset(_BREAKS)
_HORIZONTAL = "".join(filter(str.isspace, map(chr, range(0x3001)))).translate(
    dict.fromkeys(map(ord, _BREAKS))
)
_HYPHENS = ("-", "\u2010", "\xad")
_LETTERS = re.compile(r"[^\W\d_]+")
_BROKEN_WORD = re.compile(r"(?:^|\s|[—–])[\"'“‘(\[*_]*([^\W\d_]+)$")  # noqa: RUF001
"""The first half of a word, which is no address and no part of a compound."""
_NAME_GOES_ON = re.compile(r"-|[@./:_\d]\w|\d")
_BREAK = re.compile(f"[{_BREAKS}]")
_QUOTED = re.compile(f"[{_HORIZONTAL}]*(?:>[>{_HORIZONTAL}]*)?")
"""What stands before a line: mail and Markdown quote with >."""
_MARGIN = re.compile(r"\s*(?:>[>\s]*)?")
CLOSERS = r"[\"'”’»›)\]}]"  # noqa: RUF001
"""What may stand behind the stop of a sentence and belongs to it."""
MARKER = r"(?:[-*+•▪◦‣]|\d{1,3}[.)]|[a-z]\)|\((?:\d{1,3}|[a-z])\))"
"""What an item of a list begins with."""
_BROKEN = re.compile(r"[-\u2010\xad][^\S\r\n]*[\r\n]")
_MARKER = re.compile(rf"{MARKER}\s+\S")
_MARKER_BEGUN = re.compile(r"(?:[-*+•▪◦‣]|\d{1,3}[.)]?|[a-z]\)?|\((?:(?:\d{1,3}|[a-z])\)?)?)\s*$")
_HEADING = re.compile(r"#{1,6} ")
_CLOSING = CLOSERS[1:-1].replace("\\", "")
_ENDS, _SENTENCE_ENDS, _CLAUSE_ENDS = map(tuple, (".!?…:;,。！？、，；：—–-", ".!?…。！？", ",;，；、(—–-"))  # noqa: RUF001
_WORD = re.compile(r"\S+")
_MAY_BE_WIDE = re.compile("[^\x00-\u0377\u2000-\u2064]")
_LAST_WORD = re.compile(rf"([A-Za-z]+){CLOSERS}?$")
_NEVER_LAST = frozenset(
    """a an and are as at be but by can every for from had has have her his if in into is its may my nor of or
    our should than that the their to was were will with would your""".split()  # noqa: SIM905
)
_NEVER_FIRST = frozenset(
    """about after and are as at because before between but by for from had has if in into is like nor of on
    or over so than that though through to under until was were when where which while who with
    without""".split()  # noqa: SIM905
)
_SUSPENDED = re.compile(r"(?:and|but|nor|or|to)(?=\s|$)")


def ends_itself(text: str) -> bool:
    """Whether a pause is written at the end of the text, or there is nothing in it to say."""
    if text[-1:].isalnum():  # as most do that do not
        return False
    return text.rstrip(_CLOSING).endswith(_ENDS) or text.endswith("]") or not any(map(str.isalnum, text))


def with_whole_words(text: str) -> str:
    """The text with the words whole that the end of a line broke; the rest of its white space may change."""
    if _BROKEN.search(text) is None:
        return text
    begin = text[: len(text) - len(text.lstrip())]
    lines = Lines().add(text.replace("\r\n", "\n").replace("\r", "\n"), last=True)
    return begin + "".join(stretch + ("\n" if end else "") for stretch, end in lines)


def _ends_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING + "*_").endswith(_SENTENCE_ENDS)


def _ends_clause(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith(_CLAUSE_ENDS)


def _width(text: str) -> int:
    """Columns, but for what is too long for any line."""
    if text.isascii():
        if len(text) <= _LONGEST_WORD:
            return len(text)
        return len(text) - sum(
            len(word) - _LONGEST_WORD for word in text.split() if len(word) > _LONGEST_WORD
        )
    if _MAY_BE_WIDE.search(text) is None:
        return len(text)
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


@dataclass(slots=True)
class _Line:
    text: str = ""  # its first characters
    end: str = ""  # its last ones
    length: int = 0
    indent: int = 0

    def add(self, text: str) -> None:
        self.length += len(text)
        if self.length <= _SEEN:
            self.text = self.end = self.text + text
            return
        self.text = (self.text + text[:_SEEN])[:_SEEN]
        self.end = (self.end + text)[-_SEEN:]

    def columns(self) -> int:
        if self.length <= _LONGEST_WORD and self.text.isascii():
            return min(self.indent + self.length, _MOST)
        return min(self.indent + _width(self.text) + max(0, self.length - _SEEN), _MOST)


class _Seen(NamedTuple):
    """What is known of a line, or of a paragraph's lines so far."""

    widest: int = 0
    has_commas: bool = False
    is_list: bool = False

    def and_then(self, line: _Seen) -> _Seen:
        return _Seen(
            max(self.widest, line.widest), self.has_commas or line.has_commas, self.is_list or line.is_list
        )


_NOTHING = _Seen()


class Lines:
    """Takes a text as it comes and gives it out with the lines that end on purpose told from wrapped ones.

    Gives pairs: a stretch of text without line ends, and what ends behind it, if anything does. Wrapped lines
    come with a space between them, words that a line's end broke come whole. What is given out depends on the
    text alone, not on how it was divided among the calls.
    """

    def __init__(self) -> None:
        self.number = 1
        """Number of the line that is given out, from 1."""
        self._held = ""
        self._line = _Line()
        self._fresh = True  # nothing of the paragraph was given out
        self._before = _NOTHING  # of the paragraph's lines before this one

    @property
    def waiting(self) -> int:
        """Characters that came and were not given out yet."""
        return len(self._held)

    def add(self, text: str, *, last: bool = False) -> Iterator[tuple[str, LineEnd | None]]:
        """Take the next characters and give out what is certain; with `last` all, as if nothing followed."""
        self._held += text
        while self._held:
            if self._fresh:
                space = self._skip(_length_of(_MARGIN, self._held))
                self.number += space.count("\n")
                _, _, indent = _BREAK.sub("\n", space).rpartition("\n")
                self._line.indent = _columns(indent) + (0 if _BREAK.search(space) else self._line.indent)
                self._fresh = not self._held
            found = _BREAK.search(self._held)
            line = self._held[: found.start() if found else len(self._held)]
            body = line if last and not found else _without_end(line)
            if body:
                self._line.add(body)
            given = self._end_of_line(len(body), found.start(), last) if found else None
            if given is None:
                self._held = self._held[len(body) :]
                if found is None and len(self._held) > _MOST:
                    self._held = self._held[:_MOST]
                if body:
                    yield body, None
                return
            joint, end, passed = given
            newlines = self._skip(passed).count("\n")
            yield body + joint, end
            self.number += newlines

    def _end_of_line(self, start: int, at: int, last: bool) -> tuple[str, LineEnd | None, int] | None:
        """What comes for the break at `at`, before which a hyphen may be from `start` on.

        With it, what ends there, and the characters that are done with; None if more has to be seen.
        """
        held = self._held
        behind = at + 1
        if not held[behind : behind + 1].isalnum():
            behind += _length_of(_QUOTED, held, behind)
        hyphen = held[start:at].rstrip(_HORIZONTAL).rstrip("\xad") if start < at else ""
        if held[at] != "\n" or held[behind : behind + 1] in _BREAKS_OF_ONE:
            self._new_paragraph()
            return hyphen, "paragraph", at + 1
        if behind == len(held):
            if not last:
                self._held = held[: at + _MOST]
                return None
            given: tuple[str, LineEnd | None] | None = hyphen, None
        else:
            stop = _BREAK.search(held, behind, behind + _SEEN)
            whole = last or stop is not None or len(held) - behind >= _SEEN
            following = held[behind : stop.start() if stop else behind + _SEEN].rstrip(_HORIZONTAL)
            if held[start] in _HYPHENS and self._line.end[-1:].isalnum():
                joint = _joint(self._line.end, hyphen, following, whole)
                given = None if joint is None else (joint, None)
            else:
                meaning = self._meaning(following, whole)
                given = meaning and (hyphen + (" " if meaning == "wrap" else ""), _END_OF[meaning])
        if given is None:
            return None
        self._new_line(_columns(held[at + 1 : behind]))
        return *given, behind

    def _meaning(self, following: str, whole: bool) -> Meaning | None:
        """Whether the next line, `whole` or as far as it is known, goes on with this one."""
        line = self._line
        if whole and line.length <= _SHORT_LINE and len(following) <= _SHORT_LINE:
            return _meaning_of_short(line.text, line.indent, self._before, following)
        return _meaning_of(line, self._before, following, whole)

    def _new_line(self, indent: int) -> None:
        line = self._line
        is_short = line.length <= _SHORT_LINE
        self._before = (
            _then_short(self._before, line.text, line.indent)
            if is_short
            else self._before.and_then(_seen(line))
        )
        line.text, line.end, line.length, line.indent = "", "", 0, indent

    def _new_paragraph(self) -> None:
        self._line, self._before, self._fresh = _Line(), _NOTHING, True

    def _skip(self, count: int) -> str:
        skipped, self._held = self._held[:count], self._held[count:]
        return skipped


_END_OF: dict[Meaning, LineEnd | None] = {"wrap": None, "line": "line"}


def _meaning_of(line: _Line, before: _Seen, following: str, whole: bool) -> Meaning | None:
    text, wide, first = line.end.rstrip(), line.columns(), _WORD.match(following)
    first_word = first[0] if first and (whole or first.end() < len(following)) else None
    if not whole and _MARKER_BEGUN.match(following):
        return None
    if _MARKER.match(following):
        in_prose = (
            not before.is_list
            and not text.rstrip(_CLOSING).endswith(_ENDS)
            and min(wide, before.widest) >= _USUAL_WRAP
        )
        return "wrap" if in_prose else "line"
    if _is_rule(following):
        if not whole:
            return None
        if len(following) > 2 or following == ".":
            return "line"
    if _is_rule(line.text) or (line.text[0] == "#" and _HEADING.match(line.text)):
        return "line"
    if not text[-1:].isdigit():
        if _ends_sentence(text) or _ends_clause(text):
            return "wrap"
        last_word = _LAST_WORD.search(text, max(0, len(text) - 10))
        if last_word is not None and last_word[1] in _NEVER_LAST:
            return "wrap"
    if not whole or first_word is None:
        return None
    needed, widest = wide + 1 + min(_width(first_word), _LONGEST_WORD), max(before.widest, wide)
    if following[0].isalpha() and not following[0].isupper():
        widest = max(widest, _width(following))
        if _ends_sentence(following):
            return "wrap"
        is_list = widest <= _SHORT and needed <= _NARROW and first_word not in _NEVER_FIRST
        return "line" if is_list else "wrap"
    if line.length > _WIDEST_WRAP:
        return "line"
    room = max(widest, _width(following), _USUAL_WRAP)
    has_commas = before.has_commas or _ends_clause(following)
    if has_commas and len(text) >= _VERSE and 2 * len(text) > len(following):
        return "wrap"
    is_short = needed <= 0.75 * room
    return "line" if is_short or (needed <= room and _is_title(text)) else "wrap"


def _seen(line: _Line) -> _Seen:
    return _Seen(line.columns(), _ends_clause(line.end.rstrip()), _MARKER.match(line.text) is not None)


_SHORT_LINE = 24


@lru_cache(maxsize=512)  # a text of many short lines, such as a column of numbers, has the same ones again
def _meaning_of_short(text: str, indent: int, before: _Seen, following: str) -> Meaning | None:
    return _meaning_of(_Line(text, text, len(text), indent), before, following, True)


@lru_cache(maxsize=512)
def _then_short(before: _Seen, text: str, indent: int) -> _Seen:
    return before.and_then(_seen(_Line(text, text, len(text), indent)))


def _length_of(margin: re.Pattern[str], text: str, at: int = 0) -> int:
    found = margin.match(text, at)
    return found.end() - at if found else 0


def _columns(space: str) -> int:
    return len(space) + 7 * space.count("\t")


def _without_end(line: str) -> str:
    """The line but for white space at its end and a hyphen before that, which the next line may change."""
    body = line.rstrip(_HORIZONTAL)
    return body[:-1] if body.endswith(_HYPHENS) else body


def _joint(before: str, hyphen: str, after: str, whole: bool) -> str | None:
    """What comes between the halves of a word that a line's end broke: nothing, its hyphen, that and a space.

    A soft hyphen came here as "".

    None if more of the second half has to be seen.
    """
    second = _LETTERS.match(after)
    if not hyphen or (second is None and not after[0].isdigit()):
        return hyphen + " " if hyphen else ""
    if second is None or second[0][0].isupper():
        return hyphen
    if second.end() + 1 >= len(after) and not whole:
        return None  # a name may go on behind the next sign
    if _SUSPENDED.match(after):
        return hyphen + " "
    first = _BROKEN_WORD.search(before)
    if first is None or _NAME_GOES_ON.match(after, second.end()):
        return hyphen
    return hyphen if keeps_hyphen(first[1], second[0]) else ""


def _is_rule(line: str) -> bool:
    return not (line[:1].isalnum() or any(map(str.isalnum, line)))


def _is_title(line: str) -> bool:
    """Each word has a capital, but for short ones."""
    words = [word for word in line.split() if word[0].isalpha()]
    return bool(words) and all(word[0].isupper() or len(word) < 4 for word in words) and words[0][0].isupper()

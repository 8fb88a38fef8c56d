"""What the ends of lines mean: a line that was wrapped goes on, a heading or an item of a list does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

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

_BREAKS = "\n\v\f\u2028\u2029"
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
_ENDED = re.compile(rf"[.!?…:;,。！？、，；：—–-]{CLOSERS}*$")  # noqa: RUF001
_SENTENCE_ENDED = re.compile(rf"[.!?…。！？](?:{CLOSERS}|[*_])*$")  # noqa: RUF001
_CLAUSE_ENDED = re.compile(rf"[,;，；、(—–-]{CLOSERS}*$")  # noqa: RUF001
_WORD = re.compile(r"\S+")
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
    return _ENDED.search(text) is not None or text.endswith("]") or not any(map(str.isalnum, text))


def with_whole_words(text: str) -> str:
    """The text with the words whole that the end of a line broke; the rest of its white space may change."""
    if _BROKEN.search(text) is None:
        return text
    begin = text[: len(text) - len(text.lstrip())]
    lines = Lines().add(text.replace("\r\n", "\n").replace("\r", "\n"), last=True)
    return begin + "".join(stretch + ("\n" if end else "") for stretch, end in lines)


def _width(text: str) -> int:
    """Columns, but for what is too long for any line."""
    if text.isascii():
        return len(text) - sum(
            len(word) - _LONGEST_WORD for word in text.split() if len(word) > _LONGEST_WORD
        )
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


@dataclass
class _Line:
    text: str = ""  # its first characters
    end: str = ""  # its last ones
    length: int = 0
    indent: int = 0

    def add(self, text: str) -> None:
        self.text = (self.text + text[:_SEEN])[:_SEEN]
        self.end = (self.end + text)[-_SEEN:]
        self.length += len(text)


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
        self._widest = 0  # of the paragraph's lines before this one
        self._commas = self._is_list = False  # what they have

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
                _, _, indent = _BREAK.sub("\n", space).rpartition("\n")
                self._line.indent = _columns(indent) + (0 if _BREAK.search(space) else self._line.indent)
                self._fresh = not self._held
            found = _BREAK.search(self._held)
            line = self._held[: found.start() if found else len(self._held)]
            if body := line if last and not found else _without_end(line):
                self._line.add(body)
                self._held = self._held[len(body) :]
                yield body, None
            elif found is None:
                self._held = self._held[:2]  # a hyphen and one space say it all
                return
            elif (given := self._end_of_line(found.start(), last)) is not None:
                yield given
            else:
                return

    def _end_of_line(self, at: int, last: bool) -> tuple[str, LineEnd | None] | None:
        """What is given for the break at `at`, before which a hyphen may be; None if more has to be seen."""
        after = self._held[at + 1 + _length_of(_QUOTED, self._held[at + 1 :]) :]
        hyphen = self._held[:at].rstrip(_HORIZONTAL).rstrip("\xad")
        given: tuple[str, LineEnd | None] | None
        if self._held[at] != "\n" or (after and after[0] in _BREAKS):
            given = hyphen, "paragraph"
        elif not after:
            self._held = self._held[: at + _SEEN]
            given = (hyphen, None) if last else None
        else:
            stop = _BREAK.search(after, 0, _SEEN)
            whole = last or stop is not None or len(after) >= _SEEN
            following = after[: stop.start() if stop else _SEEN].rstrip(_HORIZONTAL)
            if self._held[0] in _HYPHENS and self._line.end[-1:].isalnum():
                joint = _joint(self._line.end, hyphen, following, whole)
                given = None if joint is None else (joint, None)
            else:
                meaning = self._meaning(following, whole)
                given = meaning and (hyphen + (" " if meaning == "wrap" else ""), _END_OF[meaning])
        if given is not None:
            space = self._skip(len(self._held) - len(after))
            self._new_line(given[1], _columns(space[at + 1 :]))
        return given

    def _meaning(self, following: str, whole: bool) -> Meaning | None:
        """Whether the next line, `whole` or as far as it is known, goes on with this one."""
        line = self._line.end.rstrip()
        wide, first = self._width(), _WORD.match(following)
        first_word = first[0] if first and (whole or first.end() < len(following)) else None
        if not whole and _MARKER_BEGUN.match(following):
            return None
        if _MARKER.match(following):
            in_prose = (
                not self._is_list and not _ENDED.search(line) and min(wide, self._widest) >= _USUAL_WRAP
            )
            return "wrap" if in_prose else "line"
        if _is_rule(following):
            if not whole:
                return None
            if len(following) > 2 or following == ".":
                return "line"
        if _is_rule(self._line.text) or _HEADING.match(self._line.text):
            return "line"
        if _SENTENCE_ENDED.search(line) or _CLAUSE_ENDED.search(line):
            return "wrap"
        last_word = _LAST_WORD.search(line)
        if last_word is not None and last_word[1] in _NEVER_LAST:
            return "wrap"
        if not whole or first_word is None:
            return None
        needed, widest = wide + 1 + min(_width(first_word), _LONGEST_WORD), max(self._widest, wide)
        if following[0].isalpha() and not following[0].isupper():
            widest = max(widest, _width(following))
            if _SENTENCE_ENDED.search(following):
                return "wrap"
            is_list = widest <= _SHORT and needed <= _NARROW and first_word not in _NEVER_FIRST
            return "line" if is_list else "wrap"
        if self._line.length > _WIDEST_WRAP:
            return "line"
        room = max(widest, _width(following), _USUAL_WRAP)
        has_commas = self._commas or _CLAUSE_ENDED.search(following) is not None
        if has_commas and len(line) >= _VERSE and 2 * len(line) > len(following):
            return "wrap"
        is_short = needed <= 0.75 * room
        return "line" if is_short or (needed <= room and _is_title(line)) else "wrap"

    def _width(self) -> int:
        return self._line.indent + _width(self._line.text) + max(0, self._line.length - _SEEN)

    def _new_line(self, end: LineEnd | None, indent: int) -> None:
        if end == "paragraph":
            self._new_paragraph()
            return
        self._widest = max(self._widest, self._width())
        self._commas = self._commas or _CLAUSE_ENDED.search(self._line.end.rstrip()) is not None
        self._is_list = self._is_list or _MARKER.match(self._line.text) is not None
        self._line = _Line(indent=indent)

    def _new_paragraph(self) -> None:
        self._line, self._widest, self._fresh = _Line(), 0, True
        self._commas = self._is_list = False

    def _skip(self, count: int) -> str:
        skipped, self._held = self._held[:count], self._held[count:]
        self.number += skipped.count("\n")
        return skipped


_END_OF: dict[Meaning, LineEnd | None] = {"wrap": None, "line": "line"}


def _length_of(margin: re.Pattern[str], text: str) -> int:
    found = margin.match(text)
    return found.end() if found else 0


def _columns(space: str) -> int:
    return sum(8 if character == "\t" else 1 for character in space)


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
    if second.end() == len(after) and not whole:
        return None
    if _SUSPENDED.match(after):
        return hyphen + " "
    first = _BROKEN_WORD.search(before)
    if first is None or _NAME_GOES_ON.match(after, second.end()):
        return hyphen
    return hyphen if keeps_hyphen(first[1], second[0]) else ""


def _is_rule(line: str) -> bool:
    return not any(map(str.isalnum, line))


def _is_title(line: str) -> bool:
    """Each word has a capital, but for short ones."""
    words = [word for word in line.split() if word[0].isalpha()]
    return bool(words) and all(word[0].isupper() or len(word) < 4 for word in words) and words[0][0].isupper()

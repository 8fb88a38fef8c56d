"""Long text in pieces that a model speaks well: sentences, joined where short and parted where long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from .errors import InvalidInputError

__all__ = ["Piece", "split_pieces"]

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


def split_pieces(
    text: str | Iterable[str],
    limit: int,
    *,
    join_below: int = 40,
    language: str = "en",
    measure: Callable[[str], int] = len,
) -> Iterator[Piece]:
    """Yield the pieces of `text`, which may come in chunks of any size; not more than a window is kept.

    No piece measures more than `limit` unless it is a single word. A sentence joins the next ones of its
    paragraph while it measures less than `join_below`. Tags, numbers, abbreviations and words are
    never split. The pieces' texts in a row are the text, but for white space.
    """
    joiner, kept = _Joiner(limit, join_below, measure), ""
    for block, ended in _blocks(text):
        sentences = _sentences(f"{kept} {block}", language)
        kept = ""
        if not ended and len(sentences) > 1:  # the last may go on in the next block
            kept = sentences.pop()
        for sentence in sentences:
            yield from joiner.add(sentence)
        if ended:
            yield from joiner.flush("paragraph")


# --- Paragraphs ---

_LINE_BREAK = re.compile(r"[\n\v\f\u2028\u2029]")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*|[\v\f\u2028\u2029]\s*")
_UP_TO_SPACE = re.compile(r".*\s", re.DOTALL)


def _blocks(text: str | Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Paragraphs, and whether they end there: one longer than the window comes in parts."""
    buffer = ""
    for chunk in _chunks(text):
        buffer += chunk
        if len(buffer) < WINDOW and not _LINE_BREAK.search(chunk):
            continue
        buffer = buffer.replace("\r\n", "\n")
        while True:
            found = _PARAGRAPH.search(buffer)
            if found is not None and found.end() < len(buffer):
                yield buffer[: found.start()], True
                buffer = buffer[found.end() :]
            elif len(buffer) >= WINDOW:
                space = _UP_TO_SPACE.match(buffer, 0, WINDOW)
                end = space.end() if space is not None else WINDOW
                yield buffer[:end], False
                buffer = buffer[end:]
            else:
                break
    for paragraph in _PARAGRAPH.split(buffer.replace("\r\n", "\n")):
        yield paragraph, True


def _chunks(text: str | Iterable[str]) -> Iterator[str]:
    for chunk in (text,) if isinstance(text, str) else text:
        if not isinstance(chunk, str):
            raise InvalidInputError(f"text must come as str, not {type(chunk).__name__}: decode it first")
        for start in range(0, len(chunk), WINDOW):
            yield chunk[start : start + WINDOW]


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


def _sentences(block: str, language: str) -> list[str]:
    """Sentences without white space around them, in order, none empty."""
    import sentencex  # type: ignore[import-untyped]

    found: list[str] = []
    for sentence in map(str.strip, sentencex.segment(language, block)):
        if found and language == "en" and _goes_on(found[-1], sentence):
            found[-1] = f"{found[-1]} {sentence}"
        elif sentence:
            found.append(sentence)
    return found


def _goes_on(before: str, after: str) -> bool:
    never_last, not_before_numbers = _abbreviations()
    if never_last.search(before):
        return True
    return after[:1].isdigit() and not_before_numbers.search(before) is not None


# --- Joining and parting ---


class _Joiner:
    def __init__(self, limit: int, join_below: int, measure: Callable[[str], int]) -> None:
        self._limit, self._join_below, self._measure = limit, join_below, measure
        self._open: list[str] = []

    def add(self, sentence: str) -> Iterator[Piece]:
        together = " ".join([*self._open, sentence])
        short = self._measure(" ".join(self._open)) < self._join_below
        if self._open and (not short or self._measure(together) > self._limit):
            yield from self.flush("sentence")
        *parts, last = _parts(sentence, self._limit, self._measure) if not self._open else [sentence]
        for part in parts:
            yield _piece((part,), "clause")
        self._open.append(last)

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

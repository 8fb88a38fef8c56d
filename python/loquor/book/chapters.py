"""A book as it is read: chapters of text, found in a text file or told by an EPUB."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInputError
from ..speech.long_text import speakable

__all__ = ["Book", "Chapter", "chapters_of_text", "read_text_file"]

_MOST_BYTES = 64 << 20
"""Of a text file: the longest novels have some 10 million characters."""
_MOST_TITLE = 80

_NUMBER = r"(?:\d{1,4}|[IVXLCDM]{1,8}|[A-Za-z]{3,9}(?:[- ][A-Za-z]{3,7}){0,2})"
_HEADING = re.compile(
    rf"""(?:chapter|part|book|section|canto|letter|act)\s+{_NUMBER}(?:\s*[.:\u2013\u2014-].*|\s*)
    |(?:prologue|epilogue|preface|foreword|introduction|afterword|interlude|appendix)\b[^.]{{0,60}}[.:]?""",
    re.IGNORECASE | re.VERBOSE,
)
_MARKDOWN = re.compile(r"#{1,2}\s+(\S.*?)\s*#*")


@dataclass(frozen=True)
class Chapter:
    """A part of a book that its readers may turn to."""

    title: str
    text: str


@dataclass(frozen=True)
class Book:
    """What is spoken, and what is known of it."""

    title: str
    chapters: tuple[Chapter, ...]
    author: str = ""
    language: str = ""
    """Its code, such as "en"; empty where it is not told."""
    cover: bytes = b""
    """A picture, JPEG or PNG."""


def chapters_of_text(text: str, title: str) -> tuple[Chapter, ...]:
    """The chapters of a plain text: a heading is a line of its own, between empty ones, that says what it is.

    What comes before the first one is called as the book is; headings without text behind them, such as those
    of a table of contents, begin none. Headings are spoken.
    """
    lines = text.splitlines(keepends=True)
    starts: list[tuple[int, str]] = []  # by characters
    at, alone = 0, True
    for number, line in enumerate(lines):
        follows = number + 1 >= len(lines) or not lines[number + 1].strip()
        if alone and follows and (heading := _heading(line.strip())):
            starts.append((at, heading))
        at, alone = at + len(line), not line.strip()
    edges = [(0, title), *starts, (len(text), "")]
    found: list[Chapter] = []
    for (start, name), (end, _) in itertools.pairwise(edges):
        part = text[start:end]
        body = part if start == 0 and name == title else part.partition("\n")[2]
        if speakable(body):
            found.append(Chapter(name, part))
        elif found:
            found[-1] = Chapter(found[-1].title, found[-1].text + part)
        elif speakable(part):
            found.append(Chapter(name, part))
    return tuple(found)


def _heading(line: str) -> str | None:
    if not line or len(line) > _MOST_TITLE:
        return None
    markdown = _MARKDOWN.fullmatch(line)
    if markdown:
        return markdown[1]
    return line.rstrip(" .:") if _HEADING.fullmatch(line) else None


def read_text_file(path: Path) -> str:
    """The text in a file. Raises `InvalidInputError` for what is no UTF-8, too long, or cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise InvalidInputError(f"{path} has more than {_MOST_BYTES >> 20} MiB: part it")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{path} is not UTF-8 (byte 0x{content[error.start]:02x} at offset {error.start}): convert it"
        ) from error

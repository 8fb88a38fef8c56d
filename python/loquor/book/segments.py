"""Who speaks what: a book in stretches of one voice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..speech.long_text import speakable
from .chapters import Book

__all__ = ["Segment", "segments_of"]

_PARAGRAPH = re.compile(r".+?(?:\n[^\S\n]*\n\s*|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Segment:
    """A stretch of a chapter in one voice."""

    chapter: int
    """Its number, from 0."""
    speaker: str
    """Who speaks, "" is who reads the book."""
    text: str


def segments_of(book: Book, speakers: Iterable[str] = ()) -> list[Segment]:
    """Part it: a paragraph that begins with the name of a speaker and a colon is theirs, without the name."""
    names = "|".join(re.escape(name) for name in speakers)
    mark = re.compile(rf"\s*({names}):\s*") if names else None
    found: list[Segment] = []
    for number, chapter in enumerate(book.chapters):
        for paragraph in _PARAGRAPH.findall(chapter.text) if mark else [chapter.text]:
            told = mark.match(paragraph) if mark else None
            who, text = (told[1], paragraph[told.end() :]) if told else ("", paragraph)
            last = found[-1] if found else None
            if last is not None and (last.chapter, last.speaker) == (number, who):
                found[-1] = Segment(number, who, last.text + text)
            else:
                found.append(Segment(number, who, text))
    return [segment for segment in found if speakable(segment.text)]

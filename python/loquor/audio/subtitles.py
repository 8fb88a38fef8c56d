"""Timing marks as subtitles: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

from ..errors import InvalidInputError

__all__ = ["SUBTITLE_FORMATS", "Mark", "SubtitleWriter", "WordWriter", "subtitles"]

SUBTITLE_FORMATS = ("srt", "vtt")

_LINE, _LINES = 42, 2  # characters a line and lines a cue, as is usual on screens


@dataclass(frozen=True)
class Mark:
    """A word, a sentence, or a part of one too long for one call, and when it is spoken: seconds from the
    start."""

    text: str
    """What is said."""
    start: float
    """In seconds from the beginning of the speech."""
    end: float
    """In seconds from the beginning of the speech."""


class SubtitleWriter:
    """Writes marks to a text file as they come, as "srt" or "vtt"; else `InvalidInputError`."""

    def __init__(self, file: TextIO, format: str) -> None:
        if format not in SUBTITLE_FORMATS:
            raise InvalidInputError(
                f"cannot write subtitles as {format!r}: choose one of {', '.join(SUBTITLE_FORMATS)}"
            )
        self._file, self._format, self._count = file, format, 0
        if format == "vtt":
            file.write("WEBVTT\n\n")

    def write(self, marks: Iterable[Mark]) -> None:
        """Append marks, each as one cue or more of two lines at most; a cue's time goes by its letters."""
        for cue in (cue for mark in marks for cue in _cues(mark)):
            self._count += 1
            text = cue.text.replace("-->", "->")
            if self._format == "vtt":
                text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            number = f"{self._count}\n" if self._format == "srt" else ""
            self._file.write(f"{number}{self._time(cue.start)} --> {self._time(cue.end)}\n{text}\n\n")

    def finish(self) -> None:
        """Nothing follows."""

    def _time(self, seconds: float) -> str:
        whole, thousandths = divmod(round(seconds * 1000), 1000)
        separator = "," if self._format == "srt" else "."
        return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{separator}{thousandths:03}"


class WordWriter:
    """Writes marks to a text file as they come: a JSON list of {"word", "start", "end"}, in seconds."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._count = file, 0
        file.write("[")

    def write(self, marks: Iterable[Mark]) -> None:
        """Append marks, one a line."""
        for mark in marks:
            entry = {"word": mark.text, "start": round(mark.start, 3), "end": round(mark.end, 3)}
            self._file.write(f"{',' if self._count else ''}\n{json.dumps(entry, ensure_ascii=False)}")
            self._count += 1

    def finish(self) -> None:
        """Nothing follows: the list ends."""
        self._file.write("\n]\n")


def subtitles(marks: Iterable[Mark], format: str = "srt") -> str:
    """Return a whole subtitle file. Raises `InvalidInputError` for a format other than "srt" and "vtt"."""
    import io

    buffer = io.StringIO()
    SubtitleWriter(buffer, format).write(marks)
    return buffer.getvalue()


def _cues(mark: Mark) -> Iterator[Mark]:
    lines = textwrap.wrap(mark.text, _LINE, break_long_words=False, break_on_hyphens=False)
    texts = ["\n".join(lines[i : i + _LINES]) for i in range(0, len(lines), _LINES)]
    length, done = sum(map(len, texts)), 0
    for text in texts:
        start = mark.start + (mark.end - mark.start) * done / length
        done += len(text)
        yield Mark(text, start, mark.start + (mark.end - mark.start) * done / length)

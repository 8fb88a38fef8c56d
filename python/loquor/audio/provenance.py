"""Where speech comes from, as tags of a file say it: that a machine made it, and which."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import quote, unquote

__all__ = ["Provenance", "provenance_in", "provenance_of", "write_tags"]

_KIND = "AI-generated speech"
_PAIR = re.compile(r"; (\w+)=([!-:<-~]+)")  # printable ASCII without the semicolon
_MOST_TEXT = 4096


@dataclass(frozen=True)
class Provenance:
    """What made speech. Tags say it to whoever asks, and are as easily removed."""

    model: str
    """The model's name, hub id, or the name of its folder."""
    voice: str
    """The first 16 hex digits of the voice's identity (see `Voice.identity`)."""
    engine: str
    """The engine and its version, as "loquor/0.1.0"."""
    watermark: str = "none"
    """"perth" where the sound is marked."""

    def __str__(self) -> str:
        return _KIND + "".join(f"; {name}={quote(text, safe='/@.:-_+')}" for name, text in vars(self).items())


_NAMES = tuple(field.name for field in fields(Provenance))


def write_tags(sound: Any, provenance: Provenance | None) -> None:
    """Give a `soundfile.SoundFile` that is being written the comment that `provenance_of` reads.

    ASCII, since libsndfile 1.2.2 writes other characters into MP3 that it reads back as others.
    """
    if provenance is not None:
        sound.comment = str(provenance)


def provenance_of(comment: str) -> Provenance | None:
    """Return what a file's comment says of speech; None for a comment of another kind."""
    if not comment.startswith(_KIND) or len(comment) > _MOST_TEXT:
        return None
    pairs = {name: unquote(text) for name, text in _PAIR.findall(comment)}
    try:
        return Provenance(**{name: pairs[name] for name in _NAMES})
    except KeyError:
        return None


def provenance_in(file: str | os.PathLike[str]) -> Provenance | None:
    """Return what a file's comment says of speech; None where it says nothing, or cannot be read."""
    import soundfile  # type: ignore[import-untyped]

    try:
        with soundfile.SoundFile(file) as sound:
            return provenance_of(sound.comment)
    except (OSError, soundfile.SoundFileError):
        return None

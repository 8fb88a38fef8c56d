"""How a long text is parted: options, the seeds of its pieces, and what is wrong before it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import InvalidInputError
from ..text.characters import END_OF_TEXT, FORBIDDEN, MAX_CHARACTERS, check_text

__all__ = [
    "UNSPEAKABLE_SECONDS",
    "Bookmark",
    "LongTextOptions",
    "check_long",
    "check_part",
    "checked_bookmark",
    "checked_parting",
    "piece_seed",
    "speakable",
]

UNSPEAKABLE_SECONDS = 0.25
"""Of silence: what is given for a text that is not `speakable`, at which a model would guess."""


@dataclass(frozen=True)
class LongTextOptions:
    """How a long text is parted, and how long the pauses between its pieces are.

    Pauses count the silence that the model itself left at the end of a piece.
    """

    piece_characters: int | None = None
    """Characters of a piece at most, as the tokenizer gets them; None: the bundle's own."""
    join_below: int = 40
    """A sentence shorter than this is spoken together with the next: 'Yes.' alone sounds odd."""
    clause_pause: float = 0.12
    """Seconds between the parts of a sentence that is too long for one piece."""
    sentence_pause: float = 0.35
    """Seconds between sentences."""
    paragraph_pause: float = 0.8
    """Seconds between paragraphs."""
    language: str = "en"
    """The language by whose rules sentences end: an ISO 639-1 code."""


@dataclass(frozen=True)
class Bookmark:
    """How far a long text was spoken, at the end of a piece: where `Engine.speak_long` goes on.

    With the same text, voice and options the rest is, sample for sample, what would have followed.
    """

    pieces: int
    """Of the text, that were spoken."""
    samples: int
    """That were handed out."""
    pause: float
    """Seconds of silence that come before the next piece, for the end of the last one."""


def checked_parting(long_text: object) -> LongTextOptions:
    """Return the options, for None the defaults. Raises `InvalidInputError` for what is out of range."""
    if long_text is None:
        return LongTextOptions()
    if not isinstance(long_text, LongTextOptions):
        raise InvalidInputError(f"long_text must be a loquor.LongTextOptions, not {type(long_text).__name__}")
    for name, least in (("piece_characters", 1), ("join_below", 0)):
        value = getattr(long_text, name)
        if value is None and name == "piece_characters":
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_CHARACTERS:
            raise InvalidInputError(
                f"{name} must be a whole number from {least} to {MAX_CHARACTERS}, not {value!r}"
            )
    for name in ("clause_pause", "sentence_pause", "paragraph_pause"):
        value = getattr(long_text, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 60:
            raise InvalidInputError(f"{name} must be seconds from 0 to 60, not {value!r}")
    if not isinstance(long_text.language, str) or not re.fullmatch("[a-z]{2,3}", long_text.language):
        raise InvalidInputError(f"language must be a code such as 'en', not {long_text.language!r}")
    return long_text


def checked_bookmark(bookmark: object) -> Bookmark:
    """Return it, for None the text's beginning. Raises `InvalidInputError` for what is none."""
    if bookmark is None:
        return Bookmark(0, 0, 0.0)
    if not isinstance(bookmark, Bookmark) or min(bookmark.pieces, bookmark.samples, bookmark.pause) < 0:
        raise InvalidInputError(f"bookmark must be one of LongSpeech.bookmark, not {bookmark!r:.80}")
    return bookmark


def check_long(text: str) -> None:
    """Raise `InvalidInputError` for a text in which there is nothing to speak.

    What cannot be spoken in it is left out later.
    """
    check_part(text)
    check_text(FORBIDDEN.sub(" ", text).replace(END_OF_TEXT, " "), max_characters=len(text))


def check_part(text: object) -> None:
    """Raise `InvalidInputError` for what is no text."""
    if not isinstance(text, str):
        raise InvalidInputError(f"text must be a str, not {type(text).__name__}: decode or convert it first")


def speakable(text: str) -> bool:
    """Whether there is anything to say in it."""
    return any(character.isalnum() for character in text)


def piece_seed(seed: int, index: int) -> int:
    """Return the seed of piece `index` of a request with `seed`: the seed itself for the first piece.

    Later pieces get SplitMix64's output for the state seed + index * 0x9E3779B97F4A7C15 (modulo 2**64), so a
    piece can be spoken again alone.
    """
    if index == 0:
        return seed
    mask = 2**64 - 1
    state = (seed + index * 0x9E3779B97F4A7C15) & mask
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    return state ^ (state >> 31)

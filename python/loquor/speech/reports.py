"""How far a stream or a session is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SessionReport", "StreamReport"]


@dataclass(frozen=True)
class StreamReport:
    """How far a stream is."""

    audio_seconds: float
    """Seconds of speech that were handed to the reader."""
    speech_tokens: int
    """Speech tokens that were handed over as sound."""
    generated_tokens: int
    """Speech tokens that were made."""
    finished: bool
    """Whether everything was handed over."""
    cancelled: bool
    """Whether it was cancelled before that."""
    text: str
    """What of the text was handed over: all of it when finished, else an estimate, up to a word's end, from
    the share of the tokens that were made or are expected."""
    watermark: str
    """"perth" where the speech is marked, else "none"."""
    waited_seconds: float
    """By how much the first chunk of an adaptive stream came later than it could have, so that playback does
    not run dry (`StreamOptions.max_wait`); known at the end."""
    text_faults: tuple[str, ...]
    """What is wrong with the speech, as the model's attention has it: "skipped" (some of the text was not
    said), "repeated" (some was said again), "past_end" (it went on when all was said); known at the end.
    None where nothing is, the model does not tell (`Capabilities.word_times`), or `text_guard` is 0."""


@dataclass(frozen=True)
class SessionReport:
    """How far a session is."""

    audio_seconds: float
    """Seconds of speech, pauses included, that were handed to the reader."""
    sentences: int
    """Whole sentences that were handed over."""
    text: str
    """What was said: exact for whole sentences, an estimate up to a word's end for the one under way."""
    waiting_characters: int
    """Characters that were fed and of which nothing was begun."""
    text_tokens: int
    """Ids of the prompts of all pieces that were handed over whole, those that close them included."""
    speech_tokens: int
    """Speech tokens of those pieces."""
    finished: bool
    """Whether everything was handed over."""
    cancelled: bool
    """Whether it was cancelled before that."""
    watermark: str
    """"perth" where the speech is marked, else "none"."""

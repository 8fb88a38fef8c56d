"""What a recogniser hears: words counted as wrong, and faster-whisper where it is installed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..english import spell
from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["HEARING_RATE", "Recogniser", "edit_distance", "whisper", "words"]

HEARING_RATE = 16_000
"""In Hz, of what a recogniser gets."""

Recogniser: TypeAlias = "Callable[[Samples, str], str]"
"""(samples, float32 [n] at `HEARING_RATE`; the language's code) -> what is said."""


def whisper(model: str) -> Recogniser:
    """Return faster-whisper with a model: a folder, or a name such as "small", which it may download.

    Raises `InvalidInputError` where it is not installed, or the model cannot be loaded.
    """
    try:
        from faster_whisper import WhisperModel  # type: ignore[import-untyped]
    except ImportError as error:
        raise InvalidInputError(
            f"words are counted by faster-whisper, which is not installed ({error}): "
            'pip install "loquor[eval]", or leave them out (--recogniser none)'
        ) from error
    try:
        loaded = WhisperModel(model, device="cpu", compute_type="int8")
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInputError(
            f"faster-whisper cannot load {model!r} ({error}): give a folder in CTranslate2's form, or a name "
            "such as small"
        ) from error

    def hear(samples: Samples, language: str) -> str:
        segments, _ = loaded.transcribe(
            samples, language=language, beam_size=3, temperature=0.0, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)

    return hear


def words(text: str, language: str = "en") -> list[str]:
    """Small words without punctuation; English numbers spelled, as a recogniser may write either.

    Of languages that put no spaces between words each letter is one.
    """
    if language == "en":
        text = spell(text).text
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" or c == "'" else " " for c in text)
    if language in ("ja", "zh"):
        return list(kept.replace(" ", ""))
    return re.findall(r"[^\s']+(?:'[^\s']+)*", kept)


def edit_distance(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Substitutions, insertions and deletions that lead from one to the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, 1):
        previous, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (word != other)))
    return row[-1]

"""Recordings for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr

import loquor

DEFAULT_VOICE = Path(loquor.__file__).parent / "mini" / "default_voice.wav"


def speech(seconds: float = 6.0, rate: int = 24_000) -> np.ndarray:
    """The built-in voice's recording, again and again."""
    once, own_rate = soundfile.read(DEFAULT_VOICE, dtype="float32")
    resampled = soxr.resample(once, own_rate, rate) if rate != own_rate else once
    return np.resize(resampled, round(seconds * rate))

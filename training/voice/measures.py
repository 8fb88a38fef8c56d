"""What the evaluation counts: wrong words and pitch."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from .spell import letters_only

# ways of writing that no ear can tell apart: 'Dr Hill', '6pm', '10.05', '5550142'
_SPELLINGS = (
    (r"(?i)\b(dr|mr|mrs|prof)\b(?!\.)", r"\1."),
    (r"(?i)(\d) ?([ap])m\b", r"\1 \2.m."),
    (r"(?<![$\d.])(\d{1,2})\.(\d\d)\b", r"\1:\2"),
    (r"\b(\d{3})(\d{4})\b", r"\1 \2"),
)


def words(text: str) -> list[str]:
    """Lower-case words, numbers spelled: a recogniser may write either."""
    for written, spoken in _SPELLINGS:
        text = re.sub(written, spoken, text)
    return re.findall(r"[a-z']+", letters_only(text).replace("-", " "))


_FRAME, _HOP = 0.04, 0.01
"""Seconds."""


def f0_track(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """[voiced frames, 2]: seconds and Hz, by normalised autocorrelation: not the bundle's own way."""
    length, hop = int(_FRAME * rate), int(_HOP * rate)
    low, high = int(rate / 420), int(rate / 60)
    loud = np.sqrt((samples**2).mean()) * 0.15
    found = []
    for start in range(0, len(samples) - length - high, hop):
        frame = samples[start : start + length + high]
        head = frame[:length]
        if np.sqrt((head**2).mean()) < loud:
            continue
        energy = np.convolve(frame**2, np.ones(length), "valid")
        product = np.correlate(frame, head, "valid")
        score = product / np.sqrt(energy[0] * energy + 1e-12)
        lags = score[low : high + 1]
        best = lags.max()
        if best > 0.6:
            # the shortest lag that is nearly as good: not an octave too low
            peaks = np.flatnonzero(
                (lags[1:-1] >= lags[:-2]) & (lags[1:-1] >= lags[2:]) & (lags[1:-1] > 0.9 * best)
            )
            found.append((start / rate, rate / (low + 1 + peaks[0] if len(peaks) else low + lags.argmax())))
    return np.array(found, np.float64).reshape(-1, 2)


def median_f0(samples: NDArray[np.float32], rate: int) -> float:
    """Hz of the voiced frames; 0 if there are none."""
    track = f0_track(samples, rate)
    return float(np.median(track[:, 1])) if len(track) else 0.0


def final_rise(samples: NDArray[np.float32], rate: int, seconds: float = 0.15) -> float:
    """Semitones by which the last voiced `seconds` lie above the median of all; nan if nothing is voiced."""
    track = f0_track(samples, rate)
    if not len(track):
        return float("nan")
    last = track[track[:, 0] > track[-1, 0] - seconds, 1]
    return float(12 * np.log2(np.median(last) / np.median(track[:, 1])))


def inner_pauses(samples: NDArray[np.float32], rate: int, seconds: float = 0.1) -> list[float]:
    """Lengths in seconds of the silences of at least `seconds` between the first sound and the last."""
    hop = int(_HOP * rate)
    level = np.sqrt((samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2).mean(1))
    sound = np.flatnonzero(level > 0.03 * level.max())
    gaps = np.diff(sound) - 1
    return [round(float(gap * _HOP), 2) for gap in gaps if gap * _HOP >= seconds]

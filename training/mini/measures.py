"""What the evaluation counts: wrong words and pitch."""

from __future__ import annotations

import re
from collections.abc import Sequence

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


def edit_distance(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Substitutions, insertions and deletions that lead from one to the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, 1):
        previous, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (word != other)))
    return row[-1]


def median_f0(samples: NDArray[np.float32], rate: int) -> float:
    """Median f0 in Hz of voiced 40 ms frames, by normalised autocorrelation: not the bundle's own way."""
    length, hop = int(0.04 * rate), int(0.01 * rate)
    low, high = int(rate / 420), int(rate / 60)
    loud = np.sqrt((samples**2).mean()) * 0.5
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
            found.append(rate / (low + 1 + peaks[0] if len(peaks) else low + lags.argmax()))
    return float(np.median(found)) if found else 0.0

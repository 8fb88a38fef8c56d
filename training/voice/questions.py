"""Questions that can be answered by yes or no rise at their end, which the teacher does not do.

The melody is bent where the codes are made of it, from the last stressed vowel to the mark. Questions that
begin with a question word fall, as the teacher says them.
"""

# ruff: noqa: RUF001 - phonetic letters are meant

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import codes

LOW, HIGH = -0.4, 2.0
"""Where the rise begins at most and where it ends, in ranges from the voice's height."""
MOST_MS = 900.0
"""Length of a rise."""
_ASKING = r"(w[ʌɑɒ]t|hu|w[ɛI]n?|wɛɹ|hW|wɪʧ)(z|s|d|əd|ɪz|m|ɹ|l)?"
"""Question words, some with what is drawn into them."""
_BEFORE = ("ænd", "ənd", "sO", "bʌt", "bət", "ɔɹ", "O", "wɛl", "nW")
"""Words that may stand before a question word."""
_SENTENCE = re.compile(r"[^.!?…]*\?")
_VOICELESS = "ptkfsʃθhʧʔT"


def rises(sentence: str) -> bool:
    """Whether the phonemes of a question begin with no question word."""
    words = re.findall(r"[^\s,;:—\"“”()]+", sentence.replace("ˈ", "").replace("ˌ", ""))
    first = next((word for word in words if word not in _BEFORE), "")
    return bool(first) and not re.fullmatch(_ASKING, first)


def bent(
    phonemes: str, durations: Sequence[int], pitch: NDArray[np.floating], voice: codes.Voice
) -> NDArray[np.floating]:
    """The pitch curve (Hz, one value each codes.HALF_MS) with the rises, of what the teacher decided."""
    starts = np.cumsum([0, *map(int, durations)]) * codes.UNIT_MS
    curve = pitch.astype(np.float64)
    for match in _SENTENCE.finditer(phonemes):
        if not rises(match[0]):
            continue
        last = match.end() - 1
        stressed = max(match[0].rfind(mark) for mark in codes.STRESS)
        first = match.start() + stressed if stressed >= 0 else max(match.start(), last - 6)
        end = starts[last + 1]
        begin = max(starts[first + 1], end - MOST_MS)
        if end <= begin:
            continue
        for at in range(first, last):
            if phonemes[at] in _VOICELESS:
                continue
            span = slice(*(round(starts[at + n] / codes.HALF_MS) for n in (1, 2)))
            middles = (np.arange(len(curve))[span] + 0.5) * codes.HALF_MS
            share = np.clip((middles - begin) / (end - begin), 0.0, 1.0)
            curve[span] = np.exp(voice.height + voice.range * (LOW + (HIGH - LOW) * share))
    return curve

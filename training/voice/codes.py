"""The codes are made, not learned: what is said at each 40 ms, when the next phone begins, and the melody.

6,561 = LABELS * PLACES * LEVELS, 81 * 3 * 27. A token's label is the one phone (or silence) it belongs to;
its place says whether the next phone begins before, at or after the token's end; its level is the melody in
the voice's own height and range, or that there is no voice. The teacher says all of it exactly. Timbre is
not in the codes, and no network can blur them.
"""

# ruff: noqa: RUF001 - phonetic letters are meant

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .teacher import FRAME, RATE, VOICED_ABOVE

LABELS, PLACES, LEVELS = 81, 3, 27
SIZES = (LABELS, PLACES, LEVELS)
PHONES = "#AIOWYaefhijklmnopstuvwbdzŋɑɐɒæɔðəᵊɚɛɜɡɪᵻɹɾTʔʃʊʌʒʤʧθQrg"
"""Label n is the n-th of these, misaki's symbols; '#' is silence."""
STRESSED = "AIOWYiuɑæɔɛɜɪʊʌəe"
"""Labels after those of PHONES: these under the main stress."""
NUMBER = {phone: index for index, phone in enumerate([*PHONES, *(f"ˈ{phone}" for phone in STRESSED)])}
STRESS = "ˈˌ"
UNVOICED = 0
"""The level of tokens without voice; the other 26 are melody()'s."""
STEEPEST = 3.2
"""Deviations of a voice's range that the highest and the lowest level are away from its height."""
TOKEN_MS, UNIT_MS = 40.0, 25.0
HALF_MS = UNIT_MS / 2
_EARLY = 1 / 6
"""Tokens before or after a token's end from which a boundary is not 'at' it."""
_SKIP, _SKIP_SILENCE = 2.5, 0.4
_MOST_SKIPPED = 2


@dataclass(frozen=True)
class Segment:
    """A phone or a silence: its label and its time in milliseconds."""

    label: int
    start: float
    end: float


@dataclass(frozen=True)
class Voice:
    """How high a voice speaks, and in what range: mean and deviation of the logarithm of its pitch."""

    height: float
    range: float

    @classmethod
    def of(cls, pitch: NDArray[np.floating]) -> Voice:
        """From a pitch curve in Hz, as the teacher gives it: median and spread, where it is voiced."""
        logs = np.log(pitch[pitch > VOICED_ABOVE].astype(np.float64))
        if len(logs) < 20:
            return cls(float(np.log(170.0)), 0.18)
        middle = float(np.median(logs))
        return cls(middle, max(1.4826 * float(np.median(np.abs(logs - middle))), 0.03))


def segments(phonemes: str, durations: Sequence[int]) -> list[Segment]:
    """The phones of a string with the teacher's durations (start, each character, end; units of 25 ms).

    A stress mark's time is its vowel's; a space's is divided between its neighbours; punctuation is silence.
    """
    if len(durations) != len(phonemes) + 2:
        raise ValueError(f"{len(durations)} durations for {len(phonemes)} phonemes and two ends")
    found: list[list] = []
    now, owed, mark = 0.0, 0.0, ""
    for symbol, count in zip(f"#{phonemes}#", durations, strict=True):
        start, now = now, now + float(count) * UNIT_MS
        if symbol in STRESS:
            owed, mark = owed + now - start, symbol
            continue
        start, owed = start - owed, 0.0
        label = NUMBER.get(mark + symbol, NUMBER.get(symbol, 0))
        mark = ""
        if symbol == " ":
            middle = (start + now) / 2
            found[-1][2] = middle
            owed = now - middle
        elif label == 0 and found and found[-1][0] == 0:
            found[-1][2] = now
        else:
            found.append([label, start, now])
    return [Segment(*row) for row in found]


def assign(parts: Sequence[Segment], tokens: int) -> NDArray[np.int64]:
    """(tokens,): which of `parts` each token belongs to, in order.

    Each part gets a token of its own where its neighbours can spare one: those of 25 ms too, so that nothing
    said is lost. Boundaries move as little as that takes (Viterbi).
    """
    count = len(parts)
    centre = (np.arange(tokens)[:, None] + 0.5) * TOKEN_MS
    starts, ends = (np.array([getattr(p, name) for p in parts]) for name in ("start", "end"))
    away = (np.maximum(0.0, np.maximum(starts - centre, centre - ends)) / 20.0) ** 2
    skip = np.array([_SKIP if part.label else _SKIP_SILENCE for part in parts])
    skipped = np.concatenate([[0.0], np.cumsum(skip)])
    # the cost of skipping the parts between i - step and i
    price = [np.full(count, np.inf) for _ in range(_MOST_SKIPPED + 2)]
    price[0][:] = 0.0
    for step in range(1, len(price)):
        price[step][step:] = skipped[step:count] - skipped[1 : count - step + 1]
    cost = skipped[:count] + away[0]
    cost[_MOST_SKIPPED + 1 :] = np.inf
    choices = np.zeros((tokens, count), np.int64)
    for token in range(1, tokens):
        ways = np.full((len(price), count), np.inf)
        for step in range(min(len(price), count)):
            ways[step, step:] = cost[: count - step] + price[step][step:]
        choices[token] = ways.argmin(0)
        cost = ways.min(0) + away[token]
    cost = cost + skipped[count] - skipped[1:]
    at = int(cost.argmin())
    path = np.zeros(tokens, np.int64)
    for token in range(tokens - 1, -1, -1):
        path[token] = at
        at -= choices[token, at]
    return path


def places(parts: Sequence[Segment], path: NDArray[np.int64]) -> NDArray[np.int64]:
    """(tokens,) of 0, 1, 2: the next part begins before, at or after the token's end; 1 inside a part."""
    off = np.array([parts[i].end for i in path]) / TOKEN_MS - np.arange(1, len(path) + 1)
    found = np.where(off < -_EARLY, 0, np.where(off > _EARLY, 2, 1))
    last = np.append(np.diff(path) != 0, False)
    return np.where(last, found, 1)


def melody() -> NDArray[np.float64]:
    """(LEVELS - 1,): what the levels above UNVOICED stand for, in ranges from the height; closer in the
    middle."""
    x = np.linspace(-1, 1, LEVELS - 1)
    return STEEPEST * (0.5 * x + 0.5 * x**3)


def contour(pitch: NDArray[np.floating], voice: Voice) -> NDArray[np.float64]:
    """The curve (Hz) in ranges from the voice's height; NaN where it is not voiced."""
    pitch = pitch.astype(np.float64)
    normal = (np.log(np.maximum(pitch, VOICED_ABOVE)) - voice.height) / voice.range
    return np.where(pitch > VOICED_ABOVE, normal, np.nan)


def levels(normal: NDArray[np.floating], tokens: int) -> NDArray[np.int64]:
    """(tokens,): the level of each token, of a contour with a value each HALF_MS."""
    edges = np.arange(tokens + 1) * TOKEN_MS / HALF_MS
    found = np.zeros(tokens, np.int64)
    middles = np.arange(len(normal)) + 0.5
    grid = melody()
    bounds = (grid[1:] + grid[:-1]) / 2
    for token, (start, end) in enumerate(pairwise(edges)):
        part = normal[(middles >= start) & (middles < end)]
        voiced = part[~np.isnan(part)]
        if 2 * len(voiced) > len(part):
            found[token] = 1 + np.searchsorted(bounds, voiced.mean())
    return found


def encode(
    phonemes: str, durations: Sequence[int], pitch: NDArray[np.floating], voice: Voice
) -> NDArray[np.uint8]:
    """(tokens, 3) of label, place and level, of what the teacher decided about a text."""
    parts = segments(phonemes, durations)
    tokens = int(sum(map(int, durations)) * FRAME / RATE * 1000 // TOKEN_MS)
    path = assign(parts, tokens)
    label = np.array([parts[i].label for i in path])
    rows = (label, places(parts, path), levels(contour(pitch, voice), tokens))
    return np.stack(rows, axis=1).astype(np.uint8)


def join(codes: NDArray[np.integer]) -> NDArray[np.int64]:
    """(..., 3) as one number each, 0 to 6,560."""
    codes = codes.astype(np.int64)
    return (codes[..., 0] * PLACES + codes[..., 1]) * LEVELS + codes[..., 2]


def part(numbers: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The way back from `join`."""
    rest, level = np.divmod(numbers, LEVELS)
    return np.stack([*np.divmod(rest, PLACES), level], axis=-1).astype(np.uint8)

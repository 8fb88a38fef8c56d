"""Loudness by ITU-R BS.1770 in constant memory, fed block by block."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples64 = npt.NDArray[np.float64]

__all__ = ["LoudnessMeter", "gated_level"]

LEVELS_PER_SECOND = 50
_PER_HOP, _PER_BLOCK = 5, 20  # levels in 100 ms and in 400 ms
_OFFSET = -0.691
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_REACH = 0.15  # seconds behind which the weighting's answer to an impulse is below 1e-13 of its start


class LoudnessMeter:
    """Fed with mono float32 at a rate that 50 divides; equals pyloudnorm's meter, which wants all at once."""

    def __init__(self, rate: int) -> None:
        self._rate, self._samples = rate, 0
        self._spectrum = _weighting(rate)
        self._size = 2 * (len(self._spectrum) - 1)
        self._before = np.zeros(self._size // 2)  # the last samples, of which the weighting still hears
        self._per_level = rate // LEVELS_PER_SECOND
        self._rest = np.zeros(0)
        self._squares: list[Samples64] = []

    def add(self, samples: npt.NDArray[np.float32]) -> None:
        """Take the next samples, float32 [n]."""
        if not len(samples):
            return
        self._samples += len(samples)
        joined = np.concatenate([self._rest, self._weighted(samples)])
        whole = len(joined) // self._per_level * self._per_level
        self._squares.append(np.square(joined[:whole]).reshape(-1, self._per_level).sum(1))
        self._rest = joined[whole:]

    def levels(self) -> Samples64:
        """Loudness of each 20 ms, float64 [m], in LUFS without a gate."""
        power = self._all_squares()[: self._samples // self._per_level] / self._per_level
        return _OFFSET + 10 * np.log10(np.maximum(power, 1e-20))

    def integrated(self) -> float:
        """Integrated loudness in LUFS; not finite if nothing is above the gates."""
        squares = self._all_squares()
        # pyloudnorm's own expression: of 0.75 s another one rounds to a block more
        count = round((self._samples / self._rate - 0.4) / (0.4 * 0.25)) + 1
        missing = _PER_HOP * (count - 1) + _PER_BLOCK - len(squares)
        sums = np.concatenate([[0.0], np.cumsum(np.pad(squares, (0, max(0, missing))))])
        first = np.arange(max(0, count)) * _PER_HOP
        power = (sums[first + _PER_BLOCK] - sums[first]) / (_PER_BLOCK * self._per_level)
        return gated_level(_OFFSET + 10 * np.log10(np.maximum(power, 1e-20)))

    def _all_squares(self) -> Samples64:
        return np.concatenate([*self._squares, [np.square(self._rest).sum()]])

    def _weighted(self, samples: npt.NDArray[np.float32]) -> Samples64:
        """The samples after K-weighting, by overlap-save: half of each transform is what came before."""
        half = self._size // 2
        heard = np.concatenate([self._before, samples, np.zeros(-len(samples) % half)])
        blocks = np.lib.stride_tricks.sliding_window_view(heard, self._size)[::half]
        weighted = np.fft.irfft(np.fft.rfft(blocks) * self._spectrum, self._size)[:, half:]
        self._before = heard[len(samples) : len(samples) + half].copy()
        return np.ascontiguousarray(weighted).reshape(-1)[: len(samples)]


def gated_level(levels: Samples64) -> float:
    """The mean of `levels` in dB, by power, above BS.1770's two gates; -inf if none is."""
    loud = levels[levels >= _ABSOLUTE_GATE]
    loud = loud[loud > _mean_level(loud) + _RELATIVE_GATE]
    return _mean_level(loud)


def _mean_level(levels: Samples64) -> float:
    return 10 * math.log10(np.power(10, levels / 10).mean()) if len(levels) else -math.inf


@functools.lru_cache(maxsize=8)
def _weighting(rate: int) -> npt.NDArray[np.complex128]:
    """What K-weighting does to each frequency of a real transform that is twice as long as it is heard.

    A shelf that lifts what a head lifts (4 dB from 1.5 kHz on), then a high-pass at 38 Hz: as pyloudnorm has
    them for any rate, by the formulas of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter
    coefficients".
    """
    half = 1 << math.ceil(math.log2(_REACH * rate))
    delay = np.exp(-2j * np.pi * np.arange(half + 1) / (2 * half))  # by one sample
    made = np.ones(half + 1, np.complex128)
    for above, below in (_shelf(rate, 4.0, 1500.0), _high_pass(rate, 38.0)):
        made *= np.polynomial.polynomial.polyval(delay, above) / np.polynomial.polynomial.polyval(
            delay, below
        )
    return made


def _shelf(rate: int, gain: float, corner: float) -> tuple[list[float], list[float]]:
    """A biquad with a slope of Q = 1/sqrt(2): coefficients of the delays, above and below the line."""
    root = 10 ** (gain / 40)
    cosine, width = _turn(rate, corner, math.sqrt(0.5))
    more, less, bend = root + 1, root - 1, 2 * math.sqrt(root) * width
    above = [more + less * cosine + bend, -2 * (less + more * cosine), more + less * cosine - bend]
    below = [more - less * cosine + bend, 2 * (less - more * cosine), more - less * cosine - bend]
    return [root * each for each in above], below


def _high_pass(rate: int, corner: float) -> tuple[list[float], list[float]]:
    """The same of a high-pass with Q = 0.5."""
    cosine, width = _turn(rate, corner, 0.5)
    above = [(1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2]
    return above, [1 + width, -2 * cosine, 1 - width]


def _turn(rate: int, corner: float, quality: float) -> tuple[float, float]:
    angle = 2 * math.pi * corner / rate
    return math.cos(angle), math.sin(angle) / (2 * quality)

"""Loudness by ITU-R BS.1770 in constant memory: pyloudnorm's filters, fed block by block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LoudnessMeter", "gated_level"]

LEVELS_PER_SECOND = 50
_PER_HOP, _PER_BLOCK = 5, 20  # levels in 100 ms and in 400 ms
_OFFSET = -0.691
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0


class LoudnessMeter:
    """Fed with mono float32 at a rate that 50 divides; pyloudnorm's own meter wants all of it at once."""

    def __init__(self, rate: int) -> None:
        import pyloudnorm  # type: ignore[import-untyped]

        stages = pyloudnorm.Meter(rate)._filters.values()
        self._filters = [(stage.b, stage.a, np.zeros(2)) for stage in stages]
        self._rate, self._samples = rate, 0
        self._per_level = rate // LEVELS_PER_SECOND
        self._rest = np.zeros(0)
        self._squares: list[npt.NDArray[np.float64]] = []

    def add(self, samples: npt.NDArray[np.float32]) -> None:
        """Take the next samples, float32 [n]."""
        from scipy.signal import lfilter  # type: ignore[import-untyped]

        self._samples += len(samples)
        weighted = samples.astype(np.float64)
        for stage, (b, a, state) in enumerate(self._filters):
            weighted, state = lfilter(b, a, weighted, zi=state)
            self._filters[stage] = (b, a, state)
        joined = np.concatenate([self._rest, weighted])
        whole = len(joined) // self._per_level * self._per_level
        self._squares.append(np.square(joined[:whole]).reshape(-1, self._per_level).sum(1))
        self._rest = joined[whole:]

    def levels(self) -> npt.NDArray[np.float64]:
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

    def _all_squares(self) -> npt.NDArray[np.float64]:
        return np.concatenate([*self._squares, [np.square(self._rest).sum()]])


def gated_level(levels: npt.NDArray[np.float64]) -> float:
    """The mean of `levels` in dB, by power, above BS.1770's two gates; -inf if none is."""
    loud = levels[levels >= _ABSOLUTE_GATE]
    loud = loud[loud > _mean_level(loud) + _RELATIVE_GATE]
    return _mean_level(loud)


def _mean_level(levels: npt.NDArray[np.float64]) -> float:
    return 10 * math.log10(np.power(10, levels / 10).mean()) if len(levels) else -math.inf

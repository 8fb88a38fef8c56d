"""Faster or slower speech at the same pitch: FFmpeg's `atempo`, a time-stretcher by overlapping pieces."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["MAX_SPEED", "MIN_SPEED", "Tempo"]

MIN_SPEED, MAX_SPEED = 0.25, 4.0


class Tempo:
    """Takes samples, float32 [n] at `rate` Hz, and gives those of the same speech, `speed` times as fast.

    At speed 1 they are left alone. Raises `InvalidInputError` where PyAV is not installed.
    """

    def __init__(self, speed: float, rate: int) -> None:
        self.heavy = speed != 1.0
        self._rate, self._position, self._graph = rate, 0, None
        if not self.heavy:
            return
        if importlib.util.find_spec("av") is None:
            raise InvalidInputError(
                "changing the speed takes PyAV: pip install 'loquor[audio]', or leave it at 1"
            )
        import av

        self._av: Any = av
        self._graph = graph = av.filter.Graph()
        nodes: list[Any] = [
            graph.add_abuffer(format="flt", sample_rate=rate, layout="mono", time_base=Fraction(1, rate))
        ]
        # Beyond 2 the filter leaves samples out instead of blending them, so that there are two in a row.
        parts = 1 if 0.5 <= speed <= 2.0 else 2
        nodes += [graph.add("atempo", f"{speed ** (1 / parts):.9f}") for _ in range(parts)]
        # The filter's own choice of a format would be another on some processors.
        nodes += [graph.add("aformat", "sample_fmts=flt"), graph.add("abuffersink")]
        graph.link_nodes(*nodes).configure()

    def add(self, samples: Samples) -> Samples:
        """The next samples."""
        if self._graph is None:
            return samples
        if len(samples):
            frame = self._av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._position
            self._position += len(samples)
            self._graph.push(frame)
        return self._pulled()

    def finish(self) -> Samples:
        """No more samples come."""
        if self._graph is None:
            return np.zeros(0, np.float32)
        self._graph.push(None)
        return self._pulled()

    def _pulled(self) -> Samples:
        parts = [np.zeros(0, np.float32)]
        while self._graph is not None:
            try:
                parts.append(self._graph.pull().to_ndarray()[0])
            except (self._av.BlockingIOError, self._av.EOFError):  # it needs more, or gave all
                break
        return np.concatenate(parts)

"""Speech while it is made, as other programs want it: 16-bit PCM, at another rate, faster or slower."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audio.audio import pcm16
from ..audio.tempo import MAX_SPEED, MIN_SPEED, Tempo
from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["Pcm"]

_MIN_RATE, _MAX_RATE = 4_000, 192_000


class Pcm(Iterator[bytes], AsyncIterator[bytes]):
    """Bytes of a stream or session, little-endian, mono, at `sample_rate` Hz. Made by `pcm16` of those.

    Read instead of it, inside its block, and raises what it does.
    """

    def __init__(self, source: Any, sample_rate: int | None, speed: float) -> None:
        rate: int = source.sample_rate
        self.sample_rate = rate if sample_rate is None else _checked_rate(sample_rate)
        """In Hz."""
        self._source = source
        self._tempo = Tempo(_checked_speed(speed), rate)
        self._resampler = None if self.sample_rate == rate else _resampler(rate, self.sample_rate)
        self._finished = False

    def __iter__(self) -> Pcm:
        return self

    def __next__(self) -> bytes:
        while not self._finished:
            if made := self._made(next(self._source, None)):
                return made
        raise StopIteration

    def __aiter__(self) -> Pcm:
        return self

    async def __anext__(self) -> bytes:
        while not self._finished:
            if made := self._made(await anext(self._source, None)):
                return made
        raise StopAsyncIteration

    def _made(self, chunk: Samples | None) -> bytes:
        """The bytes that a chunk completes; None is the end."""
        self._finished = chunk is None
        samples = self._tempo.finish() if chunk is None else self._tempo.add(chunk)
        if self._resampler is not None:
            # soxr 1.1 takes arrays of the very class alone.
            samples = self._resampler.resample_chunk(np.asarray(samples), last=self._finished)
        return pcm16(samples).astype("<i2").tobytes()


def _resampler(rate: int, wanted: int) -> Any:
    import soxr  # type: ignore[import-untyped]

    return soxr.ResampleStream(rate, wanted, 1, dtype="float32")


def _checked_rate(rate: object) -> int:
    if isinstance(rate, bool) or not isinstance(rate, int) or not _MIN_RATE <= rate <= _MAX_RATE:
        raise InvalidInputError(
            f"sample_rate must be an integer from {_MIN_RATE} to {_MAX_RATE} Hz, not {rate!r}"
        )
    return rate


def _checked_speed(speed: object) -> float:
    number = isinstance(speed, (int, float)) and not isinstance(speed, bool)
    if not number or not MIN_SPEED <= float(speed) <= MAX_SPEED:  # type: ignore[arg-type]
        raise InvalidInputError(f"speed must be a number from {MIN_SPEED} to {MAX_SPEED:g}, not {speed!r}")
    return float(speed)  # type: ignore[arg-type]

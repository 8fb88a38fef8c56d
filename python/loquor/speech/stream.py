"""Speech while it is made: a stream of chunks, for programs with threads and for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from .pcm import Pcm

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..audio.audio import Metrics
    from ..audio.provenance import Provenance
    from ..audio.subtitles import Mark
    from .chunk import Chunk
    from .reports import StreamReport
    from .request import Request

__all__ = ["Stream", "ending_of"]


class Stream(Iterator["Chunk"], AsyncIterator["Chunk"]):
    """Chunks of speech, float32 [n] at `sample_rate` Hz, with their words. Made by `Engine.stream`.

    Read by one thread or task at a time; `cancel()` may come from any. Leaving its `with` or `async with`
    block cancels what is not done. Raises `RequestCancelledError`, or `ExecutionError` behind the chunks that
    were made.
    """

    def __init__(self, request: Request) -> None:
        self._request = request

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._request.sample_rate

    @property
    def provenance(self) -> Provenance:
        """What makes the speech, and whether it is marked."""
        return self._request.provenance

    # --- Threads ---

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Chunk:
        if self._request.finished:
            raise StopIteration
        chunk = self._request.read(None)
        if chunk is None:
            raise StopIteration
        return chunk

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._request.leave()

    # --- asyncio ---

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Chunk:
        while not self._request.finished:
            chunk = self._request.read(0.0)
            if chunk is not None:
                return chunk
            if not self._request.finished:
                await self._request.wait()
        raise StopAsyncIteration

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._request.leave()

    # --- Both ---

    def pcm16(self, sample_rate: int | None = None, *, speed: float = 1.0) -> Pcm:
        """The rest of it as bytes to iterate over instead: 16 bits, little-endian, mono.

        At `sample_rate` Hz (None: its own), and `speed` times as fast at the same pitch, 0.25 to 4, which
        takes PyAV (`loquor[audio]`). Raises `InvalidInputError`.
        """
        return Pcm(self, sample_rate, speed)

    def cancel(self) -> None:
        """End the work within one step or one decoder window. What was not read is dropped.

        From any thread; returns at once, and does nothing to a stream that was read to its end.
        """
        self._request.cancel()

    @property
    def report(self) -> StreamReport:
        """How far it is, now."""
        return self._request.report

    @property
    def words(self) -> tuple[Mark, ...]:
        """The words that were handed over whole, in seconds from the start.

        None where the model does not tell (`Capabilities.word_times`).
        """
        return tuple(self._request.words.marks)

    @property
    def tokens(self) -> npt.NDArray[np.int64]:
        """The speech tokens, int64 [m], as sampled and without STOP; empty until all of them are made."""
        return self._request.tokens

    @property
    def metrics(self) -> Metrics:
        """Counts and times, complete when the stream was read to its end."""
        return self._request.metrics

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was not as asked; complete when the stream was read to its end."""
        return self._request.warnings


def ending_of(stream: Stream) -> tuple[bool, bool]:
    """Whether a guard tripped, and whether the limit of tokens cut it, of one that was read to its end."""
    return stream._request.ending

"""Text in while speech comes out: sentences are spoken as they become complete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import BusyError, InvalidInputError
from .long_text import check_part
from .pcm import Pcm

if TYPE_CHECKING:
    from ..audio.provenance import Provenance
    from ..audio.subtitles import Mark
    from .chunk import Chunk
    from .narration import Narration
    from .reports import SessionReport

__all__ = ["MAX_WAITING", "Session"]

MAX_WAITING = 20_000
"""Characters that may wait to be spoken, some twenty minutes."""


class Session(Iterator["Chunk"], AsyncIterator["Chunk"]):
    """Speech of a text that is still being written: chunks, float32 [n] at `sample_rate` Hz, with words.

    Made by `Engine.session`. `feed`, `flush`, `end` and `cancel` may come from any thread or task; one thread
    or task at a time iterates, which waits for text, and is over after `end`. A sentence is spoken once it is
    complete, and the next one is begun while what was made of it is still being read. Control characters and
    other data in the text are left out, as `warnings` tell. Leaving its `with` or
    `async with` block cancels what is not done. Iterating raises what `Stream` raises, and what
    `Engine.stream` raises for a text that cannot be spoken, behind the sentences before it.
    """

    def __init__(self, narration: Narration) -> None:
        self._narration = narration

    @property
    def provenance(self) -> Provenance:
        """What makes the speech, and whether it is marked."""
        return self._narration.provenance

    # --- Text ---

    def feed(self, text: str, *, timeout: float | None = 0.0) -> None:
        """Append `text`, wherever it was cut. The model is not waited for.

        No more than 20,000 characters may wait to be spoken: without room for more, after `timeout` seconds
        (None: as long as it takes), it raises `BusyError` and took nothing. Raises `InvalidInputError` for
        what is no text, and after `end`; `RequestCancelledError` once the session has failed or was
        cancelled.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (room := self._take(text)) is not None:
            try:
                room.result(None if until is None else max(0.0, until - time.monotonic()))
            except FutureTimeoutError:
                raise BusyError(
                    f"no room for {len(text):,} characters: {self._narration.waiting:,} wait to be "
                    f"spoken, and {MAX_WAITING:,} may. Read the session, or feed with a timeout"
                ) from None

    async def afeed(self, text: str) -> None:
        """`feed` without a timeout; the event loop goes on while there is no room."""
        while (room := self._take(text)) is not None:
            await asyncio.wrap_future(room)

    def flush(self) -> None:
        """Speak what came as it is: a sentence ends here, whatever follows."""
        self._narration.cut("sentence")

    def end(self) -> None:
        """No more text will come: iterating is over when all of it was read."""
        self._narration.cut("paragraph")

    def _take(self, text: str) -> Future[None] | None:
        """Take the text, or return what is done when there may be room for it."""
        check_part(text)
        if len(text) > MAX_WAITING:
            raise InvalidInputError(
                f"text has {len(text):,} characters, more than the {MAX_WAITING:,} that a session lets wait: "
                "feed it in parts, or use speak_long"
            )
        return self._narration.offer(text, MAX_WAITING)

    # --- Speech ---

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._narration.sample_rate

    def __iter__(self) -> Session:
        return self

    def __next__(self) -> Chunk:
        while (turn := self._narration.turn()) is not None:
            if isinstance(turn, Future):
                turn.result()
            elif (chunk := self._narration.read(turn, None)) is not None:
                return chunk
        raise StopIteration

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._narration.leave()

    def __aiter__(self) -> Session:
        return self

    async def __anext__(self) -> Chunk:
        while (turn := self._narration.turn()) is not None:
            if isinstance(turn, Future):
                await asyncio.wrap_future(turn)
            elif (chunk := self._narration.read(turn, 0.0)) is not None:
                return chunk
            elif not turn.finished:
                await turn.wait()
        raise StopAsyncIteration

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._narration.leave()

    def within(self, slot: Callable[[], AbstractAsyncContextManager[Any]]) -> AsyncGenerator[Chunk, None]:
        """Iterate in `async with slot()` alone: entered before a sentence is begun, left to wait for text.

        For a server that shares an engine. From this call on nothing is begun outside, so it comes before the
        first `feed`; close the result (`contextlib.aclosing`). Raises what iterating and `slot` do.
        """
        self._narration.hold(True)
        return self._within(slot)

    async def _within(
        self, slot: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> AsyncGenerator[Chunk, None]:
        while due := self._narration.due():
            if isinstance(due, Future):
                await asyncio.wrap_future(due)
                continue
            async with slot():
                self._narration.hold(False)
                try:
                    while (turn := self._narration.turn()) is not None and not isinstance(turn, Future):
                        if (chunk := self._narration.read(turn, 0.0)) is not None:
                            yield chunk
                        elif not turn.finished:
                            await turn.wait()
                finally:
                    self._narration.hold(True)

    def cancel(self) -> None:
        """End it within one step or one decoder window. What was not read is dropped.

        From any thread; returns at once, and does nothing to a session that was read to its end.
        """
        self._narration.cancel()

    def pcm16(self, sample_rate: int | None = None, *, speed: float = 1.0) -> Pcm:
        """The rest of it as bytes to iterate over instead: 16 bits, little-endian, mono.

        At `sample_rate` Hz (None: its own), and `speed` times as fast at the same pitch, 0.25 to 4, which
        takes PyAV (`loquor[audio]`). Raises `InvalidInputError`.
        """
        return Pcm(self, sample_rate, speed)

    # --- How far it is ---

    @property
    def report(self) -> SessionReport:
        """How far it is, now: after a `cancel`, what was delivered."""
        return self._narration.report

    def text_until(self, seconds: float) -> str:
        """What was said in the first `seconds` of the speech: for a reader that knows how much it played.

        Exact for whole sentences; up to a word's end for the last one, by an estimate where the model does
        not tell words (`Capabilities.word_times`).
        """
        return self._narration.said(seconds)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The sentences that were handed over whole, in seconds from the start."""
        return self._narration.marks

    @property
    def words(self) -> tuple[Mark, ...]:
        """The words that were handed over whole, in seconds from the start.

        None where the model does not tell (`Capabilities.word_times`).
        """
        return self._narration.words

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out of the text, and not as asked in the pieces handed over whole, each once."""
        return self._narration.warnings

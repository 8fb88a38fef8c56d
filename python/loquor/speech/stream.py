"""Speech while it is made: a stream of chunks, for programs with threads and for asyncio."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from ..audio.audio import Metrics
from ..errors import BusyError, RequestCancelledError
from .guards import guard_warnings
from .marks import words_up_to

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .. import _core

    Samples = npt.NDArray[np.float32]

__all__ = ["SessionReport", "Stream", "StreamReport"]

_TOKENS_PER_CHARACTER = 1.7  # of English at an even pace


@dataclass(frozen=True)
class StreamReport:
    """How far a stream is."""

    audio_seconds: float
    """Of speech that was handed to the reader."""
    speech_tokens: int
    """Those that were handed over as sound."""
    generated_tokens: int
    """Those that were made."""
    finished: bool
    """Whether everything was handed over."""
    cancelled: bool
    """Whether it was cancelled before that."""
    text: str
    """What of the text was handed over: all of it when finished, else an estimate, up to a word's end, from
    the share of the tokens that were made or are expected."""


@dataclass(frozen=True)
class SessionReport:
    """How far a session is."""

    audio_seconds: float
    """Of speech, pauses included, that was handed to the reader."""
    sentences: int
    """Whole sentences that were handed over."""
    text: str
    """What was said: exact for whole sentences, an estimate up to a word's end for the one under way."""
    waiting_characters: int
    """Characters that were fed and of which nothing was begun."""
    finished: bool
    """Whether everything was handed over."""
    cancelled: bool
    """Whether it was cancelled before that."""


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    try:
        pair = socket.socketpair()
    except OSError as error:
        raise BusyError(
            f"a stream that asyncio waits for takes two sockets, and there are none left ({error}): raise "
            "the limit of open files (ulimit -n), or read fewer streams at once"
        ) from error
    for end in pair:
        end.setblocking(False)
    return pair


class Stream(Iterator["Samples"], AsyncIterator["Samples"]):
    """Chunks of speech, float32 [n] at `sample_rate` Hz. Made by `Engine.stream`.

    Read by one thread or task at a time; `cancel()` may come from any. Leaving its `with` or `async with`
    block cancels what is not done. Raises `RequestCancelledError`, or `ExecutionError` behind the chunks that
    were made.
    """

    def __init__(
        self,
        handle: _core.StreamHandle,
        text: str,
        text_tokens: int,
        sample_rate: int,
        warnings: list[str],
        started: float,
    ) -> None:
        self._handle = handle
        self._text = text
        self._text_tokens = text_tokens
        self._rate = sample_rate
        self._warnings = warnings
        self._started = started
        self._total_seconds: float | None = None
        self._finished = False
        self._engine_closed = False
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        self._waiting = self._left = False

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._rate

    # --- Threads ---

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Samples:
        if self._finished:
            raise StopIteration
        chunk = self._next(None)
        if chunk is None:
            raise StopIteration
        return chunk

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    # --- asyncio ---

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Samples:
        while not self._finished:
            chunk = self._next(0.0)
            if chunk is not None:
                return chunk
            if not self._finished:
                await self._wait()
        raise StopAsyncIteration

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    async def _wait(self) -> None:
        """Return when there may be something new: the engine sends a byte, and no thread waits for it."""
        if self._sockets is None:
            self._sockets = _socket_pair()
            self._handle.notify(self._sockets[1].fileno())
        self._waiting = True
        try:
            await asyncio.get_running_loop().sock_recv(self._sockets[0], 4096)
        finally:
            self._waiting = False
            if self._left:
                self._close_sockets()

    # --- Both ---

    def cancel(self) -> None:
        """End the work within one decode step or one decoder window. What was not read is dropped.

        From any thread; returns at once, and does nothing to a stream that was read to its end.
        """
        self._handle.cancel()

    @property
    def report(self) -> StreamReport:
        """How far it is, now."""
        info = self._handle.info()
        made, taken = info["token_count"], info["tokens_taken"]
        return StreamReport(
            audio_seconds=info["samples_taken"] / self._rate,
            speech_tokens=min(taken, made),
            generated_tokens=made,
            finished=self._finished,
            cancelled=info["cancelled"],
            text=self._said(1.0),
        )

    @property
    def tokens(self) -> npt.NDArray[np.int64]:
        """The speech tokens, int64 [m], as sampled and without STOP; empty until all of them are made."""
        tokens: npt.NDArray[np.int64] = self._handle.info()["tokens"]
        return tokens

    @property
    def metrics(self) -> Metrics:
        """Counts and times, complete when the stream was read to its end."""
        info = self._handle.info()
        total = self._total_seconds
        return Metrics(
            text_tokens=self._text_tokens,
            prompt_length=info["prompt_length"],
            speech_tokens=info["token_count"],
            prefill_seconds=info["prefill_seconds"],
            steps_seconds=info["steps_seconds"],
            decoder_seconds=info["decoder_seconds"],
            total_seconds=time.perf_counter() - self._started if total is None else total,
            audio_seconds=info["samples_taken"] / self._rate,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was not as asked; complete when the stream was read to its end."""
        info = self._handle.info()
        if not self._finished:
            return tuple(self._warnings)
        warnings = [*self._warnings, *guard_warnings(info, info["samples_taken"] / self._rate)]
        if info["finish_reason"] == "length":
            warnings.append(f"speech was cut at {info['token_count']} tokens, before the model said stop")
        elif info["token_count"] == 0:
            warnings.append("the model found nothing to say in this text")
        return tuple(warnings)

    def _said(self, share: float) -> str:
        """What was said in the first `share` of what was handed over."""
        info = self._handle.info()
        made, taken = info["token_count"], info["tokens_taken"]
        whole = info["ended"] and not info["cancelled"]  # else more tokens would have come
        total = made if whole else max(made, int(_TOKENS_PER_CHARACTER * len(self._text)))
        return words_up_to(self._text, share * (1.0 if self._finished else taken / max(total, 1)))

    def _made(self) -> bool:
        """Nothing is left to do for the engine."""
        return self._finished or bool(self._handle.info()["ended"])

    def _next(self, timeout: float | None) -> Samples | None:
        """A chunk, or None: nothing within `timeout` seconds, or the end, which sets `_finished`."""
        try:
            return self._handle.next(timeout)
        except StopIteration:
            self._finished = True
            self._total_seconds = time.perf_counter() - self._started
            self._close_sockets()
            return None
        except RequestCancelledError as error:
            self._close_sockets()
            if self._engine_closed:
                raise RequestCancelledError("the engine was closed") from error
            raise
        except BaseException:
            self._close_sockets()
            raise

    def _leave(self) -> None:
        """Cancel, and give the sockets back; in a forked child the parent's stream goes on."""
        self._handle.leave()
        self._left = True
        if not self._waiting:  # else a task that still waits wakes first
            self._close_sockets()

    def _close_engine(self) -> None:
        self._engine_closed = not self._finished
        self.cancel()

    def _close_sockets(self) -> None:
        if self._sockets is not None:
            self._handle.notify(None)
            for end in self._sockets:
                end.close()
            self._sockets = None

    def __del__(self) -> None:
        with suppress(AttributeError):  # __init__ failed
            self._leave()

"""One request under way: what comes of it, how it is waited for, and how far it is."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..audio.audio import Metrics
from ..errors import BusyError, EngineClosedError, RequestCancelledError
from .alignment import WordTimes
from .chunk import Chunk
from .guards import guard_warnings, text_faults, text_warnings
from .marks import words_up_to
from .reports import StreamReport

if TYPE_CHECKING:
    import socket

    import numpy as np
    import numpy.typing as npt

    from .. import _core
    from ..audio.provenance import Provenance

__all__ = ["Request"]

_TOKENS_PER_CHARACTER = 1.7  # of English at an even pace


class Request:
    """A text that the core speaks: `Stream` is the public face of one, a narration has one for each piece.

    Read by one thread or task at a time, either of which may `read` and, where it must not wait, `wait`;
    `cancel` may come from any. Cancels what is not done when it is dropped.
    """

    def __init__(
        self,
        handle: _core.StreamHandle,
        text: str,
        text_tokens: int,
        sample_rate: int,
        warnings: list[str],
        started: float,
        provenance: Provenance,
        words: WordTimes | None = None,
    ) -> None:
        self.sample_rate = sample_rate
        """In Hz."""
        self.provenance = provenance
        """What makes the speech."""
        self.finished = False
        """Whether it was read to its end."""
        self.words = words or WordTimes("", "", (), 0.0)  # where nobody says what is said
        """The words of what was handed over."""
        self._handle = handle
        self._text = text
        self._text_tokens = text_tokens
        self._warnings = warnings
        self._started = started
        self._total_seconds: float | None = None
        self._engine_closed = False
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        self._waiting = self._left = False

    def read(self, timeout: float | None) -> Chunk | None:
        """A chunk, or None: nothing within `timeout` seconds, or the end, which sets `finished`."""
        try:
            samples = self._handle.next(timeout)
            if samples is None:
                return None
            self.words.listen(samples, self.sample_rate)
            words = self.words.add(self._handle.said_ids())
            if self._handle.info()["samples_waiting"] == 0 and self.made:
                words += self.words.finish()
            return Chunk.of(samples, tuple(words))
        except StopIteration:
            self.finished = True
            self.words.finish()
            self._total_seconds = time.perf_counter() - self._started
            self._close_sockets()
            return None
        except RequestCancelledError as error:
            self._close_sockets()
            if self._engine_closed:
                raise EngineClosedError("the engine was closed") from error
            raise
        except BaseException:
            self._close_sockets()
            raise

    async def wait(self) -> None:
        """Return when there may be something to read: the engine sends a byte, and no thread waits for it."""
        import asyncio  # whoever waits here has it; others do without

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

    def cancel(self) -> None:
        """End the work within one step or one decoder window; from any thread."""
        self._handle.cancel()

    def leave(self) -> None:
        """Cancel, and give the sockets back; in a forked child the parent's stream goes on."""
        self._handle.leave()
        self._left = True
        if not self._waiting:  # else a task that still waits wakes first
            self._close_sockets()

    def close_engine(self) -> None:
        """Cancel, for the engine is no more: what reads it is told so."""
        self._engine_closed = not self.finished
        self.cancel()

    # --- How far it is ---

    @property
    def made(self) -> bool:
        """Nothing is left to do for the engine."""
        return self.finished or bool(self._handle.info()["ended"])

    @property
    def report(self) -> StreamReport:
        """How far it is, now."""
        info = self._handle.info()
        made, taken = info["token_count"], info["tokens_taken"]
        return StreamReport(
            audio_seconds=info["samples_taken"] / self.sample_rate,
            speech_tokens=min(taken, made),
            generated_tokens=made,
            finished=self.finished,
            cancelled=info["cancelled"],
            text=self.said(1.0),
            watermark=self.provenance.watermark,
            waited_seconds=info["waited_seconds"],
            text_faults=text_faults(info),
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
            audio_seconds=info["samples_taken"] / self.sample_rate,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was not as asked; complete when the stream was read to its end."""
        info = self._handle.info()
        if not self.finished:
            return tuple(self._warnings)
        warnings = [*self._warnings, *guard_warnings(info, info["samples_taken"] / self.sample_rate)]
        warnings += text_warnings(info, self.words.between)
        if info["finish_reason"] == "length":
            warnings.append(f"speech was cut at {info['token_count']} tokens, before the model said stop")
        elif info["token_count"] == 0:
            warnings.append("the model found nothing to say in this text")
        return tuple(warnings)

    @property
    def ending(self) -> tuple[bool, bool]:
        """Whether a guard tripped, and whether the limit of tokens cut it; known at its end."""
        info = self._handle.info()
        return info["guards"] != 0, info["finish_reason"] == "length"

    def said(self, share: float) -> str:
        """What was said in the first `share` of what was handed over."""
        info = self._handle.info()
        made, taken = info["token_count"], info["tokens_taken"]
        if self.words.told:
            if self.finished and share >= 1:
                return self._text
            return self.words.text_until(share * taken)
        whole = info["ended"] and not info["cancelled"]  # else more tokens would have come
        total = made if whole else max(made, int(_TOKENS_PER_CHARACTER * len(self._text)))
        return words_up_to(self._text, share * (1.0 if self.finished else taken / max(total, 1)))

    def _close_sockets(self) -> None:
        if self._sockets is not None:
            self._handle.notify(None)
            for end in self._sockets:
                end.close()
            self._sockets = None

    def __del__(self) -> None:
        with suppress(AttributeError):  # __init__ failed
            self.leave()


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    try:
        import socket

        pair = socket.socketpair()
    except OSError as error:
        raise BusyError(
            f"a stream that asyncio waits for takes two sockets, and there are none left ({error}): raise "
            "the limit of open files (ulimit -n), or read fewer streams at once"
        ) from error
    for end in pair:
        end.setblocking(False)
    return pair

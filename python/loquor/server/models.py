"""The models that a server speaks with: opened when needed, closed when idle, a slot for each request."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from .refusals import RefusalError

if TYPE_CHECKING:
    from ..speech.engine import Engine
    from ..voice.voice import Voice
    from ..voice.voices import VoiceSource
    from .settings import Settings

__all__ = ["Model", "Queue"]

_log = logging.getLogger("loquor")


class Queue:
    """Requests that wait for a slot, of all models together: no more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._usual = 1.0  # seconds that a request takes in its slot, lately
        self.waiting = 0

    def took(self, seconds: float) -> None:
        """A request was `seconds` in its slot."""
        self._usual += 0.1 * (seconds - self._usual)

    @asynccontextmanager
    async def place(self, slots: int, *, again: bool = False) -> AsyncIterator[None]:
        """Wait in it. Raises `RefusalError` (429) if it is full, unless it was let in before."""
        if self.waiting >= self._most and not again:
            raise RefusalError.later(
                429,
                "queue_full",
                f"{self.waiting} requests wait already, as many as this server lets wait: try again later",
                self._usual * (self.waiting + 1) / slots,
            )
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1


class Model:
    """One model, whose engine belongs to the process and the event loop that first used it."""

    def __init__(
        self, name: str, open_engine: Callable[[], Engine], settings: Settings, queue: Queue
    ) -> None:
        self.name = name
        self.created = int(time.time())
        self.voice_names: tuple[str, ...] = tuple(settings.voices)
        """Known by heart once it was opened: the owner's, and those that the bundle brings."""
        self.tags: tuple[str, ...] = ()
        """Those that its tokenizer knows, once it was opened."""
        self.languages: tuple[str, ...] = ()
        """Codes of those that it speaks, once it was opened."""
        self.sample_rate = 0
        """In Hz, once it was opened."""
        self.watermark = "none"
        """"perth" where its speech is marked, once it was opened."""
        self.slots = self.busy = 0
        self._open, self._queue = open_engine, queue
        self._wait_seconds = settings.wait_seconds
        self._own: Mapping[str, VoiceSource | None] = settings.voices
        self._engine: Engine | None = None
        self._opening: asyncio.Future[Engine] | None = None
        self._semaphore: anyio.Semaphore | None = None
        self._voices: dict[str, Voice] = {}
        self._default: str | None = None
        self._users, self._last = 0, time.monotonic()

    @property
    def loaded(self) -> bool:
        """Whether it is in memory."""
        return self._engine is not None

    def open_now(self) -> Engine:
        """Open it on this thread, before the event loop runs. Raises what opening an engine does."""
        self._engine = engine = self._open()
        own = engine.capabilities
        self.slots, self.tags, self.languages = own.slots, own.tags, own.languages
        self.sample_rate, self.watermark = own.sample_rate, own.watermark
        self.voice_names = tuple(dict.fromkeys((*self._own, *own.voices)))
        self._default = "default" if own.has_default_voice else next(iter(self.voice_names), None)
        if own.has_default_voice:
            self.voice_names = tuple(dict.fromkeys(("default", *self.voice_names)))
        return engine

    @asynccontextmanager
    async def used(self) -> AsyncIterator[Engine]:
        """The engine, which stays open meanwhile. Raises what opening it does."""
        self._users += 1
        try:
            yield self._engine or await self._opened()
        finally:
            self._users -= 1
            self._last = time.monotonic()

    @asynccontextmanager
    async def slot(self, *, again: bool = False) -> AsyncIterator[Engine]:
        """The engine, and a slot of it: first come, first served; `again` for who had one before.

        Raises also `RefusalError`.
        """
        async with self.used() as engine:
            if self._semaphore is None:
                self._semaphore = anyio.Semaphore(self.slots)
            semaphore = self._semaphore
            try:
                semaphore.acquire_nowait()
            except anyio.WouldBlock:
                async with self._queue.place(self.slots, again=again):
                    with anyio.move_on_after(self._wait_seconds) as wait:
                        await semaphore.acquire()
                if wait.cancelled_caught:
                    raise RefusalError.later(
                        503,
                        "no_slot",
                        f"no slot of {self.name} became free for {self._wait_seconds:g} s: try later",
                        self._wait_seconds,
                    ) from None
            start = time.monotonic()
            self.busy += 1
            try:
                yield engine
            finally:
                self.busy -= 1
                self._queue.took(time.monotonic() - start)
                semaphore.release()

    async def voice(self, engine: Engine, name: str | None) -> Voice:
        """One of `voice_names`, or the default one for None.

        Raises `RefusalError` for another name, and where there is no default one.
        """
        name = name or self._default
        if name is None:
            raise RefusalError(
                400,
                "voice_missing",
                f"{self.name} brings no voice of its own: upload one to /v1/audio/voices, and name it",
                param="voice",
            )
        if name not in self.voice_names:
            raise RefusalError(
                404,
                "voice_not_found",
                f"there is no voice {name!r:.80} for {self.name}: it has "
                f"{', '.join(self.voice_names) or 'none'}, and those that are uploaded to /v1/audio/voices",
                param="voice",
            )
        if name not in self._voices:
            source = self._own.get(name, None if name == "default" else name)
            self._voices[name] = await asyncio.to_thread(engine.voice, source)
        return self._voices[name]

    async def rest(self, seconds: float) -> None:
        """Give the engine's memory back if nobody has used it for so long."""
        engine = self._engine
        if engine is None or self._users or time.monotonic() - self._last < seconds:
            return
        self._engine = None
        _log.info("%s was idle for %.0f s: its memory is given back", self.name, seconds)
        await asyncio.to_thread(engine.close)

    async def close(self) -> None:
        """Close the engine, whatever it does."""
        if self._opening is not None:
            await asyncio.wait((self._opening,))
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.close)

    async def _opened(self) -> Engine:
        """Open it on another thread, once for all who wait; who goes away does not end it."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(asyncio.to_thread(self.open_now))
            self._opening.add_done_callback(self._was_opened)
        return await asyncio.shield(self._opening)

    def _was_opened(self, opening: asyncio.Future[Engine]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # which those who wait are told

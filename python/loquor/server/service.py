"""Speech for requests: shared where they are equal, counted, and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

import anyio

from ..errors import LoquorError
from .asked import Catalogue
from .making import Listener, Making
from .metrics import Metrics, Pace
from .models import Model, Queue
from .refusals import RefusalError
from .shelf import Shelf
from .speaking import opened, parts, summary_of

if TYPE_CHECKING:
    from .asked import Asked
    from .settings import Settings
    from .speaking import Part, Summary

__all__ = ["Refusable", "Service"]

_log = logging.getLogger("loquor")

_LOOK_EVERY = 5.0  # seconds, for models that are idle


class Refusable(Protocol):
    """What was begun for a client."""

    def refuse(self, error: RefusalError) -> None:
        """End it, unless it can be heard already."""


class Service:
    """All that a server's requests share. Of one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.queue = Queue(settings.queue)
        self.models = {
            name: Model(name, open_engine, settings, self.queue)
            for name, open_engine in settings.models.items()
        }
        self.shelf = Shelf(settings.max_voices)
        self.catalogue = Catalogue(self.models, self.shelf, settings.max_text)
        self.metrics = Metrics()
        self.draining = False
        """Whether the server is about to end: what plays goes on, nothing is begun."""
        self.under_way = 0
        """Requests that a client still waits for."""
        self.uploading = 0
        """Recordings of which voices are made."""
        self.sockets = 0
        """WebSockets that are open."""
        self._makings: dict[Asked, Making] = {}
        self._begun: set[Refusable] = set()
        gauge = self.metrics.gauge
        gauge("queue", "Requests that wait for a slot.", lambda: self.queue.waiting)
        gauge("requests_under_way", "Requests whose client is being answered.", lambda: self.under_way)
        gauge("sockets", "WebSockets that are open.", lambda: self.sockets)
        gauge("voices", "Uploaded voices that are kept.", lambda: len(self.shelf))
        for name, model in self.models.items():
            gauge("slots", "Requests that may speak at once.", partial(getattr, model, "slots"), name)
            gauge("slots_busy", "Requests that speak.", partial(getattr, model, "busy"), name)
            gauge("model_loaded", "Whether the model is in memory.", partial(getattr, model, "loaded"), name)

    # --- The life of the server ---

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the first model, and look after idle ones until the end."""
        async with next(iter(self.models.values())).used():
            pass
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
            for model in self.models.values():
                await model.close()

    def drain(self) -> None:
        """Begin nothing more: who waits for a slot is sent away, what plays is finished."""
        self.draining = True
        for each in list(self._begun):
            each.refuse(_ending())

    def check_open(self) -> None:
        """Raise `RefusalError` (503) if the server is about to end."""
        if self.draining:
            raise _ending()

    async def _keep(self) -> None:
        minutes = self.settings.unload_minutes
        while minutes is not None:
            await asyncio.sleep(min(_LOOK_EVERY, 60 * minutes / 2))
            for model in self.models.values():
                await model.rest(60 * minutes)

    @contextlib.contextmanager
    def begun(self, each: Refusable) -> Iterator[None]:
        """Let it be refused meanwhile, should the server end."""
        self._begun.add(each)
        try:
            yield
        finally:
            self._begun.discard(each)

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        """Count a request as under way."""
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    @contextlib.contextmanager
    def socket(self) -> Iterator[None]:
        """Count a WebSocket as open. Raises `RefusalError` (503) if too many are."""
        if self.sockets >= self.settings.max_sockets:
            raise RefusalError.later(
                503,
                "sockets_full",
                f"{self.sockets} WebSockets are open, as many as this server keeps: try again later",
                5,
            )
        self.sockets += 1
        try:
            yield
        finally:
            self.sockets -= 1

    # --- Speech ---

    def listen(self, asked: Asked) -> Listener:
        """Begin to make it, or hear what is already being made of an equal request."""
        making = self._makings.get(asked)
        if making is not None and making.open:
            self.metrics.shared.inc()
            return making.listen()
        started = time.perf_counter()

        async def work(put: Callable[[Part], Awaitable[bool]]) -> Summary:
            return await self._speak(asked, put, started)

        def done() -> None:
            self._begun.discard(made)
            if self._makings.get(asked) is made:
                del self._makings[asked]

        made = self._makings[asked] = Making(work, done)
        self._begun.add(made)
        return made.listen()

    async def _speak(self, asked: Asked, put: Callable[[Part], Awaitable[bool]], started: float) -> Summary:
        outcome, seconds = "failed", 0.0
        try:
            with self._limit() as limit:
                async with asked.model.slot() as engine:
                    in_slot, pace = time.perf_counter(), Pace()
                    async with opened(engine, asked) as session:
                        async for part in parts(session, asked):
                            now = time.perf_counter()
                            if not seconds and part.seconds:
                                self.metrics.first_sound.observe(now - started)
                            seconds += part.seconds
                            if pace.heard(now, part.seconds):
                                self.metrics.underruns.inc()
                            if await put(part):
                                pace.held_back()
                        if seconds:
                            self.metrics.real_time.observe((time.perf_counter() - in_slot) / seconds)
                        summary = summary_of(session, asked, started, seconds)
            if limit.cancelled_caught:
                raise self.too_long()
            outcome = "spoken"
            return summary
        except asyncio.CancelledError:
            outcome = "cancelled"
            self.metrics.cancels.inc()
            raise
        except RefusalError:
            outcome = "refused"
            raise
        except LoquorError as error:
            _log.info("speech failed: %s", error)
            raise
        except Exception:
            _log.exception("a request failed, which is a defect")
            raise
        finally:
            self.metrics.requests.labels(outcome).inc()
            self.metrics.audio_seconds.inc(seconds)

    def _limit(self) -> anyio.CancelScope:
        return anyio.move_on_after(self.settings.speech_seconds)

    def too_long(self) -> RefusalError:
        """What a request is told that took longer than any may."""
        return RefusalError(
            503,
            "too_long",
            f"this request took more than {self.settings.speech_seconds:g} s: send less text at once",
        )


def _ending() -> RefusalError:
    return RefusalError.later(
        503, "ending", "this server is about to end, and begins nothing: try again later", 5
    )

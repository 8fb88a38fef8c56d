"""Speech that is being made for whoever asked for it: one producer, any number of listeners."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .refusals import RefusalError

if TYPE_CHECKING:
    from .speaking import Part, Summary

__all__ = ["Listener", "Making"]

AHEAD = 1 << 20
"""Bytes that are made before the fastest listener takes them: 21 s of PCM, two minutes of MP3."""
KEPT = 4 << 20
"""Bytes that are kept for a listener who comes late or is slow."""


class Making:
    """One request's speech. `work` makes it: it awaits `put` with each part, and returns the summary.

    It is cancelled when its last listener leaves. Another may listen from the beginning as long as that is
    kept.
    """

    def __init__(
        self,
        work: Callable[[Callable[[Part], Awaitable[bool]]], Awaitable[Summary]],
        done: Callable[[], None],
    ) -> None:
        self.summary: Summary | None = None
        self.audible = False
        """Whether anything was made yet."""
        self._parts: deque[Part] = deque()
        self._first = self._bytes = 0
        self._listeners: set[Listener] = set()
        self._error: BaseException | None = None
        self._finished = self._left = False
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(work))
        self._task.add_done_callback(lambda _: done())

    @property
    def open(self) -> bool:
        """Whether one more may listen to all of it."""
        return not (self._first or self._finished or self._left or self._error)

    @property
    def kept_bytes(self) -> int:
        """What is in memory of it."""
        return self._bytes

    def listen(self) -> Listener:
        """Return one more listener, who begins at the beginning."""
        listener = Listener(self)
        self._listeners.add(listener)
        return listener

    def refuse(self, error: RefusalError) -> None:
        """End it, unless it can be heard already."""
        if not self.audible and not self._finished:
            self._error = error
            self._task.cancel()

    async def _run(self, work: Callable[[Callable[[Part], Awaitable[bool]]], Awaitable[Summary]]) -> None:
        try:
            self.summary = await work(self._put)
        except asyncio.CancelledError:  # by `left`, by `refuse`, or at the end of the loop
            self._error = self._error or RefusalError.later(503, "cancelled", "this request was cancelled", 1)
        except Exception as error:
            self._error = error
        self._finished = True
        self._wake()

    async def _put(self, part: Part) -> bool:
        """Take what was made, and return when more may be: at once, or else True."""
        self._parts.append(part)
        self._bytes += len(part.audio)
        self.audible = True
        self._wake()
        while self._bytes > KEPT and len(self._parts) > 1:
            self._bytes -= len(self._parts.popleft().audio)
            self._first += 1
        waited = False
        while self._ahead() > AHEAD:
            waited = True
            await self._changed.wait()
        return waited

    def _ahead(self) -> int:
        """Bytes that no listener has taken."""
        furthest = max((listener.position for listener in self._listeners), default=self._first)
        fresh = len(self._parts) - (furthest - self._first)
        return sum(len(self._parts[-number].audio) for number in range(1, fresh + 1))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def take(self, position: int) -> Part | None:
        """The part at that place, or None at the end.

        Raises what making it raised, and `RefusalError` if it is gone.
        """
        while position >= self._first + len(self._parts):
            if self._error is not None:
                raise self._error
            if self._finished:
                return None
            await self._changed.wait()
        if position < self._first:
            raise RefusalError(
                408, "too_slow", "this client reads slower than others that hear the same: ask again"
            )
        return self._parts[position - self._first]

    def moved(self) -> None:
        """A listener went on."""
        self._wake()

    def left(self, listener: Listener) -> bool:
        """A listener does not come back. Whether that ends the work: it was the last, before its end."""
        self._listeners.discard(listener)
        last = not self._listeners and not self._finished
        if last:
            self._left = True
            self._task.cancel()
        self._wake()
        return last


class Listener:
    """One who hears it, in a `with` block."""

    def __init__(self, making: Making) -> None:
        self.making, self.position = making, 0

    async def next(self) -> Part | None:
        """The next part, or None at the end. Raises what making it raised."""
        part = await self.making.take(self.position)
        if part is not None:
            self.position += 1
            self.making.moved()
        return part

    def leave(self) -> bool:
        """Hear no more; whether that ends the work."""
        return self.making.left(self)

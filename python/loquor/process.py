"""What belongs to one process: in a forked child the threads that held its locks do not exist."""

from __future__ import annotations

import threading
from types import TracebackType

from . import _core
from .errors import InvalidInputError

__all__ = ["HomeLock"]


class HomeLock:
    """A lock of the process that made it.

    To take it in a forked child raises `InvalidInputError`: nobody may be left there to release it.
    """

    def __init__(self, owner: str) -> None:
        self._owner, self._lock, self._forks = owner, threading.Lock(), _core.forks()

    @property
    def here(self) -> bool:
        """Whether this is that process."""
        return self._forks == _core.forks()

    def __enter__(self) -> None:
        if not self.here:
            raise InvalidInputError(
                f"this {self._owner} was made before fork, in another process, whose threads this one does "
                "not have: open one here"
            )
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

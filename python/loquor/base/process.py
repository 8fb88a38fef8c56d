"""What belongs to one process: in a forked child the threads that held its locks do not exist."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import TracebackType
from typing import ParamSpec, TypeVar

from .. import _core
from ..errors import InvalidInputError, LoquorError, RuntimeMissingError

__all__ = ["HomeLock", "memory_watched", "opening"]

P = ParamSpec("P")
T = TypeVar("T")

_NOT_MAPPED = re.compile("failed to map segment|cannot allocate memory", re.IGNORECASE)
"""What the system's loader says of a library for which there is no memory."""


@contextmanager
def memory_watched(doing: str) -> Iterator[None]:
    """Raise `LoquorError` where memory runs out meanwhile, in Python or for a library that is imported."""
    try:
        yield
    except (MemoryError, ImportError) as error:
        if isinstance(error, ImportError) and not _NOT_MAPPED.search(str(error)):
            raise
        what = f" ({error})" if str(error) else ""
        raise LoquorError(
            f"{doing}: memory ran out{what}: give the process more, or take a smaller dtype"
        ) from error


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

    def require(self) -> None:
        """Raise `InvalidInputError` unless this is that process."""
        if not self.here:
            raise InvalidInputError(
                f"this {self._owner} was made before fork, in another process, whose threads this one does "
                "not have: open one here"
            )

    def __enter__(self) -> None:
        self.require()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class _Openings:
    """Calls of functions that import modules and load libraries, whose locks a forked child never gets."""

    def __init__(self) -> None:
        self.lock, self.under_way, self.torn = threading.Lock(), 0, False
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self.torn = self.torn or self.under_way > 0
        self.lock, self.under_way = threading.Lock(), 0

    def count(self, step: int) -> None:
        with self.lock:
            # Not below 0 where a call that forked ends in the child.
            self.under_way = max(0, self.under_way + step)


_openings = _Openings()


def opening(function: Callable[P, T]) -> Callable[P, T]:
    """Let `function` raise `RuntimeMissingError` in a process that was forked while another thread was in it.

    It would wait there for ever, for a lock of Python's imports or of the runtime.
    """

    @wraps(function)
    def counted(*args: P.args, **kwargs: P.kwargs) -> T:
        if _openings.torn:
            raise RuntimeMissingError(
                "this process was forked while another thread was loading a model, whose locks nobody can "
                "release here: fork before that or after it"
            )
        _openings.count(1)
        try:
            return function(*args, **kwargs)
        finally:
            _openings.count(-1)

    return counted

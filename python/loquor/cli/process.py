"""The process around a command: signals that end it, and standard streams that may be missing."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

__all__ = ["Ended", "drop_unwritable_output", "ended_by_signals", "hold_signals", "standard_streams"]

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Ended(KeyboardInterrupt):
    """A signal that ends the process, on the main thread: whatever clears up after Ctrl-C does so too."""

    def __init__(self, number: int) -> None:
        self.number = number
        is_interrupt = number == signal.SIGINT
        super().__init__("interrupted" if is_interrupt else f"ended by {signal.Signals(number).name}")


class _Signals:
    held = False


def hold_signals() -> None:
    """From here on the command ends anyway: a further signal must not cut short what is cleared up.

    A terminal that closes sends SIGHUP twice, and people press Ctrl-C more than once.
    """
    _Signals.held = True


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `Ended` for the signals that end a process; those that are ignored (`nohup`) stay so."""

    def end(number: int, _: object) -> None:
        if not _Signals.held:
            raise Ended(number)

    before: dict[int, Any] = {}
    _Signals.held = False
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # which was not set from Python
                signal.signal(number, handler)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Make up for standard streams that are closed: stderr takes all and never fails.

    A closed stdin or stdout stays None, since a command that needs it must say so. Their descriptors lead to
    the null device: the next file to be opened would get the number otherwise, and what C code writes to
    stderr would go there.
    """
    for descriptor in range(3):
        with contextlib.suppress(OSError):
            _fill(descriptor)
    before = sys.stderr
    with contextlib.ExitStack() as stack:
        # tqdm, logging and others take it as it is now.
        stderr = before or stack.enter_context(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123
        sys.stderr = cast("TextIO", _Forgiving(stderr))
        try:
            yield
        finally:
            sys.stderr = before


def drop_unwritable_output() -> None:
    """Forget output that nobody takes: the interpreter would try again when it ends, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as null:  # noqa: PTH123
                os.dup2(null.fileno(), stream.fileno())


def _fill(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
        else:
            os.set_inheritable(null, True)


class _Forgiving:
    """Stderr without its failures: what cannot be said there must not stop the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # ValueError: closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

"""What the commands say: results on stdout; notes, warnings, logs and the progress bar on stderr."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from ..base.output import reason_of
from ..errors import InvalidInputError, LoquorError, ModelError, RuntimeMissingError

if TYPE_CHECKING:
    from .. import Audio

    _StreamHandler = logging.StreamHandler[TextIO]
else:
    _StreamHandler = logging.StreamHandler

__all__ = [
    "emit",
    "exit_code",
    "logs_on_stderr",
    "note",
    "one_line",
    "speech_progress",
    "writing_to_stdout",
]

_EXIT_CODES = (
    (RuntimeMissingError, 3),
    (ModelError, 4),
    (InvalidInputError, 2),
)


def exit_code(error: BaseException) -> int:
    """The exit code for an error, as the help of `loquor` lists them."""
    if isinstance(error, KeyboardInterrupt):
        return 128 + getattr(error, "number", signal.SIGINT)
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks, which those of ONNX Runtime may hold."""
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    if isinstance(error, ImportError):
        package = (error.name or "a package").partition(".")[0]
        problem = " ".join(str(error).split())
        return f"{package} cannot be imported ({problem}): install loquor and its packages again"
    return " ".join(str(error).split("\n")) or type(error).__name__


def note(text: str) -> None:
    """Write one line to stderr."""
    with _beside_bar():
        print(f"loquor: {text}", file=sys.stderr)


@contextmanager
def _beside_bar() -> Iterator[None]:
    """Take a progress bar away meanwhile, where there is one, so that lines are not glued to it."""
    if "tqdm" not in sys.modules:  # slow to import
        yield
        return
    from tqdm import tqdm  # type: ignore[import-untyped]

    with tqdm.external_write_mode(file=sys.stderr):
        yield


def emit(text: str) -> None:
    """Write lines to stdout. Raises `LoquorError` if that is closed or takes no more."""
    if sys.stdout is None:
        raise LoquorError("stdout is closed, so there is nowhere to write the result to: open it")
    with writing_to_stdout():
        try:
            print(text)
        except UnicodeEncodeError:  # a path that is not valid text here: its bytes leave as they came
            sys.stdout.flush()
            sys.stdout.buffer.write(os.fsencode(f"{text}\n"))


@contextmanager
def writing_to_stdout() -> Iterator[None]:
    """Raise `LoquorError` for what the system refuses to write, but for a reader that has gone."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LoquorError(f"cannot write to stdout: {reason_of(error)}") from error


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"loquor: {record.levelname.lower()}: {super().format(record)}"


class _Handler(_StreamHandler):
    def emit(self, record: logging.LogRecord) -> None:
        with _beside_bar():
            super().emit(record)


@contextmanager
def logs_on_stderr(verbose: int) -> Iterator[None]:
    """Show the logger `loquor` on stderr meanwhile: warnings, with `verbose` 1 also INFO, with 2 DEBUG."""
    logger, handler = logging.getLogger("loquor"), _Handler()
    handler.setFormatter(_Formatter())
    before = logger.level
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class SpeechBar:
    """A bar that moves by the bytes of text that were spoken, and tells minutes and the real-time factor."""

    def __init__(self, bar: Any) -> None:
        self._bar, self._sound, self._work, self._heard = bar, 0.0, 0.0, 0.0

    def tokens(self, count: int) -> None:
        """So many speech tokens were made."""
        self._show(count)

    def spoken(self, audio: Audio) -> None:
        """A piece was spoken."""
        self._heard += audio.seconds
        self._sound += audio.metrics.audio_seconds
        self._work += audio.metrics.total_seconds
        self._bar.update(sum(len(mark.text.encode()) + 1 for mark in audio.marks))
        self._show(None)

    def _show(self, count: int | None) -> None:
        told = [f"{self._heard / 60:.1f} min"]
        if self._sound:
            told.append(f"real-time factor {self._work / self._sound:.2f}")
        if count is not None:
            told.append(f"{count} tokens")
        self._bar.set_postfix_str(", ".join(told))


@contextmanager
def speech_progress(quiet: bool, size: int | None) -> Iterator[SpeechBar]:
    """A bar, shown if stderr is a terminal; `size` is the whole text's in bytes, None if not known."""
    from tqdm import tqdm

    with tqdm(
        desc="speaking", total=size, unit="B", unit_scale=True, leave=False, disable=quiet or None
    ) as bar:
        yield SpeechBar(bar)

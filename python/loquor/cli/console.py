"""What the commands say: results on stdout; notes, warnings, logs and the progress bar on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import InvalidInputError, ModelError, RuntimeMissingError

__all__ = [
    "drop_unwritable_output",
    "emit",
    "exit_code",
    "logs_on_stderr",
    "note",
    "one_line",
    "speech_progress",
]

_EXIT_CODES = (
    (KeyboardInterrupt, 130),
    (RuntimeMissingError, 3),
    (ModelError, 4),
    (InvalidInputError, 2),
)


def exit_code(error: BaseException) -> int:
    """The exit code for an error, as the help of `loquor` lists them."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks, which those of ONNX Runtime may hold."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return " ".join(str(error).split("\n")) or type(error).__name__


def note(text: str) -> None:
    """Write one line to stderr."""
    print(f"loquor: {text}", file=sys.stderr)


def emit(text: str) -> None:
    """Write lines to stdout."""
    try:
        print(text)
    except UnicodeEncodeError:  # a path that is not valid text here: its bytes leave as they came
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(f"{text}\n"))


def drop_unwritable_output() -> None:
    """Forget output that nobody takes: the interpreter would try again when it ends, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as null:  # noqa: PTH123 (no path of ours)
            os.dup2(null.fileno(), sys.stdout.fileno())


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"loquor: {record.levelname.lower()}: {super().format(record)}"


@contextmanager
def logs_on_stderr(verbose: int) -> Iterator[None]:
    """Show the logger `loquor` on stderr meanwhile: warnings, with `verbose` 1 also INFO, with 2 DEBUG."""
    logger, handler = logging.getLogger("loquor"), logging.StreamHandler()
    handler.setFormatter(_Formatter())
    before = logger.level
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def speech_progress(
    quiet: bool, size: int | None
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Two functions: to call with the speech tokens so far, and with the bytes of text spoken since then.

    They move a bar if stderr is a terminal; `size` is that of the whole text in bytes, None if not known.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    with tqdm(
        desc="speaking", total=size, unit="B", unit_scale=True, leave=False, disable=quiet or None
    ) as bar:
        yield lambda tokens: bar.set_postfix_str(f"{tokens} tokens"), lambda spoken: bar.update(spoken)

"""Files that can be read but once, such as `<(...)` of a shell or a FIFO: taken whole into memory."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from ..errors import InvalidInputError

__all__ = ["Piped", "from_pipe", "whole"]

_MOST = 1 << 30
"""Bytes: a recording of hours, of which its first seconds are used."""


class Piped(io.BytesIO):
    """What came through a pipe, and what the user calls it."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def from_pipe(path: str | os.PathLike[str]) -> Piped | None:
    """Return the content of a pipe or a device, None for any other path. Raises `InvalidInputError`.

    Opening one waits until somebody writes to it.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return None  # who opens it says what is wrong
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        return None
    try:
        with Path(path).open("rb") as file:
            return whole(file, os.fspath(path))
    except OSError as error:
        raise InvalidInputError(f"cannot read {os.fspath(path)}: {error}") from error


def whole(file: BinaryIO, name: str) -> Piped:
    """Return all that comes from `file`. Raises `InvalidInputError` where that is nothing, or has no end."""
    content = file.read(_MOST + 1)
    if not content:
        raise InvalidInputError(f"cannot read {name}: nothing comes from it")
    if len(content) > _MOST:
        raise InvalidInputError(f"cannot read {name}: it gives more than {_MOST >> 20} MiB, save a part")
    return Piped(content, name)

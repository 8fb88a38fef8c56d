"""Writing files so that a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .errors import InvalidInputError

__all__ = ["write_atomic"]


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` to `path` through a temporary file in the same folder, which is gone afterwards.

    The file gets the permissions of any new file (the umask counts). Raises `InvalidInputError` if the folder
    is missing, if `path` is something other than a regular file, or if the system refuses the write.
    """
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {path.parent}, make it first")
        if path.exists() and not path.is_file():
            raise FileExistsError("it is not a regular file, choose another name")
        temporary.write_bytes(content)
        temporary.replace(path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise InvalidInputError(f"cannot write {path}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)

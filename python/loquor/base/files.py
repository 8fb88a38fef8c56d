"""Files: written so that a reader sees the old content or the new, never a part; JSON and safetensors."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from .output import OutputFile, cannot_write

__all__ = [
    "read_bounded",
    "read_json",
    "sampled_bytes",
    "sha256_of",
    "write_atomic",
]

JSON_BYTES = 1 << 20
"""The most that settings and headers may have, as csrc/base/json.hpp has it."""

_BLOCKS, _BLOCK_BYTES = 64, 4096


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` to `path` through a temporary file in the same folder, which is gone afterwards.

    See `OutputFile` for links and permissions. Raises `InvalidInputError` if the folder is missing, if `path`
    is read-only or something other than a regular file, or if the system refuses the write.
    """
    output = OutputFile(path)
    try:
        with io.BufferedWriter(output.open()) as file:
            file.write(content)
        output.commit()
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        output.discard()


def read_bounded(path: Path, most: int) -> bytes:
    """Content of a file that is to be parsed. Raises `ValueError` beyond `most` bytes, `OSError`."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most} bytes")
    return content


def read_json(path: Path, most: int = JSON_BYTES) -> dict[str, Any]:
    """The object in a JSON file of at most `most` bytes. Raises `ValueError` for anything else, `OSError`."""
    try:
        content = json.loads(read_bounded(path, most))
    except RecursionError as error:
        raise ValueError("its values are nested too deep") from error
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    return content


def sampled_bytes(path: Path) -> bytes:
    """Size of a file and 64 evenly spaced blocks of 4 KiB: enough to tell weights of a gigabyte apart.

    Raises `OSError`.
    """
    size = path.stat().st_size
    last = max(0, size - _BLOCK_BYTES)
    offsets = sorted({last * i // (_BLOCKS - 1) for i in range(_BLOCKS)})
    with path.open("rb") as file:
        blocks = []
        for offset in offsets:
            file.seek(offset)
            blocks.append(file.read(_BLOCK_BYTES))
    return f"{size} ".encode() + b"".join(blocks)


def sha256_of(path: Path) -> str:
    """Hash of a file's whole content, as hex. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

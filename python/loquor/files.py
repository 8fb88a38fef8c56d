"""Files: written so that a reader sees the old content or the new, never a part; a bundle's settings."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .errors import InvalidInputError, ModelError

__all__ = ["read_config", "sample_of", "sampled_bytes", "sha256_of", "write_atomic"]

_BLOCKS, _BLOCK_BYTES = 64, 4096


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


def read_config(bundle_dir: Path) -> dict[str, Any]:
    """Return a bundle's config.json, {} where there is none.

    Raises `ModelError` if it cannot be read or holds no JSON object.
    """
    path = bundle_dir / "config.json"
    if not path.is_file():  # some bundles lack it
        return {}
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error}): fetch the bundle again") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path} holds no JSON object: fetch the bundle again")
    return config


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


def sample_of(path: Path) -> str:
    """Hash of `sampled_bytes`, as hex."""
    return hashlib.sha256(sampled_bytes(path)).hexdigest()

"""The Hugging Face cache on disk: where it is, what it holds, and whether that is what was published."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from .catalog import BundleFile
from .errors import LoquorError
from .files import write_atomic

__all__ = ["cache_folder", "cached_file", "problem_with", "read_note", "remove_cached", "write_note"]

_log = logging.getLogger(__name__)


def _path_variable(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(os.path.expandvars(value)).expanduser() if value else None


def _home() -> Path:
    cache = _path_variable("XDG_CACHE_HOME") or Path.home() / ".cache"
    return _path_variable("HF_HOME") or cache / "huggingface"


def cache_folder() -> Path:
    """The hub's cache folder, by the rules of huggingface_hub, which itself reads them only when imported."""
    return _path_variable("HF_HUB_CACHE") or _path_variable("HUGGINGFACE_HUB_CACHE") or _home() / "hub"


def cached_file(repo: str, commit: str, path: str) -> Path | None:
    """Where the cache holds a file of a full commit id, or None."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, path, cache_dir=cache_folder(), revision=commit)
    if not isinstance(found, str):
        return None
    # A server that answers for another commit leaves a reference from this one to that: not what was asked.
    return Path(found) if Path(found).parents[path.count("/")].name == commit else None


def remove_cached(path: Path) -> None:
    """Delete a file of the cache: the snapshot's link, any link between, and the blob."""
    while path.is_symlink():
        target = path.parent / path.readlink()
        path.unlink(missing_ok=True)
        path = target
    path.unlink(missing_ok=True)


def read_note(name: str) -> dict[str, Any] | None:
    """What `write_note` kept under a name, or None."""
    try:
        content = json.loads((_home() / "loquor" / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_note(name: str, content: dict[str, Any]) -> None:
    """Keep a fact that saves work later; where it cannot be written, that work is done again."""
    path = _home() / "loquor" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(content, indent=1).encode())
    except (OSError, LoquorError) as error:
        _log.info("could not remember %s: %s", name, error)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def problem_with(path: Path, file: BundleFile) -> str | None:
    """How the file at `path` differs from what was published, if it does: its size first, then its hash.

    A passed check is noted by the blob's path, size and time, so that gigabytes are hashed once. Of two
    processes that note at the same moment one may lose its note, and hashes again next time.
    """
    blob = path.resolve()
    try:
        stat = blob.stat()
        if file.size is not None and stat.st_size != file.size:
            return f"expected {file.size} bytes, got {stat.st_size}"
        if file.sha256 is None:
            return None
        stamp = [stat.st_size, stat.st_mtime_ns, file.sha256]
        if (read_note("verified.json") or {}).get(str(blob)) == stamp:
            return None
        got = _sha256(blob)
    except OSError as error:
        return f"it cannot be read: {error}"
    if got != file.sha256:
        return f"expected sha256 {file.sha256}, got {got}"
    kept = {name: value for name, value in (read_note("verified.json") or {}).items() if Path(name).exists()}
    write_note("verified.json", {**kept, str(blob): stamp})
    return None

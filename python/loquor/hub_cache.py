"""The Hugging Face cache on disk: where it is, what it holds, and whether that is what was published."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from .catalog import BundleFile
from .errors import LoquorError
from .files import read_json, sha256_of, write_atomic

__all__ = ["cache_folder", "cached_file", "problem_with", "read_note", "remove_cached", "write_note"]

_log = logging.getLogger(__name__)

_NOTE_BYTES = 16 << 20  # a listing of 100,000 files


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


def _snapshot(path: Path) -> Path:
    """The snapshot that a file belongs to: `<cache>/models--<owner>--<name>/snapshots/<commit>`."""
    return next(folder for folder in path.parents if folder.parent.name == "snapshots")


def _leads_out(path: Path) -> bool:
    """Whether a file of a snapshot is neither there itself, nor a blob of its repository or the shared store.

    Since 2.0 the hub's library keeps what came by Xet once for all repositories, in `blobs` of the cache.
    """
    snapshot = _snapshot(path)
    repository = snapshot.parent.parent
    folders = (snapshot, repository / "blobs", repository.parent / "blobs")
    return not any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)


def remove_cached(path: Path) -> None:
    """Take a file out of the cache: the snapshot's link and the repository's own blob.

    A shared blob goes only if no other repository links to it; nothing else that a link leads to is touched.
    """
    repository = _snapshot(path).parent.parent
    own, shared = (repository / "blobs").resolve(), (repository.parent / "blobs").resolve()
    while path.is_symlink():
        target = path.parent / path.readlink()
        path.unlink(missing_ok=True)
        folder = target.parent.resolve()
        if folder != own:
            if folder.parent == shared:
                _sweep(folder / target.name, repository.parent)
            return
        path = target
    path.unlink(missing_ok=True)


def _sweep(blob: Path, cache: Path) -> None:
    """Let the hub's library, which counts the links, delete a shared blob without any."""
    try:
        from huggingface_hub.utils._shared_blobs import sweep_shared_blob
    except ImportError:  # another version made the store: the blob stays for it
        return
    sweep_shared_blob(blob, cache_dir=cache)


def read_note(name: str) -> dict[str, Any] | None:
    """What `write_note` kept under a name, or None."""
    try:
        return read_json(_home() / "loquor" / name, _NOTE_BYTES)
    except (OSError, ValueError):
        return None


def write_note(name: str, content: dict[str, Any]) -> None:
    """Keep a fact that saves work later; where it cannot be written, that work is done again."""
    path = _home() / "loquor" / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(content, indent=1).encode())
    except (OSError, LoquorError) as error:
        _log.info("could not remember %s: %s", name, error)


def problem_with(path: Path, file: BundleFile) -> str | None:
    """How the file at `path` of a snapshot differs from what was published, if it does: where it is, its
    size, then its hash.

    A passed check is noted by the blob's path, size and time, so that gigabytes are hashed once. Of two
    processes that note at the same moment one may lose its note, and hashes again next time.
    """
    blob = path.resolve()
    if _leads_out(path):
        return f"it is a link to {blob}, outside the blobs of its repository and of the cache"
    try:
        stat = blob.stat()
        if file.size is not None and stat.st_size != file.size:
            return f"expected {file.size} bytes, got {stat.st_size}"
        if file.sha256 is None:
            return None
        stamp = [stat.st_size, stat.st_mtime_ns, file.sha256]
        if (read_note("verified.json") or {}).get(str(blob)) == stamp:
            return None
        got = sha256_of(blob)
    except OSError as error:
        return f"it cannot be read: {error}"
    if got != file.sha256:
        return f"expected sha256 {file.sha256}, got {got}"
    kept = {name: value for name, value in (read_note("verified.json") or {}).items() if Path(name).exists()}
    write_note("verified.json", {**kept, str(blob): stamp})
    return None

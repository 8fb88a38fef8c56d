"""The Hugging Face cache on disk: where it is, what it holds, and whether that is what was published."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..base.files import read_json, sha256_of, write_atomic
from ..errors import LoquorError
from .catalog import BundleFile

__all__ = [
    "cache_folder",
    "cached_file",
    "difference",
    "note_checked",
    "problem_with",
    "read_note",
    "remove_cached",
    "snapshot_of",
    "with_hash_of",
    "write_note",
]

_log = logging.getLogger(__name__)

# huggingface_hub looks when it is imported, which our modules do later. Without it version 2.4 fetches a list
# of programs' names at its first request, which nobody asked for.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

_NOTE_BYTES = 16 << 20  # a listing of 100,000 files


def _path_variable(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(os.path.expandvars(value)).expanduser().absolute() if value else None


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


def snapshot_of(repo: str, revision: str) -> Path | None:
    """The folder that the cache has for a branch, tag or full commit id, whoever fetched it, or None."""
    from huggingface_hub.file_download import repo_folder_name

    folder = cache_folder() / repo_folder_name(repo_id=repo, repo_type="model")
    try:
        commit = (folder / "refs" / revision).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        commit = revision
    found = folder / "snapshots" / commit
    return found if re.fullmatch(r"[0-9a-f]{40}", commit) and found.is_dir() else None


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


def _git_sha1(path: Path) -> str:
    """The id that Git gives to a file's content."""
    with path.open("rb") as stream:
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def difference(path: Path, file: BundleFile) -> str | None:
    """How the content at `path` differs from what was published, if it does: its size, then its hash."""
    try:
        size = path.stat().st_size
        if file.size is not None and size != file.size:
            return f"expected {file.size} bytes, got {size}"
        if file.sha256 is not None:
            got = sha256_of(path)
            return None if got == file.sha256 else f"expected sha256 {file.sha256}, got {got}"
        if file.git_sha1 is not None:
            got = _git_sha1(path)
            return None if got == file.git_sha1 else f"expected Git id {file.git_sha1}, got {got}"
    except OSError as error:
        return f"it cannot be read: {error}"
    return None


def with_hash_of(etag: str, file: BundleFile) -> BundleFile:
    """A file with the hash that the hub's ETag for it is, which also names its blob, where none was known."""
    if file.sha256 is None and file.git_sha1 is None:
        if re.fullmatch(r"[0-9a-f]{64}", etag):
            return replace(file, sha256=etag)
        if re.fullmatch(r"[0-9a-f]{40}", etag):
            return replace(file, git_sha1=etag)
    return file


def problem_with(path: Path, file: BundleFile) -> str | None:
    """What is wrong with a file of a snapshot, if anything is: where it leads, or its `difference`.

    A passed check is noted by the blob's path, size and time, so that gigabytes are hashed once. Of two
    processes that note at the same moment one may lose its note, and hashes again next time.
    """
    if path.is_symlink():
        file = with_hash_of(path.readlink().name, file)
    blob = path.resolve()
    if _leads_out(path):
        return f"it is a link to {blob}, outside the blobs of its repository and of the cache"
    notes = read_note("verified.json") or {}
    if (stamp := _stamp(blob, file)) is not None and notes.get(str(blob)) == stamp:
        return None
    problem = difference(blob, file)
    if problem is None:
        note_checked(blob, file)
    return problem


def note_checked(blob: Path, file: BundleFile) -> None:
    """Remember that a blob's content is as published."""
    if (stamp := _stamp(blob, file)) is not None:
        kept = {name: at for name, at in (read_note("verified.json") or {}).items() if Path(name).exists()}
        write_note("verified.json", {**kept, str(blob): stamp})


def _stamp(blob: Path, file: BundleFile) -> list[object] | None:
    """What a check of a blob depends on; None where there is nothing to hash, or no file."""
    expected = file.sha256 or file.git_sha1
    try:
        stat = blob.stat()
    except OSError:
        return None
    if expected is None or file.size not in (None, stat.st_size):
        return None
    return [stat.st_size, stat.st_mtime_ns, expected]

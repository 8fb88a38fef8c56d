"""The files of a repository at a revision, as the hub lists them: checked, and kept for use offline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from ..errors import DownloadError
from .catalog import BundleFile
from .hub_cache import cache_folder, read_note, snapshot_of, write_note
from .hub_http import Source, ask, endpoint, get

__all__ = ["is_commit", "published_files"]

_MOST_BYTES = 16 << 20  # of a listing: some 80,000 files
_LARGEST = 1 << 50  # bytes of one file
_SHA1, _SHA256 = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{64}")


class _MalformedError(Exception):
    """A listing that cannot be used; the message says what it should be."""


def is_commit(revision: object) -> bool:
    return isinstance(revision, str) and _SHA1.fullmatch(revision) is not None


def published_files(source: Source, offline: bool) -> tuple[str, tuple[BundleFile, ...]]:
    """The commit that a source's revision stands for, and its files.

    Where the catalogue does not know, the hub is asked and its answer kept: a commit never changes, and a
    branch can be used offline as it was last seen, or as another program left it in the cache. Raises
    `DownloadError`.
    """
    if source.files is not None:
        return source.revision, source.files
    note = f"listings/{source.repo.replace('/', '--')}@{quote(source.revision, safe='')}.json"
    if offline or is_commit(source.revision):
        try:
            kept = read_note(note) or {}
            return _commit(kept.get("commit")), _files(_kept(kept.get("files")))
        except _MalformedError:  # there is none, or a damaged one
            pass
    if offline:
        if (folder := snapshot_of(source.repo, source.revision)) is not None:  # another program fetched it
            paths = (path for path in folder.rglob("*") if path.is_file())
            return folder.name, _files(
                (path.relative_to(folder).as_posix(), None, None, None) for path in paths
            )
        raise DownloadError(
            f"offline, and {source.model} was never downloaded here (to {cache_folder()}): run once without "
            "HF_HUB_OFFLINE and local_files_only, or give the folder of a bundle on disk"
        )
    url = f"{endpoint()}/api/models/{source.repo}/revision/{quote(source.revision, safe='')}?blobs=true"
    content = ask(lambda: _bounded(url), "the list of files", source)
    try:
        listing = _parsed(content)
        commit = _commit(listing.get("sha") or source.revision)
        if is_commit(source.revision) and commit != source.revision:
            raise _MalformedError(f"it is of another commit, {commit}")
        files = _files(_listed(listing.get("siblings")))
    except _MalformedError as error:
        raise DownloadError(
            f"the list of files of {source.model} from {endpoint()} cannot be used: {error}; check that "
            "HF_ENDPOINT is a faithful mirror, or try another revision"
        ) from error
    write_note(note, {"commit": commit, "files": [asdict(file) for file in files]})
    return commit, files


def _bounded(url: str) -> bytes:
    """An answer's body, up to a little more than a listing may have."""
    content = bytearray()
    with get(url) as answer:
        for chunk in answer.chunks:
            content += chunk
            if len(content) > _MOST_BYTES:
                break
    return bytes(content)


def _parsed(content: bytes) -> dict[str, Any]:
    if len(content) > _MOST_BYTES:
        raise _MalformedError(f"it is longer than {_MOST_BYTES >> 20} MiB")
    try:
        listing = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _MalformedError(f"it is no JSON ({error})") from error
    if not isinstance(listing, dict):
        raise _MalformedError("it should be a JSON object")
    return listing


def _commit(value: object) -> str:
    if not isinstance(value, str) or not is_commit(value):
        raise _MalformedError(f"its commit should be 40 hexadecimal digits, not {_short(value)}")
    return value


def _listed(siblings: object) -> Iterable[tuple[object, ...]]:
    """Path, size, SHA-256 and Git id of each file in an answer of the hub's.

    A file of Git LFS has the SHA-256 of its content; its Git id is that of the pointer to it.
    """
    for entry in _objects(siblings, "siblings"):
        if (lfs := entry.get("lfs")) is None:
            yield entry.get("rfilename"), entry.get("size"), None, entry.get("blobId")
        elif isinstance(lfs, dict):
            yield entry.get("rfilename"), entry.get("size", lfs.get("size")), lfs.get("sha256"), None
        else:
            raise _MalformedError(f"'lfs' should be an object, not {_short(lfs)}")


def _kept(files: object) -> Iterable[tuple[object, ...]]:
    """The same of each file in a note of ours."""
    for entry in _objects(files, "files"):
        yield entry.get("path"), entry.get("size"), entry.get("sha256"), entry.get("git_sha1")


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise _MalformedError(f"'{name}' should be a list of objects")
    return value


def _files(rows: Iterable[tuple[object, ...]]) -> tuple[BundleFile, ...]:
    """Raises `_MalformedError` for a path that would lead out of the bundle, or any other wrong value."""
    files: dict[str, BundleFile] = {}
    for path, size, sha256, git_sha1 in rows:
        if not isinstance(path, str) or not _is_safe(path):
            raise _MalformedError(f"{_short(path)} is no path within a repository")
        if path in files:
            raise _MalformedError(f"it has {_short(path)} twice")
        if size is not None and (type(size) is not int or not 0 <= size <= _LARGEST):
            raise _MalformedError(f"{_short(size)} is no size in bytes, of {_short(path)}")
        files[path] = BundleFile(path, size, _hash(path, sha256, _SHA256), _hash(path, git_sha1, _SHA1))
    return tuple(files.values())


def _is_safe(path: str) -> bool:
    """Whether it names a file below a folder on every system."""
    if len(path) > 1024 or re.search(r"[\x00-\x1f\\]|^[A-Za-z]:", path):
        return False
    return not {"", ".", ".."} & {*path.split("/")}


def _hash(path: str, value: object, form: re.Pattern[str]) -> str | None:
    if value is not None and (not isinstance(value, str) or not form.fullmatch(value)):
        raise _MalformedError(f"the hash of {_short(path)} should be hexadecimal, not {_short(value)}")
    return value


def _short(value: object) -> str:
    if value is not None and not isinstance(value, (str, int, float)):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

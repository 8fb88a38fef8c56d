"""Fetching files into the Hugging Face cache: each goes on where an earlier attempt ended, whatever ended it.

The hub's library begins anew after a killed process: since 1.18 its temporary files have names that nobody
finds again. So the bytes are fetched here, by HTTP ranges, into `blobs/<etag>.incomplete`, and become a blob
of the cache when they are what was published. Files that the hub keeps in Xet come so too (docs/adr/0099).
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from .. import _core
from ..errors import DownloadError
from .catalog import BundleFile
from .hub_cache import (
    cache_folder,
    difference,
    note_checked,
    problem_with,
    remove_cached,
    with_hash_of,
)
from .hub_http import RETRY_DELAY, TIMEOUT, Source, ask, endpoint, explained, get, may_pass, status_of

__all__ = ["fetch_all"]

_log = logging.getLogger(__name__)

_TRIES = 5  # without a single new byte
_DAY = 86_400.0  # seconds
_ETAG = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class _Target:
    """A file on the hub and its place in the cache."""

    source: Source
    commit: str
    file: BundleFile
    etag: str
    url: str
    xet_hash: str | None
    """The name of the content in the cache's shared store, where the hub keeps it in Xet."""

    @property
    def folder(self) -> Path:
        return _repository(self.source)

    @property
    def blob(self) -> Path:
        return self.folder / "blobs" / self.etag

    @property
    def partial(self) -> Path:
        """The file of what came so far, by a name with which huggingface_hub up to 1.17 goes on too."""
        return self.folder / "blobs" / f"{self.etag}.incomplete"

    @property
    def link(self) -> Path:
        return self.folder / "snapshots" / self.commit / self.file.path


def _repository(source: Source) -> Path:
    return cache_folder() / f"models--{source.repo.replace('/', '--')}"


def fetch_all(source: Source, commit: str, files: list[BundleFile], progress: bool, force: bool) -> None:
    """Fetch files of a commit, with one bar for all on stderr if `progress`. Raises `DownloadError`.

    `force` fetches again what the cache has already. Whatever happens, complete files stay, and so does what
    came of the others.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    _check_space(source, files)
    sizes = [file.size for file in files if file.size is not None]
    total = sum(sizes) if len(sizes) == len(files) else None
    with tqdm(total=total, desc=source.model, unit="B", unit_scale=True, disable=not progress) as bar:

        def report(count: int, *, at_hand: bool = False) -> None:
            """Bytes that came, that were at hand before, or (below 0) that were no good."""
            if at_hand and not bar.disable:
                bar.initial += count  # which is left out of the bar's speed
            bar.update(count)

        for file in files:
            _fetch(source, commit, file, force, report)
    _clear_leftovers(_repository(source) / "blobs")


def _check_space(source: Source, files: list[BundleFile]) -> None:
    """Raises `DownloadError` if the disk has no room for what has yet to come."""
    cache = cache_folder()
    blobs = _repository(source) / "blobs"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache).free
    except OSError as error:
        raise DownloadError(
            f"cannot use the cache {cache} for {source.model} ({error}): "
            "point HF_HOME at a folder you may write to"
        ) from error
    needed = sum(file.size or 0 for file in files)
    for file in files:
        with contextlib.suppress(OSError):
            needed -= (blobs / f"{file.sha256 or file.git_sha1}.incomplete").stat().st_size
    if needed > free:
        raise DownloadError(
            f"{source.model} needs {needed / 1e6:.0f} MB more, and the disk of {cache} has "
            f"{free / 1e6:.0f} MB left: free some space or point HF_HOME at another disk"
        )


_Report = Callable[..., None]


def _fetch(source: Source, commit: str, file: BundleFile, force: bool, report: _Report) -> None:
    """Bring one file into the cache; one that arrives damaged is thrown away and fetched once more."""
    target = _located(source, commit, file)
    file = target.file
    with explained(file.path, source), _alone(target):
        if not force and _is_at_hand(target):
            report(file.size or 0, at_hand=True)
            return
        for _ in range(2):
            _fill(target, report)
            problem = difference(target.partial, file)
            if problem is None:
                target.partial.replace(target.blob)
                note_checked(target.blob.resolve(), file)
                _publish(target)
                return
            _log.warning("%s of %s arrived damaged: %s", file.path, source.model, problem)
            report(-target.partial.stat().st_size)
            target.partial.unlink()
    raise DownloadError(
        f"{file.path} of {source.model} arrived other than published, twice ({problem}), and was removed: "
        f"try again later, or check that {endpoint()} (HF_ENDPOINT) is a faithful mirror"
    )


def _is_at_hand(target: _Target) -> bool:
    """Whether the blob is there, of another revision, from another process or program: shown then."""
    if not target.blob.is_file() and not _link_shared(target):
        return False
    _publish(target)
    if (problem := problem_with(target.link, target.file)) is None:
        return True
    _log.warning("%s of %s is damaged in the cache: %s", target.file.path, target.source.model, problem)
    remove_cached(target.link)
    return False


def _link_shared(target: _Target) -> bool:
    """Let the hub's library link to the content in the shared store, where another repository has it."""
    try:
        from huggingface_hub.utils._shared_blobs import shared_blobs_enabled, try_link_from_shared_store
    except ImportError:  # huggingface_hub before 2.0
        return False
    return (
        target.xet_hash is not None
        and shared_blobs_enabled()
        and try_link_from_shared_store(
            blob_path=str(target.blob),
            xet_hash=target.xet_hash,
            cache_dir=cache_folder(),
            expected_size=target.file.size,
        )
    )


def _located(source: Source, commit: str, file: BundleFile) -> _Target:
    """Ask the hub for a file's name in the cache, and for what is not known of it. Raises `DownloadError`."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(source.repo, file.path, revision=commit, endpoint=endpoint())
    ours = partial(
        get_hf_file_metadata, timeout=TIMEOUT, library_name="loquor", library_version=_core.version()
    )
    found = ask(lambda: ours(url), file.path, source)
    if found.commit_hash != commit:
        raise DownloadError(
            f"could not get {file.path} of {source.model}: {endpoint()} answered for another commit than "
            f"{commit} ({found.commit_hash}); check that HF_ENDPOINT is a faithful mirror"
        )
    if not _ETAG.fullmatch(found.etag or ""):
        raise DownloadError(
            f"could not get {file.path} of {source.model}: {endpoint()} answered without a usable ETag "
            f"({found.etag!r}); check that HF_ENDPOINT is a faithful mirror"
        )
    etag = str(found.etag)
    file = with_hash_of(etag, file)
    if file.size is None:
        file = replace(file, size=found.size)
    xet = getattr(found, "xet_file_data", None)
    return _Target(source, commit, file, etag, url, xet.file_hash if xet is not None else None)


@contextmanager
def _alone(target: _Target) -> Iterator[None]:
    """Keep other processes from the blob meanwhile, by the lock that the hub's library takes for it too."""
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    lock = cache_folder() / ".locks" / target.folder.name / f"{target.etag}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    target.blob.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(str(lock)):
        yield


# --- One file's bytes ---


def _fill(target: _Target, report: _Report) -> None:
    """Fetch what the partial file lacks, going on after faults as long as each attempt brings something."""
    partial, size = target.partial, target.file.size
    partial.touch()
    if size is not None and partial.stat().st_size > size:
        os.truncate(partial, 0)
    had = partial.stat().st_size
    if had:
        _log.info("going on with %s of %s at %d bytes", target.file.path, target.source.model, had)
        report(had, at_hand=True)
    failures = 0
    while size is None or partial.stat().st_size < size:
        before = partial.stat().st_size
        try:
            _append(target, before, report)
            after = partial.stat().st_size
            if size is None:
                return
            if after < size:
                raise _ShortError(f"expected {size} bytes, got {after}")
        except Exception as error:
            after = partial.stat().st_size
            if status_of(error) == 416 and before:  # more than the server has of it: not what it was
                os.truncate(partial, 0)
                report(-before)
                continue
            failures = 0 if after > before else failures + 1
            if failures == _TRIES or not may_pass(error):
                raise
            _log.info("asking again for the rest of %s: %s", target.file.path, error)
            time.sleep(RETRY_DELAY)


class _ShortError(Exception):
    """An answer ended without an error before the file did."""


def _append(target: _Target, have: int, report: _Report) -> None:
    """Ask for a file from byte `have` on and write what comes behind what is there."""
    size = target.file.size
    wanted = {"Range": f"bytes={have}-"} if have else {}
    with get(target.url, wanted) as answer, target.partial.open("ab") as file:
        at = answer.headers.get("Content-Range", "") if answer.status == 206 else ""
        if have and not at.startswith(f"bytes {have}-"):  # from the beginning
            file.truncate(0)
            report(-have)
            have = 0
        for chunk in answer.chunks:
            file.write(chunk)
            file.flush()  # so that a killed process loses nothing
            report(len(chunk))
            have += len(chunk)
            if size is not None and have > size:
                return


def _publish(target: _Target) -> None:
    """Show a blob in its snapshot: by a link, or where there are none, by moving it there."""
    link = target.link
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{os.urandom(8).hex()}.link")
    try:
        temporary.symlink_to(os.path.relpath(target.blob, link.parent))
    except (OSError, NotImplementedError):
        target.blob.replace(link)
    else:
        temporary.replace(link)


# --- What killed downloads left ---


def _clear_leftovers(blobs: Path) -> None:
    """Remove what nobody will go on with: the hub's library's own after a day, ours after a month."""
    for path in blobs.glob("*.incomplete"):
        random = path.stem.count(".") > 0  # "<etag>.<8 digits>.incomplete", which is for one process
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > (_DAY if random else 30 * _DAY):
                path.unlink()
                _log.info("removed %s, which was never completed", path)

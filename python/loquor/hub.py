"""From a model's name to a folder with its files: the catalogue, a folder on disk, or the hub.

Files live in the Hugging Face cache, so they are shared with other programs. Every file with a published hash
is checked once; the check is remembered beside the cache, and a pinned bundle that is complete and checked
needs no network. The environment (`HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_TOKEN`) is
read at every call.
"""

from __future__ import annotations

import difflib
import errno
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from .catalog import CATALOG, BundleFile, find_entry, model_text, pick_files
from .errors import DownloadError, InvalidInputError, ModelError
from .hub_cache import cache_folder, cached_file, problem_with, read_note, remove_cached, write_note

__all__ = ["download", "is_offline", "resolve"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPO = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*")
_TIMEOUT = 10.0  # seconds for the hub to answer a question about a repository
_RETRY_DELAY = 1.0  # seconds


@dataclass(frozen=True)
class _Source:
    """A bundle on the hub; `files` is known beforehand only at a pinned revision."""

    model: str
    repo: str
    revision: str
    files: tuple[BundleFile, ...] | None


def resolve(
    model: str | os.PathLike[str],
    *,
    dtype: str = "auto",
    revision: str | None = None,
    local_files_only: bool = False,
    progress: bool | None = None,
) -> Path:
    """Return the folder that holds a bundle, downloading what is missing.

    `model` is a name of the catalogue ("turbo"), a folder that contains `onnx/`, or a hub id ("owner/name" or
    "owner/name@revision"). A catalogue name wins over a folder of that name (write "./turbo" for the folder).
    `dtype` and `progress` are as in `download`; both matter only for a bundle on the hub. With
    `local_files_only`, or `HF_HUB_OFFLINE=1`, only the cache is looked at.

    Raises `InvalidInputError` for a name or precision that does not exist, `ModelError` for a folder or
    repository that is no bundle, `DownloadError` if files are missing and cannot be had.
    """
    place = _locate(model, revision)
    if isinstance(place, Path):
        return place
    return _obtain(place, dtype, local_files_only=local_files_only, progress=progress, force=False)


def download(
    model: str | os.PathLike[str],
    *,
    dtype: str = "auto",
    revision: str | None = None,
    progress: bool | None = None,
    force: bool = False,
) -> Path:
    """Fetch a bundle's files of one precision into the cache and return the folder that holds them.

    `dtype` is "auto", a precision ("fp32", "fp16", "q8", "q4", "q4f16") or one per graph, as
    `catalog.choose_dtypes` takes it. `progress` shows a bar on stderr; None shows it on a terminal only.
    `force` fetches again what is in the cache. A folder or the built-in model is returned as it is.
    Errors are those of `resolve`.
    """
    place = _locate(model, revision)
    if isinstance(place, Path):
        return place
    return _obtain(place, dtype, local_files_only=False, progress=progress, force=force)


# --- What the name means ---


def _locate(model: str | os.PathLike[str], revision: str | None) -> Path | _Source:
    """The folder on disk, or the place on the hub, that `model` stands for."""
    text = model_text(model)
    name, _, inline = text.partition("@")
    folder = Path(text).expanduser()
    if text and name not in CATALOG and os.path.exists(folder):  # noqa: PTH110 (no error for a long name)
        if revision is not None:
            raise InvalidInputError(f"{text!r} is a folder, which has no revision: leave revision out")
        return _bundle_folder(folder)
    if inline and revision not in (None, inline):
        raise InvalidInputError(f"model {text!r} and revision {revision!r} disagree: give the revision once")
    asked = inline or revision
    entry = find_entry(name)
    if entry is None and _REPO.fullmatch(name):
        return _Source(text, name, asked or "main", None)
    if entry is None and re.search(r"[/\\]|^[.~]", text):
        raise ModelError(f"there is no folder {text!r}: give a bundle's folder (the one that contains onnx/)")
    if entry is None:
        repos = [known.repo for known in CATALOG.values() if known.repo]
        raise InvalidInputError(_unknown(text, [*CATALOG, *repos]))
    if entry.repo is None:
        if asked is not None:
            raise InvalidInputError(f"{name!r} is part of the package and has no revision: leave it out")
        return _bundle_folder(Path(__file__).with_name(name))
    at = asked or entry.revision or "main"
    pinned = at == entry.revision and _COMMIT.fullmatch(at) is not None
    return _Source(text, entry.repo, at, entry.files if pinned else None)


def _bundle_folder(folder: Path) -> Path:
    if (folder / "onnx").is_dir():
        return folder
    seen = "is a file" if folder.is_file() else "contains no onnx/" if folder.is_dir() else "is not there"
    hint = "give the folder above it" if folder.name == "onnx" else "give the folder that contains onnx/"
    raise ModelError(
        f"{folder} {seen}: a bundle is a folder with tokenizer.json and onnx/ with its four graphs; {hint}"
    )


def _unknown(text: str, known: list[str]) -> str:
    lower = {name.lower(): name for name in known}
    close = [lower[match] for match in difflib.get_close_matches(text.lower(), lower, n=3)]
    guess = f" (did you mean {' or '.join(close)}?)" if close else ""
    return (
        f"there is no model {text!r}{guess}: give one of {', '.join(CATALOG)}, a folder that contains onnx/, "
        "or a hub id owner/name"
    )


# --- Talking to the hub ---


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def is_offline() -> bool:
    """Whether the environment forbids requests to the hub."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in {"1", "ON", "YES", "TRUE"}


def _ask(call: Callable[[], _T], what: str, source: _Source) -> _T:
    """Run one request, once more if the server stumbled; every failure becomes a `DownloadError`.

    Network errors come from a library that differs by huggingface_hub's version, hence the broad catch.
    """
    retried = False
    while True:
        try:
            return call()
        except Exception as error:
            wrong_length = type(error) is OSError and error.errno is None
            if retried or not (wrong_length or _status(_reason(error)) >= 500):
                text = _explain(_reason(error), source)
                raise DownloadError(f"could not get {what} of {source.model}: {text}") from error
            _log.warning("asking again for %s of %s: %s", what, source.model, error)
            retried = True
            time.sleep(_RETRY_DELAY)


def _reason(error: Exception) -> Exception:
    """Why the hub did not give a file, where the library only says that the cache lacks it too."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    inner = error.__cause__
    return inner if isinstance(error, LocalEntryNotFoundError) and isinstance(inner, Exception) else error


def _status(error: Exception) -> int:
    """The HTTP status of an answer, 0 where there was none."""
    return int(getattr(getattr(error, "response", None), "status_code", None) or 0)


def _explain(error: Exception, source: _Source) -> str:
    """What went wrong and what to do about it."""
    from huggingface_hub import errors as hub

    status = _status(error)
    symbol = errno.errorcode.get(error.errno or 0) if isinstance(error, OSError) else None
    if symbol in {"ENOSPC", "EDQUOT"}:
        return f"the disk of {cache_folder()} is full; free some space or point HF_HOME at another disk"
    if symbol in {"EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"}:
        return f"cannot write to the cache ({error}); point HF_HOME at a folder you may write to"
    if isinstance(error, hub.GatedRepoError):
        return f"{source.repo} asks to accept its terms; do so on its page, then set HF_TOKEN"
    if isinstance(error, hub.RepositoryNotFoundError) or status in (401, 403):
        return f"{source.repo} does not exist or is private (HTTP {status}); check the name, or set HF_TOKEN"
    if isinstance(error, hub.RevisionNotFoundError):
        return f"{source.repo} has no revision {source.revision}; check the branch, tag or commit"
    if status == 404:
        return (
            f"revision {source.revision} of {source.repo} has no such file (HTTP 404); try another revision"
        )
    if isinstance(error, hub.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE was set when this process began; unset it and start anew"
    detail = f"HTTP {status}" if status else f"{type(error).__name__}: {error}".splitlines()[0]
    return (
        f"{_endpoint()} did not deliver ({detail}); check the network and HF_ENDPOINT, then try again: "
        "complete files are kept (with HF_HUB_OFFLINE=1 only the cache is used)"
    )


def _published(source: _Source, offline: bool) -> tuple[str, tuple[BundleFile, ...]]:
    """The commit that a source's revision stands for, and its files.

    Where the catalogue does not know, the hub is asked and its answer kept: a commit never changes, and a
    branch can be used offline as it was last seen.
    """
    if source.files is not None:
        return source.revision, source.files
    note = f"listings/{source.repo.replace('/', '--')}@{quote(source.revision, safe='')}.json"
    kept = read_note(note) if offline or _COMMIT.fullmatch(source.revision) else None
    if kept is not None:
        return str(kept["commit"]), tuple(BundleFile(**file) for file in kept["files"])
    if offline:
        raise DownloadError(
            f"offline, and {source.model} was never downloaded here: run once without HF_HUB_OFFLINE and "
            "local_files_only, or give the folder of a bundle on disk"
        )
    from huggingface_hub import HfApi

    api = HfApi(endpoint=_endpoint(), library_name="loquor")
    info = _ask(
        lambda: api.model_info(source.repo, revision=source.revision, files_metadata=True, timeout=_TIMEOUT),
        "the list of files",
        source,
    )
    files = tuple(
        BundleFile(entry.rfilename, entry.size, entry.lfs.sha256 if entry.lfs else None)
        for entry in info.siblings or ()
    )
    commit = info.sha or source.revision
    write_note(note, {"commit": commit, "files": [asdict(file) for file in files]})
    return commit, files


# --- Fetching ---


def _obtain(
    source: _Source, dtype: str, *, local_files_only: bool, progress: bool | None, force: bool
) -> Path:
    """Make sure that every wanted file is in the cache and as published; return the snapshot's folder."""
    offline = local_files_only or is_offline()
    if offline and force:
        raise InvalidInputError("force needs the network: unset HF_HUB_OFFLINE, or leave force out")
    commit, published = _published(source, offline)
    wanted = pick_files(published, dtype, source.model)
    missing = [file for file in wanted if force or not _is_ready(source, commit, file, offline)]
    if missing and offline:
        raise DownloadError(
            f"offline, and the cache {cache_folder()} lacks {', '.join(file.path for file in missing)} of "
            f"{source.model}: run once without HF_HUB_OFFLINE and local_files_only to fetch what is missing"
        )
    if missing:
        _fetch_all(source, commit, missing, sys.stderr.isatty() if progress is None else progress, force)
    places = {file.path: cached_file(source.repo, commit, file.path) for file in wanted}
    folders = {place.parents[path.count("/")] for path, place in places.items() if place is not None}
    if None in places.values() or len(folders) != 1:
        raise DownloadError(
            f"files of {source.model} are not where they were put: the server answered with another "
            f"commit than {commit}, or {cache_folder()} was cleared meanwhile; try again"
        )
    return folders.pop()


def _is_ready(source: _Source, commit: str, file: BundleFile, offline: bool) -> bool:
    path = cached_file(source.repo, commit, file.path)
    if path is None:
        return False
    problem = problem_with(path, file)
    if problem is None:
        return True
    if offline:
        raise DownloadError(
            f"{file.path} of {source.model} is damaged in the cache ({problem}): run once without "
            "HF_HUB_OFFLINE and local_files_only, and it is fetched again"
        )
    _log.warning("%s of %s is damaged in the cache: %s", file.path, source.model, problem)
    remove_cached(path)
    return False


def _fetch_all(source: _Source, commit: str, files: list[BundleFile], progress: bool, force: bool) -> None:
    from tqdm import tqdm  # type: ignore[import-untyped]

    cache = cache_folder()
    sizes = [file.size for file in files if file.size is not None]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache).free
    except OSError as error:
        raise DownloadError(
            f"cannot use the cache {cache} for {source.model} ({error}): "
            "point HF_HOME at a folder you may write to"
        ) from error
    if sum(sizes) > free:
        raise DownloadError(
            f"{source.model} needs {sum(sizes) / 1e6:.0f} MB more, and the disk of {cache} has "
            f"{free / 1e6:.0f} MB left: free some space or point HF_HOME at another disk"
        )
    total = sum(sizes) if len(sizes) == len(files) else None
    with (
        tqdm(total=total, desc=source.model, unit="B", unit_scale=True, disable=not progress) as bar,
        _reporting_to(bar) as options,
    ):
        for file in files:
            _fetch(source, commit, file, {**options, "force_download": force})
            if "tqdm_class" not in options:
                bar.update(file.size or 0)


def _fetch(source: _Source, commit: str, file: BundleFile, options: dict[str, Any]) -> None:
    """Download one file and check it; a wrong one is thrown away and fetched once more."""
    from huggingface_hub import hf_hub_download

    def call() -> Path:
        return Path(
            hf_hub_download(
                source.repo,
                file.path,
                revision=commit,
                cache_dir=cache_folder(),
                endpoint=_endpoint(),
                library_name="loquor",
                **options,
            )
        )

    for _ in range(2):
        path = _ask(call, file.path, source)
        if (problem := problem_with(path, file)) is None:
            return
        _log.warning("%s of %s arrived damaged: %s", file.path, source.model, problem)
        remove_cached(path)
        options["force_download"] = True  # else a damaged shared blob would only be linked to again
    raise DownloadError(
        f"{file.path} of {source.model} arrived other than published, twice ({problem}), and was removed: "
        f"try again later, or check that {_endpoint()} (HF_ENDPOINT) is a faithful mirror"
    )


@contextmanager
def _reporting_to(bar: Any) -> Iterator[dict[str, Any]]:
    """Options for `hf_hub_download` that add each file's bytes to the bundle's one bar, and show no other.

    A hub library too old for `tqdm_class` has its own bars silenced, and the bar moves a file at a time.
    """
    import inspect

    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from tqdm import tqdm

    class Part(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(disable=True)

        def update(self, n: float | None = 1) -> None:
            bar.update(n)

        def update_transfer(self, n: float | None = 1) -> None:
            """Bytes on the wire, which differ from the file's where the hub de-duplicates: not shown."""

        def set_transfer_postfix_str(self, postfix: str, refresh: bool = False) -> None:
            """The rate on the wire: not shown."""

    if "tqdm_class" in inspect.signature(hf_hub_download).parameters:
        yield {"tqdm_class": Part}
    elif are_progress_bars_disabled():
        yield {}
    else:
        disable_progress_bars()
        try:
            yield {}
        finally:
            enable_progress_bars()

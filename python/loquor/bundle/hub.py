"""From a model's name to a folder with its files: the catalogue, a folder on disk, or the hub.

Files live in the Hugging Face cache, so they are shared with other programs. Every file with a published hash
is checked once; the check is remembered beside the cache, and a pinned bundle that is complete and checked
needs no network. The environment (`HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_TOKEN`) is
read at every call.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _core
from ..errors import DownloadError, InvalidInputError, ModelError
from .catalog import CATALOG, BundleFile, check_dtype, find_entry, model_text, pick_files
from .hub_cache import cache_folder, cached_file, problem_with, remove_cached, snapshot_of
from .hub_http import Source, is_offline
from .hub_listing import is_commit, published_files

__all__ = ["Inspected", "download", "inspect", "is_offline", "resolve"]

_log = logging.getLogger(__name__)

_LARGEST_HEAD = 1 << 26  # bytes: a graph with its weights inside is larger

_REPO = re.compile(r"[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*")


def resolve(
    model: str | os.PathLike[str],
    *,
    dtype: str = "auto",
    prefer: str | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    progress: bool | None = None,
    inspected: bool = False,
) -> Path:
    """Return the folder that holds a bundle, downloading what is missing.

    `model` is a name of the catalogue ("nano"), a folder that contains `onnx/`, or a hub id ("owner/name" or
    "owner/name@revision"). A catalogue name wins over a folder of that name (write "./nano" for the folder).
    `dtype` and `progress` are as in `download`; "auto" takes `prefer` where it is on offer (hub only). With
    `local_files_only`, or `HF_HUB_OFFLINE=1`, only the cache is looked at. With `inspected`, a repository
    that the catalogue does not know is looked at before its weights are downloaded (see `inspect`).

    Raises `InvalidInputError` for a name or precision that does not exist, `ModelError` for a folder or
    repository that is no bundle, `DownloadError` if files are missing and cannot be had.
    """
    place, offline = _locate(model, revision, dtype), local_files_only or is_offline()
    if isinstance(place, Path):
        return place
    if inspected and find_entry(place.repo) is None and not offline:
        _inspected(place, dtype, prefer)
    return _obtain(place, dtype, prefer, offline=offline, progress=progress, force=False)


def download(
    model: str | os.PathLike[str],
    *,
    dtype: str = "auto",
    revision: str | None = None,
    progress: bool | None = None,
    force: bool = False,
    inspected: bool = False,
) -> Path:
    """Fetch a bundle's files of one precision into the cache and return the folder that holds them.

    `dtype` is "auto", a precision ("fp32", "fp16", "q8", "q4", "q4f16") or one per graph, as
    `catalog.choose_dtypes` takes it. `progress` shows a bar on stderr; None shows it on a terminal only.
    `force` fetches again what is in the cache, `inspected` is as in `resolve`. A folder or the
    built-in model is returned as it is. Errors are those of `resolve`.
    """
    place = _locate(model, revision, dtype)
    if isinstance(place, Path):
        return place
    if inspected and find_entry(place.repo) is None and not is_offline():
        _inspected(place, dtype, None)
    return _obtain(place, dtype, None, offline=is_offline(), progress=progress, force=force)


@dataclass(frozen=True)
class Inspected:
    """What is known of a bundle without its weights."""

    folder: Path
    """On disk; of a bundle on the hub what was looked at of it."""
    repo: str | None
    """On the hub, as owner/name; None for a folder."""
    commit: str | None
    """The commit that was looked at."""
    files: tuple[BundleFile, ...]
    """All that is published, or lies in the folder."""
    facts: dict[str, Any]
    """What the core reads of it (`_core.read_bundle`)."""


def inspect(model: str | os.PathLike[str], *, dtype: str = "auto", revision: str | None = None) -> Inspected:
    """Tell what a bundle is, and that this version runs it, from its settings and its graphs' heads alone.

    Of a bundle on the hub these few megabytes are downloaded, and none of its weights. Errors are those of
    `resolve`: `ModelError` where it is no bundle, or of a family that is not run here.
    """
    place = _locate(model, revision, dtype)
    if isinstance(place, Source):
        return _inspected(place, dtype, None)
    files = tuple(
        BundleFile(path.relative_to(place).as_posix(), path.stat().st_size)
        for path in sorted(place.rglob("*"))
        if path.is_file()
    )
    return Inspected(place, None, None, files, _core.read_bundle(str(place), dtype))


def _inspected(source: Source, dtype: str, prefer: str | None) -> Inspected:
    offline = is_offline()
    commit, published = published_files(source, offline)
    needed = pick_files(published, dtype, source.model, prefer)
    heads = [file for file in (*needed, *_cards(published)) if _is_head(file)]
    missing = [file for file in heads if not _is_ready(source, commit, file, offline)]
    if missing and offline:
        raise DownloadError(
            f"offline, and the cache {cache_folder()} lacks {missing[0].path} of {source.model}: run once "
            "without HF_HUB_OFFLINE"
        )
    if missing:
        from .hub_fetch import fetch_all  # as in download

        fetch_all(source, commit, missing, False, False)
    folder = snapshot_of(source.repo, commit)
    if folder is None:
        raise DownloadError(f"{source.model} is not where it was put: {cache_folder()} was cleared meanwhile")
    try:
        facts = _core.read_bundle(str(folder), dtype, prefer or "")
    except ModelError as error:
        raise ModelError(
            f"{source.model} cannot be run, so its weights are not downloaded: {error}"
        ) from error
    return Inspected(folder, source.repo, commit, published, facts)


def _cards(published: tuple[BundleFile, ...]) -> list[BundleFile]:
    """The bundle's card, which names its licence."""
    return [file for file in published if file.path == "README.md"]


def _is_head(file: BundleFile) -> bool:
    """Settings, or a graph whose weights lie elsewhere: all but what takes long to fetch."""
    return not file.path.endswith(("_data", ".data")) and (file.size is None or file.size <= _LARGEST_HEAD)


# --- What the name means ---


def _locate(model: str | os.PathLike[str], revision: str | None, dtype: str) -> Path | Source:
    """The folder on disk, or the place on the hub, that `model` stands for."""
    check_dtype(dtype)
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
        return Source(text, name, asked or "main", None)
    if entry is None and re.search(r"[/\\]|^[.~]", text):
        raise ModelError(f"there is no folder {text!r}: give a bundle's folder (the one that contains onnx/)")
    if entry is None:
        repos = [known.repo for known in CATALOG.values() if known.repo]
        raise InvalidInputError(_unknown(text, [*CATALOG, *repos]))
    if entry.repo is None:
        if asked is not None:
            raise InvalidInputError(f"{name!r} is part of the package and has no revision: leave it out")
        return _bundle_folder(Path(__file__).parents[1] / name)
    at = asked or entry.revision or "main"
    pinned = at == entry.revision and is_commit(at)
    return Source(text, entry.repo, at, entry.files if pinned else None)


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


# --- What the cache lacks ---


def _obtain(
    source: Source, dtype: str, prefer: str | None, *, offline: bool, progress: bool | None, force: bool
) -> Path:
    """Make sure that every wanted file is in the cache and as published; return the snapshot's folder."""
    if offline and force:
        raise InvalidInputError("force needs the network: unset HF_HUB_OFFLINE, or leave force out")
    commit, published = published_files(source, offline)
    wanted = pick_files(published, dtype, source.model, prefer)
    missing = [file for file in wanted if force or not _is_ready(source, commit, file, offline)]
    if missing and offline:
        raise DownloadError(
            f"offline, and the cache {cache_folder()} lacks {', '.join(file.path for file in missing)} of "
            f"{source.model}: run once without HF_HUB_OFFLINE and local_files_only to fetch what is missing"
        )
    if missing:
        from .hub_fetch import fetch_all  # seldom needed, and slow to import

        fetch_all(source, commit, missing, sys.stderr.isatty() if progress is None else progress, force)
    places = {file.path: cached_file(source.repo, commit, file.path) for file in wanted}
    folders = {place.parents[path.count("/")] for path, place in places.items() if place is not None}
    if None in places.values() or len(folders) != 1:
        raise DownloadError(
            f"files of {source.model} are not where they were put: the server answered with another "
            f"commit than {commit}, or {cache_folder()} was cleared meanwhile; try again"
        )
    return folders.pop()


def _is_ready(source: Source, commit: str, file: BundleFile, offline: bool) -> bool:
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

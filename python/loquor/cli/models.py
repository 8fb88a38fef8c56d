"""`loquor models`: the catalogue, and what any bundle is before its weights are downloaded."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import _core
from ..bundle.catalog import (
    CATALOG,
    DTYPES,
    BundleFile,
    CatalogEntry,
    choose_dtypes,
    find_entry,
    offered_dtypes,
    pick_files,
)
from ..bundle.hub import inspect, resolve
from .console import emit

__all__ = ["add", "download_bytes", "megabytes", "run"]

_HEADER = ("NAME", "WHERE", "PRECISIONS", "DOWNLOAD", "LANGUAGES", "LICENCE", "RUNS HERE", "IN CACHE")
_BESIDE = 400_000_000  # bytes of a process beside the weights: the runtime, a cache, a run's own
_EXTRAS = {"ja": ("fugashi", "unidic_lite"), "zh": ("jieba",), "numbers": ("unicode_rbnf", "babel")}


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "List the models known by name, or tell all about one: a name, a hub id or a folder, of which no "
        "weight is downloaded. Sizes are of what --dtype auto downloads."
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a name, a hub id owner/name, or a folder")
    parser.add_argument("--json", action="store_true", help="print JSON, with sizes in bytes")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.model is not None:
        about = _about(args.model)
        emit(json.dumps(about, indent=1) if args.json else "\n".join(_lines(about)))
        return 0
    facts = [_facts(entry) for entry in CATALOG.values()]
    emit(json.dumps(facts, indent=1) if args.json else _table([_HEADER, *map(_row, facts)]))
    return 0


def download_bytes(entry: CatalogEntry) -> int | None:
    """The size of what "auto" downloads; None where the catalogue does not know all of it."""
    return 0 if entry.location == "builtin" else _bytes_of(entry.files, "auto", entry.name)


def megabytes(size: int | None, at_least: int = 0) -> str:
    if size is not None:
        return f"{size / 1e6:.0f} MB"
    return f"> {at_least / 1e6:.0f} MB" if at_least else "?"


# --- The catalogue ---


def _facts(entry: CatalogEntry) -> dict[str, Any]:
    files = _files(entry)
    return {
        "name": entry.name,
        "summary": entry.summary,
        "licence": entry.licence,
        "location": entry.location,
        "repo": entry.repo,
        "revision": entry.revision,
        "supported": entry.supported,
        **_of_files(files, entry.name, entry.family),
        "download_bytes": download_bytes(entry),
        "cached": _cached(entry),
    }


def _of_files(files: tuple[BundleFile, ...], model: str, family: str) -> dict[str, Any]:
    """What a bundle's files and family tell, wherever it lies."""
    paths = [file.path for file in files]
    offered = offered_dtypes(paths)
    common = [dtype for dtype in DTYPES if all(dtype in of_graph for of_graph in offered.values())]
    chosen = pick_files(files, "auto", model)
    weights_known = all(file.size is not None for file in chosen if not file.path.endswith(".json"))
    return {
        "family": family,
        "languages": list(_languages(family)),
        "missing_extras": _missing_extras(family),
        "dtypes": offered,
        "auto": choose_dtypes(paths, "auto", model),
        "bytes": {dtype: _bytes_of(files, dtype, model) for dtype in ("auto", *common)},
        "bytes_at_least": sum(file.size or 0 for file in chosen),
        "runs_here": _runs_here(sum(file.size or 0 for file in chosen) if weights_known else None),
    }


def _files(entry: CatalogEntry) -> tuple[BundleFile, ...]:
    if entry.location == "hub":
        return entry.files
    folder = resolve(entry.name)
    return tuple(
        BundleFile(path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in folder.rglob("*")
        if path.is_file()
    )


def _bytes_of(files: tuple[BundleFile, ...], dtype: str, model: str) -> int | None:
    sizes = [file.size for file in pick_files(files, dtype, model)]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _languages(family: str) -> tuple[str, ...]:
    from ..bundle.text_rules import languages_of

    profiles = {each["name"]: each["text_profile"] for each in _core.families()}
    return languages_of(profiles[family])


def _missing_extras(family: str) -> list[str]:
    """Extras of languages that it speaks, whose packages are not all there."""
    if len(_languages(family)) == 1:
        return []
    return [
        f"loquor[{extra}]"
        for extra, packages in _EXTRAS.items()
        if any(importlib.util.find_spec(package) is None for package in packages)
    ]


def _runs_here(size: int | None) -> str:
    """ "yes", or why not; "?" where sizes or the machine's memory are not known."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "?"
    if size is None:
        return "?"
    needed = size + _BESIDE
    if needed <= memory:
        return "yes"
    return f"no: {needed / 1e9:.1f} GB of memory wanted, {memory / 1e9:.1f} here"


def _cached(entry: CatalogEntry) -> bool | None:
    """Whether the cache has all files of "auto" (unchecked); None where only the hub knows which they are."""
    if entry.location == "builtin":
        return True
    if entry.repo is None or entry.revision is None or download_bytes(entry) is None:
        return None
    return _all_cached(entry.repo, entry.revision, pick_files(entry.files, "auto", entry.name))


def _all_cached(repo: str, commit: str, files: Iterable[BundleFile]) -> bool:
    from ..bundle.hub_cache import cached_file

    return all(cached_file(repo, commit, file.path) is not None for file in files)


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    on_hub, languages = facts["location"] == "hub", facts["languages"]
    return (
        facts["name"],
        f"{facts['repo']}@{facts['revision'][:7]}" if on_hub else "built-in",
        _precisions(facts["dtypes"].values()),
        megabytes(facts["download_bytes"], facts["bytes_at_least"]) if on_hub else "-",
        languages[0] if len(languages) == 1 else str(len(languages)),
        facts["licence"],
        facts["runs_here"].partition(":")[0] if facts["supported"] else "not yet",
        {True: "yes", False: "no", None: "?"}[facts["cached"]] if on_hub else "-",
    )


def _precisions(per_graph: Iterable[tuple[str, ...]]) -> str:
    """Those that all graphs have; the others can only be mixed."""
    common = set(DTYPES).intersection(*per_graph)
    return ",".join(dtype for dtype in DTYPES if dtype in common) or "mixed"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


# --- One bundle ---


def _about(model: str) -> dict[str, Any]:
    """The same facts of any bundle. Raises what `inspect` does, for one that is not run here too."""
    entry = find_entry(model)
    if entry is not None and model in (entry.name, entry.repo) and entry.files:
        return _facts(entry)
    seen = inspect(model)
    wanted = pick_files(seen.files, "auto", model)
    return {
        "name": model,
        "summary": entry.summary if entry else "",
        "licence": entry.licence if entry else _licence(seen.folder),
        "location": "folder" if seen.repo is None else "hub",
        "repo": seen.repo,
        "revision": seen.commit,
        "supported": True,
        **_of_files(seen.files, model, seen.facts["family"]["name"]),
        "download_bytes": 0 if seen.repo is None else _bytes_of(seen.files, "auto", model),
        "cached": seen.repo is None or _all_cached(seen.repo, seen.commit or "", wanted),
    }


def _licence(folder: Path) -> str:
    """What the head of the bundle's card says, where it is at hand."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")[:4096]
    except OSError:
        return "as its card says"
    found = re.search(r"^licen[sc]e:\s*(\S+)", card, re.MULTILINE)
    return found[1] if found else "as its card says"


def _lines(about: Mapping[str, Any]) -> Iterable[str]:
    where = about["repo"] and f"{about['repo']}@{about['revision']}"
    yield f"{about['name']}: {about['summary']}".rstrip(": ")
    yield f"  where:      {where or about['location']}"
    yield f"  family:     {about['family']}, {'run' if about['supported'] else 'not run'} by this version"
    yield f"  licence:    {about['licence']}"
    yield f"  languages:  {' '.join(about['languages'])}"
    if about["missing_extras"]:
        yield f"  to install: {' '.join(about['missing_extras'])}, which some of them or numbers need"
    least = {"auto": about["bytes_at_least"]}
    sizes = [f"{dtype} {megabytes(size, least.get(dtype, 0))}" for dtype, size in about["bytes"].items()]
    yield f"  sizes:      {', '.join(sizes)}"
    for graph, dtypes in about["dtypes"].items():
        chosen = about["auto"][graph]
        yield f"    {graph}: {', '.join(f'{each} (auto)' if each == chosen else each for each in dtypes)}"
    yield f"  runs here:  {about['runs_here']}"
    yield "  in cache:   " + {True: "yes", False: "no", None: "not known"}[about["cached"]]

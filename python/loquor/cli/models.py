"""`loquor models`: the catalogue."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from ..bundle.catalog import CATALOG, DTYPES, CatalogEntry, choose_dtypes, offered_dtypes, pick_files
from ..bundle.hub import resolve
from .console import emit

__all__ = ["add", "download_bytes", "megabytes", "run"]

_HEADER = ("NAME", "WHERE", "PRECISIONS", "DOWNLOAD", "SUPPORTED", "IN CACHE")


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the models known by name. Sizes are of what --dtype auto downloads."
    parser.add_argument("--json", action="store_true", help="print JSON, with sizes in bytes")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    facts = [_facts(entry) for entry in CATALOG.values()]
    emit(json.dumps(facts, indent=1) if args.json else _table([_HEADER, *map(_row, facts)]))
    return 0


def download_bytes(entry: CatalogEntry) -> int | None:
    """The size of what "auto" downloads; None where the catalogue does not know all of it."""
    if entry.location == "builtin":
        return 0
    sizes = [file.size for file in pick_files(entry.files, "auto", entry.name)]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.0f} MB"


def _facts(entry: CatalogEntry) -> dict[str, Any]:
    paths = _paths(entry)
    return {
        "name": entry.name,
        "summary": entry.summary,
        "licence": entry.licence,
        "location": entry.location,
        "repo": entry.repo,
        "revision": entry.revision,
        "supported": entry.supported,
        "dtypes": offered_dtypes(paths),
        "auto": choose_dtypes(paths, "auto", entry.name),
        "download_bytes": download_bytes(entry),
        "cached": _cached(entry),
    }


def _paths(entry: CatalogEntry) -> list[str]:
    if entry.location == "hub":
        return [file.path for file in entry.files]
    folder = resolve(entry.name)
    return [path.relative_to(folder).as_posix() for path in folder.glob("onnx/*")]


def _cached(entry: CatalogEntry) -> bool | None:
    """Whether the cache has all files of "auto" (unchecked); None where only the hub knows which they are."""
    from ..bundle.hub_cache import cached_file

    if entry.location == "builtin":
        return True
    if entry.repo is None or entry.revision is None or download_bytes(entry) is None:
        return None
    files = pick_files(entry.files, "auto", entry.name)
    return all(cached_file(entry.repo, entry.revision, file.path) is not None for file in files)


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    on_hub = facts["location"] == "hub"
    return (
        facts["name"],
        f"{facts['repo']}@{facts['revision'][:7]}" if on_hub else "built-in",
        _precisions(facts["dtypes"].values()),
        megabytes(facts["download_bytes"]) if on_hub else "-",
        "yes" if facts["supported"] else "not yet",
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

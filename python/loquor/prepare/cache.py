"""Rewritten graphs on disk: found again by what they were made of, whole or not at all.

Each has two files: the graph, and a note with its hash, written after it. Both arrive by rename, and equal
input gives equal bytes, so that processes that prepare at the same time replace each other's work with the
same. A graph that does not match its note is made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors import LoquorError
from ..files import sample_of, write_atomic

__all__ = ["CACHE_VARIABLE", "Note", "cache_folder", "key_of", "load", "make_folder", "store"]

CACHE_VARIABLE = "LOQUOR_CACHE"
"""Environment variable: the folder for what Loquor makes for itself, instead of the platform's."""

_log = logging.getLogger("loquor.prepare")


@dataclass(frozen=True)
class Note:
    """What is known of one graph: the rewritten one's hash, or why there is none."""

    source: str
    """Path of the untouched graph when this was made."""
    weights: dict[str, str]
    """Sampled hash of each external data file, by its path relative to the graph's real folder."""
    sha256: str = ""
    changes: list[str] = field(default_factory=list)
    refused: str = ""
    differences: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What the graph, as it will run, keeps that is slow or inexact."""


def cache_folder() -> Path:
    """Where rewritten graphs are kept: `$LOQUOR_CACHE/prepared`, or in the platform's cache."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).expanduser() / "prepared"
    home = Path.home()
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = home / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return root / "loquor" / "prepared"


def make_folder() -> Path:
    """Return the folder, made if need be. Raises `LoquorError`."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoquorError(
            f"cannot make the folder {folder} ({error}); {CACHE_VARIABLE} names another"
        ) from error
    return folder


def key_of(graph: bytes, *facts: str) -> str:
    """Name of the entry for a graph's bytes under these facts (versions, options)."""
    digest = hashlib.sha256(graph)
    for fact in facts:
        digest.update(f"\0{fact}".encode())
    return digest.hexdigest()[:32]


def load(stem: str, weights_folder: Path) -> tuple[Note, Path] | None:
    """The entry `stem`, if it is whole and its weights are still those it was made for."""
    graph, file = _paths(stem)
    try:
        note = Note(**json.loads(file.read_text(encoding="utf-8")))
        if any(sample_of(weights_folder / name) != stamp for name, stamp in note.weights.items()):
            _log.info("%s was made for other weights: preparing again", graph)
            return None
        if note.refused or not note.sha256:
            return note, graph
        if hashlib.sha256(graph.read_bytes()).hexdigest() == note.sha256:
            return note, graph
        _log.warning("the prepared graph %s is damaged: preparing again", graph)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, TypeError) as error:  # what is no JSON, or no note
        _log.warning("the note %s cannot be used (%s): preparing again", file, error)
    return None


def store(stem: str, note: Note, graph: bytes) -> Path:
    """Keep an entry and return the graph's path. Raises `LoquorError` if the folder cannot be written to."""
    path, file = _paths(stem)
    make_folder()
    if graph:
        write_atomic(path, graph)
    write_atomic(file, json.dumps(asdict(note), indent=1).encode())
    return path


def _paths(stem: str) -> tuple[Path, Path]:
    folder = cache_folder()
    return folder / f"{stem}.onnx", folder / f"{stem}.json"

"""Rewritten graphs on disk: found again by what they were made of, whole or not at all.

Each has two files: the graph, and a note with its hash, written after it. Both arrive by rename, and equal
input gives equal bytes, so that processes that prepare at the same time replace each other's work with the
same. A graph that does not match its note is made again. What is noted as refused follows from the graph:
what went wrong for the moment is tried again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..files import sample_of
from .storage import cache_folder, clear_unused, make_folder, mark_used, read_private, write_private

__all__ = ["Note", "key_of", "load", "store"]

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
    use: str = ""
    """What it was made for: the options, without versions. An entry replaces those of its source and use."""


def key_of(graph: bytes, *facts: str) -> str:
    """Name of the entry for a graph's bytes under these facts (versions, options)."""
    digest = hashlib.sha256(graph)
    for fact in facts:
        digest.update(f"\0{fact}".encode())
    return digest.hexdigest()[:32]


def load(stem: str, weights_folder: Path) -> tuple[Note, Path] | None:
    """The entry `stem`, if it is whole and its weights are still those it was made for.

    Raises `LoquorError` if somebody else could have written it.
    """
    graph, file = _paths(stem)
    if not file.exists():
        return None
    make_folder()  # which looks whose it is
    mark_used(file)
    try:
        note = Note(**json.loads(read_private(file)))
        if any(sample_of(weights_folder / name) != stamp for name, stamp in note.weights.items()):
            _log.info("%s was made for other weights: preparing again", graph)
            return None
        if note.refused or not note.sha256:
            return note, graph
        if hashlib.sha256(read_private(graph)).hexdigest() == note.sha256:
            return note, graph
        _log.warning("the prepared graph %s is damaged: preparing again", graph)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, AttributeError) as error:  # what is no JSON, or no note
        _log.warning("the note %s cannot be used (%s): preparing again", file, error)
    return None


def store(stem: str, note: Note, graph: bytes) -> Path:
    """Keep an entry and return the graph's path; clear what it replaces, and what nobody uses.

    Raises `LoquorError` if the folder cannot be written to, or is somebody else's.
    """
    path, file = _paths(stem)
    if graph:
        write_private(path, graph)
    write_private(file, json.dumps(asdict(note), indent=1).encode())
    clear_unused(file)
    return path


def _paths(stem: str) -> tuple[Path, Path]:
    folder = cache_folder()
    return folder / f"{stem}.onnx", folder / f"{stem}.json"

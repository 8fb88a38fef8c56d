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

from ..base.files import read_json, sha256_of
from .storage import cache_folder, check_private, clear_unused, make_folder, mark_used, write_private

__all__ = ["Note", "key_of", "load", "store"]

_log = logging.getLogger("loquor.prepare")


@dataclass(frozen=True)
class Note:
    """What is known of one graph: the rewritten one's hash, or why there is none."""

    source: str
    """Path of the untouched graph when this was made."""
    sha256: str = ""
    changes: list[str] = field(default_factory=list)
    refused: str = ""
    differences: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What the graph, as it will run, keeps that is slow or inexact."""
    use: str = ""
    """What it was made for: the options, without versions. An entry replaces those of its source and use."""
    cut: bool = False
    """Whether the graph is a decoder's flow alone; its vocoder has an entry of its own."""
    heads: list[list[int]] = field(default_factory=list)
    """Of a language model: layer and head of those whose attention was asked for."""
    window_prompt: float = 0.0
    """Of a flow: the least seconds of a voice that may prompt windows, 0 where all of it has to."""

    @classmethod
    def read(cls, file: Path) -> Note:
        """Raises `OSError`, and `ValueError` or `TypeError` for what is no note."""
        note = cls(**read_json(file))
        texts = [note.source, note.sha256, note.refused, note.use, *note.changes, *note.remarks]
        if not (isinstance(note.changes, list) and isinstance(note.remarks, list)) or not all(
            isinstance(text, str) for text in texts
        ):
            raise TypeError("its fields are of other types")
        return note


def key_of(source: Path, *facts: str) -> str:
    """Name of the entry for what is made of a file's content under these facts (versions, options).

    That of a prepared graph is the core's to compute (`_core.prepared_key`). Raises `OSError`.
    """
    return hashlib.sha256("\0".join([sha256_of(source), *facts]).encode()).hexdigest()[:32]


def load(stem: str) -> tuple[Note, Path] | None:
    """The entry `stem`, if it is whole. Raises `LoquorError` if somebody else could have written it."""
    graph, file = _paths(stem)
    if not file.exists():
        return None
    make_folder()  # which looks whose it is
    mark_used(file)
    try:
        check_private(file)
        note = Note.read(file)
        if note.refused or not note.sha256:
            return note, graph
        check_private(graph)
        if sha256_of(graph) == note.sha256:
            return note, graph
        _log.warning("the prepared graph %s is damaged: preparing again", graph)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError) as error:  # what is no JSON, or no note
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

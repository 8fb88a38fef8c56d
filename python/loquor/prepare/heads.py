"""Which heads of a language model attend to what of the text is being said: told by its bundle, or found."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from .. import _core
from .storage import cache_folder, check_private, clear_unused, mark_used, write_private

__all__ = ["Heads", "heads_file", "keep_heads", "kept_heads", "pairs_of"]

_log = logging.getLogger("loquor.prepare")

Heads: TypeAlias = "tuple[tuple[int, int], ...]"
"""Layer and head of each."""


def pairs_of(numbers: Sequence[int]) -> Heads:
    """Heads of layers and heads in turns."""
    return tuple(zip(map(int, numbers[::2]), map(int, numbers[1::2]), strict=True))


def heads_file(source: Path) -> Path:
    """Where those found for the language model in the file `source` are kept, beside its prepared graph.

    Named by its content and its weights' samples, whatever it is prepared for. Raises `ModelError`.
    """
    key = _core.prepared_key(
        str(source), graph="heads", kv_dtype="", vector_unit="", device="", own_operators=True, int16=False,
        version=0, runtime="", scaled_for="",
    )  # fmt: skip
    return cache_folder() / f"{source.stem}_heads-{key}.json"


def kept_heads(source: Path) -> Heads | None:
    """Those that `keep_heads` kept; None if there are none. Raises `LoquorError` if they are not trusted."""
    file = heads_file(source)
    try:
        if not file.is_file():
            return None
        check_private(file)
        mark_used(file)
        pairs = json.loads(file.read_bytes())["alignment_heads"]
        return tuple((int(layer), int(head)) for layer, head in pairs)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("%s cannot be used (%s): `loquor align` makes it again", file, error)
        return None


def keep_heads(source: Path, heads: Heads) -> Path:
    """Write them for `kept_heads`, and return the file. Raises `LoquorError`."""
    file = heads_file(source)
    content = {"source": str(source), "use": "alignment heads", "alignment_heads": [list(h) for h in heads]}
    write_private(file, json.dumps(content).encode())
    clear_unused(file)
    return file

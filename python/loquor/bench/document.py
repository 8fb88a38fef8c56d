"""The figures of a benchmark as one JSON document, which schema.json beside this file describes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.files import write_atomic
from .rounds import Row

__all__ = ["SCHEMA", "VERSION", "document", "write_document"]

VERSION = 1
"""The version of the document's form: raised where a program that reads it would notice."""

SCHEMA = Path(__file__).with_name("schema.json")
"""JSON Schema (draft 2020-12) of the document."""


def document(
    benchmark: str, rows: Sequence[Row], machine: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what was measured: `facts` hold for all rows, as does the machine."""
    return {
        "version": VERSION,
        "benchmark": benchmark,
        "machine": dict(machine),
        "facts": dict(facts),
        "rows": [_row(row) for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    figures = {"median": row.median, "p95": row.p95, "least": row.least}
    compared = row.baseline
    return {
        "name": row.name,
        "condition": dict(row.condition),
        "unit": row.unit,
        "samples": list(row.samples),
        **{name: _short(value) for name, value in figures.items()},
        "ratio": None if row.ratio is None else _short(row.ratio),
        "baseline": compared and {"name": compared.name, "condition": dict(compared.condition)},
        "facts": dict(row.facts),
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def write_document(path: Path, content: Mapping[str, Any]) -> None:
    """Write it as a file. Raises `InvalidInputError` where that cannot be."""
    write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())

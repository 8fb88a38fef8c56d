"""`loquor doctor`: what is installed, what works, and what to do about the rest."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from . import checks
from .advice import advice
from .console import emit
from .engines import add_engine_arguments, add_model_by_position, take_model_by_position

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Check this installation: what is there, where a model runs, how fast it speaks, and "
        "what to change. A failed check does not stop the others; the exit code is that of the first."
    )
    add_model_by_position(parser)
    add_engine_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    take_model_by_position(args)
    report = checks.examine(args)
    facts = {**report.sections, "advice": advice(report.sections), "exit_code": report.exit_code}
    emit(json.dumps(facts, indent=1) if args.json else "\n".join(_lines(facts)))
    return report.exit_code


def _lines(facts: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in facts.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(value, Mapping) and value:
            yield label
            yield from _lines(value, indent + "  ")
        elif name == "advice" and isinstance(value, list) and value:  # a model's own is one clause
            yield label
            yield from (f"{indent}  - {line}" for line in value)
        else:
            yield f"{label} {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value or "none") if not isinstance(value, int) else str(value)

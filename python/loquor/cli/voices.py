"""`loquor voices`: what a model brings to speak with."""

from __future__ import annotations

import argparse

from .. import _core
from .console import emit, note
from .engines import BUILT_IN, add_model_by_position, take_model_by_position

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the voices that a model brings, by the names that --voice takes."
    parser.add_argument("--model", metavar="M", help=f"as of `loquor say` (default: {BUILT_IN})")
    add_model_by_position(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..bundle.hub import resolve

    take_model_by_position(args)
    model = args.model or BUILT_IN
    facts = _core.read_bundle(str(resolve(model, progress=False if args.quiet else None)))
    names = list(facts["voices"])
    for name in names:
        emit(name)
    if facts["default_voice"] is None and not args.quiet:
        note(f"{model} has no default voice: give --voice a name, or a recording of 5 to 15 s of one speaker")
    return 0

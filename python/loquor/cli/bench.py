"""`loquor bench`: how fast a model is here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError
from .console import emit, note
from .engines import (
    add_engine_arguments,
    add_model_by_position,
    check_input,
    check_output,
    interruptible,
    load_engine,
    take_model_by_position,
    voice_names,
)

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Measure a model as it is loaded with these options: load, voice, prefill, decode steps, "
        "decoder, first sound, real-time factor, memory. The questions take turns after a warm-up; printed "
        "are median, p95 and best, ratios within a round, and the share of what the memory bandwidth allows."
    )
    add_model_by_position(parser)
    parser.add_argument(
        "--voice", metavar="V", help="a recording, a voice file or a voice of the model (default: its own)"
    )
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds (default: 5)")
    parser.add_argument(
        "--context",
        type=int,
        nargs="+",
        metavar="N",
        help="positions before the decode steps (default: what fits)",
    )
    parser.add_argument(
        "--steps", type=int, default=40, metavar="N", help="decode steps a round (default: 40)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures here too")
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..bench import Plan, bench, document, machine, table, write_document

    take_model_by_position(args)
    plan = Plan(args.repeat, args.context, args.steps)
    if args.voice is not None:
        check_input(args.voice, "the voice", names := voice_names(args))
        if args.voice not in names and not Path(args.voice).is_file():
            raise InvalidInputError(f"cannot read the voice {args.voice} more than once: give a file")
    if args.json is not None:
        check_output(args.json, (".json",), args.voice)

    def tell(text: str) -> None:
        if not args.quiet:
            note(text)

    rows, facts = interruptible(
        lambda cancel: bench(lambda: load_engine(args), args.voice, plan, cancel=cancel, tell=tell)
    )
    about = machine()
    if args.json is not None:
        write_document(Path(args.json), document("bench", rows, about, facts))
    emit("\n".join([*_heading(facts, about), *table(rows)]))
    return 0


def _heading(facts: dict[str, Any], about: dict[str, Any]) -> list[str]:
    def listed(states: dict[str, str]) -> str:
        return ", ".join(f"{name} {state}" for name, state in states.items())

    sizes = {"loaded": facts["loaded_megabytes"], "peak": facts["peak_megabytes"]}
    used = ", ".join(f"{name} {value:.0f} MB" for name, value in sizes.items() if value is not None)
    bandwidth = facts["gigabytes_per_second"]
    return [
        f"{facts['model']} on {facts['device']}, {facts['threads']} threads, "
        f"KV cache {facts['kv_mode']} {facts['kv_dtype']}",
        listed(facts["dtypes"]),
        listed(facts["prepared"]),
        f"{about['cpu']}, {about['cores']} cores, load {about['load']}"
        + (f", memory read at {bandwidth} GB/s" if bandwidth else ""),
        f"memory: {used or 'not known here'}",
    ]

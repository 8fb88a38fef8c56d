"""What does a decode step cost each of several requests, together and by turns?

    python benchmarks/batch.py --size turbo --dtype q4 [--batch 1 2 4 8 16] [--context 600] [--steps 40]

B requests are opened at once on an engine that steps them together, on one that steps them by turns
(`batching=False`), and on one that keeps to ONNX Runtime's operators. Timed is the stretch in which all of
them are generating, from the last one's first tokens on: its time by the tokens made in it, in ms. The wait
between two tokens of one request is B times that. Prefills and the decoder are left out. Ratios are to one
request alone, by turns.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import main_of, questions, report, row_of, take_turns, title

import loquor
from loquor import _core
from loquor.bench import Questions, key_of
from loquor.speech.engine import loaded_of
from loquor.speech.options import resolve_options

LOOK_EVERY = 5e-3  # seconds; more often, looking would take its share of a core


def per_token(asked: Questions, batch: int, context: int, steps: int) -> float:
    """Seconds a token of `batch` requests that generate at the same time, for `steps` steps each or more."""
    for doublings in range(10):
        if (seconds := stretch(asked, batch, context, steps << doublings)) is not None:
            return seconds
    raise SystemExit(f"of {batch} requests one ended before all of them could be timed: give more --steps")


def stretch(asked: Questions, batch: int, context: int, steps: int) -> float | None:
    """As `per_token`; None where a request ended, since the rest of the time would not be that of `batch`."""
    loaded, ids = loaded_of(asked.engine), asked.ids(context)
    # As many tokens as the first needs while the last is still in its prefill: none ends before the stretch.
    options = loquor.GenerationOptions(
        temperature=10, top_k=0, top_p=1, min_p=0, repetition_penalty=1, max_new_tokens=batch * 4 + 3 * steps
    )
    resolved = resolve_options(options, loaded.defaults) | {"guards": 0}  # such tokens would trip them
    chunks = loaded.stream_defaults | {"first_chunk": 0}  # no sound before all tokens are made
    voice = loaded.handle(asked.voice)
    streams = [_core.StreamHandle(loaded.core(), ids, voice, resolved, chunks) for _ in range(batch)]
    begun, first = 0.0, 0
    try:
        while True:
            now, infos = time.perf_counter(), [stream.info() for stream in streams]
            counts = [info["token_count"] for info in infos]
            if any(info["ended"] for info in infos):
                return None
            if not begun and min(counts) > 1:
                begun, first = now, sum(counts)
            if begun and sum(counts) - first >= batch * steps:
                return (now - begun) / (sum(counts) - first)
            time.sleep(LOOK_EVERY)
    finally:
        for stream in streams:
            stream.cancel()
        while not all(stream.info()["ended"] for stream in streams):
            time.sleep(LOOK_EVERY)


def answer(args: argparse.Namespace, bundle: Path) -> None:
    common = {"dtype": args.dtype, "threads": args.threads, "slots": max(args.batch), "device": "cpu"}
    with ExitStack() as opened:
        turns = opened.enter_context(loquor.Engine(bundle, batching=False, **common))
        together = opened.enter_context(loquor.Engine(bundle, **common))
        engines = {"by turns": questions(turns)}
        if together.capabilities.batched:
            runtime = opened.enter_context(loquor.Engine(bundle, own_operators=False, **common))
            engines["together"] = questions(together)
            engines["together, the runtime's operators"] = questions(runtime)
        else:
            print("left out: this graph's steps cannot be batched here, so that both engines go by turns")
        rivals: dict[tuple[int, str], Callable[[], float]] = {
            (batch, name): partial(per_token, asked, batch, args.context, args.steps)
            for batch in args.batch
            for name, asked in engines.items()
        }
        taken = take_turns(rivals, rounds=args.rounds)
        shared = {"context": args.context}
        rows = [
            row_of(
                f"B = {batch}, {name}", times, name=key_of(name), condition={"batch": batch}, shared=shared
            )
            for (batch, name), times in taken.items()
        ]
        rows = [row.against(rows[0]) for row in rows]  # the smallest batch by turns
        able = together.capabilities
        facts = {"kv_mode": able.kv_mode, "kv_dtype": able.kv_dtype, "batched": able.batched}
        report(title("a token of B requests at once", args), rows, args.json, **facts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--context", type=int, default=600, help="positions before the first step")
    parser.add_argument("--steps", type=int, default=40)


if __name__ == "__main__":
    sys.exit(main_of(__doc__, answer, add_arguments))

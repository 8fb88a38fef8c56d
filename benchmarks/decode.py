"""How long does a decode step take, by context and by rival?

    python benchmarks/decode.py --size turbo --dtype q4 [--context 450 1400] [--steps 40] [--rounds 7]

Rivals run on one bundle with random weights, greedy, with the same prompt and number of threads: the public
loop (Python onnxruntime and numpy, new arrays at every step) on the graph as published and with its products
at accuracy_level 4, and Loquor unprepared, prepared with operators of ONNX Runtime only and with its own, and
with a float16 or int8 KV cache; with --rivals also llama.cpp and onnxruntime-genai. --short leaves out the
public loop and Loquor unprepared. A step is embed_tokens, the language model and the choice of the token; the
prefill is left out.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rivals as others
from harness import measure, read_bandwidth, report
from rivals import public_loop

import loquor
from bundles import DTYPES, EXPORTED_FORMS, FORMS, SIZES, make_bundle
from loquor.bench import key_of, step_bytes
from loquor.speech.engine import loaded_of

BASELINE = public_loop.NAME
PLAIN = "loquor, ORT's operators"


def loquor_step(engine: loquor.Engine, ids: list[int], voice: loquor.Voice, steps: int) -> float:
    """Seconds of one step, by the engine's own clock."""
    options = loquor.GenerationOptions(temperature=0.0, max_new_tokens=steps + 1)
    done = loaded_of(engine).generate(np.array(ids), voice, options)
    return float(done["steps_seconds"] / (len(done["tokens"]) - 1))


def run(args: argparse.Namespace, folder: Path, stack: ExitStack) -> None:
    bundle = args.bundle or make_bundle(
        folder, size=args.size, form=args.form, dtype=args.dtype, stop_bias=-1000.0
    )
    common: dict[str, Any] = {"dtype": args.dtype, "threads": args.threads, "device": "cpu"}
    engines = {
        PLAIN: loquor.Engine(bundle, own_operators=False, **common),
        "loquor": loquor.Engine(bundle, **common),
        "loquor, fp16 KV": loquor.Engine(bundle, kv_dtype="fp16", **common),
        "loquor, int8 KV": loquor.Engine(bundle, kv_dtype="int8", **common),
    }
    loops = {}
    if not args.short:
        engines = {"loquor, as published": loquor.Engine(bundle, prepare=False, **common), **engines}
        loops = public_loop.loops(bundle, args.dtype, args.threads)
    most = max(args.context) + args.steps + 1
    outside = stack.enter_context(others.asked_for(args, bundle, folder, most))
    audio = np.sin(np.arange(24000 * 10) * 0.05).astype(np.float32) * 0.1
    voices = {name: engine.voice((audio, 24000)) for name, engine in engines.items()}
    plain_voices = {name: loop.encode(audio) for name, loop in loops.items()}
    prefix = voices[PLAIN].audio_features.shape[0]
    rows = []
    for context in args.context:
        bandwidth = read_bandwidth(args.threads)  # each time: on a shared host it changes
        text = context - prefix - 2
        ids = [72] * max(1, text) + [50256, 50256]
        rivals: dict[str, Callable[[], float]] = {}
        for name, loop in loops.items():
            rivals[name] = partial(public_loop.step, loop, ids, plain_voices[name], args.steps)
        for name, engine in engines.items():
            rivals[name] = partial(loquor_step, engine, ids, voices[name], args.steps)
        rivals |= outside.steps(context, args.steps)
        speed = round(bandwidth / 1e9, 1)
        condition = {"context": context, "threads": args.threads, "gigabytes_per_second": speed}
        measured = measure(
            rivals, baseline=PLAIN if args.short else BASELINE, rounds=args.rounds, condition=condition
        )
        for row in measured:
            if row.label not in {*engines, *loops}:
                continue  # its cache is of a kind of its own
            engine = engines.get(row.label, engines[PLAIN])
            limit = step_bytes(engine.capabilities, context) / bandwidth
            row.facts["bandwidth_share"] = round(limit / row.median, 3)  # type: ignore[index]
        rows += measured
    able = {key_of(name): engine.capabilities for name, engine in engines.items()}
    states = {name: dict(of.prepared) for name, of in able.items()}
    modes = {name: {"kv_mode": of.kv_mode, "kv_dtype": of.kv_dtype} for name, of in able.items()}
    report(
        f"decode step of {args.bundle or args.size + ' ' + args.form} {args.dtype}",
        rows,
        args.json,
        steps=args.steps,
        prepared=states,
        caches=modes,
        **outside.facts,
    )


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--bundle", type=Path, help="your own, instead of one with random weights")
    parser.add_argument("--size", choices=list(SIZES), default="nano")
    parser.add_argument("--form", choices=list(itertools.chain(FORMS, EXPORTED_FORMS)), default="concat")
    parser.add_argument("--dtype", choices=list(DTYPES), default="q4")
    parser.add_argument(
        "--context", type=int, nargs="+", default=[450], help="positions before the first step"
    )
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--short", action="store_true", help="only Loquor's own prepared graphs, and --rivals"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here, and a plot beside them")
    others.add_argument(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        run(args, Path(folder), stack)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long does a prompt take, the voice's part of it new or known?

    python benchmarks/prefill.py --size turbo --dtype q4 [--text 54] [--rounds 7] [--rivals [PYTHON]]

A prompt is the voice (some 375 positions) and the text. Timed is all up to the first token: for Loquor by the
engine's own clock (`prefill_seconds`), with a voice that it never met and with the same one again; for the
public loop embed_tokens, the language model and the logits; with --rivals llama.cpp and onnxruntime-genai on
a prompt of as many positions.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import rivals as others
from harness import RATE, main_of, measure, questions, recording, report, title
from rivals import public_loop

import loquor
from bundles import DTYPES
from loquor.bench import key_of


def answer(args: argparse.Namespace, bundle: Path) -> None:
    common = {"dtype": args.dtype, "threads": args.threads, "device": "cpu"}
    with (
        tempfile.TemporaryDirectory() as folder,
        loquor.Engine(bundle, **common) as engine,
        loquor.Engine(bundle, prepare=False, **common) as published,
    ):
        asked = {"loquor": questions(engine), "loquor, as published": questions(published)}
        voice = asked["loquor"].voice
        positions = len(voice.audio_features) + args.text
        ids = asked["loquor"].ids(positions)
        rivals: dict[str, Callable[[], float]] = {}
        if args.dtype in DTYPES:  # the loop takes its graphs in one precision
            for name, loop in public_loop.loops(bundle, args.dtype, args.threads).items():
                rivals[name] = partial(public_loop.prefill, loop, list(ids), loop.encode(recording()))
        names = {}
        for name, ours in asked.items():
            for label, state in (("new voice", "new"), ("voice known", "known")):
                names[f"{name}, {label}"] = key_of(name), {"voice": state}
            rivals[f"{name}, new voice"] = lambda ours=ours: ours.prefill(ids, ours.fresh_voice())
            rivals[f"{name}, voice known"] = lambda ours=ours: ours.prefill(ids, ours.voice)
        with others.asked_for(args, bundle, Path(folder), positions + 1) as outside:
            rivals |= outside.prefills(positions)
            condition = {"positions": positions, "text": args.text}
            baseline = next(iter(rivals))
            rows = measure(rivals, baseline=baseline, rounds=args.rounds, condition=condition, names=names)
        prepared = dict(engine.capabilities.prepared)
        report(title("prefill", args), rows, args.json, prepared=prepared, rate=RATE, **outside.facts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--text", type=int, default=54, help="positions of text, the two ends included")
    others.add_argument(parser)


if __name__ == "__main__":
    sys.exit(main_of(__doc__, answer, add_arguments))

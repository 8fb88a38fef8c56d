"""How soon is the first token there, how soon the first sound?

    python benchmarks/latency.py --bundle FOLDER --dtype q4 [--rounds 7]

From text: with a recording (the voice is made first), with a voice that the engine never met, with one that
it knows; and the whole utterance, for which those wait who do not stream. The first sound is the first chunk
of a stream. The bundles with random weights have a decoder of next to no cost: bring one that has a real one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness import RATE, main_of, measure, questions, recording, report, title

import loquor
from loquor.bench import key_of

TEXT = "Good morning, and welcome back: the kettle is on, and your chair by the window is still warm."

NAMES = {
    f"{what}, {label}": (key_of(what), {"voice": state})
    for what in ("first token", "first sound")
    for label, state in (("recording", "recording"), ("new voice", "new"), ("voice known", "known"))
}
"""Of the rows, by label."""


def answer(args: argparse.Namespace, bundle: Path) -> None:
    audio = recording(args.seconds), RATE
    options = loquor.GenerationOptions(max_new_tokens=args.tokens)
    with loquor.Engine(bundle, dtype=args.dtype, threads=args.threads) as engine:
        asked = questions(engine)

        def token_from_recording() -> float:
            start = time.perf_counter()
            voice = engine.voice(audio)
            return time.perf_counter() - start + asked.first_token(TEXT, voice)

        def whole() -> float:
            start = time.perf_counter()
            engine.speak(TEXT, asked.voice, options)
            return time.perf_counter() - start

        tokens: dict[str, Callable[[], float]] = {
            "first token, recording": token_from_recording,
            "first token, new voice": lambda: asked.first_token(TEXT, asked.fresh_voice()),
            "first token, voice known": lambda: asked.first_token(TEXT, asked.voice),
        }
        sound: dict[str, Callable[[], float]] = {
            "first sound, recording": lambda: asked.first_audio(TEXT, audio, args.tokens),
            "first sound, new voice": lambda: asked.first_audio(TEXT, asked.fresh_voice(), args.tokens),
            "first sound, voice known": lambda: asked.first_audio(TEXT, asked.voice, args.tokens),
            "whole utterance": whole,
        }
        rows = measure(tokens | sound, baseline="whole utterance", rounds=args.rounds, names=NAMES)
        facts = {"text": TEXT, "tokens": args.tokens, "prepared": dict(engine.capabilities.prepared)}
        report(title("latency", args), rows, args.json, **facts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tokens", type=int, default=125, help="speech tokens of the utterance")
    parser.add_argument("--seconds", type=float, default=10, help="of the recording")


if __name__ == "__main__":
    sys.exit(main_of(__doc__, answer, add_arguments))

"""How soon is the first token there, how soon the first sound?

    python benchmarks/latency.py [--bundle FOLDER --dtype q4] [--rounds 7] [--prompt 3] [--adaptive]

From text: with a recording (the voice is made first), with a voice that the engine never met, with one that
it knows; and the whole utterance, for which those wait who do not stream. The first sound is the first chunk
of a stream. Then the stream to its end, and the seconds in which a player that began with the first chunk had
nothing to play. Encoder and decoder are Turbo's true ones with random weights, where their maker lies beside
the project; those of `--size` cost next to nothing. `--prompt` is the engine's reference_seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness import RATE, aloud, dry_seconds, main_of, measure, questions, recording, report, row_of, title

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
    chunks, dry = loquor.StreamOptions(adaptive=args.adaptive or None), []
    with loquor.Engine(
        bundle, dtype=args.dtype, threads=args.threads, reference_seconds=args.prompt, keep_encoder=True
    ) as engine:
        asked = questions(engine)

        def token_from_recording() -> float:
            start = time.perf_counter()
            voice = engine.voice(audio)
            return time.perf_counter() - start + asked.first_token(TEXT, voice)

        def whole() -> float:
            start = time.perf_counter()
            engine.speak(TEXT, asked.voice, options)
            return time.perf_counter() - start

        def stream() -> float:
            start, came = time.perf_counter(), []
            with engine.stream(TEXT, asked.voice, options, chunks=chunks) as stream:
                for chunk in stream:
                    came.append((time.perf_counter() - start, len(chunk) / stream.sample_rate))
            dry.append(sum(dry_seconds(came)))
            print(f"  heard after {1e3 * came[0][0]:.0f} ms, dry for {dry[-1]:.2f} s", flush=True)
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
            "whole stream": stream,
        }
        asking = aloud(tokens | sound)
        rows = measure(asking, baseline="whole utterance", rounds=args.rounds, names=NAMES)
        rows.append(row_of("dry", dry[-args.rounds :]))
        facts = {"text": TEXT, "tokens": args.tokens, "prepared": dict(engine.capabilities.prepared)}
        report(title("latency", args), rows, args.json, **facts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tokens", type=int, default=125, help="speech tokens of the utterance")
    parser.add_argument("--seconds", type=float, default=10, help="of the recording")
    parser.add_argument("--prompt", type=float, default=0, help="reference_seconds of the engine")
    parser.add_argument("--adaptive", action="store_true", help="chunks as long as playback allows")


if __name__ == "__main__":
    sys.exit(main_of(__doc__, answer, add_arguments, speaks=True))

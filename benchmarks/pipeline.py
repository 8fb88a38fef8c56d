"""Where does an utterance's time go?

    python benchmarks/pipeline.py [--bundle FOLDER --dtype q4] [--tokens 125] [--rounds 7]

One utterance a round in a voice that is known, its time by what it was spent on: text to ids, prefill, decode
steps, decoder, and what is left (threads, copies, the call). Beside it the voice from its recording, which is
made once, and the public loop's stages for the same number of tokens where the bundle has one precision.
Encoder and decoder are Turbo's true ones with random weights, where their maker lies beside the project;
those of `--size` cost next to nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from harness import RATE, Row, aloud, main_of, questions, recording, report, row_of, take_turns, title
from rivals import public_loop

import loquor
from bundles import DTYPES

TEXT = "Good morning, and welcome back: the kettle is on, and your chair by the window is still warm."
STAGES = ("text to ids", "prefill", "steps", "decoder", "rest", "all")


def answer(args: argparse.Namespace, bundle: Path) -> None:
    audio = recording(args.seconds)
    options = loquor.GenerationOptions(max_new_tokens=args.tokens)
    seen: dict[str, list[dict[str, float]]] = {}
    with loquor.Engine(bundle, dtype=args.dtype, threads=args.threads) as engine:
        asked = questions(engine)

        def ours() -> float:
            start = time.perf_counter()
            engine.tokenize(TEXT)
            text = time.perf_counter() - start
            metrics = engine.speak(TEXT, asked.voice, options).metrics
            stages = {
                "text to ids": text,
                "prefill": metrics.prefill_seconds,
                "steps": metrics.steps_seconds,
                "decoder": metrics.decoder_seconds,
                "all": metrics.total_seconds,
                "tokens": metrics.speech_tokens,
            }
            stages["rest"] = stages["all"] - sum(stages[name] for name in STAGES[:4])
            seen.setdefault("loquor", []).append(stages)
            return metrics.total_seconds

        rivals = {"loquor": ours, "voice from its recording": lambda: asked.encode((audio, RATE))}
        if args.dtype in DTYPES:  # the loop takes its graphs in one precision
            loop = public_loop.loops(bundle, args.dtype, args.threads)[public_loop.NAME]
            voice, ids = loop.encode(recording()), list(engine.tokenize(TEXT))

            def plain() -> float:
                stages = public_loop.utterance(loop, ids, voice, args.tokens)
                stages["all"] = sum(stages.values())
                seen.setdefault(public_loop.NAME, []).append(stages)
                return stages["all"]

            rivals[public_loop.NAME] = plain
        taken = take_turns(aloud(rivals), rounds=args.rounds)
        rows = [row_of("voice from its recording", taken["voice from its recording"])]
        for name, rounds in seen.items():
            rows += stage_rows(name, rounds[-args.rounds :], seen.get(public_loop.NAME, [])[-args.rounds :])
        facts = {"text": TEXT, "prepared": dict(engine.capabilities.prepared)}
        facts["tokens"] = [int(stages["tokens"]) for stages in seen["loquor"][-args.rounds :]]
        report(title("stages of an utterance", args), rows, args.json, **facts)


def stage_rows(name: str, rounds: list[dict[str, float]], plain: list[dict[str, float]]) -> list[Row]:
    """One a stage, with its share of the whole, and its ratio to the public loop's."""
    rows = []
    for stage in (stage for stage in STAGES if stage in rounds[0]):
        shares = sorted(stages[stage] / stages["all"] for stages in rounds)
        facts = {"share": round(shares[len(shares) // 2], 4)}
        row = row_of(stage, [stages[stage] for stages in rounds], shared={"of": name}, facts=facts)
        if plain and stage in plain[0]:
            theirs = [stages[stage] for stages in plain]
            row = row.against(row_of(stage, theirs, shared={"of": public_loop.NAME}))
        rows.append(row)
    return rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tokens", type=int, default=125, help="speech tokens at most")
    parser.add_argument("--seconds", type=float, default=10, help="of the recording")


if __name__ == "__main__":
    sys.exit(main_of(__doc__, answer, add_arguments, speaks=True))

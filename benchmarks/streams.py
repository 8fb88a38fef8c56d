"""How soon is a stream heard, how many can an engine feed, and how fast does it let go?

    python benchmarks/streams.py [mini] [true] [--streams 1 2 4 8 16] [--rounds 3] [--no-batching]
    python benchmarks/streams.py FOLDER --tokens 100 [--prompt 3] [--adaptive] [--realtime]

A model by name or folder, `true` (Turbo's true encoder and decoder with random weights, the default beside
mini where their maker lies beside the project), or a size that random weights are made of, whose decoder
costs next to nothing (turbo: concat q4, as published). N streams are opened at once on one asyncio loop and
read as they come, in turn with the same N one at a time: each opened when the one before has ended, first
sound counted from when all were asked. Sizes take turns, round by round. Playback of each is imagined to
begin with its first chunk: an underrun is a chunk that comes when all before it was played, and the time
until it comes is dry. Each run is told of when it is over. `--prompt` is the engine's reference_seconds,
`--adaptive` and `--realtime` are its options. Then the price of streaming one text instead of speaking it,
and the time from a cancel to the engine's letting go.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from harness import MAKER, TRUE, TRUE_DTYPE, Row, dry_seconds, heading, keep, row_of, true_bundle

import loquor
from bundles import DTYPES, FORMS, SIZES, make_bundle

TEXTS = (
    "The train to the coast leaves at seven in the morning.",
    "She opened the window and listened to the rain for a while.",
    "Nobody knew why the old clock had stopped, but it had.",
    "Please bring the other two boxes up to the third floor.",
)

CHUNKS = loquor.StreamOptions()
"""Of all streams; `--adaptive` changes it."""


@dataclass
class Heard:
    first: float = 0.0
    tokens: int = 0
    dry: list[float] = field(default_factory=list)


async def listen(
    engine: loquor.Engine, voice: loquor.Voice, number: int, tokens: int | None, start: float
) -> Heard:
    options, came = loquor.GenerationOptions(seed=number, max_new_tokens=tokens), []
    async with engine.stream(TEXTS[number % len(TEXTS)], voice, options, chunks=CHUNKS) as stream:
        async for chunk in stream:
            came.append((time.perf_counter() - start, len(chunk) / stream.sample_rate))
        return Heard(came[0][0], stream.metrics.speech_tokens, dry_seconds(came))


async def together(engine: loquor.Engine, voice: loquor.Voice, count: int, tokens: int | None) -> list[Heard]:
    start = time.perf_counter()
    return await asyncio.gather(*(listen(engine, voice, i, tokens, start) for i in range(count)))


async def one_at_a_time(
    engine: loquor.Engine, voice: loquor.Voice, count: int, tokens: int | None
) -> list[Heard]:
    start = time.perf_counter()
    return [await listen(engine, voice, i, tokens, start) for i in range(count)]


WAYS = {"together": together, "one at a time": one_at_a_time}


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def load_figures(given: argparse.Namespace, engine: loquor.Engine, voice: loquor.Voice) -> list[dict]:
    runs: dict[tuple[int, str], list[tuple[float, list[Heard]]]] = {
        (count, way): [] for count in given.streams for way in WAYS
    }
    asyncio.run(together(engine, voice, 2, given.tokens))  # warm-up
    for number in range(given.rounds):
        for count, way in sorted(runs, key=lambda run: run[1], reverse=bool(number % 2)):
            start = time.perf_counter()
            heard = asyncio.run(WAYS[way](engine, voice, count, given.tokens))
            runs[count, way].append((time.perf_counter() - start, heard))
            firsts = ", ".join(f"{one.first:.2f}" for one in heard)
            dry = sum(sum(one.dry) for one in heard)
            print(f"  {count} {way}: first sounds {firsts} s; dry {dry:.2f} s in all", flush=True)
    return [{"streams": count, "way": way, **figures(rounds)} for (count, way), rounds in runs.items()]


def figures(rounds: list[tuple[float, list[Heard]]]) -> dict:
    """Samples: tokens a second of each round, the rest of each stream."""
    return {
        "tokens_per_second": [sum(h.tokens for h in heard) / s for s, heard in rounds],
        "first_sound": [one.first for _, heard in rounds for one in heard],
        "underruns": [len(one.dry) for _, heard in rounds for one in heard],
        "dry": [sum(one.dry) for _, heard in rounds for one in heard],
    }


UNITS = {"tokens_per_second": "1/s", "underruns": "1", "stream_over_one_shot": "1"}
"""Of figures that are no seconds."""


def rows_of(found: dict, **shared: Any) -> list[Row]:
    """The figures of one model for JSON."""
    rows = []
    for load in found["load"]:
        condition = {"streams": load["streams"], "way": load["way"].replace(" ", "_")}
        rows += [
            row_of(name, load[name], condition=condition, shared=shared, unit=UNITS.get(name, "s"))
            for name in ("tokens_per_second", "first_sound", "underruns", "dry")
        ]
    for name in ("stream_over_one_shot", "cancel"):
        rows.append(row_of(name, found[name], shared=shared, unit=UNITS.get(name, "s")))
    return rows


def price(given: argparse.Namespace, engine: loquor.Engine, voice: loquor.Voice) -> dict:
    """Time of a whole stream over that of one shot, for the same tokens."""
    options = loquor.GenerationOptions(seed=1, max_new_tokens=given.tokens)
    text, ratios = " ".join(TEXTS[:2]), []
    for _ in range(max(5, given.rounds)):
        start = time.perf_counter()
        engine.speak(text, voice, options)
        middle = time.perf_counter()
        for _ in engine.stream(text, voice, options, chunks=CHUNKS):
            pass
        ratios.append((time.perf_counter() - middle) / (middle - start))
    return {"stream_over_one_shot": ratios}


def cancel_figures(engine: loquor.Engine, voice: loquor.Voice, rounds: int) -> dict:
    rng, waits = np.random.default_rng(0), []
    long = loquor.GenerationOptions(max_new_tokens=2000)
    for _ in range(rounds):
        stream = engine.stream(" ".join(TEXTS), voice, long)
        next(stream)
        time.sleep(float(rng.random()) * 0.05)
        start = time.perf_counter()
        stream.cancel()
        while not stream._request.made:
            time.sleep(1e-4)
        waits.append(time.perf_counter() - start)
    return {"cancel": waits}


def run(given: argparse.Namespace, model: str | Path) -> dict:
    """All figures of one model, printed and returned."""
    prepared = not given.no_prepare
    with loquor.Engine(
        model,
        dtype=TRUE_DTYPE if given.true else "auto",
        threads=given.threads,
        slots=given.slots,
        batching=not given.no_batching,
        prepare=prepared,
        reference_seconds=given.prompt,
        realtime=given.realtime,
    ) as engine:
        if engine.capabilities.has_default_voice:
            voice = engine.voice()
        else:
            seconds = np.arange(144_000) / 24_000
            voice = engine.voice((0.3 * np.sin(900 * seconds) * (1 + np.sin(20 * seconds)), 24_000))
        rows = load_figures(given, engine, voice)
        rest = price(given, engine, voice) | cancel_figures(engine, voice, given.cancels)
        how = "together" if engine.capabilities.batched else "by turns"
        graphs = engine.capabilities.prepared["language_model"]
    print(f"\n{model}, {given.threads} threads, language model {graphs}, steps {how}")
    print("streams                 tokens/s  first p50 ms  p95 ms  underruns  ran dry  silence s")
    for row in rows:
        first, dry = [1e3 * seconds for seconds in row["first_sound"]], row["dry"]
        print(
            f"{row['streams']:7d} {row['way']:>15}  {statistics.median(row['tokens_per_second']):7.0f}  "
            f"{percentile(first, 0.5):12.0f}  {percentile(first, 0.95):6.0f}  {sum(row['underruns']):9d}  "
            f"{sum(map(bool, dry)) / len(dry):7.0%}  {sum(dry) / len(dry):9.2f}"
        )
    cancel = [1e3 * seconds for seconds in rest["cancel"]]
    print(f"stream / one shot {statistics.median(rest['stream_over_one_shot']):.2f}; "
          f"cancel p50 {percentile(cancel, 0.5):.1f} ms, p99 {percentile(cancel, 0.99):.1f} ms")  # fmt: skip
    return {"language_model": graphs, "steps": how, "load": rows, **rest}


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    usual = TRUE if MAKER.is_file() else "turbo"
    parser.add_argument("models", nargs="*", default=["mini", usual], metavar="MODEL")
    parser.add_argument("--form", choices=list(FORMS), default="concat", help="of random weights")
    parser.add_argument("--dtype", choices=list(DTYPES), default="q4", help="of random weights")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--tokens", type=int, help="speech tokens of each (default: until the model stops)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cancels", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--no-batching", action="store_true")
    parser.add_argument("--no-prepare", action="store_true", help="the graphs as published")
    parser.add_argument("--prompt", type=float, default=0, help="reference_seconds of the engine")
    parser.add_argument("--adaptive", action="store_true", help="chunks as long as playback allows")
    parser.add_argument("--realtime", action="store_true", help="streams that could not be kept up with wait")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    global CHUNKS
    CHUNKS = loquor.StreamOptions(adaptive=given.adaptive or None)
    about = heading("streams together and one at a time")
    rows, asked = [], given.tokens
    for name in given.models:
        with tempfile.TemporaryDirectory() as folder:
            given.true = name == TRUE and not Path(name).exists()
            random = name in SIZES and not Path(name).exists()
            given.tokens = asked or (100 if random or given.true else None)  # random weights never stop
            model = true_bundle(Path(folder)) if given.true else name
            if random:
                shape = {"size": name, "form": given.form, "dtype": given.dtype, "stop_bias": -1000.0}
                model = make_bundle(Path(folder) / name, **shape)
            found = run(given, model)
            graphs, steps = found["language_model"], found["steps"].replace(" ", "_")
            rows += rows_of(found, model=str(name), language_model=graphs, steps=steps)
    if given.json:
        keep(rows, given.json, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())

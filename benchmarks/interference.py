"""What does a stream wait for while a voice is made beside it, or a long text decoded at once?

    python benchmarks/interference.py [--bundle FOLDER] [--dtype q4] [--rounds 5] [--newcomers 3]

One stream is under way and new ones start one after another, each heard up to its first chunk; beside them,
round by round in turn: nothing, a recording of `--seconds` that is made a voice again and again, `--codes`
speech tokens that are decoded at once again and again, or a text spoken as a whole (as many tokens).
Measured: the first sound of each newcomer, the longest time between two chunks of the stream under way in a
round, and what the disturber itself takes. Without `--bundle` the speech encoder and the decoder are those of
Turbo's true architecture with random weights, where their maker lies beside the project; the decoder is
prompted with `--prompt` seconds of the voice. `--size` makes a bundle of random weights instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import RATE, TRUE_DTYPE, Row, heading, keep, recording, row_of, table, true_bundle

import loquor
from bundles import SIZES, make_bundle

TEXT = "The train to the coast leaves at seven in the morning."
LONG = 1500  # tokens of the stream under way, which never ends within a round
_CODES = 6561


class Again(threading.Thread):
    """Does `work` again and again until it is told to stop; `taken` is how long each took."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.taken: list[float] = []
        self._work = work
        self._told = threading.Event()

    def run(self) -> None:
        while not self._told.is_set():
            start = time.perf_counter()
            self._work()
            self.taken.append(time.perf_counter() - start)

    def stop(self) -> None:
        self._told.set()
        self.join()


class Under(threading.Thread):
    """A stream that is read as it comes; `gaps` are the times between its chunks."""

    def __init__(self, stream: loquor.Stream) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._stream = stream
        next(stream)

    def run(self) -> None:
        last = time.perf_counter()
        try:
            for _ in self._stream:
                now = time.perf_counter()
                self.gaps.append(now - last)
                last = now
        except loquor.RequestCancelledError:
            self.gaps.append(time.perf_counter() - last)


def one_round(
    args: argparse.Namespace, engine: loquor.Engine, voice: loquor.Voice, work: Callable[[], object] | None
) -> tuple[list[float], float, list[float]]:
    """First sounds, the longest gap, and what the disturber took each time."""
    chunks = loquor.StreamOptions(growth=1)
    stream = engine.stream(TEXT, voice, loquor.GenerationOptions(max_new_tokens=LONG), chunks=chunks)
    under, disturber = Under(stream), Again(work) if work else None
    under.start()
    if disturber:
        disturber.start()
    rng, first = np.random.default_rng(0), []
    for seed in range(args.newcomers):
        time.sleep(float(rng.random()) * 0.2)
        options = loquor.GenerationOptions(seed=seed, max_new_tokens=args.tokens)
        start = time.perf_counter()
        with engine.stream(TEXT, voice, options) as newcomer:
            next(newcomer)
            first.append(time.perf_counter() - start)
    if disturber:
        disturber.stop()
    stream.cancel()
    under.join()
    return first, max(under.gaps), disturber.taken if disturber else []


def rows_of(args: argparse.Namespace, engine: loquor.Engine) -> list[Row]:
    voice = engine.voice((recording(3), RATE))
    reference = recording(args.seconds), RATE
    codes = np.random.default_rng(0).integers(0, _CODES, args.codes)
    whole = loquor.GenerationOptions(max_new_tokens=args.codes)
    beside: dict[str, Callable[[], object] | None] = {
        "nothing": None,
        "encode": lambda: engine.voice(reference),
        "decode": lambda: engine.decode(codes, voice),
        "speak": lambda: engine.speak(TEXT, voice, whole),
    }
    for work in filter(None, beside.values()):
        work()  # warm-up
    first: dict[str, list[float]] = {name: [] for name in beside}
    gaps: dict[str, list[float]] = {name: [] for name in beside}
    taken: dict[str, list[float]] = {name: [] for name in beside}
    names = list(beside)
    for number in range(args.rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            heard, gap, took = one_round(args, engine, voice, beside[name])
            first[name] += heard
            gaps[name].append(gap)
            taken[name] += took
    rows = []
    for what, figures in (("first sound", first), ("longest gap", gaps), ("the disturber", taken)):
        for name, samples in figures.items():
            if samples:
                rows.append(
                    row_of(f"{what}, beside {name}", samples, name=what.replace(" ", "_"),
                           condition={"beside": name}, shared={"threads": args.threads})
                )  # fmt: skip
    return rows


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--bundle", type=Path, help="your own")
    parser.add_argument("--size", choices=list(SIZES), help="of random weights all over")
    parser.add_argument("--dtype", default="auto", help="of your own bundle")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--newcomers", type=int, default=3, help="streams that start in a round")
    parser.add_argument("--tokens", type=int, default=30, help="speech tokens of each at most")
    parser.add_argument("--codes", type=int, default=500, help="speech tokens that are decoded at once")
    parser.add_argument("--seconds", type=float, default=15, help="of the recording that is made a voice")
    parser.add_argument("--prompt", type=float, default=0, help="reference_seconds of the engine")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()
    about = heading("What a stream waits for")
    with tempfile.TemporaryDirectory() as folder:
        bundle, dtype = args.bundle, args.dtype
        if bundle is None and args.size:
            bundle, dtype = make_bundle(Path(folder), size=args.size, dtype="q4", stop_bias=-1000.0), "q4"
        elif bundle is None:
            bundle = true_bundle(Path(folder))
            dtype = TRUE_DTYPE
        options = {"threads": args.threads, "reference_seconds": args.prompt, "slots": 4}
        with loquor.Engine(bundle, dtype=dtype, device="cpu", **options) as engine:
            rows = rows_of(args, engine)
    print("\n".join(table(rows)))
    if args.json:
        keep(rows, args.json, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())

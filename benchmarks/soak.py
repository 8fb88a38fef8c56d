"""Does an engine survive thousands of short requests, cancelled, failing and left at random?

    python benchmarks/soak.py [--requests 10000] [--clients 16] [--form gqa] [--seed 0]

Clients on threads, one of them an asyncio loop, send short requests to one engine on a tiny bundle whose
decoder fails for long ones. Each that is taken must end in sound, `RequestCancelledError`, or the error that
it asked for; whole speech must be what the same request gave alone. At the end nothing may be left: the
engine answers, memory (RSS) has not grown since the first fifth, and no thread or socket is left over. Exits
with 1 when something is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import loquor  # noqa: E402
from bundles import FORMS, make_bundle  # noqa: E402
from bundles.breakages import broken_copy, fails_beyond  # noqa: E402

TEXT = "Hello there."
LENGTHS = (3, 8, 20, 35)
FAILING = 60  # tokens: more than the decoder takes
SEEDS = 4
PROMPT = 144_000 // 960
MOST_GROWTH = 12e6  # bytes of RSS after the warm-up


def rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Soak:
    def __init__(self, folder: Path, requests: int, clients: int, seed: int) -> None:
        self.engine = loquor.Engine(folder, threads=1, device="cpu", slots=6, max_queue=12)
        time_ = np.arange(144_000) / 24_000
        self.voice = self.engine.voice((np.sin(800 * time_) * (0.5 + 0.4 * np.sin(20 * time_)), 24_000))
        self.left = requests
        self.warm_up = requests - requests // 5
        self.clients = clients
        self.seed = seed
        self.lock = threading.Lock()
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.rss_warm = 0
        self.refused = 0
        self.expected = {
            (length, seed): self.engine.speak(TEXT, self.voice, self.options(length, seed)).samples
            for length in LENGTHS
            for seed in range(SEEDS)
        }

    @staticmethod
    def options(length: int, seed: int) -> loquor.GenerationOptions:
        return loquor.GenerationOptions(max_new_tokens=length, seed=seed)

    def take(self) -> bool:
        with self.lock:
            self.left -= 1
            if self.left == self.warm_up:
                self.rss_warm = rss()
            return self.left >= 0

    def give_back(self) -> None:
        with self.lock:
            self.left = max(self.left, 0) + 1

    def busy(self) -> None:
        with self.lock:
            self.refused += 1

    def note(self, outcome: str) -> None:
        with self.lock:
            self.outcomes[outcome] += 1

    def check(self, length: int, seed: int, parts: list[np.ndarray], partly: bool = False) -> None:
        heard = np.concatenate([*parts, np.zeros(0, np.float32)])
        expected = self.expected[length, seed]
        if not np.array_equal(heard, expected[: len(heard)] if partly else expected):
            with self.lock:
                self.wrong.append(f"{length} tokens with seed {seed} sounded otherwise than alone")

    # --- Kinds of request: each notes how it ended ---

    def speak(self, rng: random.Random) -> None:
        length, seed = rng.choice(LENGTHS), rng.randrange(SEEDS)
        audio = self.engine.speak(TEXT, self.voice, self.options(length, seed))
        self.check(length, seed, [audio.samples])
        self.note("sound")

    def stream(self, rng: random.Random) -> None:
        length, seed = rng.choice(LENGTHS), rng.randrange(SEEDS)
        chunks = loquor.StreamOptions(first_chunk=rng.randrange(1, 9), adaptive=rng.random() < 0.3)
        with self.engine.stream(TEXT, self.voice, self.options(length, seed), chunks=chunks) as stream:
            self.check(length, seed, list(stream))
        self.note("sound")

    def leave(self, rng: random.Random) -> None:
        length, seed = max(LENGTHS), rng.randrange(SEEDS)
        chunks = loquor.StreamOptions(first_chunk=2)
        stream = self.engine.stream(TEXT, self.voice, self.options(length, seed), chunks=chunks)
        parts = [part for _, part in zip(range(rng.randrange(3)), stream, strict=False)]
        self.check(length, seed, parts, partly=True)
        if rng.random() < 0.5:
            stream.cancel()
        self.note("left")

    def cancel(self, rng: random.Random) -> None:
        token = loquor.CancelToken()
        timer = threading.Timer(rng.random() * 0.02, token.cancel)
        timer.start()
        try:
            self.engine.speak(TEXT, self.voice, self.options(2000, 0), cancel=token)
        finally:
            timer.join()

    def fail(self, rng: random.Random) -> None:
        whole = rng.random() < 0.5
        if whole:
            self.engine.speak(TEXT, self.voice, self.options(FAILING, 0))
        chunks = loquor.StreamOptions(first_chunk=5, left_context=-1)
        with self.engine.stream(TEXT, self.voice, self.options(FAILING, 0), chunks=chunks) as stream:
            list(stream)

    def refuse(self, rng: random.Random) -> None:
        self.engine.stream(TEXT, self.voice, self.options(0, 0))

    KINDS = (
        (speak, 30, ()),
        (stream, 30, ()),
        (leave, 12, ()),
        (cancel, 14, (loquor.RequestCancelledError, loquor.ExecutionError)),
        (fail, 8, (loquor.ExecutionError,)),
        (refuse, 4, (loquor.InvalidInputError,)),
    )

    def one(self, rng: random.Random) -> None:
        kind, _, errors = rng.choices(self.KINDS, [weight for _, weight, _ in self.KINDS])[0]
        while True:
            try:
                return kind(self, rng)
            except loquor.BusyError:
                self.busy()
                time.sleep(rng.random() * 0.01)
            except errors as error:
                return self.note(type(error).__name__)
            except Exception as error:
                with self.lock:
                    self.wrong.append(f"{kind.__name__} ended in {type(error).__name__}: {error}")
                return None

    # --- Clients ---

    def client(self, number: int) -> None:
        rng = random.Random(f"{self.seed} {number}")
        while self.take():
            self.one(rng)

    async def async_client(self, rng: random.Random) -> None:
        while self.take():
            length, seed = rng.choice(LENGTHS), rng.randrange(SEEDS)
            try:
                async with self.engine.stream(TEXT, self.voice, self.options(length, seed)) as stream:
                    work = asyncio.ensure_future(self.listen(stream))
                    if rng.random() < 0.3:
                        await asyncio.sleep(rng.random() * 0.02)
                        work.cancel()
                    self.check(length, seed, await work)
                self.note("sound")
            except asyncio.CancelledError:
                self.note("task cancelled")
            except loquor.BusyError:
                self.busy()
                self.give_back()
                await asyncio.sleep(rng.random() * 0.01)

    @staticmethod
    async def listen(stream: loquor.Stream) -> list[np.ndarray]:
        return [part async for part in stream]

    def loop(self) -> None:
        async def main() -> None:
            await asyncio.gather(*(self.async_client(random.Random(f"{self.seed} a{i}")) for i in range(4)))

        asyncio.run(main())

    def run(self) -> float:
        start = time.perf_counter()
        threads = [threading.Thread(target=self.client, args=(i,)) for i in range(self.clients - 1)]
        threads.append(threading.Thread(target=self.loop))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start


def soak(folder: Path, requests: int, clients: int, form: str, seed: int) -> list[str]:
    """Run it and print what happened; return what went wrong."""
    bundle = make_bundle(folder / "whole", size="tiny", form=form, stop_bias=-1000.0)
    runner = Soak(broken_copy(bundle, folder / "soak", fails_beyond(PROMPT + 50)), requests, clients, seed)
    gc.collect()
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208
    seconds = runner.run()
    gc.collect()
    wrong = runner.wrong
    grown = rss() - runner.rss_warm
    print(f"{requests} requests from {clients} clients in {seconds:.1f} s ({form}): {dict(runner.outcomes)}")
    print(f"{runner.refused} times the engine was busy, and the request came again")
    print(f"RSS {rss() / 1e6:.0f} MB, {grown / 1e6:+.1f} MB since the first fifth")
    if sum(runner.outcomes.values()) + len(wrong) != requests:
        wrong.append(f"{requests} requests, {runner.outcomes.total()} ends")
    if grown > MOST_GROWTH:
        wrong.append(f"memory grew by {grown / 1e6:.1f} MB")
    if (left := len(os.listdir("/proc/self/fd"))) > files:  # noqa: PTH208
        wrong.append(f"{left - files} files are left open")
    if threading.active_count() > threads:
        wrong.append("threads are left")
    if len(runner.engine.speak(TEXT, runner.voice, runner.options(5, 0)).samples) != 8 * 960:
        wrong.append("the engine does not answer any more")
    runner.engine.close()
    return wrong


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--form", choices=FORMS, default="gqa")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = soak(Path(folder), given.requests, given.clients, given.form, given.seed)
    for line in collections.Counter(wrong).items():
        print(f"WRONG: {line[0]} ({line[1]} times)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Do many streams on one asyncio loop hold it up, or need threads?

    python benchmarks/asyncio_streams.py [--streams 100] [--model mini] [--tokens 50] [--json FILE]

All streams are opened at once on one loop and read as they come; a ticker on the same loop sleeps 1 ms again
and again: its lag is how much later than that it wakes. First the loop is idle, then one stream runs, then
all of them. The engine's own work takes all cores meanwhile, so a busy core is part of every lag.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import Row, heading, keep, row_of

import loquor

TEXT = "The train to the coast leaves at seven in the morning."
TICK = 0.001


def native_threads() -> int:
    task = Path("/proc/self/task")
    return len(list(task.iterdir())) if task.is_dir() else threading.active_count()


async def tick(lags: list[float], threads: list[int]) -> None:
    while True:
        start = time.perf_counter()
        await asyncio.sleep(TICK)
        lags.append(time.perf_counter() - start - TICK)
        if len(lags) % 50 == 0:
            threads.append(native_threads())


async def listen(engine: loquor.Engine, voice: loquor.Voice, seed: int, tokens: int) -> int:
    options = loquor.GenerationOptions(seed=seed, max_new_tokens=tokens)
    async with engine.stream(TEXT, voice, options) as stream:
        samples = sum([len(chunk) async for chunk in stream])
        return samples if stream.report.finished else 0


async def measure(engine: loquor.Engine, voice: loquor.Voice, count: int, tokens: int) -> dict[str, Any]:
    lags: list[float] = []
    threads = [native_threads()]
    ticker = asyncio.create_task(tick(lags, threads))
    start = time.perf_counter()
    heard = await asyncio.gather(*(listen(engine, voice, seed, tokens) for seed in range(count)))
    if not count:
        await asyncio.sleep(2)
    seconds = time.perf_counter() - start
    ticker.cancel()
    return {
        "streams": count,
        "complete": sum(samples > 0 for samples in heard),
        "seconds": seconds,
        "lags": lags,
        "threads_before": threads[0],
        "threads_most": max(threads),
    }


def lag_row(seen: dict[str, Any]) -> Row:
    facts = {key: seen[key] for key in ("complete", "seconds", "threads_before", "threads_most")}
    return row_of("lag", seen["lags"], condition={"streams": seen["streams"]}, facts=facts)


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=50, help="of each stream at most")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    with loquor.Engine(given.model, threads=given.threads) as engine:
        voice = engine.voice()
        asyncio.run(measure(engine, voice, 2, given.tokens))  # warm-up
        rows = [asyncio.run(measure(engine, voice, count, given.tokens)) for count in (0, 1, given.streams)]
    about = heading(f"lag of an asyncio loop beside streams of {given.model}, {given.threads} threads")
    print("streams  complete  seconds  lag p50 ms    p99    max  threads before / most")
    for row in rows:
        p50, p99, most = 1e3 * np.quantile(row["lags"], (0.5, 0.99, 1.0))
        print(
            f"{row['streams']:7d}  {row['complete']:8d}  {row['seconds']:7.2f}  {p50:10.2f}  "
            f"{p99:5.1f}  {most:5.1f}  "
            f"{row['threads_before']:6d} / {row['threads_most']}"
        )
    if given.json:
        keep([lag_row(row) for row in rows], given.json, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())

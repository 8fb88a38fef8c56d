"""What does marking cost?

    python benchmarks/watermark.py [--rounds 7] [--json FILE]

Rows are threads; timed is the watermark's graph alone on four seconds of sound and its context, as the core
runs it for speech as a whole: the processor's time for a second of sound, so that 30 ms are a real-time
factor of 0.03 on one core, which is the aim. It takes the weights of resemble-perth. Left out: the
overlapping sum and the limiter.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from harness import main_of_text

from loquor import _core
from loquor.base.runtime import open_runtime
from loquor.bench import Row, row_of
from loquor.watermark.weights import encoder_file

FRAMES, CONTEXT, SECONDS = 400, 30, 4.0  # of a run, at 100 frames a second


def seconds_per_second(threads: int) -> Callable[[], float]:
    graph = _core.Graph(open_runtime(), str(encoder_file()), threads=threads)
    frames = np.random.default_rng(0).normal(0, 0.1, (FRAMES + CONTEXT, 1536)).astype(np.float32)
    graph.run({"frames": frames})

    def ask() -> float:
        began = time.process_time()
        graph.run({"frames": frames})
        return (time.process_time() - began) / SECONDS

    return ask


def rows(rounds: int) -> list[Row]:
    found = []
    for threads in (1, 2):
        ask = seconds_per_second(threads)
        factors = [ask() for _ in range(rounds)]
        condition = {"threads": threads}
        found.append(
            row_of(f"marking, threads: {threads}", factors, name="mark", shared={}, condition=condition)
        )
    return found


if __name__ == "__main__":
    sys.exit(main_of_text(__doc__, "marked speech", rows))

"""What the benchmarks share: rivals that take turns, figures with their machine, a table, a plot."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # the bundle makers and the plain loop

_PACKAGES = ("loquor", "onnxruntime", "numpy", "onnx", "llama-cpp-python", "onnxruntime-genai")


@dataclass(frozen=True)
class Row:
    """One rival under one condition; times in milliseconds."""

    rival: str
    condition: Mapping[str, Any]
    median: float
    p95: float
    fastest: float
    ratio: float
    """Median over the rounds of the baseline's time by this one's: above 1 is faster than the baseline."""
    rounds: int
    facts: Mapping[str, Any] = field(default_factory=dict)


def measure(
    rivals: Mapping[str, Callable[[], float]],
    *,
    baseline: str,
    rounds: int,
    warm_up: int = 1,
    condition: Mapping[str, Any] | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Row]:
    """Lets rivals, which return seconds, take turns (A B C A B C ...); each round's first goes one further.

    What disturbs the machine for a while then disturbs all of them, and ratios within a round hold.
    """
    names = list(rivals)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            seconds = rivals[name]()
            if number >= 0:
                times[name].append(seconds * 1e3)
    return [
        Row(
            name,
            dict(condition or {}),
            median=round(statistics.median(taken), 3),
            p95=round(float(np.percentile(taken, 95)), 3),
            fastest=round(min(taken), 3),
            ratio=round(statistics.median(b / a for a, b in zip(taken, times[baseline], strict=True)), 3),
            rounds=rounds,
            facts=dict((facts or {}).get(name, {})),
        )
        for name, taken in times.items()
    ]


def read_bandwidth(threads: int) -> float:
    """Bytes a second that `threads` threads read from memory, best of five: the limit of a decode step."""
    blocks = [np.ones(1 << 26, np.float32) for _ in range(threads)]  # 256 MiB each, beyond any cache
    with ThreadPoolExecutor(threads) as pool:
        best = 0.0
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(np.max, blocks))
            best = max(best, sum(block.nbytes for block in blocks) / (time.perf_counter() - start))
    return best


def machine() -> dict[str, Any]:
    """What a figure is worthless without."""
    versions = {}
    for name in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain")),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _cpu_name() -> str:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def report(question: str, rows: Sequence[Row], out: Path | None, **facts: Any) -> None:
    """Prints a table; writes `out` as JSON and, where matplotlib is at hand, a plot beside it."""
    conditions = list(dict.fromkeys(json.dumps(row.condition, sort_keys=True) for row in rows))
    about = machine()
    print(
        f"{question}\n{about['cpu']}, {about['cores']} cores, load {about['load']}, commit {about['commit']}"
    )
    for condition in conditions:
        print(f"\n{', '.join(f'{key} {value}' for key, value in json.loads(condition).items())}")
        print(f"  {'':34}{'median':>9}{'p95':>9}{'best':>9}{'ratio':>8}")
        for row in rows:
            if json.dumps(row.condition, sort_keys=True) == condition:
                extra = "  ".join(f"{key} {value}" for key, value in row.facts.items())
                figures = f"{row.median:9.2f}{row.p95:9.2f}{row.fastest:9.2f}{row.ratio:7.2f}x"
                print(f"  {row.rival:34}{figures}  {extra}".rstrip())
    if out is None:
        return
    content = {"question": question, **facts, "machine": about, "rows": [asdict(row) for row in rows]}
    out.write_text(json.dumps(content, indent=1), encoding="utf-8")
    _plot(question, rows, out.with_suffix(".png"))


def _plot(question: str, rows: Sequence[Row], path: Path) -> None:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print(f"\nno plot: matplotlib is missing (pip install -r {ROOT / 'benchmarks' / 'requirements.txt'})")
        return
    labels = [" ".join([row.rival, *map(str, row.condition.values())]) for row in rows]
    figure, axes = plt.subplots(figsize=(9, 1 + 0.32 * len(rows)))
    errors = [[row.median - row.fastest for row in rows], [row.p95 - row.median for row in rows]]
    axes.barh(labels, [row.median for row in rows], xerr=errors, color="#4878a8", ecolor="#888888")
    axes.invert_yaxis()
    axes.set_xlabel("ms: median, best and p95")
    axes.set_title(question)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)

"""How long until an engine is ready, and does its first request take longer than the next?

    python benchmarks/load.py --size turbo --dtype q4 [--bundle FOLDER] [--rounds 5]

Each figure is taken in a process of its own, with the files in the page cache and the graphs prepared.
Rivals: the four published graphs opened by Python's onnxruntime one after the other; the prepared ones
opened by the core one after the other, and the slowest of them alone; the engine. Imports are left out. Then
the first short request on an engine and on one that was warmed up. `--dtype` may be a list with exceptions.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import measure, report

from bundles import EXPORTED_FORMS, FORMS, SIZES, make_bundle

BASELINE = "onnxruntime, published, in turn"


def graphs_of(bundle: Path, dtype: str) -> dict[str, tuple[str, str]]:
    """{graph: (published file, prepared file or the empty string)}."""
    from loquor import _core
    from loquor.prepare import prepare_bundle

    prepared = prepare_bundle(bundle, dtype)
    files = {name: file for name, (file, _) in _core.graph_files(str(bundle), dtype).items()}
    rewritten = {name: str(graph.file) for name, graph in prepared.items() if graph.file is not None}
    return {name: (file, rewritten.get(name, "")) for name, file in files.items()}


def open_published(file: str, threads: int) -> Any:
    """As anyone would."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def open_prepared(file: str, prepared: str, threads: int) -> Any:
    from loquor import _core
    from loquor.base.runtime import open_runtime

    return _core.Graph(open_runtime(), file, prepared=prepared, threads=threads)


def child(mode: str, bundle: Path, dtype: str, threads: int) -> dict[str, float]:
    """What one process measures, in seconds."""
    if mode in ("published", "prepared"):
        import onnxruntime  # noqa: F401  (its import is not timed)

        times, sessions = {}, []
        for name, (file, prepared) in graphs_of(bundle, dtype).items():
            start = time.perf_counter()
            if mode == "published":
                sessions.append(open_published(file, threads))
            else:
                sessions.append(open_prepared(file, prepared, threads))
            times[name] = time.perf_counter() - start
        return times | {"all": sum(times.values())}
    import loquor

    start = time.perf_counter()
    engine = loquor.Engine(bundle, dtype=dtype, threads=threads, device="cpu")
    ready = time.perf_counter() - start
    audio = (np.sin(np.arange(24000 * 10) * 0.05) * 0.1).astype(np.float32)
    voice = engine.voice((audio, 24000))
    if mode == "warm":
        engine.warmup(voice)
    options = loquor.GenerationOptions(max_new_tokens=10, temperature=0)
    first, second = (engine.speak("One two three.", voice, options).metrics.total_seconds for _ in range(2))
    return {"ready": ready, "first": first, "second": second}


def in_a_process(script: str, mode: str, args: argparse.Namespace, bundle: Path) -> dict[str, float]:
    """What a script's `--child mode` prints last."""
    command = [sys.executable, script, "--child", mode, "--bundle", str(bundle), "--dtype", args.dtype]
    done = subprocess.run(
        [*command, "--threads", str(args.threads)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def seconds(mode: str, figure: str, args: argparse.Namespace, bundle: Path) -> float:
    figures = in_a_process(__file__, mode, args, bundle)
    return figures[figure] if figure else max(v for k, v in figures.items() if k != "all")


def run(args: argparse.Namespace, folder: Path) -> None:
    bundle = args.bundle or make_bundle(folder, size=args.size, form=args.form, dtype=args.dtype)
    rivals = {
        BASELINE: partial(seconds, "published", "all", args, bundle),
        "prepared, in turn": partial(seconds, "prepared", "all", args, bundle),
        "prepared, language model alone": partial(seconds, "prepared", "language_model", args, bundle),
        "prepared, decoder alone": partial(seconds, "prepared", "conditional_decoder", args, bundle),
        "the slowest session alone": partial(seconds, "prepared", "", args, bundle),
        "engine ready": partial(seconds, "cold", "ready", args, bundle),
    }
    rows = measure(rivals, baseline=BASELINE, rounds=args.rounds, condition={"of": "load"})
    requests = {
        "first request": partial(seconds, "cold", "first", args, bundle),
        "second request": partial(seconds, "cold", "second", args, bundle),
        "first after warmup()": partial(seconds, "warm", "first", args, bundle),
    }
    rows += measure(requests, baseline="first request", rounds=args.rounds, condition={"of": "request"})
    report(f"load of {args.bundle or args.size + ' ' + args.form} {args.dtype}", rows, args.json)


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--bundle", type=Path, help="your own, instead of one with random weights")
    parser.add_argument("--size", choices=list(SIZES), default="nano")
    parser.add_argument("--form", choices=list(itertools.chain(FORMS, EXPORTED_FORMS)), default="concat")
    parser.add_argument("--dtype", default="q4")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here, and a plot beside them")
    parser.add_argument("--child", choices=("published", "prepared", "cold", "warm"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(args.child, args.bundle, args.dtype, args.threads)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        run(args, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long does a decode step take, against the public reference loop on the same graph file?

    python benchmarks/decode_step.py --size turbo --form gqa --dtype q4 [--context 450] [--steps 40]

Loquor and the plain loop (Python onnxruntime and numpy, new arrays at every step) take turns, greedy, same
prompt, same number of threads. The step includes embed_tokens and the choice of the token; the prefill is
left out.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import loquor  # noqa: E402
from bundles import DTYPES, FORMS, SIZES, make_bundle  # noqa: E402
from loquor.options import resolve_options  # noqa: E402
from reference import PlainLoop  # noqa: E402


def loquor_steps(engine: loquor.Engine, ids: list[int], voice: loquor.Voice, steps: int) -> float:
    """Seconds of one decode step. The public call gives tokens alone, its private half the times as well."""
    options = loquor.GenerationOptions(temperature=0.0, max_new_tokens=steps + 1)
    resolved = resolve_options(options, engine._defaults)
    result = engine._generate(np.asarray(ids), voice, resolved, None, None)
    return result["decode_seconds"] / max(1, len(result["tokens"]) - 1)


def plain_steps(plain: PlainLoop, ids: list[int], voice: dict, steps: int) -> float:
    loop = plain.steps(ids, voice)
    logits = next(loop)
    start = time.perf_counter()
    for _ in range(steps):
        logits = loop.send(int(np.argmax(logits[:6561])))
    return (time.perf_counter() - start) / steps


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--size", choices=list(SIZES), default="nano")
    parser.add_argument("--form", choices=list(FORMS), default="concat")
    parser.add_argument("--dtype", choices=list(DTYPES), default="q4")
    parser.add_argument("--context", type=int, default=450, help="positions before the first timed step")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder), size=args.size, form=args.form, dtype=args.dtype)
        engine = loquor.Engine(bundle, dtype=args.dtype, threads=args.threads, device="cpu")
        plain = PlainLoop(bundle, args.dtype, threads=args.threads)
        audio = np.sin(np.arange(24000 * 10) * 0.05).astype(np.float32) * 0.1
        plain_voice = plain.encode(audio)
        voice = engine.voice((audio, 24000))
        text = args.context - voice.audio_features.shape[0] - 2
        ids = [72] * max(1, text) + [50256, 50256]
        ours, theirs = [], []
        for round_index in range(args.rounds + 1):
            one = loquor_steps(engine, ids, voice, args.steps)
            other = plain_steps(plain, ids, plain_voice, args.steps)
            if round_index:  # the first round warms up
                ours.append(one * 1e3)
                theirs.append(other * 1e3)
        kv_mode = engine.capabilities.kv_mode
    figures = {
        "question": "decode step, ms",
        "bundle": f"{args.size} {args.form} {args.dtype}",
        "context": args.context,
        "threads": args.threads,
        "kv_mode": kv_mode,
        "loquor_ms": round(statistics.median(ours), 2),
        "plain_loop_ms": round(statistics.median(theirs), 2),
        "ratio": round(statistics.median(b / a for a, b in zip(ours, theirs, strict=True)), 2),
        "rounds": args.rounds,
        "machine": platform.processor() or platform.machine(),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip(),
    }
    print(json.dumps(figures, indent=1))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

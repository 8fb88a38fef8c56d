"""How much memory does a loaded model take, resident and at its peak?

    python benchmarks/memory.py --size turbo --dtype q4 [--bundle FOLDER]

Each figure is taken in a process of its own (Linux): after imports, with the graphs prepared, in MB above
what the process had before loading. Rivals: the published language model and decoder opened by Python's
onnxruntime, and the prepared ones by the core; all four; the engine, after a request, and with its speech
encoder unloaded. `--dtype` may be a list with exceptions.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import Row, heading, keep, row_of
from load import graphs_of, in_a_process, open_prepared, open_published

from bundles import EXPORTED_FORMS, FORMS, SIZES, make_bundle

MODES = {
    "published pair": "onnxruntime, language model and decoder",
    "prepared pair": "the same prepared, by the core",
    "published four": "onnxruntime, all four graphs",
    "prepared four": "the same prepared, by the core",
    "engine": "engine, loaded",
    "spoken": "engine, after a request",
    "unloaded": "engine, after a request, encoder unloaded",
}


def resident() -> dict[str, float]:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    sizes = {line[:5]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return {"resident": sizes["VmRSS"], "peak": sizes["VmHWM"]}


def child(mode: str, bundle: Path, dtype: str, threads: int) -> dict[str, Any]:
    """What one process measures, in MB above its start."""
    import onnxruntime  # noqa: F401  (its import is not counted)

    import loquor

    keep: list[Any] = []
    if " " in mode:
        files = graphs_of(bundle, dtype)
        names = ("language_model", "conditional_decoder") if mode.endswith("pair") else tuple(files)
        before = resident()
        for name in names:
            file, prepared = files[name]
            if mode.startswith("published"):
                keep.append(open_published(file, threads))
            else:
                keep.append(open_prepared(file, prepared, threads))
        told = {}
    else:
        before = resident()
        engine = loquor.Engine(bundle, dtype=dtype, threads=threads, device="cpu")
        if mode != "engine":
            audio = (np.sin(np.arange(24000 * 10) * 0.05) * 0.1).astype(np.float32)
            voice = engine.voice((audio, 24000))
            if mode == "unloaded":
                engine.unload_encoder()
            engine.speak("One two three.", voice, loquor.GenerationOptions(max_new_tokens=50, temperature=0))
        memory = engine.memory()
        told = {"kv_cache": memory.kv_cache >> 20, "prefixes": memory.prefixes >> 20}
        keep = [engine]
    after = resident()
    del keep
    return {key: round(after[key] - before["resident"], 1) for key in after} | told


def run(args: argparse.Namespace, folder: Path) -> None:
    bundle = args.bundle or make_bundle(folder, size=args.size, form=args.form, dtype=args.dtype)
    graphs_of(bundle, args.dtype)  # prepared before anything is measured
    rows: list[Row] = []
    about = heading(
        f"memory of {args.bundle or args.size + ' ' + args.form} {args.dtype}, MB above the start"
    )
    print(f"  {'':42}{'resident':>10}{'peak':>10}")
    for mode, name in MODES.items():
        seen = in_a_process(__file__, mode, args, bundle)
        extra = "  ".join(f"{key} {seen[key]}" for key in ("kv_cache", "prefixes") if key in seen)
        print(f"  {name:42}{seen['resident']:10.1f}{seen['peak']:10.1f}  {extra}".rstrip(), flush=True)
        held = {"held": mode.replace(" ", "_")}
        rows += [row_of(figure, [megabytes], condition=held, unit="MB") for figure, megabytes in seen.items()]
    if args.json is not None:
        keep(rows, args.json, about)


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--bundle", type=Path, help="your own, instead of one with random weights")
    parser.add_argument("--size", choices=list(SIZES), default="nano")
    parser.add_argument("--form", choices=list(itertools.chain(FORMS, EXPORTED_FORMS)), default="concat")
    parser.add_argument("--dtype", default="q4")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--child", choices=tuple(MODES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(args.child, args.bundle, args.dtype, args.threads)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        run(args, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long does the conditional decoder take, as published, prepared, and with a shorter prompt?

    python benchmarks/decoder.py [--bundle FOLDER] [--dtype fp32] [--tokens 125] [--rounds 7] [--profile]
    python benchmarks/decoder.py --windows [--first 10] [--growth 1.5] [--most 50] [--adaptive]

One decode of `--tokens` speech tokens behind the prompt that a voice of `--seconds` gives (25 tokens a
second), through the engine. Without `--bundle` the decoder and the speech encoder are those of Turbo's
true architecture with random weights, where their maker lies beside the project: cost without sound.

`--windows` measures whole utterances of `--tokens` tokens instead, read as fast as they come: first sound and
last sample of a stream, by what prompts its windows, against the same spoken in one shot.

`--profile` adds the time by operator of the published and of the prepared graphs, through onnxruntime's own
profiler, with our own operators written out for it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from harness import measure, report, row_of, true_bundle

import loquor
from loquor.prepare import PreparedGraph, operators_library, prepare_bundle
from loquor.prepare.cut import MEL
from loquor.prepare.noise import mean_noise
from loquor.prepare.phase import PHASE_INPUTS

BASELINE = "as published"
_CODES = 6561  # of speech
ONE_SHOT = "one shot"
TEXT = "The train to the coast leaves at seven in the morning."


def run(args: argparse.Namespace, folder: Path) -> None:
    bundle = args.bundle or true_bundle(folder)
    common: dict[str, Any] = {"dtype": args.dtype, "threads": args.threads, "device": "cpu"}
    loquor.Engine(bundle, **common).close()  # prepares; loads are timed with all files in memory
    if args.windows:
        windows(bundle, common, args)
        return
    engines, facts = {}, {}
    for name, options in {
        BASELINE: {"prepare": False},
        "prepared": {},
        "prepared, reference_seconds=3": {"reference_seconds": 3},
    }.items():
        engines[name] = loquor.Engine(bundle, **common, **options)
        facts[name] = {
            "graph": engines[name].capabilities.prepared.get("conditional_decoder", "as published")
        }
    audio = np.sin(np.arange(int(24_000 * args.seconds)) * 0.05).astype(np.float32) * 0.1
    voice = engines[BASELINE].voice((audio, 24_000))
    tokens = np.random.default_rng(0).integers(0, _CODES, args.tokens)

    def timed(engine: loquor.Engine) -> float:
        start = time.perf_counter()
        engine.decode(tokens, voice)
        return time.perf_counter() - start

    rows = measure(
        {name: lambda engine=engine: timed(engine) for name, engine in engines.items()},
        baseline=BASELINE,
        rounds=args.rounds,
        condition={"tokens": args.tokens, "prompt_tokens": len(voice.audio_tokens), "threads": args.threads},
        facts=facts,
    )
    report("Milliseconds of a decode", rows, args.json)
    if args.profile:
        prepared = prepare_bundle(bundle, args.dtype, threads=args.threads)["conditional_decoder"]
        profile(prepared, args, len(voice.audio_tokens), folder)


# --- Windows ---


def windows(bundle: Path, common: dict[str, Any], args: argparse.Namespace) -> None:
    chunks = loquor.StreamOptions(
        first_chunk=args.first, growth=args.growth, max_chunk=args.most, adaptive=args.adaptive
    )
    engines = {
        f"stream, prompt of {prompt:g} s and what was spoken"
        if prompt
        else "stream, whole prompt": loquor.Engine(bundle, window_prompt=prompt, **common)
        for prompt in (0, *args.prompts)
    }
    plain = next(iter(engines.values()))
    audio = np.sin(np.arange(int(24_000 * args.seconds)) * 0.05).astype(np.float32) * 0.1
    voice = plain.voice((audio, 24_000))
    taken: dict[str, list[float]] = {}
    seen: dict[str, dict[str, Any]] = {ONE_SHOT: {}}

    def one_shot() -> float:
        start = time.perf_counter()
        plain.speak(TEXT, voice, options)
        return time.perf_counter() - start

    def stream(name: str, engine: loquor.Engine) -> float:
        start = time.perf_counter()
        times, sizes = [], []
        with engine.stream(TEXT, voice, options, chunks=chunks) as spoken:
            for part in spoken:
                times.append(time.perf_counter() - start)
                sizes.append(len(part) // 960)
        taken.setdefault(name, []).append(times[0])
        seen[name] = {"tokens": sum(sizes), "windows": len(sizes), "dry": dry(times, sizes)}
        return times[-1]

    guards = loquor.Guards(length=False, loop=False, silence=False, tail=False)
    options = loquor.GenerationOptions(seed=1, max_new_tokens=args.tokens, guards=guards)
    rivals = {ONE_SHOT: one_shot}
    rivals |= {
        name: lambda name=name, engine=engine: stream(name, engine) for name, engine in engines.items()
    }
    condition = {"tokens": args.tokens, "prompt_tokens": len(voice.audio_tokens), "threads": args.threads}
    rows = measure(rivals, baseline=ONE_SHOT, rounds=args.rounds, condition=condition, facts=seen)
    whole = rows[0]
    for name, times in taken.items():
        label = name.replace("stream", "first sound")
        rows.append(row_of(label, times[-args.rounds :], shared=condition).against(whole))
    report("Milliseconds of an utterance, known voice", rows, args.json)


def dry(times: list[float], sizes: list[int]) -> float:
    """Seconds of silence while it is played."""
    until, silence = times[0], 0.0
    for at, size in zip(times, sizes, strict=True):
        silence += max(0.0, at - until)
        until = max(at, until) + size * 0.04
    return silence


# --- By operator ---


def profile(prepared: PreparedGraph, args: argparse.Namespace, prompt: int, folder: Path) -> None:
    parts = {"as published": prepared.source, "prepared": prepared.file}
    if prepared.vocoder is not None:
        parts = {"as published": prepared.source, "flow": prepared.file, "vocoder": prepared.vocoder}
    for name, file in parts.items():
        if file is None:
            continue
        graph = onnx.load(str(file), load_external_data=False)
        options = ort.SessionOptions()
        options.intra_op_num_threads = args.threads
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / "profile")
        options.register_custom_ops_library(str(operators_library()))
        weights = "session.model_external_initializers_file_folder_path"
        options.add_session_config_entry(weights, str(prepared.source.resolve().parent))
        session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feeds = feeds_of(session, prompt, args.tokens)
        for _ in range(3):
            session.run(None, feeds)
        times: Counter[str] = Counter()
        for event in json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")):
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                times[event["args"]["op_name"]] += event["dur"]
        total = times.total()
        print(f"\nBy operator, {name}: {total / 3e3:.0f} ms a run")
        for op, taken in times.most_common(16):
            print(f"  {op:26}{taken / 3e3:9.1f} ms{100 * taken / total:7.1f} %")


def feeds_of(session: ort.InferenceSession, prompt: int, tokens: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    ports = {port.name: port for port in session.get_inputs()}
    noise = {
        name: port.shape
        for name, port in ports.items()
        if name.startswith("loquor_") and name not in {MEL, *PHASE_INPUTS}
    }
    phases = {name: phase for name, phase in PHASE_INPUTS.items() if name in ports}
    if MEL in ports:
        sizes = [extent if isinstance(extent, int) else 2 * tokens for extent in ports[MEL].shape]
        return {MEL: rng.standard_normal(sizes, np.float32), **dict(mean_noise(noise, tokens, 0)), **phases}
    kind = np.float16 if "float16" in ports["speaker_features"].type else np.float32
    width, bands = ports["speaker_embeddings"].shape[1], ports["speaker_features"].shape[2]
    return {
        "speech_tokens": rng.integers(0, _CODES, (1, prompt + tokens)),
        "speaker_embeddings": rng.standard_normal((1, width)).astype(kind),
        "speaker_features": (rng.standard_normal((1, 2 * prompt, bands)) - 4).astype(kind),
        **dict(mean_noise(noise, prompt + tokens, 2 * prompt)),
        **phases,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--dtype", default="q4,speech_encoder=fp32,conditional_decoder=fp32")
    parser.add_argument("--tokens", type=int, default=125)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the voice's recording")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--windows", action="store_true", help="streams against one shot")
    parser.add_argument("--prompts", type=float, nargs="*", default=[1.0, 2.0], help="seconds, for windows")
    parser.add_argument("--first", type=int, default=10, help="tokens of a stream's first chunk")
    parser.add_argument("--growth", type=float, default=1.5)
    parser.add_argument("--most", type=int, default=50, help="tokens of its longest chunk")
    parser.add_argument("--adaptive", action="store_true", help="chunks as long as playback allows")
    parser.add_argument("--json", type=Path, help="write the figures here, and a plot beside them")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(args, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

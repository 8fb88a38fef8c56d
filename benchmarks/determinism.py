"""Where does the same seed give the same tokens, and where the same bits?

    python benchmarks/determinism.py [--size nano] [--dtypes fp32 q4] [--tokens 60] [--price] [--json FILE]

For each graph form, precision and KV type: the tokens of one request streamed, beside three others, and on
2, 3 and 4 threads, against those of the request spoken whole and alone on 1 thread. "=" is identical, a
number is the first token that differs. Below them the largest difference of the logits of one decode step,
relative to their largest value: as one row of four instead of alone, and on 2, 3 and 4 threads instead of 1.
Random weights make the distribution flat, so that small differences become other tokens sooner than real
weights would. `--price` measures what `batching=False`, which makes rows independent, costs four streams.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from harness import Row, keep, machine, row_of

import loquor
from bundles import DTYPES, SIZES, make_bundle
from loquor import _core
from loquor.base.runtime import open_runtime
from loquor.prepare import prepare_bundle
from loquor.prepare.check import Port
from loquor.prepare.language_model import load

TEXT = "The train to the coast leaves at seven in the morning."
THREADS = (1, 2, 3, 4)
CASES = (
    ("concat", False, "auto"),
    ("gqa", False, "auto"),
    ("concat", True, "fp32"),
    ("concat", True, "fp16"),
    ("concat", True, "int8"),
)


def recording() -> tuple[np.ndarray, int]:
    seconds = np.arange(144_000) / 24_000
    return (0.3 * np.sin(900 * seconds) * (1 + np.sin(20 * seconds))).astype(np.float32), 24_000


def first_difference(one: np.ndarray, other: np.ndarray) -> int | None:
    if np.array_equal(one, other):
        return None
    shared = min(len(one), len(other))
    differ = np.flatnonzero(one[:shared] != other[:shared])
    return int(differ[0]) if differ.size else shared


def cell_rows(cell: dict[str, Any]) -> list[Row]:
    """For JSON: where tokens differ first, -1 for nowhere; how far logits are off, 0 for not a bit."""
    tokens, logits = dict(cell["tokens"]), dict(cell["logits"])
    facts = {"steps": tokens.pop("steps"), "refused": logits.pop("refused", "")}
    rows = []
    for name, seen in (("first_difference", tokens), ("logit_difference", logits)):
        for against, found in seen.items():
            condition = cell["condition"] | {"against": against.replace(" ", "_")}
            figure = -1.0 if found is None else float(found)
            rows.append(row_of(name, [figure], condition=condition, facts=facts, unit="1"))
    return rows


def shown(seen: dict[str, Any]) -> str:
    """For a line of print: '=' where nothing differs."""
    parts = []
    for name, value in seen.items():
        if value is None:
            parts.append(f"{name} =")
        elif isinstance(value, float):
            parts.append(f"{name} {value:.0e}" if value else f"{name} =")
        else:
            parts.append(f"{name} {value}")
    return ", ".join(parts)


def spoken(engine: loquor.Engine, voice: loquor.Voice, count: int, tokens: int) -> list[np.ndarray]:
    """The tokens of `count` streams that are under way together."""
    options = [loquor.GenerationOptions(seed=seed, max_new_tokens=tokens) for seed in range(count)]
    streams = [engine.stream(TEXT, voice, one) for one in options]
    for stream in streams:
        for _ in stream:
            pass
    return [stream.tokens for stream in streams]


def tokens_row(bundle: Path, case: tuple[str, bool, str], dtype: str, tokens: int) -> dict[str, Any]:
    _, prepared, kv = case
    row: dict[str, Any] = {}
    alone = np.zeros(0, np.int64)
    for threads in THREADS:
        with loquor.Engine(
            bundle, dtype=dtype, device="cpu", threads=threads, slots=4, prepare=prepared, kv_dtype=kv
        ) as engine:
            voice = engine.voice(recording())
            options = loquor.GenerationOptions(seed=0, max_new_tokens=tokens)
            found = engine.generate_tokens(engine.tokenize(TEXT), voice, options)
            if threads > 1:
                row[f"threads {threads}"] = first_difference(found, alone)
                continue
            alone = found
            row["steps"] = "batched" if engine.capabilities.batched else "by turns"
            row["streamed"] = first_difference(spoken(engine, voice, 1, tokens)[0], alone)
            row["beside"] = first_difference(spoken(engine, voice, 4, tokens)[0], alone)
    return row


def step_logits(file: str, prepared: str, ports: dict[str, Port], threads: int, rows: int) -> np.ndarray:
    """The first row's logits [vocabulary] in a step of `rows`, each behind a prompt of its own."""
    session = _core.Graph(open_runtime(), file, prepared=prepared, threads=threads)
    rng = np.random.default_rng(5)
    past_names = [name for name in ports if name.startswith("past_key_values.")]
    hidden, count = ports["inputs_embeds"].dims[2], 40

    def run(embeds: np.ndarray, before: int, past: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        shape = embeds.shape[:2]
        feeds = {
            "inputs_embeds": ports["inputs_embeds"].cast(embeds),
            "attention_mask": np.ones((shape[0], before + shape[1]), np.int64),
            "position_ids": np.broadcast_to(np.arange(before, before + shape[1]), shape).copy(),
            **past,
        }
        return session.run({name: array for name, array in feeds.items() if name in ports})

    prompts = rng.standard_normal((4, 1, count, hidden)) * 0.5
    steps = rng.standard_normal((4, 1, hidden)) * 0.5
    empty = {
        name: ports[name].cast(np.zeros((1, ports[name].dims[1], 0, ports[name].dims[3])))
        for name in past_names
    }
    caches = [run(prompt, 0, empty) for prompt in prompts[:rows]]
    past = {
        name: np.concatenate([one[name.replace("past_key_values", "present")] for one in caches])
        for name in past_names
    }
    return run(steps[:rows], count, past)["logits"][0, -1].astype(np.float64)


def bits_row(bundle: Path, case: tuple[str, bool, str], dtype: str) -> dict[str, Any]:
    _, prepared, kv = case
    source, result = _core.graph_files(str(bundle), dtype)["language_model"][0], ""
    if prepared:
        made = prepare_bundle(bundle, dtype, kv_dtype=kv, threads=1)["language_model"]
        if made.file is None:
            return {"refused": made.reason}
        result = str(made.file)
    ports = {value.name: Port.of(value) for value in load(Path(result or source)).graph.input}
    alone = step_logits(source, result, ports, 1, 1)

    def against(threads: int, rows: int) -> float:
        off = np.abs(step_logits(source, result, ports, threads, rows) - alone).max() / np.abs(alone).max()
        return float(off)

    row = {"rows": against(1, 4)}
    return row | {f"threads {threads}": against(threads, 1) for threads in THREADS[1:]}


def price(bundle: Path, dtype: str, tokens: int) -> dict[str, list[float]]:
    """Tokens a second of four streams, with steps together and by turns, which take turns."""
    speeds: dict[bool, list[float]] = {True: [], False: []}
    engines = {
        batching: loquor.Engine(bundle, dtype=dtype, device="cpu", threads=2, slots=4, batching=batching)
        for batching in speeds
    }
    voices = {batching: engine.voice(recording()) for batching, engine in engines.items()}
    for turn in range(4):
        for batching, engine in engines.items():
            ids, start = engine.tokenize(TEXT), time.perf_counter()
            made = sum(map(len, spoken(engine, voices[batching], 4, tokens)))
            if turn and ids.size:
                speeds[batching].append(made / (time.perf_counter() - start))
    for engine in engines.values():
        engine.close()
    return {"batched": speeds[True], "by turns": speeds[False]}


def cells(given: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    for dtype in given.dtypes:
        for case in CASES:
            form, prepared, kv = case
            bundle = folder / f"{form}-{dtype}"
            if not bundle.is_dir():
                make_bundle(bundle, size=given.size, form=form, dtype=dtype, stop_bias=-1000.0)
            name = f"{dtype} {form} {f'prepared, KV {kv}' if prepared else 'published'}"
            condition = {"dtype": dtype, "form": form, "prepared": prepared, "kv_dtype": kv}
            tokens, logits = tokens_row(bundle, case, dtype, given.tokens), bits_row(bundle, case, dtype)
            yield {"graph": name, "condition": condition, "tokens": tokens, "logits": logits}


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--size", choices=list(SIZES), default="nano")
    parser.add_argument("--dtypes", nargs="+", choices=list(DTYPES), default=list(DTYPES))
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--price", action="store_true")
    parser.add_argument("--json", type=Path, help="write the findings here too")
    given = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for cell in cells(given, Path(folder)):
            rows += cell_rows(cell)
            print(
                f"{cell['graph']}\n  tokens: {shown(cell['tokens'])}\n  logits: {shown(cell['logits'])}",
                flush=True,
            )
        for dtype in given.dtypes if given.price else ():
            for way, speeds in price(Path(folder) / f"concat-{dtype}", dtype, given.tokens).items():
                condition = {"dtype": dtype, "streams": 4, "steps": way.replace(" ", "_")}
                rows.append(row_of("tokens_per_second", speeds, condition=condition, unit="1/s"))
                print(f"{dtype}, 4 streams {way}: {statistics.median(speeds):.0f} tokens/s", flush=True)
    if given.json:
        keep(rows, given.json, machine())
    return 0


if __name__ == "__main__":
    sys.exit(main())

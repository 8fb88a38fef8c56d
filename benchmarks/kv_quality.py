"""What does a KV cache in fewer bytes cost in quality? And what do int8 activations?

    python benchmarks/kv_quality.py --bundle FOLDER --dtype q4 [--steps 100]

The reference speaks: the published graph, sampled. Each other graph hears the same prefix, text and tokens
and gives its own next-token distribution at every step: printed are the mean and largest Kullback-Leibler
divergence from the reference's (nats), how often the likeliest token is the same, and how often the same
uniform number draws the same token at temperature 0.8. Random weights say nothing of the sound; real ones do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import keep, machine, row_of

from bundles import DTYPES, SIZES, make_bundle
from loquor import _core
from loquor.base.runtime import open_runtime
from loquor.bench import key_of
from loquor.prepare import prepare_bundle
from loquor.prepare.calibrate import Speaker
from loquor.prepare.check import Port, Run
from loquor.prepare.language_model import load
from reference import uniform

SENTENCES = (
    "It was a bright cold day in April, and the clocks were striking thirteen.",
    "Could you send me the report by Friday, please? [laugh] Thank you so much!",
)
TEMPERATURE = 0.8


class Listener:
    """One graph that is fed embeddings and answers with the distribution of the next token."""

    def __init__(self, run: Run, ports: dict[str, Port]) -> None:
        self._run = run
        self._ports = ports
        names = [name for name in ports if name.startswith("past_key_values.")]
        self._past = {
            name: ports[name].cast(np.zeros((1, ports[name].dims[1], 0, ports[name].dims[3])))
            for name in names
        }
        self._length = 0

    def hear(self, embeds: np.ndarray) -> np.ndarray:
        count = embeds.shape[1]
        feeds: dict[str, Any] = {
            "inputs_embeds": self._ports["inputs_embeds"].cast(embeds),
            "attention_mask": np.ones((1, self._length + count), np.int64),
            "position_ids": np.arange(self._length, self._length + count)[np.newaxis],
            **self._past,
        }
        outputs = self._run({name: array for name, array in feeds.items() if name in self._ports})
        self._length += count
        self._past = {name: outputs[name.replace("past_key_values", "present")] for name in self._past}
        logits = outputs["logits"][0, -1].astype(np.float64) / TEMPERATURE
        chances: np.ndarray = np.exp(logits - logits.max())
        return chances / chances.sum()


def draw(chances: np.ndarray, number: float) -> int:
    return int(np.searchsorted(np.cumsum(chances), number, side="right").clip(0, chances.size - 1))


def run(args: argparse.Namespace, folder: Path) -> None:
    bundle = args.bundle or make_bundle(folder, size=args.size, dtype=args.dtype, stop_bias=-1000.0)
    runtime, files = open_runtime(), _core.graph_files(str(bundle), args.dtype)
    source = files["language_model"][0]

    def opened(graph: str) -> Run:
        return _core.Graph(runtime, files[graph][0], threads=args.threads).run

    graphs: dict[str, tuple[Run, dict[str, Port]]] = {}
    ports = {value.name: Port.of(value) for value in load(Path(source)).graph.input}
    graphs["published"] = (opened("language_model"), ports)
    for kv_dtype in ("auto", "fp16", "int8"):
        result = prepare_bundle(bundle, args.dtype, kv_dtype=kv_dtype, threads=args.threads)["language_model"]
        if result.file is None:
            print(f"prepared, {kv_dtype} KV: {result.state} ({result.reason})")
            continue
        session = _core.Graph(runtime, source, prepared=str(result.file), threads=args.threads)
        inputs = {value.name: Port.of(value) for value in load(result.file).graph.input}
        graphs[f"prepared, {kv_dtype} KV"] = (session.run, inputs)

    speaker = Speaker(bundle, opened)
    found: dict[str, list[tuple[float, bool, bool]]] = {name: [] for name in graphs}
    for seed, sentence in enumerate(SENTENCES):
        listeners = {name: Listener(*graph) for name, graph in graphs.items()}
        embeds = speaker.prompt(sentence)
        for step in range(args.steps):
            chances = {name: listener.hear(embeds) for name, listener in listeners.items()}
            truth, number = chances["published"], uniform(seed, step)
            token = draw(truth, number)
            for name, other in chances.items():
                divergence = float(np.sum(truth * (np.log(truth + 1e-300) - np.log(other + 1e-300))))
                same = int(np.argmax(other)) == int(np.argmax(truth))
                found[name].append((divergence, same, draw(other, number) == token))
            embeds = speaker.embed([token])
    rows = []
    print(f"{'':28}{'mean KL':>10}{'largest':>10}{'same best':>11}{'same draw':>11}")
    for name, seen in found.items():
        divergences, best, drawn = (np.asarray(column, float) for column in zip(*seen, strict=True))
        measures = {"divergence": divergences, "same_best": best, "same_draw": drawn}
        graph = {"graph": key_of(name)}
        rows += [row_of(what, list(taken), condition=graph, unit="1") for what, taken in measures.items()]
        print(
            f"{name:28}{divergences.mean():10.5f}{divergences.max():10.5f}{best.mean():11.1%}{drawn.mean():11.1%}"
        )
    if args.json:
        keep(rows, args.json, machine())


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--bundle", type=Path, help="your own, instead of one with random weights")
    parser.add_argument("--size", choices=list(SIZES), default="tiny")
    parser.add_argument("--dtype", choices=list(DTYPES), default="q4")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(args, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

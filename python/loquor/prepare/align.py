"""Which heads of a language model attend to what of the text is being said: those that go along it, step by
step, while it speaks calibration sentences."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from .. import _core
from ..base.runtime import advised_dtype, open_runtime
from ..bundle.catalog import check_dtype
from ..errors import ModelError
from .alignment import ATTENTION_WEIGHTS, all_heads, tell_attention
from .calibrate import Speaker
from .check import Port, Run
from .graph import Graph
from .heads import Heads
from .language_model import rewrite_language_model
from .storage import temporary

if TYPE_CHECKING:
    import numpy.typing as npt

    Weights = npt.NDArray[np.float32]

__all__ = ["SENTENCES", "FoundHeads", "HeadScore", "along", "find_heads"]

_log = logging.getLogger("loquor.prepare")

SENTENCES = (
    "The quick brown fox jumps over the lazy dog, and then it runs away from the bear.",
    "Please bring your own cup, for there will be tea after the second lecture.",
    "Nobody in the village had ever seen so much snow before the end of November.",
)
_LEAST = 0.5
"""Of a head's score. What attends to anything else than the text in order is far below."""
_OF_BEST = 0.8
"""Of the best head's score, which the others that are taken have at least."""
_MOST = 4
"""Heads: their mean is as good as that of more."""
_TOKENS_PER_CHARACTER = 5
_LONGEST_MOVE, _FLOOR = 8, 0.01  # csrc/decode/text_aligner.cpp


@dataclass(frozen=True)
class HeadScore:
    """How well a head goes along the text."""

    layer: int
    head: int
    score: float
    """0 to 1: the share of its attention that lies on the best path forward, times how far that leads."""


@dataclass(frozen=True)
class FoundHeads:
    """What `find_heads` found."""

    heads: Heads
    """The chosen ones; none where no head goes along the text."""
    scores: tuple[HeadScore, ...]
    """Of all heads, the best first."""
    source: Path
    """The language model's file."""


def find_heads(
    folder: Path, dtype: str = "auto", *, sentences: Sequence[str] = SENTENCES, threads: int = 0
) -> FoundHeads:
    """Let the bundle in `folder` speak the sentences, and score every head.

    Raises `ModelError` for a language model whose attention the core's own operator cannot replace.
    """
    runtime = open_runtime()
    check_dtype(dtype)
    facts = _core.read_bundle(str(folder), dtype, advised_dtype(runtime, "cpu"))
    source = Path(facts["files"]["language_model"][0])
    model, _ = rewrite_language_model(
        onnx.load(str(source), load_external_data=False), source.parent, own_operators=True
    )
    graph = Graph(model, source.parent)
    heads = all_heads(graph)
    if not tell_attention(graph, heads, mean=False):
        raise ModelError(
            f"{source.name}: its attention is in no form that is known here, so that nothing tells what its "
            f"heads attend to: take another export [{source}]"
        )
    whole = graph.finish()
    ports = {value.name: Port.of(value) for value in whole.graph.input}
    with temporary(whole.SerializeToString()) as file:
        run = _core.Graph(runtime, str(source), prepared=str(file), threads=threads).run
    speaker = Speaker(folder, lambda name: _core.Graph(runtime, facts["files"][name][0], threads=threads).run)
    spoken = [_attention(run, ports, speaker, facts, sentence) for sentence in sentences]
    scores = [
        float(np.mean([_score(attention[:, place]) for attention in spoken])) for place in range(len(heads))
    ]
    ranked = sorted(
        (HeadScore(layer, head, score) for (layer, head), score in zip(heads, scores, strict=True)),
        key=lambda found: -found.score,
    )
    least = max(_LEAST, _OF_BEST * ranked[0].score)
    chosen = sorted((found.layer, found.head) for found in ranked[:_MOST] if found.score >= least)
    return FoundHeads(tuple(chosen), tuple(ranked), source)


def along(attention: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The id of each code, int64 [codes], of the likeliest path forward over attention [codes, ids].

    As the core's aligner finds it, without its haste: all codes are there.
    """
    codes, ids = attention.shape
    seen = np.log(np.maximum(attention.astype(np.float64), 0) + _FLOOR)
    costs = 0.5 * np.maximum(np.arange(_LONGEST_MOVE + 1) - 2, 0)
    scores = np.full(ids, -np.inf)
    begin = min(ids, _LONGEST_MOVE + 1)
    scores[:begin] = -costs[:begin]
    scores += seen[0]
    moves = np.zeros((codes, ids), np.int64)
    for code in range(1, codes):
        through = np.full((_LONGEST_MOVE + 1, ids), -np.inf)
        for move in range(begin):
            through[move, move:] = scores[: ids - move] - costs[move]
        moves[code] = through.argmax(0)
        scores = through.max(0) + seen[code]
    path = np.zeros(codes, np.int64)
    path[-1] = scores.argmax()
    for code in range(codes - 1, 0, -1):
        path[code - 1] = path[code] - moves[code, path[code]]
    return path


def _score(attention: npt.NDArray[Any]) -> float:
    codes, ids = attention.shape
    if codes == 0 or ids < 2:
        return 0.0
    path = along(attention)
    near = np.abs(np.arange(ids)[None] - path[:, None]) <= 1
    share = float((attention * near).sum() / max(float(attention.shape[0]), 1.0))
    return float(share * float(path[-1] - path[0]) / (ids - 1))


def _attention(
    run: Run, ports: dict[str, Port], speaker: Speaker, facts: Any, sentence: str
) -> npt.NDArray[Any]:
    """What each head attends to of the text, [codes, heads, ids], while the sentence is sampled."""
    rng = np.random.default_rng(len(sentence))
    names = [name for name in ports if name.startswith("past_key_values.")]
    past = {
        name: ports[name].cast(np.zeros((1, ports[name].dims[1], 0, ports[name].dims[3]))) for name in names
    }
    embeds, length = speaker.prompt(sentence), 0
    closing = len(facts["prompt_closing"])
    begin = speaker.prefix_length + len(facts["prompt_opening"])
    end = embeds.shape[1] - closing
    told = []
    for step in range(_TOKENS_PER_CHARACTER * len(sentence)):
        count = embeds.shape[1]
        feeds = {
            "inputs_embeds": ports["inputs_embeds"].cast(embeds),
            "attention_mask": np.ones((1, length + count), np.int64),
            "position_ids": np.arange(length, length + count)[np.newaxis],
            **past,
        }
        outputs = run({name: array for name, array in feeds.items() if name in ports})
        length += count
        past = {name: outputs[name.replace("past_key_values", "present")] for name in names}
        logits = outputs["logits"][0, -1].astype(np.float64) / 0.8
        chances = np.exp(logits - logits.max())
        token = int(rng.choice(chances.size, p=chances / chances.sum()))
        if token == facts["stop_token"]:
            break
        told.append(outputs[ATTENTION_WEIGHTS][0, :, begin:end])
        embeds = speaker.embed([token], step + 1)
    return np.stack(told) if told else np.zeros((0, 1, end - begin), np.float32)

"""All rewrites of a conditional decoder, and its comparison with the untouched one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from onnx import ModelProto

from .check import Arrays, Original, Port, Run, distance, energy_apart
from .convolution import swap_convolutions
from .graph import Graph
from .mish import fuse_mish
from .noise import lengths_of, mean_noise, noise_to_inputs, random_nodes, shape_probe, silenced
from .phase import PHASE_INPUTS, anchor_phase, sine_source
from .products import WRITTEN_OUT, spell_out_products
from .quantised_convolution import check_convolutions, widen_convolutions
from .relative_shift import fuse_relative_shift
from .self_attention import fuse_self_attention
from .snake import fuse_snake
from .weights import share_equal_weights
from .widen import WIDENED, computes_in_float16, widen

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["rewrite_decoder"]

EXACT = 1e-3
"""Allowed difference of samples, of the loudest: only the order of operations changes."""
ROUNDED = 0.2
"""Allowed energy of the difference from what was computed in float16, of the whole: a pitch that is rounded
leads sines apart."""
_CHECKED = ((24, 20), (37, 12))
_HIGHEST_TOKEN = 500
_Rewrites: TypeAlias = "tuple[tuple[Callable[[Graph], int], str], ...]"
_REWRITES: _Rewrites = (
    (widen_convolutions, "dynamically quantised convolutions in float32"),
    (spell_out_products, WRITTEN_OUT),
    (share_equal_weights, "weights shared"),
    (fuse_self_attention, "MultiHeadAttention"),
)
_OWN: _Rewrites = (
    (fuse_mish, "Mish"),
    (fuse_snake, "Snake"),
    (fuse_relative_shift, "RelativeShift"),
    (swap_convolutions, "ToomCookConv"),
)
"""Rewrites to operators of the core's own, in float32 on the CPU."""
_WAVE = "waveform"


def rewrite_decoder(original: Original) -> tuple[ModelProto | None, list[str], dict[str, float]]:
    """Return the rewritten graph, what was done to it, and how far its samples are from the untouched one's.

    Nothing done means None. Raises `RefusedError`.
    """
    opened = original.opened
    differences = check_convolutions(original.loadable, opened)
    graph = original.parsed()
    ports = {name: Port.of(value) for name, value in graph.inputs.items()}
    done = []
    dims: list[list[int | str]] = []
    random, source = [node.output[0] for node in random_nodes(graph)], sine_source(graph)
    measured = [*random, *((source.output[0], _WAVE) if source is not None else ())]
    if measured:
        probe = opened(shape_probe(original.loadable(), measured))
        dims = lengths_of(lambda tokens, frames: probe(_feeds(ports, tokens, frames)), measured)
    if source is not None and dims[-1][-1] in dims[-2]:  # a phase for each sample
        done.append(f"{anchor_phase(graph, source)} phase anchor")
    if random:
        done.append(f"{noise_to_inputs(graph, dims[: len(random)])} noise inputs")
    done += _applied(graph, _REWRITES)
    if halves := original.own_operators and computes_in_float16(graph):
        done.append(f"{widen(graph, at_each_run=True)} {WIDENED}")
    if original.own_operators:
        done += _applied(graph, _OWN)
    if not done:
        return None, [], {}
    names = [name for name in graph.inputs if name not in {**ports, **PHASE_INPUTS}]
    noise = dict(zip(names, dims[: len(random)], strict=True))
    anchor = PHASE_INPUTS if PHASE_INPUTS.keys() <= graph.inputs.keys() else {}
    model = graph.finish()

    untouched = original.loadable()
    widen_convolutions(untouched)  # compared by themselves, since they round what they get
    expected = _samples(opened(silenced(untouched)), ports, {}, {})
    if halves:
        widen(untouched)
        rounded, expected = expected, _samples(opened(untouched.finish()), ports, {}, {})
        differences["float16"] = max(
            energy_apart(one, other, f"the samples of run {number} in float16", ROUNDED)
            for number, (one, other) in enumerate(zip(expected, rounded, strict=True))
        )
    found = _samples(opened(model), ports, noise, anchor)
    worst = max(
        distance(one, other, f"the samples of run {number}", EXACT)
        for number, (one, other) in enumerate(zip(found, expected, strict=True))
    )
    return model, done, {**differences, "exact": worst}


def _applied(graph: Graph, rewrites: _Rewrites) -> list[str]:
    return [f"{number} {what}" for rewrite, what in rewrites if (number := rewrite(graph))]


def _samples(
    run: Run, ports: dict[str, Port], noise: dict[str, list[int | str]], anchor: Arrays
) -> list[npt.NDArray[np.float32]]:
    waves = []
    for tokens, frames in _CHECKED:
        feeds = _feeds(ports, tokens, frames) | dict(mean_noise(noise, tokens, frames)) | anchor
        waves.append(run(feeds)[_WAVE].astype(np.float32))
    return waves


def _feeds(ports: dict[str, Port], tokens: int, frames: int) -> Arrays:
    """Speech tokens and a voice of these lengths."""
    rng = np.random.default_rng(tokens * 1000 + frames)
    embeddings, features = ports["speaker_embeddings"], ports["speaker_features"]
    return {
        "speech_tokens": rng.integers(0, _HIGHEST_TOKEN, (1, tokens)),
        "speaker_embeddings": embeddings.cast(rng.standard_normal((1, embeddings.dims[1] or 192))),
        "speaker_features": features.cast(rng.standard_normal((1, frames, features.dims[2] or 80)) - 4),
    }

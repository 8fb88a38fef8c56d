"""All rewrites of a language model, in their order."""

from __future__ import annotations

import logging
from pathlib import Path

import onnx
from onnx import ModelProto, TensorProto

from .alignment import tell_attention
from .attention import carries_group_query, rewrite_attention
from .graph import Graph, RefusedError
from .heads import Heads
from .norms import fuse_fast_gelu, fuse_layer_norms, fuse_skip_layer_norms
from .own_attention import GROUP_QUERY, OWN_ATTENTION, all_attention_is_plain, use_own_attention
from .products import (
    WRITTEN_OUT,
    fuse_biases,
    head_on_last_position,
    raise_accuracy_level,
    read_weights_in_place,
    spell_out_products,
)
from .standard_attention import spell_out_attention
from .widen import WIDENED, computes_in_float16, widen

__all__ = ["rewrite_language_model"]

_log = logging.getLogger("loquor.prepare")

OLDEST_OPSET = 15  # Shape with start and end


def rewrite_language_model(
    model: ModelProto,
    weights_folder: Path,
    *,
    int8_activations: bool = True,
    own_operators: bool = False,
    own_products: bool = False,
    on_cpu: bool = True,
    heads: Heads = (),
) -> tuple[ModelProto, list[str]]:
    """Return the rewritten graph and what was done to it; nothing done means that there was nothing to do.

    `model` is changed. Without `int8_activations` the products keep the accuracy level they came with. With
    `own_operators`, attention over the cache becomes the core's own operator, and so do products at the level
    of int8: with `own_products` all, else those that the runtime has no fast kernel for, which `on_cpu` are
    else written out. Where attention is the core's own, that of the `heads` becomes an output.
    Raises `RefusedError`.
    """
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset < OLDEST_OPSET:
        raise RefusedError(f"its opset is {opset}, at least {OLDEST_OPSET} is needed")
    graph = Graph(model, weights_folder)
    done = []

    def count(number: int, what: str) -> None:
        if number:
            done.append(f"{number} {what}")

    count(fuse_layer_norms(graph), "LayerNormalization")
    if not carries_group_query(graph):
        spell_out_attention(graph)
        count(rewrite_attention(graph), "GroupQueryAttention")
    count(fuse_biases(graph), "fused biases")
    if int8_activations:
        count(raise_accuracy_level(graph), "products with int8 activations")
    graph.prune()
    count(fuse_fast_gelu(graph), "FastGelu")
    count(fuse_skip_layer_norms(graph), "SkipLayerNormalization")
    graph.prune()
    if own_operators:
        cache = TensorProto.FLOAT
        if computes_in_float16(graph) and all_attention_is_plain(graph, TensorProto.FLOAT16):
            cache = TensorProto.FLOAT16
            count(widen(graph, caches_of=GROUP_QUERY), WIDENED)
        count(use_own_attention(graph, cache), OWN_ATTENTION)
    try:
        if logits_for_every_position(graph):
            head_on_last_position(graph)
            done.append("head on the last position")
    except RefusedError as refused:
        _log.info("logits stay as they are: %s", refused)
    if own_operators:
        count(read_weights_in_place(graph, all_of_them=own_products), "BlockProduct")
    if tell_attention(graph, heads):
        count(len(heads), "heads whose attention is told")
    if on_cpu:
        count(spell_out_products(graph), WRITTEN_OUT)
    return graph.finish(), done


def logits_for_every_position(graph: Graph) -> bool:
    """Whether the logits have as many positions as the embeddings, by the graph's own declaration."""
    dims = graph.outputs["logits"].type.tensor_type.shape.dim
    return len(dims) == 3 and dims[1].dim_value != 1


def load(file: Path) -> ModelProto:
    """A graph without its weights, which stay on disk."""
    return onnx.load(str(file), load_external_data=False)

"""What chosen heads of a language model attend to, as an output: which part of the text is being said.

See docs/adr/0190-words-on-the-clock.md.
"""

from __future__ import annotations

from onnx import NodeProto, TensorProto, helper

from .graph import LOQUOR, Graph, attributes_of
from .heads import Heads
from .own_attention import OWN_ATTENTION

__all__ = ["ATTENTION_WEIGHTS", "WEIGHTS_OPERATOR", "all_heads", "tell_attention"]

ATTENTION_WEIGHTS = "attention_weights"
"""The output, float32 [rows, positions]: the mean of the heads for the last position of each row."""
WEIGHTS_OPERATOR = "AttentionWeights"


def all_heads(graph: Graph) -> Heads:
    """Those of every layer whose attention is the core's own operator."""
    return tuple(
        (layer, head)
        for layer, node in sorted(_by_layer(graph).items())
        for head in range(attributes_of(node)["num_heads"])
    )


def tell_attention(graph: Graph, heads: Heads, *, mean: bool = True) -> bool:
    """Add the output; without `mean` it is [rows, heads, positions], in the order of `heads`.

    False where a head is not there, or its attention is not the core's own operator, and nothing is done.
    """
    layers = _by_layer(graph)
    if not heads or any(
        layer not in layers or head >= attributes_of(layers[layer])["num_heads"] for layer, head in heads
    ):
        return False
    made = []
    for layer in dict.fromkeys(layer for layer, _ in heads):
        node = layers[layer]
        given = attributes_of(node)
        kept = {name: given[name] for name in ("num_heads", "kv_num_heads", "scale") if name in given}
        chosen = graph.int64(*(head for of, head in heads if of == layer))
        scale = node.input[7:8]  # of a cache in whole numbers
        inputs = [node.input[0], node.output[1], *node.input[5:7], chosen, *scale]
        made += graph.add(WEIGHTS_OPERATOR, inputs, domain=LOQUOR, **kept)
    weights = made[0] if len(made) == 1 else graph.add("Concat", made, axis=1)[0]
    if mean and _opset(graph) >= _AXES_AS_INPUT:
        weights = graph.add("ReduceMean", [weights, graph.int64(1)], keepdims=0)[0]
    elif mean:
        weights = graph.add("ReduceMean", [weights], keepdims=0, axes=[1])[0]
    graph.add("Identity", [weights], outputs=[ATTENTION_WEIGHTS])
    dims: list[str | int | None] = ["batch_size", "total_sequence_length"]
    if not mean:
        dims.insert(1, len(heads))
    graph.outputs[ATTENTION_WEIGHTS] = helper.make_tensor_value_info(
        ATTENTION_WEIGHTS, TensorProto.FLOAT, dims
    )
    return True


def _by_layer(graph: Graph) -> dict[int, NodeProto]:
    names = {f"past_key_values.{layer}.key": layer for layer in range(len(graph.inputs))}
    return {names[node.input[3]]: node for node in graph.nodes(OWN_ATTENTION) if node.input[3] in names}


_AXES_AS_INPUT = 18
"""The opset from which ReduceMean takes its axes as an input."""


def _opset(graph: Graph) -> int:
    return int(next(entry.version for entry in graph.model.opset_import if entry.domain in ("", "ai.onnx")))

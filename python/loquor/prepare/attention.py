"""Attention that joins past and new positions becomes GroupQueryAttention, which writes into the past's own.

A layer is found from its cache: the input past_key_values.N.key meets the new keys on the way to
present.N.key. From there the scores, the softmax and the context are followed down, queries and values up.
What stands between (masks, scales, casts) is not interpreted beyond its scale: the rewritten graph is
compared with the untouched one on positions of many kinds before it is used, and a graph whose attention is
not plain causal attention differs there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, TensorProto

from .graph import MICROSOFT, Graph, RefusedError, attributes_of

__all__ = ["carries_group_query", "count_layers", "rewrite_attention"]

_HEADS_FIRST = [0, 2, 1, 3]
_SCALING = {"Mul", "Div", "Identity", "Cast"}
_TURNING = {*_SCALING, "Transpose", "Reshape"}  # of the keys
_TO_SOFTMAX = {*_SCALING, "Add", "Sub", "Where", "Max", "Min", "Clip"}
_TO_CONTEXT = {"Cast", "Identity", "Dropout", "Where", "Mul"}  # Where and Mul: guards against rows of NaN


@dataclass(frozen=True)
class _Cache:
    layer: int
    heads: int
    head_dim: int

    def past(self, kind: str) -> str:
        return f"past_key_values.{self.layer}.{kind}"

    def present(self, kind: str) -> str:
        return f"present.{self.layer}.{kind}"

    @property
    def width(self) -> int:
        return self.heads * self.head_dim


@dataclass(frozen=True)
class _Layer:
    """One attention, by the values around it."""

    query: str  # [batch, sequence, heads * head_dim], or packed with keys and values if those are empty
    key: str
    value: str
    output: str  # to be replaced
    scale: float
    """The scale of the scores; NaN where it could not be read."""
    joined: tuple[str, str]
    """Past and new keys together, and values."""


def count_layers(graph: Graph) -> int:
    layers = 0
    while f"past_key_values.{layers}.key" in graph.inputs:
        layers += 1
    return layers


def carries_group_query(graph: Graph) -> bool:
    """Whether the caches are already kept by GroupQueryAttention."""
    layers = range(count_layers(graph))
    return len(layers) > 0 and all(
        graph.made_by(graph.through(f"present.{layer}.key", "Identity"), "GroupQueryAttention")
        for layer in layers
    )


def rewrite_attention(graph: Graph) -> int:
    """Rewrites every layer and returns their number. Raises `RefusedError` naming what is not understood."""
    layers = count_layers(graph)
    if layers == 0:
        raise RefusedError("it has no input 'past_key_values.0.key'")
    caches = [_cache(graph, layer) for layer in range(layers)]
    found = [_find(graph, cache) for cache in caches]
    lengths = _lengths(graph)
    for cache, layer in zip(caches, found, strict=True):
        _replace(graph, cache, layer, lengths)
    _forget_capacity(graph, caches[0], {name for layer in found for name in layer.joined})
    return layers


def _cache(graph: Graph, layer: int) -> _Cache:
    name = f"past_key_values.{layer}.key"
    dims = [dim.dim_value for dim in graph.inputs[name].type.tensor_type.shape.dim]
    if len(dims) != 4 or not dims[1] or not dims[3]:
        raise RefusedError(f"'{name}' should be [batch, heads, past, head size], both sizes given")
    return _Cache(layer, dims[1], dims[3])


def _find(graph: Graph, cache: _Cache) -> _Layer:
    source = graph.producer(graph.through(cache.present("key"), "Identity"))
    if source is not None and source.op_type == "Concat":
        return _find_concat(graph, cache, source)
    if source is not None and source.op_type == "MultiHeadAttention":
        return _find_multi_head(graph, cache, source)
    raise RefusedError(
        f"'{cache.present('key')}' should come from Concat or MultiHeadAttention, "
        f"not {source.op_type if source is not None else 'nothing'}"
    )


# --- Plain operators ---


def _find_concat(graph: Graph, cache: _Cache, keys: NodeProto) -> _Layer:
    values = graph.producer(graph.through(cache.present("value"), "Identity"))
    new_key = _new_part(graph, cache, "key", keys)
    new_value = _new_part(graph, cache, "value", values)
    joined = (keys.output[0], cache.present("value") if values is None else values.output[0])
    scale = 1.0

    scores = _only(graph.walk(keys.output[0], _TURNING, _is_right_factor), cache, "the scores")
    scale *= _scale_above(graph, scores.input[1], _TURNING, keys.output[0])
    queries, factor = _strip_scale(graph, scores.input[0])
    scale *= factor
    softmax = _only(
        graph.walk(scores.output[0], _TO_SOFTMAX, lambda node, _: node.op_type == "Softmax"),
        cache,
        "the softmax",
    )
    scale *= _scale_between(graph, scores, softmax)
    context = _only(graph.walk(softmax.output[0], _TO_CONTEXT, _is_left_factor), cache, "the context")
    if graph.through(context.input[1], "Identity", "Cast") != joined[1]:
        raise RefusedError(f"layer {cache.layer}: the context is no product with '{cache.present('value')}'")
    back = [node for node in graph.consumers(context.output[0]) if _is_heads_first(node)]
    if len(back) != 1:
        raise RefusedError(f"layer {cache.layer}: the context's heads are not joined by one Transpose")
    packed = _stacked(graph, cache, [queries, new_key, new_value])
    if packed:
        return _Layer(packed, "", "", back[0].output[0], scale, joined)
    apart = [_heads_apart(graph, cache, part) for part in (queries, new_key, new_value)]
    packed = _packed(graph, cache, [_together(graph, part) for part in apart])
    if packed:
        return _Layer(packed, "", "", back[0].output[0], scale, joined)
    rows, key_rows, value_rows = (_as_rows(graph, cache, part) for part in apart)
    return _Layer(rows, key_rows, value_rows, back[0].output[0], scale, joined)


def _new_part(graph: Graph, cache: _Cache, kind: str, joined: NodeProto | None) -> str:
    """New keys or values as [batch, heads, sequence, head_dim], from the Concat with their past."""
    if joined is None or joined.op_type != "Concat" or attributes_of(joined).get("axis") not in (2, -2):
        raise RefusedError(f"'{cache.present(kind)}' should be a Concat over positions")
    if len(joined.input) != 2 or graph.through(joined.input[0], "Identity") != cache.past(kind):
        raise RefusedError(f"'{cache.present(kind)}' should be '{cache.past(kind)}', then new positions")
    return str(joined.input[1])


def _heads_apart(graph: Graph, cache: _Cache, value: str) -> str:
    """[batch, sequence, heads, head_dim] behind the Transpose that puts the heads first."""
    transpose = graph.made_by(graph.through(value, "Identity"), "Transpose")
    if transpose is None or not _is_heads_first(transpose):
        maker = graph.producer(value)
        raise RefusedError(
            f"layer {cache.layer}: queries, keys and values should be split into heads and transposed, not "
            f"come from {maker.op_type if maker is not None else 'an input'}"
        )
    return str(transpose.input[0])


def _is_heads_first(node: NodeProto) -> bool:
    return node.op_type == "Transpose" and list(attributes_of(node).get("perm", [])) == _HEADS_FIRST


def _is_right_factor(node: NodeProto, name: str) -> bool:
    return node.op_type == "MatMul" and node.input[1] == name


def _is_left_factor(node: NodeProto, name: str) -> bool:
    return node.op_type == "MatMul" and node.input[0] == name


def _only(nodes: object, cache: _Cache, what: str) -> NodeProto:
    found = list(nodes)  # type: ignore[call-overload]
    if len(found) != 1:
        raise RefusedError(f"layer {cache.layer}: {what} should be one node, not {len(found)}")
    node: NodeProto = found[0]
    return node


# --- Scales ---


def _factor(graph: Graph, node: NodeProto, along: str) -> float:
    """The constant that a scaling node multiplies by; 1 where it is none, or not constant.

    Exporters compute 1 / sqrt(head size) in many ways. A scale that is missed here shows in the check.
    """
    if node.op_type not in ("Mul", "Div"):
        return 1.0
    other = node.input[1] if node.input[0] == along else node.input[0]
    number = graph.scalar(other)
    if number is None:
        return math.nan
    return number if node.op_type == "Mul" else 1.0 / number


def _scale_above(graph: Graph, value: str, ops: set[str], until: str) -> float:
    scale = 1.0
    while value != until:
        node = graph.producer(value)
        if node is None or node.op_type not in ops:
            return scale
        source = next((name for name in node.input if not graph.is_weight(name)), node.input[0])
        scale *= _factor(graph, node, source)
        value = source
    return scale


def _strip_scale(graph: Graph, value: str) -> tuple[str, float]:
    """What the queries were before they were scaled, and the scale."""
    scale = 1.0
    while node := graph.made_by(value, *_SCALING):
        source = node.input[0]
        if node.op_type == "Mul" and graph.rank(node.input[0]) in (0, 1):
            source = node.input[1]
        scale *= _factor(graph, node, source)
        value = source
    return value, scale


def _scale_between(graph: Graph, scores: NodeProto, softmax: NodeProto) -> float:
    """Product of the constants by which scores are multiplied before they are masked."""
    scale, value = 1.0, scores.output[0]
    while True:
        users = [node for node in graph.consumers(value) if node.op_type in _SCALING]
        if len(graph.consumers(value)) != 1 or not users or users[0] is softmax:
            return scale
        scale *= _factor(graph, users[0], value)
        value = users[0].output[0]


# --- MultiHeadAttention ---


def _find_multi_head(graph: Graph, cache: _Cache, node: NodeProto) -> _Layer:
    names = [*node.input, *[""] * (8 - len(node.input))]
    query, key, value, bias, padding = names[:5]
    if bias or padding or not key or not value:
        raise RefusedError(f"layer {cache.layer}: MultiHeadAttention with bias, padding mask or packed input")
    if [graph.through(name, "Identity") for name in names[6:8]] != [cache.past("key"), cache.past("value")]:
        raise RefusedError(f"layer {cache.layer}: MultiHeadAttention does not take its own past")
    scale = float(attributes_of(node).get("scale", 0.0)) or math.nan
    packed = _packed(graph, cache, [query, key, value])
    if packed:
        query, key, value = packed, "", ""
    return _Layer(query, key, value, node.output[0], scale, (node.output[1], node.output[2]))


# --- Queries, keys and values as GroupQueryAttention takes them ---


def _together(graph: Graph, value: str) -> str:
    """The value before a Reshape split its heads."""
    reshape = graph.made_by(value, "Reshape")
    return reshape.input[0] if reshape is not None else value


def _packed(graph: Graph, cache: _Cache, parts: list[str]) -> str:
    """The value that was cut into exactly these three parts along its last axis, as three axes; else ""."""
    split = graph.made_by(parts[0], "Split")
    if split is not None:
        axis = attributes_of(split).get("axis", 0)
        sizes = graph.constant(split.input[1]) if len(split.input) > 1 else attributes_of(split).get("split")
        equal = sizes is None or list(sizes) == [cache.width] * 3
        rank = graph.rank(split.input[0])
        if list(split.output) != parts or not equal or axis not in (-1, 2) or (axis == -1 and rank == 2):
            return ""
        return str(split.input[0])
    slices = [graph.made_by(part, "Slice") for part in parts]
    source = slices[0].input[0] if slices[0] is not None else ""
    for index, node in enumerate(slices):
        if node is None or node.input[0] != source or len(node.input) < 4:
            return ""
        start, end, axis = (graph.scalar(name) for name in node.input[1:4])
        last = end is not None and index == 2 and end >= 3 * cache.width
        if (
            axis not in (-1, 2)
            or start != index * cache.width
            or not (last or end == (index + 1) * cache.width)
        ):
            return ""
    return str(source) if graph.rank(source) == 3 else ""


def _stacked(graph: Graph, cache: _Cache, parts: list[str]) -> str:
    """The value reshaped to [batch, sequence, 3, heads, head_dim], turned and cut by Gather; else ""."""
    sources = set()
    for index, part in enumerate(parts):
        gather = graph.made_by(part, "Gather")
        if (
            gather is None
            or attributes_of(gather).get("axis", 0) != 0
            or graph.scalar(gather.input[1]) != index
        ):
            return ""
        transpose = graph.made_by(gather.input[0], "Transpose")
        if transpose is None or list(attributes_of(transpose).get("perm", [])) != [2, 0, 3, 1, 4]:
            return ""
        reshape = graph.made_by(transpose.input[0], "Reshape")
        shape = graph.constant(reshape.input[1]) if reshape is not None else None
        if reshape is None or shape is None or shape.tolist()[2:] != [3, cache.heads, cache.head_dim]:
            return ""
        sources.add(str(reshape.input[0]))
    source = sources.pop()
    return source if not sources and graph.rank(source) == 3 else ""


def _as_rows(graph: Graph, cache: _Cache, value: str) -> str:
    """[batch, sequence, heads, head_dim] as [batch, sequence, heads * head_dim]; free at run time."""
    before = _together(graph, value)
    if before != value and graph.rank(before) == 3:
        return before
    return graph.add("Reshape", [value, graph.int64(0, 0, cache.width)])[0]


# --- The new attention ---


def _lengths(graph: Graph) -> tuple[str, str]:
    """seqlens_k, int32 [batch], and total_sequence_length, an int32 scalar, of the attention mask.

    Rows are padded on the right: a row's length is its mask's sum, wherever the buffer ends.
    """
    real = graph.add("ReduceSum", ["attention_mask", graph.int64(1)], keepdims=0)[0]
    last = graph.add("Sub", [real, graph.int64(1)])[0]
    seqlens = graph.add("Cast", [last], to=TensorProto.INT32)[0]
    shape = graph.add("Shape", ["attention_mask"], start=1, end=2)[0]
    total = graph.add("Squeeze", [graph.add("Cast", [shape], to=TensorProto.INT32)[0]])[0]
    return seqlens, total


def _replace(graph: Graph, cache: _Cache, layer: _Layer, lengths: tuple[str, str]) -> None:
    presents = [cache.present(kind) for kind in ("key", "value")]
    scale = cache.head_dim**-0.5 if math.isnan(layer.scale) else layer.scale
    context, *caches = graph.add(
        "GroupQueryAttention",
        [layer.query, layer.key, layer.value, cache.past("key"), cache.past("value"), *lengths],
        outputs=3,
        domain=MICROSOFT,
        num_heads=cache.heads,
        kv_num_heads=cache.heads,
        scale=float(np.float32(scale)),
    )
    graph.replace(layer.output, context)
    for present, value in zip(presents, caches, strict=True):
        graph.name_output(present, value)


def _forget_capacity(graph: Graph, cache: _Cache, joined: set[str]) -> None:
    """Let the mask answer where the graph asks how long a past or a `joined` cache is.

    The buffer's own length is its capacity now. Raises `RefusedError` if a past is read by anything else.
    """
    kept = {name for name in graph.inputs if name.startswith("past_key_values.")}
    asking = [
        node for node in graph.nodes("Shape") if graph.through(node.input[0], "Identity") in kept | joined
    ]
    if asking:
        total = graph.add("Shape", ["attention_mask"], start=1, end=2)[0]
        embeds = graph.add("Shape", ["inputs_embeds"], start=0, end=2)[0]
        batch, new = graph.add("Split", [embeds, graph.int64(1, 1)], outputs=2, axis=0)
        lengths = {False: total, True: graph.add("Sub", [total, new])[0]}
    for node in asking:
        length = lengths[graph.through(node.input[0], "Identity") in kept]
        dims = [batch, graph.int64(cache.heads), length, graph.int64(cache.head_dim)]
        given = attributes_of(node)
        start, end = (int(given.get(name, default)) for name, default in (("start", 0), ("end", 4)))
        graph.replace(node.output[0], graph.add("Concat", dims[start:end], axis=0)[0])
    graph.prune()
    for name in kept:
        for node in graph.consumers(name):
            if node.op_type != "GroupQueryAttention":
                raise RefusedError(f"'{name}' is also read by {node.op_type} ({node.name})")

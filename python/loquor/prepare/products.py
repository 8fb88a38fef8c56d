"""Products with block-wise weights: activations in int8, biases inside, weights read as they lie; the head on
one position."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, TensorProto

from .graph import LOQUOR, Graph, RefusedError, attributes_of

__all__ = [
    "WRITTEN_OUT",
    "fuse_biases",
    "head_on_last_position",
    "raise_accuracy_level",
    "read_weights_in_place",
    "spell_out_products",
    "zeros_like_scales",
]

INT8_ACTIVATIONS = 4
WRITTEN_OUT = "products with float zero points written out"
GROUP = 32
"""Activations that the core rounds together: blocks of weights are a multiple of it."""
MOST_COLUMNS = 1536 * GROUP
"""Columns that a BlockProduct's weights may have."""


def fuse_biases(graph: Graph) -> int:
    """MatMulNBits adds its bias itself."""
    fused = 0
    for product in graph.nodes("MatMulNBits"):
        users = graph.consumers(product.output[0])
        if len(users) != 1 or users[0].op_type != "Add" or product.output[0] in graph.outputs:
            continue
        if len(product.input) > 5 and product.input[5]:
            continue
        total = users[0]
        bias = total.input[1] if total.input[0] == product.output[0] else total.input[0]
        if bias not in graph.initializers or graph.rank(bias) != 1:
            continue
        graph.set_input(product, 5, bias)
        graph.replace(total.output[0], product.output[0])
        fused += 1
    return fused


def raise_accuracy_level(graph: Graph) -> int:
    """Lets MatMulNBits round its activations to int8, block by block: on a CPU two to three times faster."""
    raised = 0
    for product in graph.nodes("MatMulNBits"):
        found = next((a for a in product.attribute if a.name == "accuracy_level"), None)
        if found is None:
            found = product.attribute.add(name="accuracy_level", type=2)
        if found.i != INT8_ACTIVATIONS:
            found.i = INT8_ACTIVATIONS
            raised += 1
    return raised


def read_weights_in_place(graph: Graph, *, all_of_them: bool = True) -> int:
    """MatMulNBits with int8 activations becomes the core's BlockProduct, which packs no copy of the weights.

    Where that has the form: 4 or 8 bits in blocks of a multiple of 32 (docs/adr/0028-block-products.md), in
    float32; either `all_of_them` or those with float zero points.
    """
    found = [
        product
        for product in graph.nodes("MatMulNBits")
        if (all_of_them or zeros_like_scales(graph, product)) and _has_block_form(graph, product)
    ]
    for product in found:
        given = attributes_of(product)
        x, *stored, _, bias = [*product.input, "", "", ""][:6]  # the order of columns is not given
        inputs = [x, *(_uncast(graph, name) for name in stored), bias]
        graph.add(
            "BlockProduct",
            inputs,
            outputs=list(product.output),
            domain=LOQUOR,
            bits=given.get("bits", 4),
            block=given["block_size"],
        )
    graph.remove(found)
    return len(found)


def zeros_like_scales(graph: Graph, product: NodeProto) -> bool:
    """Whether a MatMulNBits has zero points that are floats, one a block, as HQQ quantisers write them.

    ONNX Runtime (1.32) does not take accuracy level 4 for them, and none of 8 bits.
    """
    zeros = product.input[3] if len(product.input) > 3 else ""
    tensor = graph.initializers.get(_uncast(graph, zeros))
    return tensor is not None and tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16)


def spell_out_products(graph: Graph, *, bits: tuple[int, ...] = (4, 8)) -> int:
    """MatMulNBits of these bits with float zero points become what they mean, in plain operators.

    The runtime folds those into weights in floats when it loads them. Raises `RefusedError`.
    """
    found = [
        product
        for product in graph.nodes("MatMulNBits")
        if attributes_of(product).get("bits", 4) in bits and zeros_like_scales(graph, product)
    ]
    for product in found:
        given = attributes_of(product)
        rows, columns, block = given["N"], given["K"], given["block_size"]
        inputs = [*product.input, "", ""]
        if inputs[4]:
            raise RefusedError(f"'{product.name}' has float zero points and columns in another order")
        scales = graph.initializers.get(inputs[2])
        kind, blocks = TensorProto.FLOAT if scales is None else scales.data_type, -(-columns // block)
        values = _unpacked(graph, inputs[1], given.get("bits", 4), kind)
        values = graph.add("Reshape", [values, graph.int64(rows, blocks, block)])[0]
        per_block = graph.int64(rows, blocks, 1)
        steps, zeros = (graph.add("Reshape", [name, per_block])[0] for name in inputs[2:4])
        weights = graph.add("Mul", [graph.add("Sub", [values, zeros])[0], steps])[0]
        weights = graph.add("Reshape", [weights, graph.int64(rows, -1)])[0]
        if columns % block:  # the last block is filled up
            edges = (graph.int64(number) for number in (0, columns, 1))
            weights = graph.add("Slice", [weights, *edges])[0]
        turned = graph.add("Transpose", [weights], perm=[1, 0])[0]
        result = graph.add("MatMul", [inputs[0], turned])[0]
        if inputs[5]:
            result = graph.add("Add", [result, inputs[5]])[0]
        graph.replace(product.output[0], result)
    graph.prune()
    return len(found)


def _unpacked(graph: Graph, codes: str, bits: int, kind: int) -> str:
    """Stored codes, one an element, as floats; of two in one byte the first is in the lower half."""
    if bits == 8:
        return graph.add("Cast", [codes], to=kind)[0]
    low = graph.add("Mod", [codes, graph.add_constant(np.asarray(16, np.uint8), "sixteen")])[0]
    shift = graph.add_constant(np.asarray(4, np.uint8), "four")
    high = graph.add("BitShift", [codes, shift], direction="RIGHT")[0]
    last = graph.int64(-1)
    halves = [
        graph.add("Unsqueeze", [graph.add("Cast", [half], to=kind)[0], last])[0] for half in (low, high)
    ]
    return graph.add("Concat", halves, axis=-1)[0]


def _has_block_form(graph: Graph, product: NodeProto) -> bool:
    given = attributes_of(product)
    rows, columns, bits, block = given["N"], given["K"], given.get("bits", 4), given["block_size"]
    if (
        given.get("accuracy_level") != INT8_ACTIVATIONS
        or block % GROUP
        or bits not in (4, 8)
        or columns % block
        or columns > MOST_COLUMNS
        or (len(product.input) > 4 and product.input[4])
    ):
        return False
    blocks = columns // block
    values, scales, zeros = ([*product.input, ""])[1:4]
    kind = _elem_type(graph, scales)
    return (
        kind in (TensorProto.FLOAT, TensorProto.FLOAT16)
        and (kind == TensorProto.FLOAT or _uncast(graph, scales) != scales)
        and _is_stored(graph, values, TensorProto.UINT8, [rows, blocks, block // 8 * bits])
        and _is_stored(graph, scales, kind, [rows, blocks])
        and (
            not zeros
            or _is_stored(graph, zeros, TensorProto.UINT8, [rows, -(-blocks * bits // 8)])
            or _is_stored(graph, zeros, kind, [rows, blocks])
        )
    )


def _uncast(graph: Graph, value: str) -> str:
    """The stored weight in float16 that this is in float32, or the value itself."""
    cast = graph.made_by(value, "Cast")
    if (
        cast is None
        or attributes_of(cast)["to"] != TensorProto.FLOAT
        or cast.input[0] not in graph.initializers
    ):
        return value
    return str(cast.input[0])


def _elem_type(graph: Graph, value: str) -> int:
    tensor = graph.initializers.get(_uncast(graph, value))
    return 0 if tensor is None else tensor.data_type


def _is_stored(graph: Graph, value: str, elem_type: int, dims: list[int]) -> bool:
    """Whether it is an initializer of this type, and of this shape or flattened."""
    tensor = graph.initializers.get(_uncast(graph, value))
    shapes = (dims, [int(np.prod(dims))]) if len(dims) == 2 else (dims,)
    return tensor is not None and tensor.data_type == elem_type and list(tensor.dims) in shapes


def head_on_last_position(graph: Graph) -> None:
    """Logits of each row's last real position only, [batch, 1, vocabulary]. Raises `RefusedError`."""
    logits = graph.outputs["logits"]
    dims = logits.type.tensor_type.shape.dim
    if len(dims) != 3:
        raise RefusedError(f"'logits' should have 3 axes, not {len(dims)}")
    head = _head(graph)
    hidden = head.input[0]
    last = graph.add("GatherND", [hidden, _last_index(graph)], batch_dims=1)[0]
    graph.set_input(head, 0, last)
    dims[1].Clear()
    dims[1].dim_value = 1


def _head(graph: Graph) -> NodeProto:
    """The product that makes the logits."""
    node = graph.producer(graph.through("logits", "Identity", "Cast"))
    if node is not None and node.op_type == "Add":  # its bias
        node = next(
            (made for name in node.input if (made := graph.made_by(name, "MatMul", "MatMulNBits"))), None
        )
    if node is None or node.op_type not in ("MatMul", "MatMulNBits"):
        found = node.op_type if node is not None else "nothing"
        raise RefusedError(f"'logits' should come from a product, not from {found}")
    if graph.rank(node.input[0]) not in (3, None) or not graph.is_weight(node.input[1]):
        raise RefusedError(
            "'logits' should be a product of the hidden states [batch, sequence, hidden] with weights"
        )
    return node


def _last_index(graph: Graph) -> str:
    """int64 [batch, 1, 1]: where each row's last real position lies among the new ones.

    The mask's sum counts real positions. Of `total` positions `total - new` are past, so that the last real
    one is at sum - 1 - (total - new); clipped, because in a batched step a shorter row's is the only
    one there is.
    """
    total = graph.add("Shape", ["attention_mask"], start=1, end=2)[0]
    new = graph.add("Shape", ["inputs_embeds"], start=1, end=2)[0]
    past = graph.add("Sub", [total, new])[0]
    one = graph.int64(1)
    real = graph.add("ReduceSum", ["attention_mask", one], keepdims=1)[0]
    index = graph.add("Sub", [graph.add("Sub", [real, one])[0], past])[0]
    highest = graph.add("Squeeze", [graph.add("Sub", [new, one])[0]])[0]
    lowest = graph.add_constant(np.asarray(0, np.int64), "zero")
    clipped = graph.add("Clip", [index, lowest, highest])[0]
    return graph.add("Unsqueeze", [clipped, graph.int64(2)])[0]

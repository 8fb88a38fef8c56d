"""Graphs in float16 are computed in float32 on the CPU: what is widened, and what it means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from loquor import _core
from loquor.base.runtime import open_runtime
from loquor.prepare import prepare_bundle
from loquor.prepare.graph import Graph
from loquor.prepare.widen import computes_in_float16, widen

HALF, SINGLE = TensorProto.FLOAT16, TensorProto.FLOAT


def run(model: ModelProto, folder: Path, **feeds: NDArray[Any]) -> dict[str, NDArray[Any]]:
    file = folder / "one.onnx"
    file.write_bytes(model.SerializeToString())
    return _core.Graph(open_runtime(), str(file), prepared=str(file), threads=1).run(feeds)


def model_of(
    nodes: list[NodeProto],
    weights: dict[str, NDArray[Any]],
    folder: Path,
    *,
    inputs: dict[str, int] | None = None,
    outputs: dict[str, int] | None = None,
) -> ModelProto:
    """Inputs and outputs of any shape; the weights beside the graph."""
    edges = [
        [helper.make_tensor_value_info(name, kind, None) for name, kind in (ports or {}).items()]
        for ports in (inputs or {"x": SINGLE}, outputs or {"y": SINGLE})
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "one", *edges, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    if weights:
        onnx.external_data_helper.convert_model_to_external_data(model, location="one.data", size_threshold=0)
        onnx.save(model, str(folder / "saved.onnx"))
        return onnx.load(str(folder / "saved.onnx"), load_external_data=False)
    return model


def node(op: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(op, inputs.split(), [output], **attributes)


def widened(model: ModelProto, folder: Path) -> ModelProto:
    graph = Graph(ModelProto.FromString(model.SerializeToString()), folder)
    assert computes_in_float16(graph)
    widen(graph)
    assert not computes_in_float16(graph)
    return graph.finish()


def drawn(*dims: int) -> NDArray[np.float32]:
    return np.random.default_rng(len(dims)).standard_normal(dims).astype(np.float32)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Gelu", "Tanh"])
def test_an_operator_runs_in_float32(tmp_path: Path, op: str) -> None:
    nodes = [
        node("Cast", "x", "h", to=HALF),
        node("MatMul", "h w", "m"),
        node(op, "m", "a"),
        node("Cast", "a", "y", to=SINGLE),
    ]
    model = model_of(nodes, {"w": drawn(6, 5).astype(np.float16)}, tmp_path)
    x = drawn(3, 6)
    changed = widened(model, tmp_path)
    found, rounded = run(changed, tmp_path, x=x)["y"], run(model, tmp_path, x=x)["y"]
    np.testing.assert_allclose(found, rounded, atol=0.01)
    assert HALF not in [a.i for n in changed.graph.node if n.op_type == "Cast" for a in n.attribute]
    exact = drawn(3, 6).astype(np.float64) @ drawn(6, 5).astype(np.float16).astype(np.float64)
    if op == "Tanh":
        np.testing.assert_allclose(found, np.tanh(exact), atol=1e-6)


def test_tables_stay_and_their_rows_are_widened(tmp_path: Path) -> None:
    """A table of positions that is widened whole would take twice its memory."""
    nodes = [node("Gather", "table ids", "r"), node("Add", "r b", "s"), node("Cast", "s", "y", to=SINGLE)]
    weights = {"table": drawn(40, 8).astype(np.float16), "b": drawn(8).astype(np.float16)}
    model = model_of(nodes, weights, tmp_path, inputs={"ids": TensorProto.INT64})
    changed = widened(model, tmp_path)
    gather = next(n for n in changed.graph.node if n.op_type == "Gather")
    tensor = next(t for t in changed.graph.initializer if t.name == gather.input[0])
    assert tensor.data_type == HALF
    ids = np.asarray([[3, 39]])
    expected = weights["table"][ids].astype(np.float32) + weights["b"].astype(np.float32)
    np.testing.assert_array_equal(run(changed, tmp_path, ids=ids)["y"], expected)


def test_inputs_and_outputs_keep_their_types(tmp_path: Path) -> None:
    """One that is also used inside, and one that is handed through."""
    nodes = [node("Softmax", "x", "y"), node("Mul", "y w", "z"), node("Identity", "x", "same")]
    ports = {"y": HALF, "z": HALF, "same": HALF}
    model = model_of(nodes, {"w": drawn(4).astype(np.float16)}, tmp_path, inputs={"x": HALF}, outputs=ports)
    x = drawn(2, 4).astype(np.float16)
    changed = widened(model, tmp_path)
    found, expected = run(changed, tmp_path, x=x), run(model, tmp_path, x=x)
    for name, array in expected.items():
        assert found[name].dtype == np.float16
        np.testing.assert_allclose(found[name], array, atol=2e-3)


def test_constants_made_values_and_bodies(tmp_path: Path) -> None:
    """A branch that reads a weight from outside, shapes that are filled, and a random node."""
    half = numpy_helper.from_array(np.asarray(0.5, np.float16))
    body = [node("Mul", "h w", "inner"), node("Add", "inner c", "then")]
    other = [node("Constant", "", "k", value=half), node("Mul", "h k", "else")]
    branches = {
        "then_branch": helper.make_graph(body, "t", [], [helper.make_tensor_value_info("then", HALF, None)]),
        "else_branch": helper.make_graph(other, "e", [], [helper.make_tensor_value_info("else", HALF, None)]),
    }
    for branch in branches.values():
        for inner in branch.node:
            if inner.op_type == "Constant":
                del inner.input[:]
    filled = numpy_helper.from_array(np.asarray([2.0], np.float16))
    nodes = [
        node("Cast", "x", "h", to=HALF),
        helper.make_node("Constant", [], ["c"], value=half),
        node("If", "flag", "i", **branches),
        node("Shape", "h", "shape"),
        node("ConstantOfShape", "shape", "twos", value=filled),
        node("Mul", "i twos", "d"),
        node("RandomNormalLike", "d", "noise", dtype=HALF, scale=1e-8),
        node("Add", "d noise", "s"),
        node("Cast", "s", "y", to=SINGLE),
    ]
    inputs = {"x": SINGLE, "flag": TensorProto.BOOL}
    model = model_of(nodes, {"w": drawn(4).astype(np.float16)}, tmp_path, inputs=inputs)
    changed, x = widened(model, tmp_path), drawn(2, 4)
    w = drawn(4).astype(np.float16).astype(np.float32)
    for flag, expected in ((True, 2 * (x * w + 0.5)), (False, x)):
        found = run(changed, tmp_path, x=x, flag=np.asarray(flag))["y"]
        np.testing.assert_allclose(found, expected, atol=1e-6)


def operators(file: Path | None) -> Counter[str]:
    assert file is not None
    return Counter(n.op_type for n in onnx.load(str(file), load_external_data=False).graph.node)


@pytest.mark.parametrize("dtype", ["fp16", "q4f16"])
def test_the_cores_own_operators_serve_float16_models(bundle_of: Callable[..., Path], dtype: str) -> None:
    if _core.vector_unit() == "plain":
        pytest.skip("the core's own operators are left out without vector instructions")
    results = prepare_bundle(bundle_of(dtype=dtype, noise=True), dtype, threads=1)
    assert {result.state for result in results.values()} == {"prepared"}
    assert all(any("widened" in what for what in result.changes) for result in results.values())
    model = onnx.load(str(results["language_model"].file), load_external_data=False)
    assert operators(results["language_model"].file)["CausalAttention"] == 2
    kinds = {
        value.name: value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)
    }
    assert kinds["past_key_values.0.key"] == kinds["present.1.value"] == HALF
    if dtype == "q4f16" and _core.vector_unit() != "neon":
        product = next(n for n in model.graph.node if n.op_type == "BlockProduct")
        scales = next(t for t in model.graph.initializer if t.name == product.input[2])
        assert scales.data_type == HALF


def test_without_operators_of_our_own_the_language_model_stays_in_float16(
    bundle_of: Callable[..., Path],
) -> None:
    """The runtime's attention takes queries in the type of the cache."""
    result = prepare_bundle(bundle_of(dtype="fp16"), "fp16", threads=1, own_operators=False)["language_model"]
    assert result.state == "prepared" and not any("widened" in what for what in result.changes)
    assert operators(result.file)["GroupQueryAttention"] == 2

"""Products and attention in 16 bits: what becomes one node, what it computes, and when a decoder has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from loquor import Engine, ExecutionError, InvalidInputError, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import PreparedGraph, decoder, prepare_bundle
from loquor.prepare.graph import LOQUOR, Graph
from loquor.prepare.int16 import fuse_int16_products, use_int16_attention
from loquor.prepare.task import FAST_PRODUCTS

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights here are narrower than those that gain."""
    monkeypatch.setattr("loquor.prepare.int16._SMALLEST", 32)


BLOCK = """
<ir_version: 10, opset_import: ["" : 20]>
block (float[1, n, 48] x, float[1, n, 48] before) => (float[1, n, 48] y, float[1, n, k] z)
{
  up = MatMul(x, w1)
  raised = Add(b1, up)
  gate = Gelu(raised)
  down = MatMul(gate, w2)
  lowered = Add(down, b2)
  one = Constant<value = float {1.0}>()
  same = Div(lowered, one)
  y = Add(same, before)
  other = MatMul(x, w3)
  sigmoid = Sigmoid(other)
  z = Mul(other, sigmoid)
}
"""


def model_of(text: str, **weights: NDArray[Any]) -> ModelProto:
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in weights.items())
    return model


def noise(*shape: int) -> NDArray[np.float32]:
    return RNG.standard_normal(shape, np.float32)


def block(**others: NDArray[Any]) -> ModelProto:
    weights = {
        "w1": noise(48, 96),
        "b1": noise(96),
        "w2": noise(96, 48),
        "b2": noise(48),
        "w3": noise(48, 40),
    }
    return model_of(BLOCK, **(weights | others))


def run(model: ModelProto, folder: Path, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    file = str(folder / "graph.onnx")
    Path(file).write_bytes(model.SerializeToString())
    return dict(_core.Graph(open_runtime(), file, prepared=file, threads=2).run(inputs))


def operators(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node if node.op_type not in ("Identity", "Constant")]


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_a_product_takes_what_follows_it(tmp_path: Path, rows: int) -> None:
    model = block()
    inputs = {"x": noise(1, rows, 48), "before": noise(1, rows, 48)}
    expected = run(model, tmp_path, inputs)
    graph = Graph(model, tmp_path)
    assert fuse_int16_products(graph) == 3
    fused = graph.finish()
    assert sorted(operators(fused)) == ["Int16Product", "Int16Product", "Int16Product", "Mul", "Sigmoid"]
    found = run(fused, tmp_path, inputs)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=3e-4 * np.abs(array).max())


def test_the_same_rows_have_the_same_bits_among_others(tmp_path: Path) -> None:
    graph = Graph(block(), tmp_path)
    fuse_int16_products(graph)
    fused = graph.finish()
    inputs = {"x": noise(1, 90, 48), "before": noise(1, 90, 48)}
    whole = run(fused, tmp_path, inputs)
    part = run(fused, tmp_path, {name: array[:, 31:50] for name, array in inputs.items()})
    for name, array in whole.items():
        np.testing.assert_array_equal(part[name], array[:, 31:50])


def test_what_is_no_product_with_stored_weights_stays(tmp_path: Path) -> None:
    graph = Graph(block(w3=noise(48, 31)), tmp_path)  # too narrow to gain
    assert fuse_int16_products(graph) == 2
    halves = Graph(block(w1=noise(48, 96).astype(np.float16), b1=noise(96).astype(np.float16)), tmp_path)
    assert fuse_int16_products(halves) == 2
    tanh = BLOCK.replace("Gelu(raised)", 'Gelu<approximate = "tanh">(raised)')
    model = block()
    model.graph.CopyFrom(
        model_of(tanh, **{t.name: numpy_helper.to_array(t) for t in model.graph.initializer}).graph
    )
    graph = Graph(model, tmp_path)
    assert fuse_int16_products(graph) == 3
    assert "Gelu" in operators(graph.finish())


ATTENTION = """
<ir_version: 10, opset_import: ["" : 20, "com.microsoft" : 1]>
attention (float[b, n, 96] q, float[b, m, 96] k, float[b, m, 96] v) => (float[b, n, 96] y)
{
  y = com.microsoft.MultiHeadAttention<num_heads = 3>(q, k, v)
}
"""


@pytest.mark.parametrize(("batch", "rows", "positions"), [(1, 1, 1), (2, 5, 130), (1, 200, 200), (1, 40, 7)])
def test_attention_is_that_of_the_runtime(tmp_path: Path, batch: int, rows: int, positions: int) -> None:
    model = model_of(ATTENTION)
    inputs = {"q": noise(batch, rows, 96), "k": noise(batch, positions, 96), "v": noise(batch, positions, 96)}
    expected = run(model, tmp_path, inputs)["y"]
    graph = Graph(model, tmp_path)
    assert use_int16_attention(graph) == 1
    fused = graph.finish()
    assert operators(fused) == ["Int16Attention"]
    np.testing.assert_allclose(run(fused, tmp_path, inputs)["y"], expected, atol=2e-3)


def test_attention_with_more_than_three_inputs_stays(tmp_path: Path) -> None:
    text = ATTENTION.replace("(q, k, v)\n}", "(q, k, v, bias)\n}")
    graph = Graph(model_of(text, bias=noise(288)), tmp_path)
    assert use_int16_attention(graph) == 0


def test_shapes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    graph = Graph(block(), tmp_path)
    fuse_int16_products(graph)
    with pytest.raises(ExecutionError, match=r"Int16Product takes x \[\.\.\., K\]"):
        run(graph.finish(), tmp_path, {"x": noise(1, 4, 48), "before": noise(1, 1, 48)})
    graph = Graph(model_of(ATTENTION), tmp_path)
    use_int16_attention(graph)
    with pytest.raises(ExecutionError, match=r"Int16Attention takes a query"):
        run(graph.finish(), tmp_path, {"q": noise(1, 4, 96), "k": noise(2, 4, 96), "v": noise(2, 4, 96)})


# --- In a decoder ---


@pytest.fixture
def bundle(bundle_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """With products in its decoder, if narrow ones."""
    monkeypatch.setattr("loquor.prepare.int16._SMALLEST", 1)
    return bundle_of(noise=True, dtype="fp32")


def prepared(bundle: Path, **options: Any) -> PreparedGraph:
    return prepare_bundle(bundle, "fp32", threads=1, force=True, **options)["conditional_decoder"]


def own(result: PreparedGraph) -> set[str]:
    nodes = onnx.load(str(result.file), load_external_data=False).graph.node
    return {node.op_type for node in nodes if node.domain == LOQUOR}


@pytest.mark.skipif(_core.vector_unit() not in FAST_PRODUCTS, reason="no fast products of whole numbers here")
def test_a_decoder_has_them_where_its_samples_allow(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = prepared(bundle)
    assert "Int16Product" in own(result)
    assert any("Int16Product" in change for change in result.changes)
    assert "Int16Product" not in own(prepared(bundle, decoder_precision="fp32"))
    monkeypatch.setattr(decoder, "INT16", 1e-12)
    refused = prepared(bundle)
    assert refused.state == "prepared"
    assert "Int16Product" not in own(refused)
    assert [remark for remark in refused.remarks if "its products stay in float32" in remark]


def test_other_precisions_are_refused(bundle_of: Callable[..., Path]) -> None:
    with pytest.raises(InvalidInputError, match="decoder_precision must be auto or fp32, not 'int8'"):
        Engine(bundle_of(), decoder_precision="int8")

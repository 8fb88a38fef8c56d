"""Convolutions by the core's own operator: which are taken, and what they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper

from loquor import ExecutionError, LoquorError, _core
from loquor.base.runtime import open_runtime
from loquor.prepare.convolution import swap_convolutions
from loquor.prepare.graph import LOQUOR, Graph


def model_of(
    node: NodeProto,
    weights: tuple[int, ...],
    *,
    bias: bool = True,
    x: tuple[int | str | None, ...] = ("rows", "channels", "time"),
    dtype: type = np.float32,
    computed: bool = False,
) -> ModelProto:
    """One convolution of x to y; its weights are an initializer, or `computed` from one."""
    rng = np.random.default_rng(1)
    arrays = {"w": rng.standard_normal(weights), "b": rng.standard_normal(weights[0])}
    tensors = [numpy_helper.from_array(array.astype(dtype), name) for name, array in arrays.items()]
    nodes = [helper.make_node("Abs", ["w"], ["weights"])] if computed else []
    node.input.extend(["x", "weights" if computed else "w", *(["b"] if bias else [])])
    node.output.append("y")
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    edges = [helper.make_tensor_value_info("x", kind, x), helper.make_tensor_value_info("y", kind, None)]
    graph = helper.make_graph([*nodes, node], "one", edges[:1], edges[1:], tensors[: 2 if bias else 1])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(LOQUOR, 1)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return model


def conv(**attributes: Any) -> NodeProto:
    return helper.make_node("Conv", [], [], **attributes)


def run(model: ModelProto, folder: Path, x: NDArray[Any], threads: int = 2) -> NDArray[np.float32]:
    (folder / "one.onnx").write_bytes(model.SerializeToString())
    file = str(folder / "one.onnx")
    session = _core.Graph(open_runtime(), file, prepared=file, threads=threads)
    y: NDArray[np.float32] = session.run({"x": x})["y"]
    return y


def drawn(*dims: int) -> NDArray[np.float32]:
    return np.random.default_rng(2).standard_normal(dims).astype(np.float32)


@pytest.mark.parametrize(
    ("weights", "bias", "attributes"),
    [
        ((16, 16, 3), True, {}),
        ((40, 17, 4), False, {"pads": [0, 3], "strides": [1]}),
        ((18, 64, 7), True, {"pads": [9, 9], "dilations": [3], "auto_pad": "NOTSET"}),
        ((33, 20, 11), True, {"pads": [25, 25], "dilations": [5], "group": 1}),
        ((16, 16, 12), False, {"pads": [40, 1], "dilations": [2]}),
    ],
)
def test_what_is_taken_computes_the_same(
    tmp_path: Path, weights: tuple[int, ...], bias: bool, attributes: dict[str, Any]
) -> None:
    model = model_of(conv(**attributes), weights, bias=bias)
    x = drawn(2, weights[1], 301)
    expected = run(model, tmp_path, x)
    graph = Graph(model, tmp_path)
    assert swap_convolutions(graph) == 1
    swapped = graph.finish()
    assert [node.op_type for node in swapped.graph.node] == ["ToomCookConv", "Identity"]
    found = run(swapped, tmp_path, x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5 * float(np.abs(expected).max()))


@pytest.mark.parametrize(
    ("weights", "attributes", "options"),
    [
        ((16, 16, 2), {}, {}),
        ((16, 16, 13), {}, {}),
        ((15, 16, 7), {}, {}),
        ((16, 15, 7), {}, {}),
        ((512, 512, 5), {}, {}),
        ((16, 16, 7), {"strides": [2]}, {}),
        ((16, 16, 7), {"auto_pad": "SAME_UPPER"}, {}),
        ((32, 16, 7), {"group": 2}, {"x": ("rows", 32, "time")}),
        ((16, 16, 7, 3), {}, {"x": ("rows", "channels", "high", "wide")}),
        ((16, 16, 7), {}, {"dtype": np.float16}),
        ((16, 16, 7), {}, {"computed": True}),
    ],
)
def test_what_gains_nothing_stays(
    tmp_path: Path, weights: tuple[int, ...], attributes: dict[str, Any], options: dict[str, Any]
) -> None:
    graph = Graph(model_of(conv(**attributes), weights, **options), tmp_path)
    assert swap_convolutions(graph) == 0
    assert graph.nodes("Conv")


@pytest.mark.parametrize(("taps", "dilation"), [(3, 1), (4, 1), (7, 3), (11, 5)])
def test_the_same_bits_on_any_number_of_threads_and_beside_other_rows(
    tmp_path: Path, taps: int, dilation: int
) -> None:
    pads = [dilation * taps // 2] * 2
    graph = Graph(model_of(conv(dilations=[dilation], pads=pads), (37, 24, taps)), tmp_path)
    assert swap_convolutions(graph) == 1
    model = graph.finish()
    x = drawn(3, 24, 2500)
    expected = run(model, tmp_path, x, threads=1)
    for threads in (2, 3, 4):
        for _ in range(3):
            np.testing.assert_array_equal(run(model, tmp_path, x, threads), expected)
    np.testing.assert_array_equal(run(model, tmp_path, x[1:2]), expected[1:2])


def own(**attributes: int) -> NodeProto:
    return helper.make_node("ToomCookConv", [], [], domain=LOQUOR, **attributes)


@pytest.mark.parametrize(
    ("weights", "dims", "attributes", "refusal"),
    [
        ((4, 3, 2), (1, 3, 50), {}, "3 to 12 taps, not 2"),
        ((4, 3, 13), (1, 3, 50), {}, "3 to 12 taps, not 13"),
        ((4, 3, 7), (1, 2, 50), {}, r"takes x \[batch, channels, time\]"),
        ((4, 3, 7), (3, 50), {}, r"takes x \[batch, channels, time\]"),
        ((4, 3, 7), (1, 3, 9), {"dilation": 3, "pad_begin": 5, "pad_end": 4}, "a row of 9 and its pads"),
    ],
)
def test_it_refuses_what_it_cannot_compute(
    tmp_path: Path, weights: tuple[int, ...], dims: tuple[int, ...], attributes: dict[str, int], refusal: str
) -> None:
    model = model_of(own(**attributes), weights, x=(None,) * len(dims))
    with pytest.raises(ExecutionError, match=refusal):
        run(model, tmp_path, drawn(*dims))


@pytest.mark.parametrize("attributes", [{"dilation": 0}, {"pad_begin": -1}, {"pad_end": -2}])
def test_it_refuses_attributes_at_the_load(tmp_path: Path, attributes: dict[str, int]) -> None:
    with pytest.raises(LoquorError, match="takes a dilation of 1 or more and pads of 0 or more"):
        run(model_of(own(**attributes), (4, 3, 7)), tmp_path, drawn(1, 3, 50))


def test_no_rows_and_a_single_output(tmp_path: Path) -> None:
    model = model_of(own(pad_begin=2), (5, 3, 7))
    assert run(model, tmp_path, drawn(0, 3, 20)).shape == (0, 5, 16)
    weights, bias = (numpy_helper.to_array(tensor) for tensor in model.graph.initializer)
    x = drawn(1, 3, 5)
    expected = np.einsum("fct,ct->f", weights[:, :, 2:], x[0]) + bias
    np.testing.assert_allclose(run(model, tmp_path, x)[0, :, 0], expected, atol=1e-5)

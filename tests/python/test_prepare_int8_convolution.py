"""Convolutions that are quantised in each run: computed in floats on the same weights, and told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from loquor import Engine, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import PreparedGraph, prepare_bundle
from loquor.prepare.check import Run
from loquor.prepare.graph import Graph, RefusedError
from loquor.prepare.quantised_convolution import check_convolutions, widen_convolutions

BundleOf = Callable[..., Path]


def prepare(bundle: Path) -> PreparedGraph:
    return prepare_bundle(bundle, "fp32", threads=1)["conditional_decoder"]


def opened(folder: Path) -> Callable[[ModelProto | None], Run]:
    def load(model: ModelProto | None) -> Run:
        assert model is not None
        file = folder / "one.onnx"
        file.write_bytes(model.SerializeToString())
        return _core.Graph(open_runtime(), str(file), prepared=str(file), threads=1).run

    return load


def model_of(dims: tuple[int, ...], *, scales: int = 1, zero: bool = True, **attributes: Any) -> ModelProto:
    """y = a convolution of x as quantize_dynamic writes it."""
    rng = np.random.default_rng(len(dims))
    arrays: dict[str, NDArray[Any]] = {
        "w": rng.integers(-127, 128, dims).astype(np.int8),
        "s": rng.uniform(0.01, 0.02, (scales, *[1] * (len(dims) - 2))).astype(np.float32),
    }
    if zero:
        arrays["z"] = np.asarray(3, np.int8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
        helper.make_node("ConvInteger", ["q", "w", "qz", *(["z"] if zero else [])], ["i"], **attributes),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["qs", "s"], ["both"]),
        helper.make_node("Mul", ["f", "both"], ["y"]),
    ]
    free: list[Any] = [None] * len(dims)
    edges = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", free), ("y", None))
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "one", edges[:1], edges[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("dims", "options"),
    [
        ((5, 4, 3), {"pads": [1, 1]}),
        ((6, 4, 7), {"scales": 6, "dilations": [3], "strides": [2]}),
        ((6, 2, 3), {"group": 2, "zero": False}),
        ((4, 3, 3, 2), {"scales": 4, "pads": [1, 0, 1, 1]}),
    ],
)
def test_it_is_the_same_convolution(tmp_path: Path, dims: tuple[int, ...], options: dict[str, Any]) -> None:
    model = model_of(dims, **options)
    found = check_convolutions(
        lambda: Graph(ModelProto.FromString(model.SerializeToString()), tmp_path), opened(tmp_path)
    )
    assert found["convolutions"] < 1e-5
    graph = Graph(ModelProto.FromString(model.SerializeToString()), tmp_path)
    assert widen_convolutions(graph) == 1
    changed = graph.finish()
    assert {"Conv", "Cast"} <= {node.op_type for node in changed.graph.node}
    assert not {"ConvInteger", "DynamicQuantizeLinear"} & {node.op_type for node in changed.graph.node}
    shape = (2, dims[1] * options.get("group", 1), *[31] * (len(dims) - 2))
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    exact, rounded = opened(tmp_path)(changed)({"x": x})["y"], opened(tmp_path)(model)({"x": x})["y"]
    assert exact.shape == rounded.shape
    assert float(np.abs(exact - rounded).max()) < 0.03 * float(np.abs(exact).max())


def test_a_wrong_scale_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def widen_wrongly(graph: Graph) -> int:
        tensor = graph.initializers["s"]
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.01, "s"))
        return widen_convolutions(graph)

    monkeypatch.setattr("loquor.prepare.quantised_convolution.widen_convolutions", widen_wrongly)
    model = model_of((5, 4, 3))
    with pytest.raises(RefusedError, match=r"'convolution 0 .*of their range off"):
        check_convolutions(
            lambda: Graph(ModelProto.FromString(model.SerializeToString()), tmp_path), opened(tmp_path)
        )


def test_a_decoder_with_them(
    bundle_of: BundleOf, fresh_cache: Path, recording: NDArray[np.float32], caplog: pytest.LogCaptureFixture
) -> None:
    bundle = bundle_of(int8_convolutions=True, noise=True)
    with caplog.at_level(logging.INFO, "loquor"):
        result = prepare(bundle)
    assert result.state == "prepared"
    assert "2 dynamically quantised convolutions in float32" in result.changes
    assert "2 dynamically quantised convolutions in float32" in caplog.text
    names = {node.op_type for node in onnx.load(str(result.file), load_external_data=False).graph.node}
    assert "ConvInteger" not in names
    with (
        Engine(bundle, threads=1, device="cpu") as engine,
        Engine(bundle, threads=1, device="cpu", prepare=False) as published,
    ):
        voices = [each.voice((recording, 24_000)) for each in (engine, published)]
        samples = engine.decode([*range(0, 6561, 400)], voices[0])
        rounded = published.decode([*range(0, 6561, 400)], voices[1])  # draws other noise
    assert samples.shape == rounded.shape
    assert float(np.sqrt(np.mean((samples - rounded) ** 2))) < 0.1


def test_what_is_not_known_stays_and_is_told(
    tmp_path: Path, bundle_of: BundleOf, fresh_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import shutil

    bundle = Path(shutil.copytree(bundle_of(int8_convolutions=True), tmp_path / "copy"))
    file = bundle / "onnx" / "conditional_decoder.onnx"
    model = onnx.load(str(file), load_external_data=False)
    for node in model.graph.node:
        if node.op_type == "ConvInteger":
            del node.input[2:]  # no zero points: the codes are taken as they are
    file.write_bytes(model.SerializeToString())
    for _ in range(2):  # also when the cache knows it
        caplog.clear()
        result = prepare(bundle)
        assert result.remarks == ("2 ConvInteger are left, which take three times as long as Conv",)
        assert "conditional_decoder: 2 ConvInteger are left" in caplog.text

"""The core's own operators in a session of plain ONNX Runtime, and what the core says of the processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loquor import Engine, ExecutionError, GenerationOptions, InvalidInputError, LoquorError, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import operators_library, prepare_bundle
from loquor.prepare.graph import Graph
from loquor.prepare.relative_shift import fuse_relative_shift


def graph_of_mish() -> bytes:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
    node = helper.make_node("Mish", ["x"], ["y"], domain="loquor")
    graph = helper.make_graph([node], "mish", ports[:1], ports[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("loquor", 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def test_plain_onnxruntime_runs_them() -> None:
    options = ort.SessionOptions()
    options.register_custom_ops_library(str(operators_library()))
    x = np.linspace(-4, 4, 50, dtype=np.float32)
    for _ in range(2):  # a second session of the same options finds them too
        session = ort.InferenceSession(graph_of_mish(), options, providers=["CPUExecutionProvider"])
        (y,) = session.run(None, {"x": x})
        np.testing.assert_allclose(y, x * np.tanh(np.log1p(np.exp(x))), atol=1e-6)


def test_without_the_library_it_says_what_is_missing() -> None:
    with pytest.raises(Exception, match="Mish"):
        ort.InferenceSession(graph_of_mish(), providers=["CPUExecutionProvider"])


def test_a_package_without_its_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "__file__", str(tmp_path / "_core.so"))
    with pytest.raises(LoquorError, match="there is no libloquor beside"):
        operators_library()


def test_the_vector_unit_is_one_of_those_compiled() -> None:
    assert _core.vector_unit() in {"plain", "neon", "avx2", "avx512"}
    facts = Path("/proc/cpuinfo")
    words = set(facts.read_text(encoding="utf-8").split()) if facts.is_file() else set()
    if "flags" in words:  # of x86
        wide = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"} <= words
        assert _core.vector_unit() == ("avx512" if wide else "avx2" if {"avx2", "fma"} <= words else "plain")
        # Not wherever the processor has it: an older Linux does not lend it.
        assert _core.matrix_unit() in ({"none", "amx"} if wide and "amx_int8" in words else {"none"})


def test_they_can_be_left_out(bundle_of: Callable[..., Path], recording: NDArray[np.float32]) -> None:
    bundle = bundle_of(dtype="q4")
    domains, tokens = {}, {}
    for own in (True, False):
        prepared = prepare_bundle(bundle, "q4", threads=1, own_operators=own)["language_model"]
        assert prepared.file is not None
        nodes = onnx.load(str(prepared.file), load_external_data=False).graph.node
        domains[own] = {node.domain for node in nodes}
        with Engine(bundle, dtype="q4", threads=1, device="cpu", own_operators=own) as engine:
            assert engine.capabilities.prepared["language_model"] == "prepared"
            voice, greedy = engine.voice((recording, 24_000)), GenerationOptions(temperature=0.0)
            tokens[own] = engine.generate_tokens([72, 50256, 50256], voice, greedy)
    assert ("loquor" in domains[True]) == (_core.vector_unit() != "plain")
    assert "loquor" not in domains[False]
    assert tokens[True][0] == tokens[False][0]  # later ones may differ by rounding
    with pytest.raises(InvalidInputError, match="own_operators must be True or False, not str"):
        Engine(bundle, own_operators="no")  # type: ignore[arg-type]


# --- RelativeShift ---

SHIFTED = """
<ir_version: 9, opset_import: ["" : 17]>
spelled (float[1, 3, n, n] content, float[1, 3, n, m] q, float[1, 3, m, w] p) => (float[1, 3, n, n] y)
<int64[4] head = {1, 3, -1, 1}, int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2},
 int64[1] three = {3}, int64[1] far = {9223372036854775807}, float eight = {8.0}>
{
  positions = MatMul(q, p)
  shape = Shape(positions)
  rows = Slice(shape, two, three, zero)
  lead = Constant<value_ints = [1, 3]>()
  thin = Concat<axis = 0>(lead, rows, one)
  zeros = ConstantOfShape(thin)
  padded = Concat<axis = -1>(zeros, positions)
  padded_shape = Shape(padded)
  columns = Slice(padded_shape, three, far, zero)
  turned = Concat<axis = 0>(lead, columns, rows)
  other = Reshape(padded, turned)
  dropped = Slice(other, START, far, two, one)
  back = Reshape(dropped, shape)
  shifted = Slice(back, zero, rows, three, one)
  sum = Add(content, shifted)
  y = Div(sum, eight)
}
"""


def run_graph(model: onnx.ModelProto, folder: Path, inputs: dict[str, NDArray[np.float32]]) -> NDArray[Any]:
    file = str(folder / "graph.onnx")
    Path(file).write_bytes(model.SerializeToString())
    outputs = _core.Graph(open_runtime(), file, prepared=file, threads=2).run(inputs)
    return np.asarray(outputs["y"])


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_shifted_scores_become_one_node(tmp_path: Path, length: int) -> None:
    rng = np.random.default_rng(length)
    shapes = {"content": (length, length), "q": (length, 5), "p": (5, 2 * length - 1)}
    inputs = {name: rng.standard_normal((1, 3, *shape), np.float32) for name, shape in shapes.items()}
    model = onnx.parser.parse_model(SHIFTED.replace("START", "one"))
    expected = run_graph(model, tmp_path, inputs)
    graph = Graph(model, tmp_path)
    assert fuse_relative_shift(graph) == 1
    fused = graph.finish()
    assert [node.op_type for node in fused.graph.node] == ["MatMul", "RelativeShift", "Identity"]
    np.testing.assert_allclose(run_graph(fused, tmp_path, inputs), expected, atol=1e-6)
    scores = inputs["q"] @ inputs["p"]
    for row in range(length):
        behind = scores[0, :, row, length - 1 - row : 2 * length - 1 - row]
        np.testing.assert_allclose(
            expected[0, :, row], (inputs["content"][0, :, row] + behind) / 8, atol=1e-5
        )


def test_scores_shifted_otherwise_stay(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(SHIFTED.replace("START", "zero"))
    assert fuse_relative_shift(Graph(model, tmp_path)) == 0


def test_relative_shift_refuses_scores_of_another_width(tmp_path: Path) -> None:
    graph = Graph(onnx.parser.parse_model(SHIFTED.replace("START", "one")), tmp_path)
    assert fuse_relative_shift(graph) == 1
    shapes = {"content": (4, 4), "q": (4, 5), "p": (5, 8)}
    inputs = {name: np.zeros((1, 3, *shape), np.float32) for name, shape in shapes.items()}
    with pytest.raises(ExecutionError, match=r"RelativeShift takes content .* 2 length - 1\]"):
        run_graph(graph.finish(), tmp_path, inputs)

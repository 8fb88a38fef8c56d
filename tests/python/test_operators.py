"""The core's own operators in a session of plain ONNX Runtime, and what the core says of the processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from loquor import LoquorError, _core
from loquor.prepare import operators_library


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
        wide = {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= words
        assert _core.vector_unit() == ("avx512" if wide else "avx2" if {"avx2", "fma"} <= words else "plain")

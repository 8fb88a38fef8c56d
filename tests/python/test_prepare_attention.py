"""ONNX's own Attention, in the ways that exporters write its cache, is mapped as one in plain operators."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, helper

from bundles import STANDARD_FORMS
from loquor import Engine, GenerationOptions, ModelError, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import PreparedGraph, prepare_bundle
from loquor.prepare.check import Port, Trace, compare, trace_language_model

BundleOf = Callable[..., Path]
IDS = [84, 200, 39, 68, 75, 75, 78, 50271, 13, 50256, 50256]
SUFFIXES = {"fp32": "", "fp16": "_fp16", "q4": "_q4"}
BUFFER = "attention-buffer"


@pytest.fixture(autouse=True)
def _runtime_with_attention() -> None:
    if tuple(int(part) for part in open_runtime().version.split(".")[:2]) < (1, 26):
        pytest.skip("this runtime has no Attention of opset 24 on the CPU")


def prepare(bundle: Path, dtype: str = "fp32") -> PreparedGraph:
    return prepare_bundle(bundle, dtype, threads=1)["language_model"]


def trace(source: Path, prepared: Path | None = None, *, whole_buffers: bool = False) -> Trace:
    session = _core.Graph(open_runtime(), str(source), prepared=str(prepared or ""), threads=1)
    model = onnx.load(str(source), load_external_data=False)
    ports = {port.name: Port.of(port) for port in model.graph.input}
    return trace_language_model(session.run, ports, whole_buffers=whole_buffers)


@pytest.mark.parametrize("form", STANDARD_FORMS)
@pytest.mark.parametrize("dtype", SUFFIXES)
def test_it_is_mapped_and_means_the_same(bundle_of: BundleOf, form: str, dtype: str) -> None:
    result = prepare(bundle_of(form=form, dtype=dtype), dtype)
    assert (result.state, result.reason, result.remarks) == ("prepared", "", ())
    after = Counter(node.op_type for node in onnx.load(str(result.file), load_external_data=False).graph.node)
    assert after["CausalAttention"] + after["GroupQueryAttention"] == 2
    assert not {"Attention", "TensorScatter", "Concat", "Softmax", "Where"} & after.keys()
    found = trace(result.source, result.file)
    expected = trace(result.source, whole_buffers=form == BUFFER)
    assert compare(found, expected, {"fp32": 1e-5, "fp16": 0.02, "q4": 0.1}[dtype]) > 0


@pytest.mark.parametrize("form", STANDARD_FORMS)
def test_tokens_are_those_of_other_forms(
    bundle_of: BundleOf, engine_of: Callable[..., Engine], recording: NDArray[np.float32], form: str
) -> None:
    other = engine_of(form="concat", prepare=True)
    options = GenerationOptions(seed=3, max_new_tokens=100)
    expected = other.generate_tokens(IDS, other.voice((recording, 24_000)), options)
    with Engine(bundle_of(form=form), threads=1, device="cpu") as engine:
        assert engine.capabilities.kv_mode == "in_place"
        tokens = engine.generate_tokens(IDS, engine.voice((recording, 24_000)), options)
    np.testing.assert_array_equal(tokens, expected)


def attentions(model: ModelProto, op: str = "Attention") -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == op]


def cap_scores(model: ModelProto) -> None:
    attentions(model)[0].attribute.append(helper.make_attribute("softcap", 30.0))


def write_in_circles(model: ModelProto) -> None:
    attentions(model, "TensorScatter")[0].attribute.append(helper.make_attribute("mode", "circular"))


def look_both_ways(model: ModelProto) -> None:
    for node in attentions(model):
        next(attribute for attribute in node.attribute if attribute.name == "is_causal").i = 0


def write_elsewhere(model: ModelProto) -> None:
    """At the places of the queries, one later."""
    for node in attentions(model, "TensorScatter"):
        node.input[2] = "later"
    one = onnx.numpy_helper.from_array(np.asarray([1]), "one_more")
    model.graph.initializer.append(one)
    begin = next(
        node for node in model.graph.node if node.op_type == "Gather" and "position_ids" in node.input
    )
    place = list(model.graph.node).index(begin) + 1
    model.graph.node.insert(place, helper.make_node("Add", [begin.output[0], "one_more"], ["later"]))


@pytest.mark.parametrize(
    ("form", "change", "reason"),
    [
        ("attention-past", cap_scores, "caps or returns its scores"),
        (BUFFER, write_in_circles, "does not write positions one after the other"),
        (BUFFER, look_both_ways, "of their range off"),
        (BUFFER, write_elsewhere, "of their range off"),
    ],
)
def test_another_meaning_is_refused(
    bundle_of: BundleOf,
    fresh_cache: Path,
    tmp_path: Path,
    form: str,
    change: Callable[[ModelProto], None],
    reason: str,
) -> None:
    bundle = Path(shutil.copytree(bundle_of(form=form), tmp_path / "copy"))
    file = bundle / "onnx" / "language_model.onnx"
    model = onnx.load(str(file), load_external_data=False)
    change(model)
    file.write_bytes(model.SerializeToString())
    result = prepare(bundle)
    assert result.state == "refused" and reason in result.reason
    if form == BUFFER:
        assert result.remarks[0].startswith("2 Attention with nonpad_kv_seqlen are left")


def test_whole_buffers_that_are_not_prepared_are_refused_in_a_sentence(
    bundle_of: BundleOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = bundle_of(form=BUFFER)
    told = r"language_model\.onnx: this export keeps its KV cache in whole buffers .* has to be prepared"
    with pytest.raises(ModelError, match=told) as error:
        Engine(bundle, threads=1, device="cpu", prepare=False)
    assert "max_sequence_length" not in str(error.value)
    monkeypatch.setenv("LOQUOR_CACHE", os.devnull)
    with pytest.raises(ModelError, match=rf"{told}.*it was not prepared because cannot make the folder"):
        Engine(bundle, threads=1, device="cpu")

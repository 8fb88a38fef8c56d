"""The teacher of the next built-in voice (training/voice), and its judges: all that needs no weights."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from voice import (
    judges,
    sources,
)
from voice import teacher_graph as graph

WORDS = ("water", "quorum", "zephyr", "oyster")


def test_words_are_counted_over_all_texts():
    assert judges.word_errors(["Dr. Hill has 3 cats.", "Yes."], ["doctor hill has three hats", "yes"]) == (
        1,
        6,
    )
    assert judges.spread([1.0, 3.0]) == {"mean": 2.0, "sd": 1.0, "n": 2}


def test_judges_hear_everything_at_one_loudness_and_rate():
    pytest.importorskip("soxr")
    tone = np.sin(np.arange(24_000) / 20).astype(np.float32)
    for gain in (0.01, 1.0):
        sound = judges.prepare(tone * gain, 24_000)
        assert (sound.dtype, len(sound)) == (np.float32, 16_000)
        assert np.sqrt(np.mean(sound**2)) == pytest.approx(judges.LOUDNESS, rel=0.02)


def test_whisper_is_joined_from_its_parts(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir(), second.mkdir()
    for name in ("config.json", "vocabulary.txt", "tokenizer.json"):
        (first / name).write_text(name)
    (first / "model.bin.part1").write_bytes(b"one")
    (second / "model.bin.part2").write_bytes(b"two")
    judges.join_whisper(tmp_path / "whisper", first, second)
    assert (tmp_path / "whisper/model.bin").read_bytes() == b"onetwo"
    assert len(list((tmp_path / "whisper").iterdir())) == 4


def test_what_is_fetched_is_checked(tmp_path):
    for name in ("1", "2"):
        (tmp_path / name).write_text(name)
    joined = tmp_path / "all"
    sources.join(joined, [tmp_path / "1", tmp_path / "2"], hashlib.sha256(b"12").hexdigest())
    assert joined.read_text() == "12"
    with pytest.raises(RuntimeError, match=r"SHA-256 is .*run stage fetch again"):
        sources.check(joined, "0" * 64)


def test_each_package_with_weights_is_pinned_by_hash_and_permissive():
    lines = [
        x
        for x in (Path(sources.__file__).parent / "weights.txt").read_text().splitlines()
        if x and x[0] != "#"
    ]
    pinned = [re.fullmatch(r"([\w-]+)==[\d.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(pinned)
    assert {m[1] for m in pinned if m} | {sources.STYLES[0]} == {s.package for s in sources.SOURCES}
    assert not [s for s in sources.SOURCES if "GPL" in s.licence]


# The teacher's graph in small: two dynamically quantised products, a rounded bias, a squared sine.


def quantised() -> onnx.ModelProto:
    rng = np.random.default_rng(3)
    weight = rng.integers(-90, 90, (4, 3, 3)).astype(np.int8)
    matrix = rng.integers(0, 200, (4, 4)).astype(np.uint8)
    bias = rng.normal(size=4).astype(np.float32)
    constants = {
        "w": weight, "w_zero": np.int8(2), "w_scale": np.float32(0.02), "m": matrix, "m_zero": np.uint8(101),
        "m_scale": np.float32(0.01), "bias": bias, "shape": np.array([1, -1, 1]), "two": np.float32(2),
        "low": np.float32(1), "high": np.float32(5),
    }  # fmt: skip
    n = helper.make_node
    nodes = [
        n("Clip", ["speed", "low", "high"], [graph.OWN_DURATIONS]),
        n("Mul", ["tokens", graph.OWN_DURATIONS], ["scaled"]),
        n("DynamicQuantizeLinear", ["scaled"], ["xq", "xs", "xz"]),
        n("ConvInteger", ["xq", "w", "xz", "w_zero"], ["conv"], pads=[1, 1]),
        n("Mul", ["xs", "w_scale"], ["conv_scale"]),
        n("Div", ["bias", "conv_scale"], ["bias_units"]),
        n("Floor", ["bias_units"], ["bias_floor"]),
        n("Cast", ["bias_floor"], ["bias_int"], to=TensorProto.INT32),
        n("Reshape", ["bias_int", "shape"], ["bias_row"]),
        n("Add", ["conv", "bias_row"], ["conv_biased"]),
        n("Cast", ["conv_biased"], ["conv_float"], to=TensorProto.FLOAT),
        n("Mul", ["conv_float", "conv_scale"], ["features"]),
        n("Sin", ["features"], ["sine"]),
        n("Pow", ["sine", "two"], ["snake"]),
        n("Transpose", ["snake"], ["rows"], perm=[0, 2, 1]),
        n("DynamicQuantizeLinear", ["rows"], ["rq", "rs", "rz"]),
        n("MatMulInteger", ["rq", "m", "rz", "m_zero"], ["product"]),
        n("Cast", ["product"], ["product_float"], to=TensorProto.FLOAT),
        n("Mul", ["rs", "m_scale"], ["product_scale"]),
        n("Mul", ["product_float", "product_scale"], ["audio"]),
    ]
    info = helper.make_tensor_value_info
    return helper.make_model(
        helper.make_graph(
            nodes, "small", [info("tokens", 1, [1, 3, "n"]), info("speed", 1, [1])], [info("audio", 1, None)],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
    )  # fmt: skip


def run(model: onnx.ModelProto, **feeds: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


FEEDS = {
    "tokens": np.random.default_rng(4).normal(size=(1, 3, 50)).astype(np.float32),
    "speed": np.array([3.0], np.float32),
}


def test_float_products_are_the_quantised_ones_without_rounding(monkeypatch):
    monkeypatch.setitem(graph.SHAPES, "features", [1, 4, "n"])
    model = quantised()
    expected = run(graph.cut(model, FEEDS, ["features"]), **FEEDS)
    graph.dequantize(model)
    assert not {"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "Floor"} & {
        node.op_type for node in model.graph.node
    }
    found = run(graph.cut(model, FEEDS, ["features"]), **FEEDS)
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    again = run(model, **FEEDS | {"tokens": FEEDS["tokens"][..., :25]})
    np.testing.assert_allclose(again[:, :24], run(model, **FEEDS)[:, :24], atol=1e-6)


def test_given_durations_replace_the_teachers_own():
    model = quantised()
    graph.give_durations(model)
    own = run(model, **FEEDS, durations=np.zeros((1, 1), np.float32))
    np.testing.assert_array_equal(own, run(quantised(), **FEEDS))
    given_five = run(model, **FEEDS, durations=np.full((1, 1), 5, np.float32))
    np.testing.assert_array_equal(given_five, run(quantised(), **FEEDS | {"speed": np.float32([5.0])}))


def test_sines_that_are_squared_are_exact_enough_over_many_turns():
    model = quantised()
    graph.dequantize(model)
    exact = run(model, **FEEDS | {"tokens": FEEDS["tokens"] * 20})
    graph.quick_sines(model)
    assert "Sin" not in {node.op_type for node in model.graph.node}
    quick = run(model, **FEEDS | {"tokens": FEEDS["tokens"] * 20})
    np.testing.assert_allclose(quick, exact, atol=1e-4)


def test_parts_put_together_are_the_whole(monkeypatch):
    monkeypatch.setitem(graph.SHAPES, "features", [1, 4, "n"])
    model = quantised()
    first = graph.cut(model, ["tokens", "speed"], ["features"])
    second = graph.cut(model, ["features"], ["audio"])
    np.testing.assert_array_equal(run(second, features=run(first, **FEEDS)), run(model, **FEEDS))
    with pytest.raises(ValueError, match=r"it needs \['speed'\] too"):
        graph.cut(model, ["tokens"], ["audio"])

"""The decoder's noise as input: the same seed gives the same samples, at the same place."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from bundles import DTYPES, make_bundle
from loquor import Engine, ExecutionError, GenerationOptions, InvalidInputError, StreamOptions, Voice, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import PreparedGraph, prepare_bundle
from loquor.prepare.activations import fuse_mish, fuse_snake
from loquor.prepare.graph import LOQUOR, Graph
from loquor.prepare.self_attention import fuse_self_attention
from loquor.prepare.task import FAST_PRODUCTS
from loquor.prepare.weights import share_equal_weights
from reference.noise import noise

OUTSIDE = Path(__file__).resolve().parents[3] / "shared"
TOKENS = [*range(0, 6561, 400)]
SILENCE = [4299] * 3

BundleOf = Callable[..., Path]


def prepare(bundle: Path, dtype: str, **options: bool) -> PreparedGraph:
    return prepare_bundle(bundle, dtype, threads=1, **options)["conditional_decoder"]


@pytest.fixture(scope="module")
def noisy(bundle_of: BundleOf) -> Iterator[Engine]:
    with Engine(bundle_of(noise=True), threads=1, device="cpu") as engine:
        yield engine


@pytest.fixture(scope="module")
def voice(noisy: Engine, recording: NDArray[np.float32]) -> Voice:
    return noisy.voice((recording, 24_000))


def test_the_same_seed_gives_the_same_samples(noisy: Engine, voice: Voice) -> None:
    assert noisy.capabilities.prepared["conditional_decoder"] == "prepared"
    once, again, other = (noisy.decode(TOKENS, voice, seed=seed) for seed in (7, 7, 2**64 - 1))
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 0.05
    np.testing.assert_array_equal(noisy.decode(TOKENS, voice), noisy.decode(TOKENS, voice, seed=0))
    with pytest.raises(InvalidInputError, match="seed must be a whole number"):
        noisy.decode(TOKENS, voice, seed=-1)


def test_speech_takes_the_seed_of_its_options(noisy: Engine, voice: Voice) -> None:
    options = GenerationOptions(seed=3, max_new_tokens=12)
    audio = noisy.speak("Hello.", voice, options)
    tokens = noisy.generate_tokens(noisy.tokenize("Hello."), voice, options)
    np.testing.assert_array_equal(audio.samples, noisy.decode(tokens, voice, seed=3))


def test_without_preparation_every_run_differs(bundle_of: BundleOf, recording: NDArray[np.float32]) -> None:
    with Engine(bundle_of(noise=True), threads=1, device="cpu", prepare=False) as engine:
        voice = engine.voice((recording, 24_000))
        one, other = (engine.decode(TOKENS, voice, seed=7) for _ in range(2))
    assert np.abs(one - other).max() > 0.05


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_noise_is_what_it_is_said_to_be(
    bundle_of: BundleOf, recording: NDArray[np.float32], dtype: str
) -> None:
    """Against an independent generator, through the rewritten graph itself."""
    bundle = bundle_of(noise=True, dtype=dtype)
    result = prepare(bundle, dtype)
    assert [what for what in result.changes if "float16" not in what] == ["1 noise inputs"]
    session = _core.Graph(open_runtime(), str(result.source), prepared=str(result.file), threads=1)
    with Engine(bundle, dtype=dtype, threads=1, device="cpu") as engine:
        voice = engine.voice((recording, 24_000))
        found = engine.decode(TOKENS, voice, seed=11)
    count = len(TOKENS) + len(SILENCE)
    expected = session.run(
        {
            "speech_tokens": np.concatenate([voice.audio_tokens, TOKENS, SILENCE])[np.newaxis],
            "speaker_embeddings": voice.speaker_embeddings[np.newaxis],
            "speaker_features": voice.speaker_features[np.newaxis],
            "loquor_normal_0": noise("normal", 0, 11, (1, count, 960), 1, 0),
        }
    )["waveform"][0]
    np.testing.assert_allclose(found, expected, atol=2e-6 if dtype in ("fp32", "q8", "q4") else 2e-3)


def test_noise_belongs_to_a_place(noisy: Engine, voice: Voice) -> None:
    """The same codes at the same place sound the same, whatever follows."""
    longer, shorter = noisy.decode(TOKENS, voice, seed=5), noisy.decode(TOKENS[:6], voice, seed=5)
    np.testing.assert_array_equal(shorter[: 6 * 960], longer[: 6 * 960])


def test_windows_hear_the_noise_of_the_whole(noisy: Engine, voice: Voice) -> None:
    """In tiny a code's sound depends on nothing around it but the noise."""
    options = GenerationOptions(seed=9, max_new_tokens=60)
    chunks = StreamOptions(first_chunk=7, growth=1.5, left_context=5, look_ahead=3)
    with noisy.stream("Hello.", voice, options, chunks=chunks) as stream:
        parts = list(stream)
    assert len(parts) > 3
    np.testing.assert_allclose(
        np.concatenate(parts), noisy.speak("Hello.", voice, options).samples, atol=1e-6
    )


def test_a_decoder_without_noise_has_nothing_to_prepare(bundle_of: BundleOf) -> None:
    assert prepare(bundle_of(), "fp32").state == "as published"


# --- A shorter prompt ---


def test_the_prompt_may_be_cut(bundle_of: BundleOf, recording: NDArray[np.float32]) -> None:
    """As a voice of the recording's start would sound, in tiny, which hears the prompt's mean."""
    bundle = bundle_of(dtype="fp32")
    with (
        Engine(bundle, threads=1, device="cpu", reference_seconds=2) as engine,
        Engine(bundle, threads=1, device="cpu") as whole,
    ):
        voice = engine.voice((recording, 24_000))
        assert voice.audio_tokens.shape == (150,)  # the voice itself stays whole
        cut = Voice(
            voice.audio_features,
            voice.audio_tokens[:50],
            voice.speaker_embeddings,
            voice.speaker_features[:100],
            voice.fingerprint,
        )
        found = engine.decode(TOKENS, voice)
        np.testing.assert_array_equal(found, whole.decode(TOKENS, cut))
        assert np.abs(found - whole.decode(TOKENS, voice)).max() > 1e-3
        np.testing.assert_array_equal(engine.decode(TOKENS, cut), found)  # shorter already


@pytest.mark.parametrize("wrong", [3601, -1.0, float("nan"), float("inf"), "3", True, None])
def test_impossible_prompts_are_refused(bundle_of: BundleOf, wrong: Any) -> None:
    with pytest.raises(InvalidInputError, match="reference_seconds must be"):
        Engine(bundle_of(), reference_seconds=wrong)


# --- Weights stored twice ---


def test_equal_weights_are_shared(tmp_path: Path) -> None:
    """Two of three are equal; the third has the same shape, the fourth the same bytes in another shape."""
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 64, 64)).astype(np.float32)
    arrays = {"a": one, "b": other, "c": one, "d": one.reshape(32, 128)}
    data = b"".join(array.tobytes() for array in arrays.values())
    (tmp_path / "weights").write_bytes(data)
    tensors = []
    for index, (name, array) in enumerate(arrays.items()):
        tensor = TensorProto(name=name, data_type=1, dims=array.shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "weights"), ("offset", index * one.nbytes), ("length", one.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["y"]),
        helper.make_node("MatMul", ["y", "b"], ["z"]),
        helper.make_node("MatMul", ["z", "c"], ["u"]),
        helper.make_node("Reshape", ["d", "shape"], ["e"]),
        helper.make_node("MatMul", ["u", "e"], ["v"]),
    ]
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [64, 64])
    edges = [helper.make_tensor_value_info(name, 1, [1, 64]) for name in ("x", "v")]
    made = helper.make_graph(nodes, "twice", edges[:1], edges[1:], [*tensors, shape])
    model: ModelProto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (tmp_path / "twice.onnx").write_bytes(model.SerializeToString())
    graph = Graph(onnx.load(str(tmp_path / "twice.onnx"), load_external_data=False), tmp_path)
    assert share_equal_weights(graph) == 1
    shared = graph.finish()
    assert [list(node.input) for node in shared.graph.node[:3]] == [["x", "a"], ["y", "b"], ["z", "a"]]
    assert {tensor.name for tensor in shared.graph.initializer} == {"a", "b", "d", "shape"}
    (tmp_path / "shared.onnx").write_bytes(shared.SerializeToString())

    def run(prepared: str) -> NDArray[Any]:
        session = _core.Graph(open_runtime(), str(tmp_path / "twice.onnx"), prepared=prepared, threads=1)
        outputs: NDArray[Any] = session.run({"x": np.ones((1, 64), np.float32)})["v"]
        return outputs

    np.testing.assert_array_equal(run(str(tmp_path / "shared.onnx")), run(""))


# --- Attention and gates ---


class Spelled:
    """A graph from x [1, sequence, 64] under construction, in an exporter's spelling."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def constant(self, value: Any, dtype: type = np.int64) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def model(self, output: str) -> ModelProto:
        edges = [helper.make_tensor_value_info(name, 1, [1, None, 64]) for name in ("x", "y")]
        nodes = [*self.nodes, helper.make_node("Identity", [output], ["y"])]
        graph = helper.make_graph(nodes, "spelled", edges[:1], edges[1:], self.weights)
        model: ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
        )
        return model


def spelled_attention(x: str, spell: Spelled, scale: float, masked: bool = False) -> str:
    """Four heads of 16, the scale's root on queries and keys, lengths computed in the graph."""
    rng = np.random.default_rng(3)
    length = spell.node("Shape", x, start=1, end=2)
    shape = spell.node(
        "Concat", spell.constant([1]), length, spell.constant([4]), spell.constant([16]), axis=0
    )
    parts = []
    for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        weight = spell.constant(rng.standard_normal((64, 64)) * 0.2, np.float32)
        split = spell.node("Reshape", spell.node("MatMul", x, weight), shape)
        parts.append(spell.node("Transpose", split, perm=perm))
    root = spell.constant(scale**0.5, np.float32)
    scores = spell.node("MatMul", spell.node("Mul", parts[0], root), spell.node("Mul", parts[1], root))
    if masked:
        scores = spell.node("Add", scores, spell.constant(np.full((1, 1, 1, 1), -3.0), np.float32))
    context = spell.node("MatMul", spell.node("Softmax", scores, axis=-1), parts[2])
    joined = spell.node("Transpose", context, perm=[0, 2, 1, 3])
    return spell.node("Reshape", joined, spell.constant([1, -1, 64]))


def outcome(model: ModelProto, folder: Path) -> NDArray[np.float32]:
    (folder / "spelled.onnx").write_bytes(model.SerializeToString())
    file = str(folder / "spelled.onnx")
    session = _core.Graph(open_runtime(), file, prepared=file, threads=2)
    x = np.random.default_rng(5).standard_normal((1, 23, 64)).astype(np.float32) * 4
    y: NDArray[np.float32] = session.run({"x": x})["y"]
    return y


def test_attention_becomes_one_node(tmp_path: Path) -> None:
    spell = Spelled()
    model = spell.model(spelled_attention("x", spell, scale=1 / 4))
    expected = outcome(model, tmp_path)
    graph = Graph(model, tmp_path)
    assert fuse_self_attention(graph) == 1
    fused = graph.finish()
    assert [node.op_type for node in fused.graph.node] == ["MatMul"] * 3 + ["MultiHeadAttention", "Identity"]
    np.testing.assert_allclose(outcome(fused, tmp_path), expected, atol=1e-4)


def test_attention_with_a_term_for_positions_stays(tmp_path: Path) -> None:
    spell = Spelled()
    model = spell.model(spelled_attention("x", spell, scale=1 / 4, masked=True))
    assert fuse_self_attention(Graph(model, tmp_path)) == 0


def test_mish_becomes_one_node(tmp_path: Path) -> None:
    spell = Spelled()
    tanh = spell.node("Tanh", spell.node("Softplus", "x"))
    model = spell.model(spell.node("Mul", "x", tanh))
    expected = outcome(model, tmp_path)
    graph = Graph(model, tmp_path)
    assert fuse_mish(graph) == 1
    fused = graph.finish()
    assert [node.op_type for node in fused.graph.node] == ["Mish", "Identity"]
    np.testing.assert_allclose(outcome(fused, tmp_path), expected, atol=2e-6)


def spelled_snake(spell: Spelled, rate: str, *, power: bool = True, half: bool = False) -> str:
    """On x [1, sequence, 64], whose second axis is the test's 23 channels."""
    sine = spell.node("Sin", spell.node("Mul", rate, "x"))
    square = (
        spell.node("Pow", sine, spell.constant(2, np.float32)) if power else spell.node("Mul", sine, sine)
    )
    gain = spell.node("Reciprocal", spell.node("Add", rate, spell.constant(1e-9, np.float32)))
    if half:
        gain = spell.node("Cast", spell.node("Cast", gain, to=TensorProto.FLOAT16), to=TensorProto.FLOAT)
    return spell.node("Add", spell.node("Mul", gain, square), "x")


@pytest.mark.parametrize("power", [True, False])
def test_snake_becomes_one_node(tmp_path: Path, power: bool) -> None:
    spell = Spelled()
    rate = spell.constant(np.random.default_rng(8).uniform(0.1, 9, (1, 23, 1)), np.float32)
    model = spell.model(spelled_snake(spell, rate, power=power))
    expected = outcome(model, tmp_path)
    graph = Graph(model, tmp_path)
    assert fuse_snake(graph) == 1
    fused = graph.finish()
    assert {node.op_type for node in fused.graph.node} - {"Constant"} == {
        "Add",
        "Reciprocal",
        "Snake",
        "Identity",
    }
    np.testing.assert_allclose(outcome(fused, tmp_path), expected, atol=1e-5)
    assert np.abs(expected).max() > 10


def test_what_only_resembles_snake_stays(tmp_path: Path) -> None:
    """A rate that is no weight, weights that pass through float16, a rate for each place in time."""
    for spelled in (
        lambda spell: spelled_snake(spell, spell.node("Abs", "x")),
        lambda spell: spelled_snake(spell, spell.constant(np.ones((1, 23, 1)), np.float32), half=True),
        lambda spell: spelled_snake(spell, spell.constant(np.ones(64), np.float32)),
    ):
        spell = Spelled()
        assert fuse_snake(Graph(spell.model(spelled(spell)), tmp_path)) == 0


def test_snake_refuses_weights_of_other_lengths(tmp_path: Path) -> None:
    spell = Spelled()
    rate = spell.constant(np.ones((1, 1, 1)), np.float32)
    graph = Graph(spell.model(spelled_snake(spell, rate)), tmp_path)
    assert fuse_snake(graph) == 1
    with pytest.raises(ExecutionError, match=r"Snake takes x \[batch, channels, time\]"):
        outcome(graph.finish(), tmp_path)
    assert LOQUOR in {opset.domain for opset in graph.model.opset_import}


# --- Turbo's true decoder ---


@pytest.mark.slow
def test_the_true_decoder_is_reproducible(tmp_path: Path, recording: NDArray[np.float32]) -> None:
    """Its flow and its vocoder draw noise; a window's samples come from the same noise as the whole's."""
    if not (OUTSIDE / "arch" / "fill.py").is_file():
        pytest.skip("the architecture-true graphs are not part of the project and not beside it")
    if shutil.disk_usage(tmp_path).free < 4e9:
        pytest.skip("needs 1.4 GB of disk")
    command = [sys.executable, OUTSIDE / "arch" / "fill.py", tmp_path / "onnx"]
    subprocess.run(command, check=True, capture_output=True)
    make_bundle(tmp_path, size="turbo", dtype="q4", graphs=("embed_tokens", "language_model"))
    dtype = "q4,speech_encoder=fp32,conditional_decoder=fp32"
    with Engine(tmp_path, dtype=dtype, device="cpu") as engine:
        assert engine.capabilities.prepared["conditional_decoder"] == "prepared"
        voice = engine.voice((recording[:72_000], 24_000))
        one, same, other = (engine.decode(TOKENS, voice, seed=seed) for seed in (1, 1, 2))
    ours = ["58 Mish", "72 Snake", "10 RelativeShift"]
    if _core.vector_unit() != "plain":
        ours.append("143 ToomCookConv")
    behind = ["744 Int16Product", "112 Int16Attention"] if _core.vector_unit() in FAST_PRODUCTS else []
    changes = (
        "1 phase anchor",
        "3 noise inputs",
        "112 MultiHeadAttention",
        *ours,
        "flow and vocoder apart",
        *behind,
    )
    assert prepare(tmp_path, dtype).changes == changes
    np.testing.assert_array_equal(one, same)
    assert np.isfinite(one).all() and np.abs(one - other).max() > 1e-3

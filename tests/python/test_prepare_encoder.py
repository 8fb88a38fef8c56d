"""A prepared speech encoder: spectra as exact as a plain sum, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from loquor import Engine, _core
from loquor.base.runtime import open_runtime
from loquor.cli import main
from loquor.prepare import PreparedGraph, operators_library, prepare_bundle
from loquor.prepare.graph import Graph
from loquor.prepare.spectra import spectra_as_products, spectra_in_double
from loquor.voice.reference_audio import load_reference

BundleOf = Callable[..., Path]


def prepare(bundle: Path, dtype: str = "fp32") -> PreparedGraph:
    return prepare_bundle(bundle, dtype, threads=1)["speech_encoder"]


def run(model: ModelProto, folder: Path, x: NDArray[Any]) -> NDArray[np.float64]:
    file = folder / "one.onnx"
    file.write_bytes(model.SerializeToString())
    session = _core.Graph(open_runtime(), str(file), prepared=str(file), threads=1)
    return session.run({"x": x})["y"].astype(np.float64)


def model_of(op: str, shape: list[Any], arrays: dict[str, NDArray[Any]], **attributes: Any) -> ModelProto:
    node = helper.make_node(op, ["x", *arrays], ["y"], **attributes)
    edges = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        for name, dims in (("x", shape), ("y", None))
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph([node], "one", edges[:1], edges[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def stft(length: int, step: int, rank: int = 3, onesided: int = 1, window: bool = True) -> ModelProto:
    arrays = {"step": np.asarray(step), "window": np.hanning(length + 1)[:-1].astype(np.float32)}
    shape: list[Any] = ["rows", "time", 1][:rank]
    if not window:
        arrays = {"step": arrays["step"], "": np.zeros(0), "length": np.asarray(length)}
    model = model_of("STFT", shape, {k: v for k, v in arrays.items() if k}, onesided=onesided)
    if not window:
        model.graph.node[0].input[:] = ["x", "step", "", "length"]
    return model


def decibels(found: NDArray[Any], expected: NDArray[Any]) -> float:
    apart = found[..., 0] + 1j * found[..., 1]
    assert apart.shape == expected.shape
    return float(20 * np.log10(np.abs(apart - expected).max() / np.abs(expected).max()))


@pytest.mark.parametrize(
    ("length", "step", "rank", "onesided", "window"),
    [
        (400, 160, 3, 1, True),
        (1920, 480, 3, 1, True),
        (16, 4, 2, 1, True),
        (400, 160, 3, 0, True),
        (90, 30, 2, 1, False),
    ],
)
def test_a_transform_is_as_exact_as_a_sum(
    tmp_path: Path, length: int, step: int, rank: int, onesided: int, window: bool
) -> None:
    model = stft(length, step, rank, onesided, window)
    x = np.random.default_rng(0).standard_normal((2, 9600, 1)[:rank]).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x.reshape(2, -1).astype(np.float64), length, axis=1)[
        :, ::step
    ]
    weights = numpy_helper.to_array(model.graph.initializer[1]).astype(np.float64) if window else 1.0
    expected = np.fft.fft(frames * weights)[..., : length // 2 + 1 if onesided else length]
    graph = Graph(ModelProto.FromString(model.SerializeToString()), tmp_path)
    assert spectra_as_products(graph) == 1
    changed = graph.finish()
    assert "STFT" not in {node.op_type for node in changed.graph.node}
    assert changed.ByteSize() < 100_000
    assert decibels(run(changed, tmp_path, x), expected) < -115
    exact = Graph(ModelProto.FromString(model.SerializeToString()), tmp_path)
    assert spectra_in_double(exact) == 1
    assert decibels(run(exact.finish(), tmp_path, x), expected) < -125


@pytest.mark.parametrize(("length", "taken"), [(400, True), (480, True), (512, False)])
def test_a_transform_of_frames(tmp_path: Path, length: int, taken: bool) -> None:
    arrays = {"length": np.asarray(length), "axis": np.asarray(-2)}
    model = model_of("DFT", ["rows", "frames", length, 1], arrays, onesided=1)
    graph = Graph(ModelProto.FromString(model.SerializeToString()), tmp_path)
    assert spectra_as_products(graph) == taken
    x = np.random.default_rng(0).standard_normal((2, 7, length, 1)).astype(np.float32)
    expected = np.fft.rfft(x[..., 0].astype(np.float64))
    assert decibels(run(graph.finish(), tmp_path, x), expected) < -115


@pytest.mark.parametrize("change", ["length", "step", "window", "long"])
def test_transforms_that_stay(tmp_path: Path, change: str) -> None:
    """A length, a step or a window that is only known in a run; and a long power of two."""
    model = stft(2048 if change == "long" else 400, 160)
    node = model.graph.node[0]
    if change == "length":
        node.input[:] = ["x", "step", "window", "free"]
    elif change == "step":
        node.input[:] = ["free", *node.input][1:]
        node.input[1] = "free"
    elif change == "window":
        node.input[2] = "free_window"
    assert spectra_as_products(Graph(model, tmp_path)) == 0


def narrow_band(seconds: float) -> NDArray[np.float32]:
    """A telephone's band: nothing above 3.4 kHz."""
    time = np.arange(int(24_000 * seconds)) / 24_000
    rng = np.random.default_rng(0)
    tones = (np.sin(2 * np.pi * (f * time + rng.random())) / 12 for f in rng.uniform(300, 3400, 12))
    made: NDArray[np.float32] = np.asarray(sum(tones), np.float64).astype(np.float32)
    return made


def exact_bands(samples: NDArray[np.float32], hop: int, size: int) -> NDArray[np.float64]:
    """What the tiny encoder's `_bands` means, in float64: [frames, 32]."""
    count = samples.size // hop
    padded = np.concatenate([samples[: count * hop].astype(np.float64), np.zeros(max(0, size - hop))])
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:count]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    energy = np.abs(np.fft.rfft(frames * window.astype(np.float64))) ** 2
    edges = np.linspace(0, size // 2 + 1, 33).astype(int)
    banded = np.stack([energy[:, a:b].sum(1) for a, b in pairwise(edges)], axis=1) / size
    return (np.log(np.maximum(banded, 1e-10)) + 5) * 0.25


def test_silent_bands_get_no_made_up_energy(bundle_of: BundleOf, fresh_cache: Path) -> None:
    bundle = bundle_of(stft=True)
    result = prepare(bundle)
    assert (result.state, result.reason) == ("prepared", "")
    assert result.changes == ("2 Fourier transforms as products",)
    samples = narrow_band(1.2)
    expected = exact_bands(samples, 480, 1920)
    model = onnx.load(str(bundle / "onnx" / "speech_encoder.onnx"))
    arrays = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in model.graph.initializer}
    expected = expected @ arrays["mel.weight"] + arrays["mel.bias"]
    off = {}
    for name, file in (("published", ""), ("prepared", str(result.file))):
        session = _core.Graph(open_runtime(), str(result.source), prepared=file, threads=1)
        found = session.run({"audio_values": samples[np.newaxis]})["speaker_features"][0]
        off[name] = float(np.abs(found - expected).max())
    assert off["prepared"] < 0.02 < off["published"]


@pytest.mark.parametrize("dtype", ["fp32", "q4", "q8"])
def test_an_engine_hears_with_the_prepared_encoder(
    bundle_of: BundleOf, fresh_cache: Path, recording: NDArray[np.float32], dtype: str
) -> None:
    bundle = bundle_of(stft=True, dtype=dtype)
    with Engine(bundle, dtype=dtype, threads=1, device="cpu") as engine:
        assert engine.capabilities.prepared["speech_encoder"] == "prepared"
        voice = engine.voice((recording, 24_000))
    result = prepare(bundle, dtype)
    assert result.cached
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.register_custom_ops_library(str(operators_library()))
    weights = "session.model_external_initializers_file_folder_path"
    options.add_session_config_entry(weights, str(result.source.parent))
    if dtype == "fp32":  # as the engine does, whose encoder's weights stay mapped
        options.add_session_config_entry("session.disable_prepacking", "1")
    session = onnxruntime.InferenceSession(result.file, options, providers=["CPUExecutionProvider"])
    samples = load_reference((recording, 24_000)).samples
    names = ["audio_features", "audio_tokens"]
    features, codes = session.run(names, {"audio_values": samples[np.newaxis]})
    np.testing.assert_array_equal(voice.audio_features, features[0])
    np.testing.assert_array_equal(voice.audio_tokens, codes[0])


def test_an_encoder_without_any_of_it_stays(bundle_of: BundleOf) -> None:
    assert prepare(bundle_of()).state == "as published"


def test_a_transform_that_means_something_else_is_refused(
    bundle_of: BundleOf, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The comparison is with transforms in float64, so that a wrong table shows."""
    monkeypatch.setattr(
        "loquor.prepare.spectra._table", lambda graph, length, bins: _wrong(graph, length, bins)
    )
    result = prepare(bundle_of(stft=True))
    assert result.state == "refused" and "of their range off" in result.reason
    assert "speech_encoder is used as published, not prepared" in caplog.text


def _wrong(graph: Graph, length: int, bins: int) -> str:
    return graph.add_constant(np.ones((2 * bins, length), np.float32), "wrong")


def test_the_command_lists_it(
    bundle_of: BundleOf, fresh_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(bundle_of(stft=True))]) == 0
    assert "speech_encoder: prepared (2 Fourier transforms as products" in capsys.readouterr().err

"""A decoder in two: its vocoder runs on new rows of mel and a few before them, and nothing is heard of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loquor import Engine, GenerationOptions, ModelError, StreamOptions, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import PreparedGraph, prepare_bundle
from loquor.prepare.check import Arrays
from loquor.prepare.cut import CONTEXT, MEL, Halves, cut_value, mark_cut
from loquor.prepare.graph import Graph, RefusedError
from loquor.prepare.phase import PHASE_INPUTS, PHASE_NEXT
from loquor.speech.option_table import ENGINE

BundleOf = Callable[..., Path]
TOKENS = 31


def prepare(bundle: Path, dtype: str = "fp32") -> PreparedGraph:
    return prepare_bundle(bundle, dtype, threads=1)["conditional_decoder"]


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
@pytest.mark.parametrize("left_context", [0, 5, 20, -1])
def test_windows_of_a_cut_decoder_sound_like_one_shot(
    bundle_of: BundleOf, recording: NDArray[np.float32], left_context: int, dtype: str
) -> None:
    """Noise and phase have their places, whatever part of a window the vocoder hears."""
    bundle = bundle_of(sines=True, noise=True, dtype=dtype)
    assert prepare(bundle, dtype).vocoder is not None
    options = GenerationOptions(seed=9, max_new_tokens=60)
    chunks = StreamOptions(first_chunk=7, growth=1.5, left_context=left_context, look_ahead=3)
    with Engine(bundle, threads=1, device="cpu", dtype=dtype) as engine:
        voice = engine.voice((recording, 24_000))
        with engine.stream("Hello.", voice, options, chunks=chunks) as stream:
            parts = list(stream)
        whole = engine.speak("Hello.", voice, options).samples
    assert len(parts) > 3
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-3)


def test_the_vocoder_is_small_and_takes_rows_by_token(bundle_of: BundleOf) -> None:
    result = prepare(bundle_of(sines=True, noise=True))
    assert result.file is not None and result.vocoder is not None
    flow, vocoder = (
        onnx.load(str(file), load_external_data=False).graph for file in (result.file, result.vocoder)
    )
    assert [port.name for port in flow.output] == [MEL]
    ports = {port.name: port for port in vocoder.input}
    assert ports.keys() == {MEL, "loquor_normal_0", *PHASE_INPUTS}
    assert ports[MEL].type.tensor_type.shape.dim[1].dim_param == "1*tokens"
    assert [port.name for port in vocoder.output] == ["waveform", PHASE_NEXT]


@pytest.mark.parametrize("damage", ["removed", "changed"])
def test_a_lost_vocoder_is_made_again(bundle_of: BundleOf, fresh_cache: Path, damage: str) -> None:
    bundle = bundle_of(sines=True)
    vocoder = prepare(bundle).vocoder
    assert vocoder is not None
    content = vocoder.read_bytes()
    if damage == "removed":
        vocoder.unlink()
    else:
        vocoder.write_bytes(content[:-1])
    again = prepare(bundle)
    assert not again.cached and again.vocoder == vocoder
    assert vocoder.read_bytes() == content
    assert prepare(bundle).cached


def test_a_decoder_without_sines_stays_whole(bundle_of: BundleOf) -> None:
    assert prepare(bundle_of(noise=True)).vocoder is None


def test_one_half_alone_does_not_open(bundle_of: BundleOf) -> None:
    bundle = bundle_of(sines=True)
    result = prepare(bundle)
    options = {name: option.default for name, option in ENGINE.items()} | {"device": "cpu", "threads": 1}
    for given in ({"conditional_decoder": str(result.file)}, {"vocoder": str(result.vocoder)}):
        with pytest.raises(ModelError, match=r"'(waveform|loquor_mel)' is missing"):
            _core.EngineHandle(open_runtime(), str(bundle), options, prepared=given)


# --- Where to cut ---


def chain(around: bool) -> Graph:
    """Tokens and voice become rows, rows a pitch and a wave; `around`: the wave hears the voice, too."""
    nodes = [
        helper.make_node("Sum", ["speech_tokens", "speaker_embeddings", "speaker_features"], ["both"]),
        helper.make_node("Abs", ["both"], ["rows"]),
        helper.make_node("Neg", ["rows"], ["pitch"]),
        helper.make_node("CumSum", ["pitch", "axis"], ["cycles"]),
        helper.make_node("Sin", ["cycles"], ["sines"]),
        helper.make_node("Sum", ["rows", "sines", *(["speaker_features"] if around else [])], ["waveform"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "time"])
        for name in ("speech_tokens", "speaker_embeddings", "speaker_features", "waveform")
    ]
    axis = helper.make_tensor("axis", TensorProto.INT64, [], [1])
    return Graph(helper.make_model(helper.make_graph(nodes, "chain", ports[:3], ports[3:], [axis])), Path())


def test_the_cut_is_the_last_value_that_everything_goes_through() -> None:
    graph = chain(around=False)
    assert cut_value(graph, "cycles") == "rows"
    assert cut_value(chain(around=True), "cycles") is None
    assert mark_cut(graph, "rows", [1, "1*tokens-1*frames"]) is None  # no rows of the new tokens
    assert mark_cut(graph, "rows", [1, "2*tokens-1*frames"]) == 1
    assert [node.input[0] for node in graph.nodes("Neg")] == [MEL]


def test_what_reaches_too_far_is_not_cut(
    bundle_of: BundleOf, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def both(reach: int) -> Halves:
        """One row and one sample a token: the mean of the last ones."""

        def vocoder(feeds: Arrays) -> Arrays:
            rows = feeds[MEL]
            before = np.pad(rows, ((0, 0), (reach, 0)))
            wave = np.mean([before[:, i : i + rows.shape[1]] for i in range(reach + 1)], axis=0)
            return {"waveform": wave, PHASE_NEXT: np.zeros(1, np.float32)}

        ports = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (MEL, *PHASE_INPUTS)
        ]
        model = helper.make_model(helper.make_graph([], "none", ports, []))
        return Halves(model, model, lambda _: vocoder)

    mel = np.random.default_rng(0).standard_normal((1, TOKENS)).astype(np.float32)
    assert both(CONTEXT).check_context(mel, 1, TOKENS, {}, 1e-3) < 1e-6
    with pytest.raises(RefusedError, match="8 tokens of context"):
        both(CONTEXT + 1).check_context(mel, 1, TOKENS, {}, 1e-3)

    def refuse(*_: Any) -> float:
        raise RefusedError("it reaches too far")

    monkeypatch.setattr(Halves, "check_context", refuse)
    with caplog.at_level(logging.INFO, "loquor.prepare"):
        result = prepare(bundle_of(sines=True))
    assert result.changes == ("1 phase anchor",) and result.vocoder is None
    assert any("not cut in two: it reaches too far" in record.getMessage() for record in caplog.records)

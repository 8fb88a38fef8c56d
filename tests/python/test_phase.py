"""A decoder's sines go on from window to window with the phase that the whole would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from loquor import Engine, GenerationOptions, StreamOptions
from loquor.prepare import prepare_bundle
from loquor.prepare.graph import Graph
from loquor.prepare.phase import anchor_phase, sine_source

BundleOf = Callable[..., Path]
OPTIONS = GenerationOptions(seed=9, max_new_tokens=60)
CHUNKS = StreamOptions(first_chunk=7, growth=1.5, left_context=5, look_ahead=3)


def streamed_and_whole(
    bundle: Path, recording: NDArray[np.float32], chunks: StreamOptions, *, prepare: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with Engine(bundle, threads=1, device="cpu", prepare=prepare) as engine:
        voice = engine.voice((recording, 24_000))
        with engine.stream("Hello.", voice, OPTIONS, chunks=chunks) as stream:
            parts = list(stream)
        assert len(parts) > 3
        return np.concatenate(parts), engine.speak("Hello.", voice, OPTIONS).samples


@pytest.mark.parametrize("left_context", [1, 5, 30, -1])
def test_windows_carry_the_phase_on(
    bundle_of: BundleOf, recording: NDArray[np.float32], left_context: int
) -> None:
    chunks = StreamOptions(first_chunk=7, growth=1.5, left_context=left_context, look_ahead=3)
    streamed, whole = streamed_and_whole(bundle_of(sines=True), recording, chunks)
    np.testing.assert_allclose(streamed, whole, atol=2e-3)


def test_without_an_anchor_they_do_not(bundle_of: BundleOf, recording: NDArray[np.float32]) -> None:
    streamed, whole = streamed_and_whole(bundle_of(sines=True), recording, CHUNKS, prepare=False)
    assert np.abs(streamed - whole).max() > 0.2


def test_speech_in_one_go_stays_as_it_was(bundle_of: BundleOf, recording: NDArray[np.float32]) -> None:
    bundle = bundle_of(sines=True)
    (_, prepared), (_, published) = (
        streamed_and_whole(bundle, recording, CHUNKS, prepare=prepare) for prepare in (True, False)
    )
    np.testing.assert_array_equal(prepared, published)
    result = prepare_bundle(bundle, "fp32", threads=1)["conditional_decoder"]
    assert result.changes == ("1 phase anchor", "flow and vocoder apart")


def running_sum(*, wraps: bool, becomes_a_sine: bool = True) -> Graph:
    nodes = [helper.make_node("CumSum", ["x", "axis"], ["sum"])]
    if wraps:
        nodes += [
            helper.make_node("Floor", ["sum"], ["whole"]),
            helper.make_node("Sub", ["sum", "whole"], ["part"]),
        ]
    nodes.append(helper.make_node("Sin" if becomes_a_sine else "Abs", ["part" if wraps else "sum"], ["y"]))
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "sines",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, "time"])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, "time"])],
            [helper.make_tensor("axis", TensorProto.INT64, [], [2])],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    return Graph(model, Path())


def test_only_a_sum_whose_whole_cycles_are_dropped_is_a_source() -> None:
    assert sine_source(running_sum(wraps=False)) is None
    assert sine_source(running_sum(wraps=True, becomes_a_sine=False)) is None
    graph = running_sum(wraps=True)
    source = sine_source(graph)
    assert source is not None
    assert anchor_phase(graph, source) == 1
    finished = graph.finish().graph
    assert [port.name for port in finished.input] == ["x", "loquor_phase", "loquor_phase_at"]
    assert [port.name for port in finished.output] == ["y", "loquor_phase_next"]

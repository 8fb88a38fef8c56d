"""The teacher speaks: Kokoro in four graphs, whose timing and pitch can be given. Needs no torch.

Timing is in frames of 25 ms, pitch and energy are given 80 times a second, sound is float32 at 24,000 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import teacher_graph as graph

RATE = 24_000
FRAME = 600
"""Samples of the teacher's unit of time."""
VOICED_ABOVE = 40.0
"""The pitch curve runs through low values into unvoiced sounds; above this, in Hz, it is a voice's."""
RANGE_RATIOS = (0.6, 1.6)


@dataclass(frozen=True)
class Plan:
    """All that is decided before sound is made. Of `frames` frames in all."""

    durations: np.ndarray
    """(tokens,) int64, frames each token lasts."""
    features: np.ndarray
    """(1, 512, frames) float32."""
    pitch: np.ndarray
    """(2 * frames,) float32, Hz."""
    energy: np.ndarray
    """(2 * frames,) float32, the teacher's own scale."""
    style: np.ndarray
    """(1, 128) float32."""


def follow(pitch: np.ndarray, leader: np.ndarray) -> np.ndarray:
    """The leader's intonation at the height and in the range of `pitch`: both (halves,) in Hz, of the same
    text.

    Median and spread are taken of logarithms over sounds that are voiced; a text too short to tell keeps
    `pitch`.
    """
    own, led = (np.log(curve[curve > VOICED_ABOVE]) for curve in (pitch, leader))
    if min(own.size, led.size) < 20:
        return pitch
    spread = [np.median(np.abs(curve - np.median(curve))) + 1e-3 for curve in (own, led)]
    ratio = np.clip(spread[0] / spread[1], *RANGE_RATIOS)
    voiced = leader > VOICED_ABOVE
    moved = np.exp(np.median(own) + ratio * (np.log(np.maximum(leader, VOICED_ABOVE)) - np.median(led)))
    return np.where(voiced, np.maximum(moved, VOICED_ABOVE), leader).astype(np.float32)


class Teacher:
    """Opens `folder`'s graphs (teacher_graph.build), or `parts` of them.

    bfloat16 takes OpenVINO for the decoder, and half the time where the CPU has it.
    """

    def __init__(
        self,
        folder: Path,
        bfloat16: bool = False,
        threads: int = 1,
        parts: Sequence[str] = tuple(graph.GRAPHS),
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        names = [name for name in parts if name != "decoder" or not bfloat16]
        self._sessions = {
            name: onnxruntime.InferenceSession(
                folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"]
            )
            for name in names
        }
        self._decoder = _openvino(folder / "decoder.onnx", threads) if bfloat16 else None

    def plan(self, tokens: list[int], style: np.ndarray, durations: np.ndarray | None = None) -> Plan:
        """What the voice `style` (1, 256) makes of `tokens`, in its own time or in `durations`."""
        given = np.zeros(len(tokens)) if durations is None else durations
        used, features, pitch, energy, half = self._run(
            "predictor",
            np.array([tokens], np.int64),
            style.astype(np.float32),
            np.ones(1, np.float32),
            given[None].astype(np.float32),
        )
        return Plan(np.rint(used).astype(np.int64).ravel(), features, pitch.ravel(), energy.ravel(), half)

    def render(self, plan: Plan) -> np.ndarray:
        """(samples,) float32, FRAME samples for each frame."""
        pitch = plan.pitch[None, None]
        (source,) = self._run("source", pitch)
        values = (plan.features, pitch, plan.energy[None, None], source, plan.style)
        (bins,) = self._decoder(values) if self._decoder else self._run("decoder", *values)
        (sound,) = self._run("spectrum", bins)
        return sound.ravel()

    def parallel(self, tokens: list[int], styles: list[np.ndarray]) -> list[Plan]:
        """Plans of the same text in several voices; the first one's timing and intonation are everybody's."""
        leader = self.plan(tokens, styles[0])
        plans = [leader]
        for style in styles[1:]:
            own = self.plan(tokens, style, leader.durations)
            plans.append(replace(own, pitch=follow(own.pitch, leader.pitch)))
        return plans

    def _run(self, name: str, *values: np.ndarray) -> list[np.ndarray]:
        return self._sessions[name].run(None, dict(zip(graph.GRAPHS[name][0], values, strict=True)))


def _openvino(path: Path, threads: int):
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": openvino.Type.bf16,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    return lambda values: [np.asarray(request.infer(list(values))[0], np.float32)]

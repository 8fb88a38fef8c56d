"""`conditional_decoder` and `speech_encoder` with the names, shapes and rules of Turbo's graphs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from .corpus import FEATURES
from .export_speech import digits_of, ids_of
from .graph import Graph, State
from .speech_model import PREFIX, WIDTH
from .tokens import DIGITS, SILENCE, SPEECH_CODES
from .vocoder import (
    BINS,
    CEPSTRA,
    EMBEDDING,
    FFT,
    OFFSETS,
    SAMPLE_RATE,
    TEACHER_BAND,
    WARP,
    bin_frequencies,
    fourier,
    vocode,
)  # fmt: skip

SAMPLES = 960
"""Samples of one speech token."""
MELS = 80
_EDGE = 4
_FAR = 2**40
_MEL_HOP = 480
_LAGS = (54, 401)
"""Samples: pitch is looked for between 60 and 444 Hz."""
_TILT = 12
"""Cepstra that follow the reference's long-term spectrum."""


@dataclass(frozen=True)
class Canonical:
    """The teacher's voice as `speech_encoder` measures it: what a speaker is compared with."""

    log_f0: float
    deviation: float
    long_term: NDArray[np.float32]
    """[80] mean log mel of voiced frames."""

    def embedding(self) -> NDArray[np.float32]:
        """[1, 192] of the teacher itself."""
        row = np.zeros((1, EMBEDDING), np.float32)
        row[0, :4] = self.log_f0, 1.0, 1.0, 1.0
        return row


def vocoder(mean_log_f0: float) -> onnx.ModelProto:
    """Features [B, F, 32] and speaker [B, 192] to waveform: the decoder's last part alone, to listen to."""
    g = Graph("vocoder")
    features = g.input("features", ["batch", "frames", FEATURES])
    speaker = g.input("speaker_embeddings", ["batch", EMBEDDING])
    g.output(vocode(g, features, speaker, mean_log_f0), "waveform", ["batch", "samples"])
    return g.model()


def conditional_decoder(
    decoder: State,
    mean: NDArray[np.float32],
    deviation: NDArray[np.float32],
    shift: NDArray[np.int64],
    mean_log_f0: float,
) -> onnx.ModelProto:
    """Speech tokens after the prompt's to samples. The prompt is dropped: the voice is in the embedding."""
    g = Graph("conditional_decoder")
    ids = g.input("speech_tokens", ["batch", "tokens"], TensorProto.INT64)
    speaker = g.input("speaker_embeddings", ["batch", EMBEDDING])
    prompt = g.input("speaker_features", ["batch", "frames", MELS])
    ids = g("Clip", g.slice(ids, 1, g("Div", g.size(prompt, 1), 2), _FAR), 0, SPEECH_CODES - 1)
    batch, count = g.size(ids, 0), g.size(ids, 1)
    silence = g("Expand", SILENCE, g("Concat", batch, [_EDGE], axis=0))
    # silence on both sides, one token of which is decoded as well: there is always something to convolve
    x = g.stack(digits_of(g, g("Concat", silence, ids, silence, axis=1), shift), decoder)
    x = g.slice(x, 1, _EDGE, 1 - _EDGE)
    x = g("Reshape", x, g("Concat", batch, [-1, FEATURES], axis=0))
    x = g("Add", g("Mul", x, deviation), mean)
    y = g.slice(vocode(g, x, speaker, mean_log_f0), 1, 0, g("Mul", count, SAMPLES))
    g.output(y, "waveform", ["batch", "samples"])
    return g.model()


def mel_matrix() -> NDArray[np.float32]:
    """[BINS, MELS] triangles up to 12 kHz."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 12_000 / 700), MELS + 2) / 2595) - 1)
    f = bin_frequencies()[:, None]
    rise = (f - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - f) / np.diff(edges)[1:]
    return np.clip(np.minimum(rise, fall), 0, None).astype(np.float32)


def offsets_matrix() -> NDArray[np.float32]:
    """[MELS, 24]: log mel differences to cepstral offsets, by damped least squares on the warped axis."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 12_000 / 700), MELS + 2) / 2595) - 1)
    centre = edges[1:-1]
    w = np.pi * np.minimum(centre, TEACHER_BAND - 1) / TEACHER_BAND
    warped = w + 2 * np.arctan2(WARP * np.sin(w), 1 - WARP * np.cos(w))
    known = (centre < TEACHER_BAND - 500)[:, None]
    basis = 2 * np.cos(np.outer(warped, np.arange(1, _TILT + 1))) * known
    solved = np.linalg.solve(basis.T @ basis + 8 * np.eye(_TILT), basis.T * known.T)
    return np.pad(solved.T, ((0, 0), (0, CEPSTRA - 1 - _TILT))).astype(np.float32)


@dataclass(frozen=True)
class Measured:
    """Names in a graph: mel [B, 2T, 80]; the rest [B, 1], but long_term [B, 80]."""

    mel: str
    log_f0: str
    deviation: str
    found: str
    long_term: str
    tokens: str


def _pitch(g: Graph, power: str) -> tuple[str, str]:
    """(log f0, voiced), [B, F]: the best lag of the flattened spectrum's autocorrelation below 1.2 kHz."""
    low = (np.arange(BINS) < 1200 * FFT // SAMPLE_RATE).astype(np.float32)[None, :, None]
    lags = np.arange(*_LAGS)
    angle = (g.float(g.integers(0, BINS)), g("Unsqueeze", g.float(g.integers(*_LAGS)), [1]))
    angle = g("Mul", g("Mul", *angle), 2 * math.pi / FFT)
    flat = g("Mul", g("Sqrt", power), low)
    total = g("Add", g("ReduceSum", flat, [1], keepdims=1), 1e-6)
    taper = (1 - 0.0006 * (lags - lags[0])).astype(np.float32)[None, :, None]
    score = g("Mul", g("Div", g("MatMul", g("Cos", angle), flat), total), taper)
    lag = g("Add", g.float(g("ArgMax", score, axis=1, keepdims=0)), float(lags[0]))
    energy = g("ReduceSum", g("Mul", power, low), [1], keepdims=0)
    loud = g("Greater", energy, g("Mul", g("ReduceMax", energy, axes=[1], keepdims=1), 0.01))
    clear = g("Greater", g("ReduceMax", score, axes=[1], keepdims=0), 0.35)
    return g("Log", g("Div", float(SAMPLE_RATE), lag)), g.float(g("And", loud, clear))


def _robust_mean(g: Graph, values: str, weight: str) -> tuple[str, str, str]:
    """(mean, deviation, count), [B, 1]: far ones are left out, twice, so that octave errors do not count."""
    count = g("Add", g("ReduceSum", weight, [1], keepdims=1), 1e-3)
    mean = g("Div", g("ReduceSum", g("Mul", values, weight), [1], keepdims=1), count)
    kept = weight
    for reach in (0.5, 0.3):
        near = g("Less", g("Abs", g("Sub", values, mean)), reach)
        kept = g("Mul", weight, g.float(near))
        count = g("Add", g("ReduceSum", kept, [1], keepdims=1), 1e-3)
        mean = g("Div", g("ReduceSum", g("Mul", values, kept), [1], keepdims=1), count)
    square = g("Mul", kept, g("Pow", g("Sub", values, mean), 2.0))
    variance = g("Div", g("ReduceSum", square, [1], keepdims=1), count)
    return mean, g("Sqrt", g("Add", variance, 1e-6)), count


def _measure(g: Graph, audio: str) -> Measured:
    batch = g.size(audio, 0)
    tokens = g("Max", g("Div", g.size(audio, 1), SAMPLES), 1)
    audio = g("Concat", audio, g.zeros(batch, SAMPLES), axis=1)
    audio = g.slice(audio, 1, 0, g("Mul", tokens, SAMPLES))
    level = g("ReduceMean", g("Mul", audio, audio), axes=[1], keepdims=1)
    audio = g("Mul", g("Div", audio, g("Max", g("Sqrt", g("Add", level, 1e-10)), 1e-4)), 0.08)
    kernel = fourier(g, FFT, np.hanning(FFT + 1)[:FFT].astype(np.float32))
    pad = (FFT - _MEL_HOP) // 2
    y = g(
        "Conv", g("Unsqueeze", audio, [1]), kernel, kernel_shape=[FFT], strides=[_MEL_HOP], pads=[pad, pad]
    )  # two frames a token
    power = [g("Mul", part, part) for part in (g.slice(y, 1, 0, BINS), g.slice(y, 1, BINS, 2 * BINS))]
    power = g("Add", *power)
    mel = g("MatMul", g("Transpose", power, perm=[0, 2, 1]), g("Cast", mel_matrix().astype(np.float16), to=1))
    mel = g("Log", g("Add", mel, 1e-5))
    log_f0, voiced = _pitch(g, power)
    mean, deviation, count = _robust_mean(g, log_f0, voiced)
    frames = g("Add", g("ReduceSum", voiced, [1], keepdims=1), 1e-3)
    long_term = g("ReduceSum", g("Mul", mel, g("Unsqueeze", voiced, [2])), [1], keepdims=0)
    found = g("Greater", count, 10.0)
    return Measured(mel, mean, deviation, found, g("Div", long_term, frames), tokens)


def measure() -> onnx.ModelProto:
    """Audio to what the speech encoder measures: to find the canonical voice, and for the evaluation."""
    g = Graph("measure")
    m = _measure(g, g.input("audio_values", ["batch", "samples"]))
    g.output(m.log_f0, "log_f0", ["batch", 1])
    g.output(m.deviation, "deviation", ["batch", 1])
    g.output(m.long_term, "long_term", ["batch", MELS])
    g.output(m.mel, "mel", ["batch", "frames", MELS])
    return g.model()


def student_input(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log mel [2T, 80] as the student's input [T, 160]; the speech encoder does the same."""
    return ((mel + 4) * 0.25).reshape(-1, 2 * MELS)


def speech_encoder(
    voice: NDArray[np.float32], student: State, shift: NDArray[np.int64], canonical: Canonical
) -> onnx.ModelProto:
    """A reference of any length to the voice's four tensors."""
    g = Graph("speech_encoder")
    audio = g.input("audio_values", ["batch", "samples"])
    batch = g.size(audio, 0)
    m = _measure(g, audio)
    log_f0 = g("Where", m.found, m.log_f0, canonical.log_f0)
    pitch_range = g("Clip", g("Div", m.deviation, canonical.deviation), 0.6, 1.5)
    pitch_range = g("Where", m.found, pitch_range, 1.0)
    # a lower voice has a longer vocal tract, on the average
    stretch = g("Clip", g("Exp", g("Mul", g("Sub", log_f0, canonical.log_f0), -0.25)), 0.82, 1.2)
    tilt = g("Sub", m.long_term, canonical.long_term[None])
    tilt = g("Sub", tilt, g("ReduceMean", tilt, axes=[1], keepdims=1))
    offsets = g("Mul", g("Clip", g("MatMul", tilt, offsets_matrix()), -0.8, 0.8), 0.8)
    offsets = g("Where", m.found, offsets, 0.0)
    none = g("Mul", log_f0, 0.0)
    rest = g.zeros(batch, EMBEDDING - OFFSETS.stop)
    embedding = g(
        "Concat", log_f0, pitch_range, stretch, g.float(m.found), *[none] * 4, offsets, rest, axis=1
    )

    x = g("Reshape", g("Mul", g("Add", m.mel, 4.0), 0.25), g("Concat", batch, [-1, 2 * MELS], axis=0))
    digits = g("Reshape", g.stack(x, student), [0, 0, DIGITS, 3])
    tokens = ids_of(g, g("ArgMax", digits, axis=-1, keepdims=0), shift)
    prefix = g("Expand", voice[None], g("Concat", batch, [PREFIX, WIDTH], axis=0))
    g.output(prefix, "audio_features", ["batch", "prefix", WIDTH])
    g.output(tokens, "audio_tokens", ["batch", "tokens"], TensorProto.INT64)
    g.output(embedding, "speaker_embeddings", ["batch", EMBEDDING])
    g.output(m.mel, "speaker_features", ["batch", "frames", MELS])
    return g.model()

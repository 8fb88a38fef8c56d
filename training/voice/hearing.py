"""What the speech encoder measures of a recording, as ONNX operators: mel spectra and pitch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .analysis import FFT, RATE, mel_matrix
from .graph import Graph
from .operators import BINS, fourier

SAMPLES = 960
"""Samples of one speech token."""
_MEL_HOP = 480
_LAGS = (54, 401)
"""Samples: pitch is looked for between 60 and 444 Hz."""


@dataclass(frozen=True)
class Measured:
    """Names in a graph: mel [B, 2T, 80]; the rest [B, 1]."""

    mel: str
    log_f0: str
    deviation: str
    found: str


def _pitch(g: Graph, power: str) -> tuple[str, str]:
    """(log f0, voiced), [B, F]: the best lag of the flattened spectrum's autocorrelation below 1.2 kHz."""
    low = (np.arange(BINS) < 1200 * FFT // RATE).astype(np.float32)[None, :, None]
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
    return g("Log", g("Div", float(RATE), lag)), g.float(g("And", loud, clear))


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


def measure(g: Graph, audio: str) -> Measured:
    """Of audio [B, N], cut to whole tokens and brought to one level."""
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
    found = g("Greater", count, 10.0)
    return Measured(mel, mean, deviation, found)

"""The vocoder as ONNX operators: features of 5 ms frames to a 24 kHz waveform. Nothing in it is trained.

Source and filter, in the manner of MLSA synthesis with mixed excitation (Imai 1983; Yoshimura et al. 2001):
band-limited pulses at f0 and noise are mixed by five band strengths, frame by frame in the spectrum, and
multiplied by the minimum-phase response of the mel-cepstrum. Against buzz: the pitch trembles a little, the
pulses' upper bands are delayed unevenly, and the noise swells with each pulse, as breath does.

The noise is a hash of the sample's position, so the same tokens give the same samples.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from .graph import Graph

SAMPLE_RATE = 24_000
HOP = 120
"""Samples a frame."""
WINDOW, BINS = 480, 513
FFT = 2 * (BINS - 1)
TEACHER_BAND = 8000.0
"""Hz: the teacher knows nothing above."""
WARP = 0.42
CEPSTRA = 25
EMBEDDING = 192
"""Speaker embedding: 0 mean log f0; 1 factor on the pitch range; 2 factor on the frequency axis; 3 whether
the pitch could be measured; 8..31 offsets of cepstra 1 to 24; the rest zero."""
OFFSETS = slice(8, 32)
TREMBLE = 0.006
SWELL = 0.6
_GAIN = 1.05 / 32768
_SHARPEN = 1.08
"""Factor on the higher cepstra: statistical averaging has flattened the formants."""
_ABOVE_BAND = -0.5
"""Nepers each kHz above the teacher's band: a soft continuation instead of a wall."""
_PRIME = 2_147_483_647
_HASH = ((48_271, 11), (69_621, 1_013_904_223), (16_807, 777_767))


def bin_frequencies() -> NDArray[np.float64]:
    return np.arange(BINS) * SAMPLE_RATE / FFT


def hashed_noise(positions: NDArray[np.integer]) -> NDArray[np.float32]:
    """Uniform noise of variance 1 at int64 `positions`: what `noise` computes in the graph."""
    x = positions.astype(np.int64)
    for factor, offset in _HASH:
        x = (x * factor + offset) % _PRIME
        x = x * x % _PRIME
    return ((x.astype(np.float32) / np.float32(_PRIME) - np.float32(0.5)) * np.float32(math.sqrt(12))).astype(
        np.float32
    )


def noise(g: Graph, positions: str) -> str:
    for factor, offset in _HASH:
        positions = g("Mod", g("Add", g("Mul", positions, factor), offset), _PRIME)
        positions = g("Mod", g("Mul", positions, positions), _PRIME)
    unit = g("Sub", g("Div", g.float(positions), float(_PRIME)), 0.5)
    return g("Mul", unit, math.sqrt(12))


def dispersion() -> NDArray[np.float32]:
    """Phase of each bin, radians: smooth uneven delays of up to 0.7 ms that set in above 1 kHz."""
    f = bin_frequencies() / 1000
    delay = (
        0.0007 * np.clip((f - 1) / 2.5, 0, 1) * (np.sin(2.1 * f) + np.sin(3.7 * f + 1) + np.sin(0.9 * f)) / 2
    )
    return (-2 * np.pi * np.cumsum(delay) * SAMPLE_RATE / FFT).astype(np.float32)


def band_weights() -> NDArray[np.float32]:
    """[BINS, 5]: the strengths are those of five bands, interpolated; no pulses above the teacher's band."""
    f = bin_frequencies()
    bands = np.stack([np.interp(f, [500, 1500, 3000, 5000, 7000], row) for row in np.eye(5)], 1)
    return (bands * np.clip((TEACHER_BAND + 500 - f) / 1000, 0, 1)[:, None]).astype(np.float32)


def fourier(g: Graph, length: int, window: NDArray[np.float32], inverse: bool = False) -> str:
    """Kernel [2 * BINS, 1, length] of a windowed transform, made of ranges when the graph loads: no bytes."""
    bins, time = (g.float(g.integers(0, n)) for n in (BINS, length))
    angle = g("Mul", g("Unsqueeze", bins, [1]), g("Unsqueeze", time, [0]))
    angle = g("Mul", angle, 2 * math.pi / FFT)
    weight = window
    if inverse:
        weight = np.full((BINS, 1), 2 / FFT, np.float32)
        weight[[0, -1]] = 1 / FFT
    parts = g("Mul", g("Cos", angle), weight), g("Mul", g("Neg", g("Sin", angle)), weight)
    return g("Unsqueeze", g("Concat", *parts, axis=0), [1])


def _upsampled(g: Graph, x: str, batch: str, samples: str) -> str:
    """[B, F, 1] to [B, N], linear between the frames' middles."""
    sizes = g("Concat", batch, [1], samples, axis=0)
    mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return g("Squeeze", g("Resize", g("Transpose", x, perm=[0, 2, 1]), "", "", sizes, **mode), [1])


def _excitation(g: Graph, f0: str, voiced: str, batch: str, samples: str) -> tuple[str, str]:
    """(pulses, noise), [B, N] each, both of unit power where they are at full strength."""
    f0, voiced = _upsampled(g, f0, batch, samples), _upsampled(g, voiced, batch, samples)
    turns = g("Cast", g("Mul", f0, 1 / SAMPLE_RATE), to=TensorProto.DOUBLE)
    turns = g("CumSum", turns, 1)
    phase = g("Mul", g.float(g("Sub", turns, g("Floor", turns))), math.pi)
    sine = g("Sin", phase)
    at_pulse = g("Less", g("Abs", sine), 1e-3)
    # the Dirichlet kernel: all harmonics below the teacher's band, in phase
    order = g("Add", g("Mul", g("Floor", g("Div", TEACHER_BAND, f0)), 2.0), 1.0)
    kernel = g("Div", g("Sin", g("Mul", order, phase)), g("Where", at_pulse, 1.0, sine))
    kernel = g("Sub", g("Where", at_pulse, order, kernel), 1.0)
    pulses = g("Mul", g("Mul", kernel, g("Sqrt", g("Mul", f0, 1 / SAMPLE_RATE))), voiced)
    swell = g("Mul", g("Cos", g("Mul", phase, 2.0)), g("Mul", voiced, SWELL))
    white = g("Unsqueeze", noise(g, g.integers(1, g("Add", samples, 1))), [0])
    return pulses, g("Mul", g("Add", swell, 1.0), white)


def _filter(g: Graph, cepstra: str, speaker: str) -> tuple[str, str]:
    """(real, imaginary) response [B, BINS, F] of mel-cepstra [B, F, 25], stretched by the speaker."""
    f = bin_frequencies().astype(np.float32)[None]
    stretched = g("Min", g("Mul", f, g.slice(speaker, 1, 2, 3)), TEACHER_BAND - 1)
    w = g("Mul", stretched, math.pi / TEACHER_BAND)
    bent = g("Div", g("Mul", g("Sin", w), WARP), g("Sub", 1.0, g("Mul", g("Cos", w), WARP)))
    warped = g("Add", w, g("Mul", g("Atan", bent), 2.0))
    angles = g("Mul", g("Unsqueeze", warped, [2]), np.arange(CEPSTRA, dtype=np.float32))
    above = _ABOVE_BAND * np.clip((f - TEACHER_BAND) / 1000, 0, None)
    columns = g("Transpose", cepstra, perm=[0, 2, 1])
    magnitude = g("Exp", g("Add", g("MatMul", g("Cos", angles), columns), above[:, :, None]))
    phase = g("Sub", dispersion()[None, :, None], g("MatMul", g("Sin", angles), columns))
    return g("Mul", magnitude, g("Cos", phase)), g("Mul", magnitude, g("Sin", phase))


def vocode(g: Graph, features: str, speaker: str, mean_log_f0: float) -> str:
    """Features [B, F, 32] (voicing as a logit) and speaker [B, 192] to samples [B, 120 F]."""
    batch, frames = g.size(features, 0), g.size(features, 1)
    samples = g("Mul", frames, HOP)

    def column(start: int, end: int) -> str:
        return g.slice(features, 2, start, end)

    def of_speaker(start: int, end: int) -> str:
        return g("Unsqueeze", g.slice(speaker, 1, start, end), [1])

    voiced = g("Sigmoid", g("Mul", column(1, 2), 8.0))
    tremble = g("Mul", noise(g, g.integers(1, g("Add", frames, 1))), TREMBLE)
    pitch = g("Mul", g("Sub", column(0, 1), mean_log_f0), of_speaker(1, 2))
    pitch = g("Add", g("Add", pitch, of_speaker(0, 1)), g("Unsqueeze", tremble, [0, 2]))
    f0 = g("Clip", g("Exp", pitch), 50.0, 600.0)
    cepstra = g("Mul", column(2, 27), np.array([1, 1] + [_SHARPEN] * (CEPSTRA - 2), np.float32))
    level = g("Mul", of_speaker(0, 1), 0.0)
    cepstra = g("Add", cepstra, g("Concat", level, of_speaker(OFFSETS.start, OFFSETS.stop), axis=2))
    strength = g("Transpose", g("Clip", column(27, 32), 0.0, 1.0), perm=[0, 2, 1])
    strength = g("MatMul", band_weights(), strength)
    pulses, breath = _excitation(g, f0, voiced, batch, samples)

    analysis = fourier(g, WINDOW, (np.hanning(WINDOW + 1)[:WINDOW] / 2).astype(np.float32))
    pad = WINDOW // 2 - HOP // 2

    def spectrum(x: str) -> tuple[str, str]:
        y = g(
            "Conv", g("Unsqueeze", x, [1]), analysis, kernel_shape=[WINDOW], strides=[HOP], pads=[pad, pad]
        )  # frame i is centred on its own middle
        return g.slice(y, 1, 0, BINS), g.slice(y, 1, BINS, 2 * BINS)

    rest = g("Sub", 1.0, strength)
    real, imaginary = (
        g("Add", g("Mul", p, strength), g("Mul", n, rest))
        for p, n in zip(spectrum(pulses), spectrum(breath), strict=True)
    )
    a, b = _filter(g, cepstra, speaker)
    y = g(
        "Concat",
        g("Sub", g("Mul", real, a), g("Mul", imaginary, b)),
        g("Add", g("Mul", real, b), g("Mul", imaginary, a)),
        axis=1,
    )
    synthesis = fourier(g, FFT, np.ones(1, np.float32), inverse=True)
    y = g("ConvTranspose", y, synthesis, kernel_shape=[FFT], strides=[HOP])
    y = g.slice(g("Squeeze", y, [1]), 1, pad, g("Add", samples, pad))
    return g("Clip", g("Mul", y, _GAIN), -0.99, 0.99)

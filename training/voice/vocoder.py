"""The vocoder as ONNX operators: frames of 10 ms to a 24 kHz waveform. Nothing in it is trained.

Source and filter, as in WORLD's synthesis but by overlapping windows: pulses at the pitch and noise, mixed by
the aperiodicity of each bin, times the envelope with its minimum phase. Both are linear in the cepstra (the
phase is the Hilbert transform of the logarithm), so each is one product with a constant matrix. The noise is
a hash of the sample's position: the same frames give the same samples.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from numpy.typing import NDArray

from .analysis import BANDS, CEPSTRA, FFT, RATE
from .graph import Graph
from .operators import BINS, fourier, noise, upsampled

HOP = 120
"""Samples between windows: two a frame."""
WINDOW = 480
TREMBLE = 0.004
"""Deviation of the pitch's logarithm, from window to window."""
SWELL = 0.5
"""How far the noise swells with each pulse."""
LOWEST, HIGHEST = 50.0, 600.0
LOUDER = 1.5
"""Factor on the sound: the corpus is quieter than speech is published."""


def log_matrix() -> NDArray[np.float32]:
    """(CEPSTRA, BINS): from cepstra to natural logarithms of the envelope's amplitude."""
    import pyworld

    rows = np.concatenate([np.zeros((1, CEPSTRA)), np.eye(CEPSTRA)])
    logs = np.log(pyworld.decode_spectral_envelope(np.ascontiguousarray(rows), RATE, FFT))
    return (0.5 * (logs[1:] - logs[0])).astype(np.float32)


def phase_matrix(logs: NDArray[np.floating]) -> NDArray[np.float32]:
    """(CEPSTRA, BINS): from cepstra to the phase of the causal response of least delay."""
    cepstrum = np.fft.irfft(logs, FFT, axis=1)
    cepstrum[:, 1 : FFT // 2] *= 2
    cepstrum[:, FFT // 2 + 1 :] = 0
    return np.fft.rfft(cepstrum, axis=1).imag.astype(np.float32)


def band_matrix() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """((BANDS, BINS), (BINS,)): aperiodicities in dB between the bands' centres; the ends are WORLD's."""
    centres = np.arange(BANDS + 2) * 3000.0
    bins = np.arange(BINS) * RATE / FFT
    rows = np.eye(BANDS + 2)
    inner = np.stack([np.interp(bins, centres, row) for row in rows[1:-1]])
    return inner.astype(np.float32), (-60.0 * np.interp(bins, centres, rows[0])).astype(np.float32)


def _excitation(g: Graph, f0: str, voiced: str, batch: str, samples: str) -> tuple[str, str]:
    """(pulses, noise), [B, N] each, of unit power; pulses are all harmonics in phase (Dirichlet's kernel)."""
    f0, voiced = upsampled(g, f0, batch, samples), upsampled(g, voiced, batch, samples)
    turns = g("CumSum", g("Cast", g("Mul", f0, 1 / RATE), to=11), 1)
    phase = g("Mul", g.float(g("Sub", turns, g("Floor", turns))), math.pi)
    sine = g("Sin", phase)
    at_pulse = g("Less", g("Abs", sine), 1e-3)
    order = g("Add", g("Mul", g("Floor", g("Div", RATE / 2 - 200.0, f0)), 2.0), 1.0)
    kernel = g("Div", g("Sin", g("Mul", order, phase)), g("Where", at_pulse, 1.0, sine))
    kernel = g("Sub", g("Where", at_pulse, order, kernel), 1.0)
    pulses = g("Mul", kernel, g("Sqrt", g("Mul", f0, 1 / RATE)))
    swell = g("Mul", g("Cos", g("Mul", phase, 2.0)), g("Mul", voiced, SWELL))
    white = g("Unsqueeze", noise(g, g.integers(1, g("Add", samples, 1))), [0])
    return pulses, g("Mul", g("Add", swell, 1.0), white)


def vocode(g: Graph, log_f0: str, voiced: str, cepstra: str, bands: str) -> str:
    """[B, F, 1] log pitch and voicing (0 to 1), [B, F, CEPSTRA], [B, F, BANDS] in dB: to [B, 240 F]."""
    batch, frames = g.size(log_f0, 0), g.size(log_f0, 1)
    windows = g("Mul", frames, 2)
    samples = g("Mul", windows, HOP)

    def finer(x: str, width: int) -> str:
        """Two windows a frame, linear between: [B, width, 2 F]."""
        sizes = g("Concat", batch, [width], windows, axis=0)
        mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return g("Resize", g("Transpose", x, perm=[0, 2, 1]), "", "", sizes, **mode)

    log_f0, voiced = (g("Transpose", finer(x, 1), perm=[0, 2, 1]) for x in (log_f0, voiced))
    tremble = g("Mul", noise(g, g.integers(1, g("Add", windows, 1))), TREMBLE)
    f0 = g("Clip", g("Exp", g("Add", log_f0, g("Unsqueeze", tremble, [0, 2]))), LOWEST, HIGHEST)
    pulses, breath = _excitation(g, f0, voiced, batch, samples)

    logs = log_matrix()
    columns = finer(cepstra, CEPSTRA)
    magnitude = g("Exp", g("MatMul", logs.T, columns))
    phase = g("MatMul", phase_matrix(logs).T, columns)
    a, b = g("Mul", magnitude, g("Cos", phase)), g("Mul", magnitude, g("Sin", phase))

    inner, base = band_matrix()
    decibels = g("Add", g("MatMul", inner.T, finer(g("Clip", bands, -60.0, 0.0), BANDS)), base[:, None])
    share = g("Exp", g("Mul", decibels, math.log(10) / 10))
    # power of the noise: all of it where there is no voice
    share = g("Sub", 1.0, g("Mul", g("Sub", 1.0, share), g("Transpose", voiced, perm=[0, 2, 1])))
    share = g("Clip", share, 0.0, 1.0)
    of_noise, of_pulses = g("Sqrt", share), g("Sqrt", g("Sub", 1.0, share))

    analysis = fourier(g, WINDOW, (np.hanning(WINDOW + 1)[:WINDOW] / 2).astype(np.float32))
    pad = WINDOW // 2 - HOP // 2

    def spectrum(x: str) -> tuple[str, str]:
        y = g(
            "Conv", g("Unsqueeze", x, [1]), analysis, kernel_shape=[WINDOW], strides=[HOP], pads=[pad, pad]
        )  # window i is centred on its own middle
        return g.slice(y, 1, 0, BINS), g.slice(y, 1, BINS, 2 * BINS)

    real, imaginary = (
        g("Add", g("Mul", p, of_pulses), g("Mul", n, of_noise))
        for p, n in zip(spectrum(pulses), spectrum(breath), strict=True)
    )
    y = g(
        "Concat",
        g("Sub", g("Mul", real, a), g("Mul", imaginary, b)),
        g("Add", g("Mul", real, b), g("Mul", imaginary, a)),
        axis=1,
    )
    synthesis = fourier(g, FFT, np.full(1, LOUDER, np.float32), inverse=True)
    y = g("ConvTranspose", y, synthesis, kernel_shape=[FFT], strides=[HOP])
    y = g.slice(g("Squeeze", y, [1]), 1, pad, g("Add", samples, pad))
    return g("Clip", y, -0.99, 0.99)


def graph() -> onnx.ModelProto:
    """Frames [B, F, WIDTH], voicing 0 to 1, to a waveform: the bundle's last part alone, to listen to."""
    g = Graph("vocoder")
    x = g.input("frames", ["batch", "frames", 2 + CEPSTRA + BANDS])
    parts = (
        g.slice(x, 2, *ends)
        for ends in ((0, 1), (1, 2), (2, 2 + CEPSTRA), (2 + CEPSTRA, 2 + CEPSTRA + BANDS))
    )
    g.output(vocode(g, *parts), "waveform", ["batch", "samples"])
    return g.model()

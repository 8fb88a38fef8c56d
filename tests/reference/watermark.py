"""PerTh's way to mark sound, slowly and in float64, by the published algorithm at 24 kHz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

FRAME, HOP = 1536, 240


def stack(tensors: Mapping[str, Array], prefix: str, x: Array) -> Array:
    """Seven convolutions on x [bins, frames], each padded with zeros to the same length."""
    for layer in range(7):
        weight = tensors[f"{prefix}.{layer}.conv.weight"].astype(np.float64)
        pad = weight.shape[2] // 2
        padded = np.pad(x, ((0, 0), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2], axis=1)
        x = np.einsum("oik,itk->ot", weight, windows) + tensors[f"{prefix}.{layer}.conv.bias"][:, np.newaxis]
        if layer < 6:
            x = np.where(x > 0, x, 0.01 * x)
    return x


def marked(wave: Array, tensors: Mapping[str, Array]) -> Array:
    """The marked wave, float64 [n]: magnitudes are changed, phases stay."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    count = len(wave) // HOP + 1
    padded = np.pad(wave.astype(np.float64), FRAME // 2, mode="reflect")
    spectrum = np.stack([np.fft.rfft(window * padded[i * HOP : i * HOP + FRAME]) for i in range(count)], 1)
    levels = (20 * np.log10(np.maximum(np.abs(spectrum) * 4 / 3, 1e-9)) + 180) / 195
    bins = tensors["encoder.layers.0.conv.weight"].shape[1]
    change = stack(tensors, "encoder.layers", levels[:bins])
    change *= levels[:bins].mean(axis=0) > 0.04
    spectrum[:bins] *= 10 ** (change * 195 / 20)
    total, weight = np.zeros(len(padded) + FRAME), np.zeros(len(padded) + FRAME)
    for i in range(count):
        total[i * HOP : i * HOP + FRAME] += window * np.fft.irfft(spectrum[:, i], FRAME)
        weight[i * HOP : i * HOP + FRAME] += window**2
    middle = slice(FRAME // 2, FRAME // 2 + len(wave))
    return np.asarray(total[middle] / weight[middle])

"""Operators that the graphs of sound share: windowed transforms, noise that repeats, finer steps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .analysis import FFT
from .graph import Graph

BINS = FFT // 2 + 1
_PRIME = 2_147_483_647
_HASH = ((48_271, 11), (69_621, 1_013_904_223), (16_807, 777_767))


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


def fourier(g: Graph, length: int, window: NDArray[np.float32], inverse: bool = False) -> str:
    """Kernel [2 * BINS, 1, length] of a transform times `window`, made when the graph loads: no bytes."""
    bins, time = (g.float(g.integers(0, n)) for n in (BINS, length))
    angle = g("Mul", g("Unsqueeze", bins, [1]), g("Unsqueeze", time, [0]))
    angle = g("Mul", angle, 2 * math.pi / FFT)
    weight = window
    if inverse:
        scale = np.full((BINS, 1), 2 / FFT, np.float32)
        scale[[0, -1]] = 1 / FFT
        weight = scale * window
    parts = g("Mul", g("Cos", angle), weight), g("Mul", g("Neg", g("Sin", angle)), weight)
    return g("Unsqueeze", g("Concat", *parts, axis=0), [1])


def upsampled(g: Graph, x: str, batch: str, samples: str) -> str:
    """[B, F, 1] to [B, N], linear between the frames' middles."""
    sizes = g("Concat", batch, [1], samples, axis=0)
    mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return g("Squeeze", g("Resize", g("Transpose", x, perm=[0, 2, 1]), "", "", sizes, **mode), [1])

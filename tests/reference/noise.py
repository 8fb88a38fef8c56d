"""The decoder's noise as a function of seed, input, channel and position: numpy's Philox, written plainly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LANES = 8


def noise(
    kind: str, index: int, seed: int, dims: Sequence[int], time_axis: int | None, first: int
) -> NDArray[np.float32]:
    """Values of an input `loquor_<kind>_<index>` of shape `dims`, whose first position in time is `first`."""
    if time_axis is None:
        return _channel(kind, index, seed, 0, 0, int(np.prod(dims))).reshape(dims)
    channels_first = [extent for axis, extent in enumerate(dims) if axis != time_axis]
    length = dims[time_axis]
    rows = [
        _channel(kind, index, seed, channel, first, length) for channel in range(int(np.prod(channels_first)))
    ]
    return np.moveaxis(np.stack(rows).reshape(*channels_first, length), -1, time_axis)


def _channel(kind: str, index: int, seed: int, channel: int, first: int, length: int) -> NDArray[np.float32]:
    start = first // _LANES
    blocks = [
        _block(seed, index, channel, block) for block in range(start, (first + length - 1) // _LANES + 1)
    ]
    halves = np.concatenate(blocks)  # uint32, low half of each word first
    uniforms = (halves >> 8).astype(np.float32) * np.float32(2**-24)
    if kind == "normal":
        radius = np.sqrt(-2 * np.log(uniforms[0::2] + np.float32(2**-25)))
        angle = uniforms[1::2] * np.float32(2 * np.pi)
        uniforms = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
    skipped = first - start * _LANES
    return uniforms[skipped : skipped + length]


def _block(seed: int, index: int, channel: int, block: int) -> NDArray[np.uint32]:
    # numpy steps its 256-bit counter before it draws.
    counter = (block % 2**64) + (channel << 64) + (index << 128)
    words = np.random.Philox(key=seed + (1 << 64), counter=(counter - 1) % 2**256).random_raw(4)
    return np.stack([words & 0xFFFFFFFF, words >> np.uint64(32)], axis=1).reshape(-1).astype(np.uint32)

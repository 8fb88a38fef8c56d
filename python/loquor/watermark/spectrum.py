"""What PerTh sees of sound: levels of a spectrogram, at the core's 24 kHz instead of its own 32 kHz.

The published network takes 32 kHz, frames of 2048 samples every 320, a periodic Hann window, and of their
spectrum bins 0 to 127 in decibels. At 24 kHz frames of 1536 samples every 240 have the same bins (15.625 Hz)
at the same times; a spectrum is smaller by 3/4, as it sums fewer samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

__all__ = [
    "CONTEXT",
    "FRAME",
    "HOP",
    "LEAST_LEVEL",
    "RANGE",
    "RATE",
    "SCALE",
    "SILENT",
    "SPEEDS",
    "levels_of",
    "window",
]

RATE = 24_000
"""Hz, of the samples."""
FRAME, HOP = 1536, 240
"""Samples of a frame, and from one to the next. csrc/engine/watermark.hpp has the same."""
SCALE = 4 / 3
"""Of a spectrum, to that at 32 kHz."""
LEAST_LEVEL, RANGE = -180.0, 195.0
"""dB: the level that counts as 0, and how far above it 1 lies."""
CONTEXT = 15
"""Frames before and after one that the network hears: five convolutions over seven."""
SPEEDS = ("slow", "normal", "fast")
"""The detector's stacks, by how fast they hear the sound."""
SILENT = 0.04
"""Mean level below which a frame counts as digital silence, and is not marked: -172 dB. The published network
takes 0.05 of the loudest frame's, which is the same for sound, but waits for the loudest frame."""

_BLOCK = 1024  # frames at once


def window() -> npt.NDArray[np.float64]:
    """The periodic Hann window, float64 [FRAME]."""
    window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    return window


def levels_of(samples: Floats, bins: int) -> Floats:
    """Return the levels of mono sound at 24 kHz, float32 [n], as float32 [bins, 1 + n // HOP].

    Frames are centred, and the sound is mirrored at its ends; it must be longer than half a frame.
    """
    padded = np.pad(samples, FRAME // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    levels = np.empty((bins, len(frames)), np.float32)
    for start in range(0, len(frames), _BLOCK):
        block = np.fft.rfft(frames[start : start + _BLOCK] * window(), axis=1)[:, :bins]
        power = np.maximum(np.abs(block) * SCALE, 10 ** (LEAST_LEVEL / 20))
        levels[:, start : start + _BLOCK] = ((20 * np.log10(power) - LEAST_LEVEL) / RANGE).T
    return levels

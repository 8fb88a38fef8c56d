"""Frames as the networks take them: numbers normalised, pitch a contour in its voice's own height and
range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEIGHT, RANGE = 0, 1
"""Of a voice's two numbers of pitch: mean of the logarithm, and its spread."""


@dataclass(frozen=True)
class Scaling:
    """Mean and deviation of each number of a frame but pitch and voicing, over the corpus."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, frames: NDArray[np.floating]) -> Scaling:
        mean, deviation = frames.mean(0), frames.std(0) + 1e-4
        mean[:2], deviation[:2] = 0.0, 1.0
        return cls(mean.astype(np.float32), deviation.astype(np.float32))

    def normal(self, frames: NDArray[np.floating], pitch: NDArray[np.floating]) -> NDArray[np.float32]:
        """(frames, WIDTH) of a voice whose (height, range) are `pitch`, as the networks take them."""
        out = (frames - self.mean) / self.deviation
        out[:, 0] = (frames[:, 0] - pitch[HEIGHT]) / pitch[RANGE]
        return out.astype(np.float32)

    def frames(self, normal: NDArray[np.floating], pitch: NDArray[np.floating]) -> NDArray[np.float32]:
        """The way back; voicing becomes 0 or 1."""
        out = normal * self.deviation + self.mean
        out[:, 0] = normal[:, 0] * pitch[RANGE] + pitch[HEIGHT]
        out[:, 1] = normal[:, 1] > 0
        return out.astype(np.float32)


def pitch_of(frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """(height, range) of a voice from its frames: mean and deviation of the logarithm where it is voiced."""
    voiced = frames[frames[:, 1] > 0.5, 0].astype(np.float32)
    if len(voiced) < 20:
        return np.array([np.log(170.0), 0.15], np.float32)
    return np.array([voiced.mean(), max(float(voiced.std()), 0.03)], np.float32)

"""Non-speech sounds for the event tags, as teacher frames: phones of the teacher, bent by hand.

Each sound is a row of segments; a segment is a phone's mean frame held for a while, breathed (noise) or
voiced between two pitches, between two levels. They are stand-ins, not recordings of people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VARIANTS = 12
FRAME_MS = 5
_SMOOTH = 5
"""Frames over which neighbouring segments melt into each other."""


@dataclass(frozen=True)
class Segment:
    phone: str
    ms: int
    f0: tuple[float, float] | None = None
    """Hz at its start and end; None is noise."""
    level: tuple[float, float] = (0.0, 0.0)
    """dB against the phone as spoken, at its start and end."""
    strength: float = 0.6
    """How periodic the voiced excitation is, 0 to 1."""


def _pulses(
    phone: str, count: int, f0: float, *, fall: float, level: float, breath: int, voiced: int
) -> tuple:
    row: list[Segment] = []
    for i in range(count):
        pitch, gain = f0 * fall**i, level - 2.5 * i
        row.append(Segment("hh", breath, None, (gain + 4, gain + 2)))
        row.append(Segment(phone, voiced, (pitch * 1.05, pitch * 0.93), (gain, gain - 4), 0.55))
    return tuple(row)


SOUNDS: dict[str, tuple[Segment, ...]] = {
    "laugh": _pulses("ah", 5, 265, fall=0.93, level=0, breath=70, voiced=95),
    "chuckle": _pulses("ax", 3, 205, fall=0.95, level=-1, breath=60, voiced=70),
    "cough": (
        Segment("k", 25, None, (4, 10)),
        Segment("hh", 70, None, (14, 8)),
        Segment("ah", 80, (150, 120), (2, -10), 0.2),
        Segment("pau", 110),
        Segment("k", 20, None, (2, 8)),
        Segment("hh", 60, None, (12, 6)),
        Segment("ah", 70, (140, 110), (-1, -14), 0.2),
    ),
    "clear throat": (
        Segment("hh", 60, None, (6, 4)),
        Segment("er", 190, (105, 90), (-4, -3), 0.3),
        Segment("hh", 40, None, (4, 0)),
        Segment("pau", 60),
        Segment("er", 230, (110, 85), (-3, -12), 0.3),
    ),
    "groan": (
        Segment("ah", 200, (150, 185), (-10, 0), 0.75),
        Segment("ao", 350, (185, 140), (0, -3), 0.75),
        Segment("m", 260, (140, 105), (-2, -14), 0.75),
    ),
    "sigh": (
        Segment("hh", 180, None, (-8, 6)),
        Segment("ah", 120, (175, 165), (-14, -14), 0.15),
        Segment("hh", 500, None, (6, -16)),
    ),
    "gasp": (Segment("hh", 90, None, (-10, 2)), Segment("hh", 230, None, (4, 12)), Segment("pau", 160)),
    "sniff": (
        Segment("f", 130, None, (6, 20)),
        Segment("pau", 90),
        Segment("f", 180, None, (8, 22)),
        Segment("pau", 60),
    ),
    "shush": (
        Segment("sh", 120, None, (-12, 2)),
        Segment("sh", 420, None, (2, 1)),
        Segment("sh", 140, None, (0, -16)),
    ),
}


def _segment(
    segment: Segment, means: Mapping[str, NDArray[np.float64]], pace: float, pitch: float
) -> NDArray:
    count = max(2, round(segment.ms * pace / FRAME_MS))
    frames = np.tile(means[segment.phone], (count, 1))
    frames[:, 1] += np.linspace(*segment.level, count) * np.log(10) / 20
    frames[:, 0] = 0.0 if segment.f0 is None else np.linspace(*segment.f0, count) * pitch
    frames[:, 26:31] = 0.0
    if segment.f0 is not None:
        frames[:, 26:31] = segment.strength * np.array([1.0, 0.95, 0.8, 0.6, 0.5])
    return frames


def variants(tag: str, means: Mapping[str, NDArray[np.float64]]) -> list[NDArray[np.float32]]:
    """VARIANTS renderings of `tag`'s sound, float32 [frames, 31]: other tempo, pitch and unevenness each."""
    out = []
    for variant in range(VARIANTS):
        rng = np.random.default_rng([variant, *tag.encode()])
        pause = np.tile(means["pau"], (16, 1))
        pause[:, 0] = pause[:, 26:31] = 0.0
        pace, pitch = rng.uniform(0.88, 1.15), rng.uniform(0.93, 1.07)
        row = [_segment(s, means, pace * rng.uniform(0.9, 1.1), pitch) for s in SOUNDS[tag]]
        frames = np.concatenate([pause, *row, pause])
        kernel = np.hanning(_SMOOTH + 2)[1:-1]
        kernel /= kernel.sum()
        padded = np.pad(frames[:, 1:], ((_SMOOTH // 2, _SMOOTH // 2), (0, 0)), mode="edge")
        frames[:, 1:] = np.stack([np.convolve(c, kernel, "valid") for c in padded.T], 1)
        frames[:, 1] += 0.04 * rng.standard_normal(len(frames))
        out.append(frames.astype(np.float32))
    return out

"""Height and range of the leaders, and the melody of a text as codes and frames hold it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .analysis import PERIOD_MS
from .codes import HALF_MS, Voice
from .timbres import LEADING

TEXTS = 1000
"""Texts from whose timing a leader's height and range are measured."""


def leaders(work: Path) -> dict[str, Voice]:
    """{name: height and range} of timbres.LEADING; measured at the first call and kept in `leaders.json`."""
    kept = work / "leaders.json"
    if not kept.exists():
        curves: dict[str, list[NDArray[np.floating]]] = {name: [] for name in LEADING}
        index = 0
        for path in sorted((work / "timing").glob("*.npz")):
            with np.load(path) as file:
                pitch, ends = file["pitch"], np.cumsum(file["halves"])
            for part in np.split(pitch, ends[:-1]):
                curves[LEADING[index % len(LEADING)]].append(part)
                index += 1
            if index >= TEXTS:
                break
        else:
            raise RuntimeError(
                f"measuring the leaders' pitch in {work}: {index} texts are timed of {TEXTS}; run time"
            )
        voices = {name: asdict(Voice.of(np.concatenate(parts))) for name, parts in curves.items()}
        kept.write_text(json.dumps(voices, indent=1))
    return {name: Voice(**row) for name, row in json.loads(kept.read_text()).items()}


def at_frames(normal: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """A contour (a value each HALF_MS, NaN where unvoiced) at frames PERIOD_MS apart, drawn through gaps."""
    known = ~np.isnan(normal)
    if not known.any():
        return np.zeros(frames)
    middles = (np.arange(len(normal)) + 0.5) * HALF_MS
    return np.interp(np.arange(frames) * PERIOD_MS, middles[known], normal[known])


def voice_of(
    log_pitch: NDArray[np.floating], voiced: NDArray[np.bool_], normal: NDArray[np.floating], leader: Voice
) -> Voice:
    """Height and range in which a voice follows the contour `normal`, (frames,) each: a line through both."""
    x, y = normal[voiced].astype(np.float64), log_pitch[voiced].astype(np.float64)
    if len(x) < 20 or x.std() < 0.2:
        middle = float(y.mean() - leader.range * x.mean()) if len(x) else leader.height
        return Voice(middle, leader.range)
    slope = float(np.clip(np.cov(x, y, bias=True)[0, 1] / x.var(), 0.03, 0.4))
    return Voice(float(y.mean() - slope * x.mean()), slope)

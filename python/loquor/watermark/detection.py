"""Looking for PerTh's mark in a recording: how sure, on what, and when nothing can be said."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from .. import _core
from ..audio.recording import open_recording
from ..base.runtime import open_runtime
from .graphs import SILENT, SPEEDS
from .spectrum import HOP, RATE, levels_of
from .weights import detector_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

__all__ = ["Detection", "Span", "detect"]

_WINDOW = 30.0
"""Seconds that are judged together; longer recordings have several, the last up to twice as long."""
_PACE = {"slow": 1.25, "normal": 1.0, "fast": 0.75}


@dataclass(frozen=True)
class Span:
    """A part of a recording, judged by itself."""

    start: float
    """Seconds."""
    end: float
    """Seconds."""
    verdict: Literal["marked", "not found", "cannot tell"]
    """What can be said of it."""
    confidence: float
    """What the published detector says, in [0, 1]: 1 is marked. 0 where it can say nothing."""
    reason: str
    """What the verdict is based on, as a clause."""


@dataclass(frozen=True)
class Detection:
    """Whether a recording has the mark. Evidence, no proof: see docs/marked-speech.md."""

    verdict: Literal["marked", "not found", "cannot tell"]
    """"marked" if a span is; else "not found" if nothing was found in one."""
    confidence: float
    """The highest of its spans."""
    seconds: float
    """The length of the recording."""
    reason: str
    """What the verdict is based on, as a clause."""
    spans: tuple[Span, ...]
    """Half a minute each, or less."""


def detect(
    audio: str | os.PathLike[str] | BinaryIO | tuple[npt.NDArray[Any], int] | Any,
) -> Detection:
    """Look for the mark in a file, a binary file object, (samples, sample_rate), or a `loquor.Audio`.

    Files are those that make a voice; samples have shape [n] or [n, channels], at 8 to 192 kHz. Channels are
    mixed. The network is the published one, on levels at 24 kHz, where every sound is first brought to the
    same loudness, since it takes quiet sound for marked.
    Raises `InvalidInputError` for what is no recording, `ModelError` without the weights (see
    `loquor[watermark]`), `RuntimeMissingError`.
    """
    if hasattr(audio, "samples") and hasattr(audio, "sample_rate"):
        audio = (audio.samples, audio.sample_rate)
    graph = _graph(detector_file())
    spans = []
    at = 0
    for window in _windows(audio):
        end = at + len(window)
        spans.append(_judged(graph, window, at / RATE, end / RATE))
        at = end
    return _summed(tuple(spans), at / RATE)


def _summed(spans: tuple[Span, ...], seconds: float) -> Detection:
    for verdict in ("marked", "not found"):
        if of_it := [span for span in spans if span.verdict == verdict]:
            best = max(of_it, key=lambda span: span.confidence)
            reason = best.reason
            if len(of_it) < len(spans):
                reason += f", in {len(of_it)} of {len(spans)} parts"
            return Detection(best.verdict, best.confidence, seconds, reason, spans)
    reason = spans[0].reason if spans else "it holds no sound"
    return Detection("cannot tell", max((span.confidence for span in spans), default=0.0), seconds, reason, spans)


@lru_cache(maxsize=1)
def _graph(file: Path) -> _core.Graph:
    return _core.Graph(open_runtime(), str(file))


def _windows(audio: Any) -> Iterator[Floats]:
    """Mono at 24 kHz, in windows."""
    import soxr

    size, kept = int(_WINDOW * RATE), []
    with open_recording(audio) as recording:
        stream = soxr.ResampleStream(recording.rate, RATE, 1, dtype="float32")
        for block in recording.blocks:
            kept.append(stream.resample_chunk(block.mean(axis=1, dtype=np.float32)))
            if sum(map(len, kept)) >= 2 * size:
                samples = np.concatenate(kept)
                yield samples[:size]
                kept = [samples[size:]]
        kept.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    samples = np.concatenate(kept)
    if len(samples):
        yield samples

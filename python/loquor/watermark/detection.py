"""Looking for PerTh's mark in a recording: how sure, on what, and when nothing can be said."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import _core
from ..audio.recording import open_recording
from ..base.runtime import open_runtime
from ..voice.speech_likeness import likeness_warning
from .spectrum import RANGE, RATE, SILENT, levels_of
from .weights import detector_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

__all__ = ["Detection", "Span", "detect"]

_WINDOW = 30.0
"""Seconds that are judged together; longer recordings have several, the last up to twice as long."""
_PACE = {"slow": 1.25, "normal": 1.0, "fast": 0.75}

_BINS = 128

# Measured on clean and marked speech of several synthesisers: docs/adr/0141-watermark-detection.md.
_LOUDNESS = 0.1
"""Root mean square of what sounds, to which all is brought: the network takes quiet sound for marked."""
_BASS, _BASS_ENDS = 0.1 * 10 ** (-25 / 20), 300.0
"""The same of the noise that is put below that many hertz, where a telephone leaves nothing: the network has
seen no speech without its bass, and errs there both ways."""
_LEAST_OF_IT, _HIGHEST_START = -35.0, 330.0
"""dB of the whole that are reached where a recording's band starts, and hertz by which it has to."""
_FLOOR = 0.1 * 10 ** (-45 / 20)
"""The same of faint noise, under which a mark stays, and what is found in empty bands does not."""
_MARKED, _CLEAN = 0.4, 0.33
"""Confidence from which on, or up to which, something is said."""
_KEPT = 0.5
"""Share of it that has to stay under the noise."""
_STILLEST = 8.0
"""dB by which the mean level of a bin differs from its neighbours', where pitches stand still."""
_LEAST_SECONDS = 1.0
"""Of sound, which noise, hum, tones and music are not taken for."""
_LEAST_LEVEL = 1e-5
"""-100 dB of full scale: below the last bit of 16."""
_AUDIBLE = 1e-3
"""Share of the loudest 0.1 s's energy that counts as sound."""


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
    """What the published detector says where a little bass is added, in [0, 1]: 1 is marked. 0 where it can
    say nothing."""
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


def detect(audio: Any) -> Detection:
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
    return Detection(
        "cannot tell", max((span.confidence for span in spans), default=0.0), seconds, reason, spans
    )


def _judged(graph: _core.Graph, samples: Floats, start: float, end: float) -> Span:
    def cannot_tell(reason: str, confidence: float = 0.0) -> Span:
        return Span(start, end, "cannot tell", confidence, reason)

    if not np.isfinite(samples).all():
        return cannot_tell("it holds samples that are not finite")
    seconds, level = _sounding(samples)
    if level < _LEAST_LEVEL:
        return cannot_tell("it is silent")
    if seconds < _LEAST_SECONDS:
        return cannot_tell(f"{seconds:.1f} s of sound are too little")
    samples = samples * np.float32(_LOUDNESS / level)
    if (problem := likeness_warning(samples, RATE)) is not None:
        return cannot_tell(f"it {problem}, and the detector knows speech alone")
    levels = levels_of(samples, _BINS)
    if _stillness(levels) > _STILLEST:
        return cannot_tell(
            "its pitches stand still as those of music do, and the detector knows speech alone"
        )
    starts = _start_of(samples)
    if starts > _HIGHEST_START:
        return cannot_tell(f"it has nothing below {starts:.0f} Hz, and the detector knows whole voices")
    noise = np.random.default_rng(0).standard_normal(len(samples), np.float32)
    with_bass = samples + np.float32(_BASS) * _bass_of(noise, max(starts, _BASS_ENDS))
    confidence = _confidence(graph, levels_of(with_bass, _BINS))
    under_noise = _confidence(graph, levels_of(with_bass + np.float32(_FLOOR) * noise, _BINS))
    heard = f"in {seconds:.1f} s of sound the detector gives {confidence:.2f}"
    if confidence <= _CLEAN:
        return Span(start, end, "not found", confidence, heard)
    heard += f", and {under_noise:.2f} under faint noise"
    if confidence >= _MARKED and under_noise >= _KEPT * confidence:
        return Span(start, end, "marked", confidence, heard)
    return cannot_tell(heard, confidence)


def _stillness(levels: Floats) -> float:
    """How far long-term levels are from smooth, in dB, where it sounds."""
    loudest = levels.max(axis=0)
    mean = levels[:, loudest > loudest.max() - 25 / RANGE].mean(axis=1) * RANGE
    neighbours = np.lib.stride_tricks.sliding_window_view(np.pad(mean, 4, mode="edge"), 9)
    return float((mean - np.median(neighbours, axis=1)).std())


def _start_of(samples: Floats) -> float:
    """Hertz where its band starts."""
    power = np.square(np.abs(np.fft.rfft(samples))).cumsum()
    return float(np.searchsorted(power, power[-1] * 10 ** (_LEAST_OF_IT / 10)) / len(samples) * RATE)


def _bass_of(noise: Floats, ends: float) -> Floats:
    """What of white noise lies below `ends` hertz, as loud as it all was where that is `_BASS_ENDS`."""
    spectrum = np.fft.rfft(noise)
    spectrum[int(ends / RATE * len(noise)) + 1 :] = 0
    bass: Floats = np.fft.irfft(spectrum, len(noise)).astype(np.float32)
    return bass * np.float32(math.sqrt(RATE / 2 / _BASS_ENDS))


def _sounding(samples: Floats) -> tuple[float, float]:
    """Seconds of sound, and its root mean square."""
    size = RATE // 10
    if len(samples) < size:
        return 0.0, float(np.sqrt(np.square(samples, dtype=np.float64).mean()))
    tenths = samples[: len(samples) // size * size].reshape(-1, size)
    energy = np.square(tenths, dtype=np.float64).mean(axis=1)
    audible = energy[energy > energy.max() * _AUDIBLE]
    return len(audible) * 0.1, math.sqrt(audible.mean()) if len(audible) else 0.0


def _confidence(graph: _core.Graph, levels: Floats) -> float:
    """What the published detector gives, of sound that is not silent: the votes of three paces, by weight."""
    sounds = levels.mean(axis=0) > SILENT
    counts = {speed: int(levels.shape[1] * pace) for speed, pace in _PACE.items()}
    paced = {speed: _stretched(levels, count)[np.newaxis] for speed, count in counts.items()}
    votes = graph.run(paced)
    means = []
    for speed, count in counts.items():
        counted = sounds[np.arange(count) * len(sounds) // count]
        means.append(votes[f"{speed}_votes"][0][:, counted].mean(axis=1) if counted.any() else np.zeros(2))
    weights, wanted = np.array(means, np.float64).T
    shares = np.exp(weights - weights.max())
    return float(np.clip((wanted * shares).sum() / shares.sum(), 0, 1))


def _stretched(levels: Floats, count: int) -> Floats:
    """Levels at `count` times from the first to the last, float32 [bins, count]: linear between two."""
    last = levels.shape[1] - 1
    places = np.linspace(0, last, count)
    before = np.minimum(places.astype(np.int64), max(last - 1, 0))
    share = (places - before).astype(np.float32)
    after = np.minimum(before + 1, last)
    stretched: Floats = levels[:, before] * (1 - share) + levels[:, after] * share
    return stretched


@lru_cache(maxsize=1)
def _graph(file: Path) -> _core.Graph:
    return _core.Graph(open_runtime(), str(file))


def _windows(audio: Any) -> Iterator[Floats]:
    """Mono at 24 kHz, in windows."""
    import soxr  # type: ignore[import-untyped]

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

"""The recording of a voice, made ready for the speech encoder: mono float32 at 24 kHz and -27 LUFS."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..audio.loudness import LEVELS_PER_SECOND, LoudnessMeter
from ..audio.recording import Recording, open_recording
from ..errors import InvalidInputError
from .speech_likeness import likeness_warning, onset, pauses

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["SAMPLE_RATE", "Level", "ReferenceAudio", "checked_frames", "load_reference"]

SAMPLE_RATE = 24_000
MAX_SECONDS = 15
MIN_SECONDS = 1.0
ADVISED_SECONDS = 5.0
LOUDNESS_LUFS = -27.0
QUIET_LUFS = -45.0
ADVISED_RATE = 16_000

_LONG_SILENCE, _LEAD_SECONDS = 1.0, 0.2  # at the start: what is too much, and what is left of it
_MUCH_SILENCE = 3.0  # seconds in pauses of one and more
_KEPT_SECONDS, _HEARD_SECONDS = 90, 3600  # of a recording: where its voice is looked for, and its loudness

_SILENT_PEAK = 10 ** (-60 / 20)
_SILENT_RMS = 10 ** (-70 / 20)
_CANCELLED = 24.0  # dB by which the mean of eight channels is not below them, even if one alone is heard
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 0.001
# Floats may overshoot full scale a little; far beyond it they are integer PCM that was only cast.
_MAX_FLOAT_PEAK = 8.0


@dataclass(frozen=True, eq=False)
class ReferenceAudio:
    """`samples` float32 [n], mono at 24 kHz, finite; their duration in `seconds`; what to tell the user."""

    samples: Samples
    seconds: float
    warnings: tuple[str, ...] = ()


def load_reference(
    source: str | os.PathLike[str] | tuple[npt.NDArray[Any], int] | BinaryIO, *, norm_loudness: bool = True
) -> ReferenceAudio:
    """Read a recording of a voice and make it what the speech encoder expects.

    `source` is a file (path or seekable binary file object) that libsndfile reads (wav, flac, ogg, opus, mp3,
    aiff), or FFmpeg by PyAV where that is installed (m4a, aac, webm, 3gp), or `(array, sample_rate)` with an
    array of shape [n] or [n, channels] of floats in [-1, 1] or of uint8, int16 or int32 PCM.

    The steps follow Resemble's own script: the mean of the channels, resampling to 24 kHz (soxr HQ), -27
    LUFS over the whole clip (ITU-R BS.1770; `norm_loudness=False` leaves the level alone), then its first
    15 s. As upstream, the level stays as it is if it cannot be measured, and there is no limiter: the encoder
    takes floats beyond 1.0, so peaks are left whole and a warning tells. Other than upstream, silence of a
    second or more before the voice is left out first. It is read by the second; of an hour or more the first
    hour is heard, and the voice must begin within 90 s.

    Upstream refuses 5 s or less, but the graphs run on less (3.5 s is on record): below 5 s there is a
    warning; below 1 s, some 25 prompt tokens, an error, since so little does not describe a voice. Warnings
    also tell of what was left out, of long pauses, of a file that is cut off, of channels that cancel each
    other, of clipping, of a rate below 16 kHz, that of the encoder's own speech tokenizer, of a very low
    level, and of what hardly is speech.

    Raises `InvalidInputError` for a missing or unreadable file, a rate outside 8,000 to 192,000 Hz, a wrong
    dtype or shape, more than 8 channels, and samples that are too few, silent, not finite or out of range.
    """
    heard = _listen(source)
    name, samples, warnings = heard.name, heard.start, heard.warnings
    skipped = max(0.0, onset(heard.meter.levels()) - _LEAD_SECONDS)
    if skipped > _KEPT_SECONDS - MIN_SECONDS:
        raise InvalidInputError(f"{name} begins with {skipped:.0f} s of silence: cut them off")
    if skipped + _LEAD_SECONDS >= _LONG_SILENCE:
        samples = samples[round(skipped * SAMPLE_RATE) :]
        warnings.append(f"{name} begins with {skipped:.1f} s of silence, which are left out")
    else:
        skipped = 0.0
    samples = samples[: MAX_SECONDS * SAMPLE_RATE]
    seconds = len(samples) / SAMPLE_RATE
    if heard.seconds - skipped > MAX_SECONDS:
        warnings.append(f"{name} is longer than {MAX_SECONDS} s: only its first {MAX_SECONDS} s are used")
    if seconds < MIN_SECONDS:
        raise InvalidInputError(
            f"{name} lasts {seconds:.2f} s, at least {MIN_SECONDS} s are needed: record some more"
        )
    if not np.any(samples):
        raise InvalidInputError(
            f"the first {seconds:.0f} s of {name} are silent, and what follows is too little for a voice: "
            "cut the silence off, and record some more"
        )
    if seconds < ADVISED_SECONDS:
        warnings.append(
            f"{name} lasts {seconds:.1f} s: give {ADVISED_SECONDS:.0f} s or more for a better likeness"
        )
    still = _silence(heard.meter.levels()[round(skipped * LEVELS_PER_SECOND) :], len(samples))
    if (silence := np.count_nonzero(still) / SAMPLE_RATE) >= _MUCH_SILENCE:
        warnings.append(
            f"{name} holds {silence:.1f} s of silence: cut its pauses short, so that more of the "
            f"{seconds:.1f} s that are used is voice"
        )
    if (unlike := likeness_warning(samples[~still], SAMPLE_RATE)) is not None:
        warnings.append(f"{name} {unlike}: give a recording of one speaker")
    if norm_loudness:
        samples = _to_loudness(samples, heard.meter.integrated(), name, warnings)
    return ReferenceAudio(samples, seconds, tuple(warnings))


@dataclass
class _Heard:
    """`start` float32 [n] at 24 kHz of a recording that was heard whole, or for its first hour."""

    name: str
    start: Samples
    meter: LoudnessMeter
    seconds: float
    warnings: list[str]


def _listen(source: Any) -> _Heard:
    import soxr  # type: ignore[import-untyped]

    meter, level = LoudnessMeter(SAMPLE_RATE), Level()
    parts: list[Samples] = []
    wanted = _KEPT_SECONDS * SAMPLE_RATE
    with open_recording(source) as recording:
        name, rate = recording.name, recording.rate
        resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        for mono, last in _mono_blocks(recording, level):
            made = resampler.resample_chunk(mono, last=last)
            meter.add(made)
            if wanted > 0:
                parts.append(made[:wanted])
                wanted -= len(made)
        cut_off = recording.cut_off
    level.check(name)
    return _Heard(name, np.concatenate(parts), meter, level.count / rate, level.warnings(name, rate, cut_off))


def _mono_blocks(recording: Recording, level: Level) -> Iterator[tuple[Samples, bool]]:
    """The mean of the channels, and whether this is the last: an empty one."""
    for block in recording.blocks:
        yield level.add(checked_frames(block, recording.name)), False
        if level.count >= _HEARD_SECONDS * recording.rate:
            break
    yield np.zeros(0, np.float32), True


class Level:
    """What the samples say before they are resampled."""

    def __init__(self) -> None:
        self.count = self._clipped = self._channels = 0
        self._peak = self._squares = 0.0
        self._of_channels: npt.NDArray[np.float64] = np.zeros(1)  # as _squares, before they are mixed

    def add(self, frames: Samples) -> Samples:
        """Count frames [n, channels]; return their mean over the channels."""
        mono: Samples = frames.mean(axis=1, dtype=np.float32)
        self.count += len(mono)
        self._channels = frames.shape[1]
        self._clipped += int((np.abs(frames) >= _FULL_SCALE).sum())
        self._peak = max(self._peak, float(np.abs(mono).max(initial=0)))
        self._squares += float(np.square(mono, dtype=np.float64).sum())
        self._of_channels = self._of_channels + np.square(frames, dtype=np.float64).sum(0)
        return mono

    def check(self, name: str) -> None:
        """Raise `InvalidInputError` if there is nothing to hear."""
        rms = math.sqrt(self._squares / self.count) if self.count else 0.0
        if self.count and (self._peak < _SILENT_PEAK or rms < _SILENT_RMS):
            if self._cancelled() > _CANCELLED and self._of_channels.max() / self.count > _SILENT_RMS**2:
                raise InvalidInputError(
                    f"{name} is silent when its channels are mixed to mono, since they cancel each other: "
                    "give one of the channels alone"
                )
            raise InvalidInputError(
                f"{name} is silent (peak {_decibels(self._peak)}, RMS {_decibels(rms)}): "
                "record the voice louder"
            )

    def _cancelled(self) -> float:
        """How far the mean of the channels is below the loudest of them, in dB."""
        return 10 * math.log10(max(self._of_channels.max(), 1e-20) / max(self._squares, 1e-20))

    def warnings(self, name: str, rate: int, cut_off: bool) -> list[str]:
        """What may harm the likeness."""
        found = []
        if cut_off:
            found.append(f"{name} is cut off, its header promises more: get it again, or record it again")
        if (lost := self._cancelled()) > _CANCELLED:
            found.append(
                f"the channels of {name} cancel each other, their mean is {lost:.0f} dB below the loudest: "
                "give one of them alone"
            )
        if rate < ADVISED_RATE:
            found.append(
                f"{name} is sampled at {rate} Hz: the voice will be dull, {ADVISED_RATE} Hz or more is better"
            )
        share = self._clipped / max(1, self.count * self._channels)
        if share > _CLIPPED_SHARE:
            found.append(
                f"{name} is clipped ({share:.1%} of its samples are at full scale): the voice may be harsh"
            )
        return found


def checked_frames(frames: npt.NDArray[Any], name: str) -> Samples:
    """Return frames [n, channels] as float32. Raises `InvalidInputError` for what cannot be sound."""
    if not np.isfinite(frames).all():
        raise InvalidInputError(f"{name} holds samples that are NaN or infinite: export the recording again")
    if (peak := float(np.abs(frames).max(initial=0))) > _MAX_FLOAT_PEAK:
        raise InvalidInputError(
            f"{name} peaks at {peak:.6g}, but floats must be in [-1, 1]: "
            "if they are integer PCM, pass the integers, or divide by their full scale"
        )
    return frames.astype(np.float32)


def _decibels(amplitude: float) -> str:
    return f"{20 * math.log10(amplitude):.0f} dBFS" if amplitude > 0 else "-inf dBFS"


def _silence(levels: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.bool_]:
    """Which of `count` samples belong to a pause, as the loudness of each 20 ms of them tells."""
    each = SAMPLE_RATE // LEVELS_PER_SECOND
    still = np.repeat(pauses(levels[: count // each]), each)
    return np.pad(still, (0, count - len(still)))


def _to_loudness(samples: Samples, loudness: float, name: str, warnings: list[str]) -> Samples:
    if not math.isfinite(loudness):
        warnings.append(f"the loudness of {name} could not be measured: its level is left as it is")
        return samples
    if loudness < QUIET_LUFS:
        warnings.append(
            f"{name} is very quiet ({loudness:.0f} LUFS), so that its noise is raised: "
            "record closer to the microphone"
        )
    samples = samples * np.float32(10 ** ((LOUDNESS_LUFS - loudness) / 20))
    if (peak := float(np.abs(samples).max())) > 1:
        warnings.append(f"{name} peaks at {peak:.2f} at {LOUDNESS_LUFS:.0f} LUFS: its level is very uneven")
    return samples

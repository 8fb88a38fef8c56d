"""The recording of a voice, made ready for the speech encoder: mono float32 at 24 kHz and -27 LUFS."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["SAMPLE_RATE", "ReferenceAudio", "load_reference"]

SAMPLE_RATE = 24_000
MAX_SECONDS = 15
MIN_SECONDS = 1.0
ADVISED_SECONDS = 5.0
LOUDNESS_LUFS = -27.0
MIN_RATE, ADVISED_RATE, MAX_RATE = 8_000, 16_000, 192_000
MAX_CHANNELS = 8

_SILENT_PEAK = 10 ** (-60 / 20)
_SILENT_RMS = 10 ** (-70 / 20)
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

    `source` is a file that libsndfile reads (path or seekable binary file object), or `(array, sample_rate)`
    with an array of shape [n] or [n, channels] of floats in [-1, 1] or of uint8, int16 or int32 PCM.

    The steps follow Resemble's tts_turbo.py: the mean of the channels, resampling to 24 kHz (soxr HQ), and
    -27 LUFS (ITU-R BS.1770 by pyloudnorm; `norm_loudness=False` leaves the level alone). As upstream, the
    level stays as it is if it cannot be measured, and there is no limiter: the encoder takes floats beyond
    1.0, so peaks are left whole and a warning tells. Only the first 15 s are read, all the encoder uses for
    its prompt; upstream measures the loudness of the whole clip instead.

    Upstream refuses 5 s or less, but the graphs run on less (3.5 s is on record): below 5 s there is a
    warning; below 1 s, some 25 prompt tokens, an error, since so little does not describe a voice. Warnings
    also tell of a cut, of clipping, and of a rate below 16 kHz, that of the encoder's own speech tokenizer.

    Raises `InvalidInputError` for a missing or unreadable file, a rate outside 8,000 to 192,000 Hz, a wrong
    dtype or shape, more than 8 channels, and samples that are too few, silent, not finite or out of range.
    """
    frames, rate, name = _read(source)
    warnings = []
    if len(frames) > MAX_SECONDS * rate:
        frames = frames[: MAX_SECONDS * rate]
        warnings.append(f"{name} is longer than {MAX_SECONDS} s: only its first {MAX_SECONDS} s are used")
    seconds = len(frames) / rate
    if seconds < MIN_SECONDS:
        raise InvalidInputError(
            f"{name} lasts {seconds:.2f} s, at least {MIN_SECONDS} s are needed: record some more"
        )
    if seconds < ADVISED_SECONDS:
        warnings.append(
            f"{name} lasts {seconds:.1f} s: give {ADVISED_SECONDS:.0f} s or more for a better likeness"
        )
    if rate < ADVISED_RATE:
        warnings.append(
            f"{name} is sampled at {rate} Hz: the voice will be dull, {ADVISED_RATE} Hz or more is better"
        )
    if (clipped := float(np.mean(np.abs(frames) >= _FULL_SCALE))) > _CLIPPED_SHARE:
        warnings.append(
            f"{name} is clipped ({clipped:.1%} of its samples are at full scale): the voice may be harsh"
        )

    samples = _resample(_mono(frames, name), rate)
    if norm_loudness:
        samples = _to_loudness(samples, name, warnings)
    return ReferenceAudio(samples, len(samples) / SAMPLE_RATE, tuple(warnings))


def _read(source: Any) -> tuple[Samples, int, str]:
    """Return at most 15 s and one frame as float32 [n, channels], the rate, and a name for messages."""
    if isinstance(source, (str, os.PathLike)) or hasattr(source, "read"):
        return _from_file(source)
    if isinstance(source, (tuple, list)) and len(source) == 2:
        return _from_array(*source)
    raise InvalidInputError(
        f"cannot read a recording from {type(source).__name__}: give a path, a binary file object or "
        "(samples, sample_rate)"
    )


def _from_array(samples: Any, rate: Any) -> tuple[Samples, int, str]:
    name = "the array"
    rate = _checked_rate(rate, name)
    try:
        array = np.asarray(samples)
    except Exception as error:  # whatever a foreign array type raises
        raise InvalidInputError(
            f"cannot make an array of the samples ({error}): give a numpy array"
        ) from error
    if array.ndim not in (1, 2):
        raise InvalidInputError(f"samples must have shape [n] or [n, channels], not {list(array.shape)}")
    if array.ndim == 1:
        array = array[:, np.newaxis]
    if not 1 <= array.shape[1] <= MAX_CHANNELS:
        raise InvalidInputError(
            f"samples of shape {list(array.shape)} have {array.shape[1]} channels, not 1 to {MAX_CHANNELS}: "
            "the shape must be [n, channels], transpose the array"
        )
    return _checked_frames(_to_float(array[: MAX_SECONDS * rate + 1]), name), rate, name


def _from_file(source: Any) -> tuple[Samples, int, str]:
    import soundfile  # type: ignore[import-untyped]

    is_path = isinstance(source, (str, os.PathLike))
    name = f"{str(Path(source))!r}" if is_path else "the file object"
    if not is_path and not _is_seekable_binary(source):
        raise InvalidInputError("cannot read the file object: it must be readable, binary and seekable")
    try:
        if is_path and not Path(source).is_file():
            what = "is a folder" if Path(source).is_dir() else "does not exist"
            raise InvalidInputError(f"cannot read {name}: it {what}, give the path of a recording")
        with soundfile.SoundFile(os.fspath(source) if is_path else source) as file:
            rate = _checked_rate(file.samplerate, name)
            if file.channels > MAX_CHANNELS:
                raise InvalidInputError(
                    f"{name} has {file.channels} channels, more than {MAX_CHANNELS}: mix it down"
                )
            frames = file.read(MAX_SECONDS * rate + 1, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise InvalidInputError(
            f"cannot read {name} as a recording ({error}): convert it to wav, flac, ogg or mp3"
        ) from error
    return _checked_frames(frames, name), rate, name


def _is_seekable_binary(file: Any) -> bool:
    # Asked before libsndfile does: an exception inside its callbacks would be lost.
    try:
        return bool(file.seekable()) and isinstance(file.read(0), bytes)
    except (AttributeError, OSError, ValueError):
        return False


def _checked_rate(rate: Any, name: str) -> int:
    whole = isinstance(rate, (int, np.integer)) and not isinstance(rate, bool)
    if not whole or not MIN_RATE <= rate <= MAX_RATE:
        raise InvalidInputError(
            f"the sample rate of {name} is {rate!r}: it must be an integer from {MIN_RATE} to {MAX_RATE} Hz"
        )
    return int(rate)


def _to_float(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """PCM of any byte order scaled to [-1, 1) as float32; floats as they are."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "f":
        return array
    if kind == "u" and size == 1:
        return (array.astype(np.float32) - 128) / 128
    if kind == "i" and size in (2, 4):
        scale = np.float32(2.0 ** (8 * size - 1))
        return array.astype(np.float32) / scale
    raise InvalidInputError(
        f"samples have dtype {array.dtype}: give floats in [-1, 1], or uint8, int16 or int32 PCM"
    )


def _checked_frames(frames: npt.NDArray[Any], name: str) -> Samples:
    if not np.isfinite(frames).all():
        raise InvalidInputError(f"{name} holds samples that are NaN or infinite: export the recording again")
    if frames.size and (peak := float(np.abs(frames).max())) > _MAX_FLOAT_PEAK:
        raise InvalidInputError(
            f"{name} peaks at {peak:.6g}, but floats must be in [-1, 1]: "
            "if they are integer PCM, pass the integers, or divide by their full scale"
        )
    return frames.astype(np.float32)


def _mono(frames: Samples, name: str) -> Samples:
    mono: Samples = frames.mean(axis=1, dtype=np.float32)
    peak, rms = float(np.abs(mono).max()), math.sqrt(float(np.mean(np.square(mono, dtype=np.float64))))
    if peak < _SILENT_PEAK or rms < _SILENT_RMS:
        hint = " after mixing to mono" if frames.shape[1] > 1 else ""
        raise InvalidInputError(
            f"{name} is silent{hint} (peak {_decibels(peak)}, RMS {_decibels(rms)}): record the voice louder"
        )
    return mono


def _decibels(amplitude: float) -> str:
    return f"{20 * math.log10(amplitude):.0f} dBFS" if amplitude > 0 else "-inf dBFS"


def _resample(samples: Samples, rate: int) -> Samples:
    if rate == SAMPLE_RATE:
        return samples
    import soxr  # type: ignore[import-untyped]

    resampled: Samples = soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ")
    return resampled


def _to_loudness(samples: Samples, name: str, warnings: list[str]) -> Samples:
    import pyloudnorm  # type: ignore[import-untyped]

    # The library's own normalisation warns of clipping through `warnings`: only its meter is used.
    loudness = float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(samples))
    if not math.isfinite(loudness):
        warnings.append(f"the loudness of {name} could not be measured: its level is left as it is")
        return samples
    samples = samples * np.float32(10 ** ((LOUDNESS_LUFS - loudness) / 20))
    if (peak := float(np.abs(samples).max())) > 1:
        warnings.append(f"{name} peaks at {peak:.2f} at {LOUDNESS_LUFS:.0f} LUFS: its level is very uneven")
    return samples

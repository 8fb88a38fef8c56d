"""A recording, block by block: an array, or a file that libsndfile or FFmpeg (`loquor[audio]`) reads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..base.pipes import Piped
from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Frames = npt.NDArray[Any]

__all__ = ["MAX_CHANNELS", "MAX_RATE", "MIN_RATE", "Recording", "is_seekable_binary", "open_recording"]

MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_CHANNELS = 8

_EXTRA = "pip install 'loquor[audio]', which reads m4a, aac, webm, 3gp and more"
_PLAIN = "convert it to wav, flac, ogg or mp3"
# What FFmpeg may take a file for: no playlists or scripts, which name other files.
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,amr,asf,caf,ogg,mp3,flac,wav,aiff"
# libsndfile's log of a header that promises more than the file holds.
_PROMISE = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
_OGG_PAGE = 65_307  # bytes at most
_LIVE = 0x7FFF_0000  # sizes from here on say "until the end", as those of live recordings do


@dataclass
class Recording:
    """`blocks` [n, channels], a second or so each; behind them `cut_off` tells if more was promised."""

    name: str
    rate: int
    blocks: Iterator[Frames] = field(default_factory=lambda: iter(()))
    cut_off: bool = False


@contextmanager
def open_recording(source: Any) -> Iterator[Recording]:
    """Open a path, a seekable binary file object, or (samples, rate), where an iterator of arrays may stand
    for the samples.

    Raises `InvalidInputError`, also from its blocks.
    """
    if isinstance(source, (str, os.PathLike)):
        if not os.fspath(source):
            raise InvalidInputError("the name of the recording is empty: give the path of a recording")
        name = repr(str(Path(source)))
        try:
            if not Path(source).is_file():
                what = "is a folder" if Path(source).is_dir() else "does not exist"
                raise InvalidInputError(f"cannot read {name}: it {what}, give the path of a recording")
            file = Path(source).open("rb")  # noqa: SIM115 (closed below)
        except (OSError, ValueError) as error:  # ValueError: a null character
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(f"cannot read {name} ({error}): give the path of a recording") from error
        with file:
            yield from _of_file(file, name, os.fspath(source))
    elif hasattr(source, "read"):
        if not is_seekable_binary(source):
            raise InvalidInputError("cannot read the file object: it must be readable, binary and seekable")
        yield from _of_file(source, source.name if isinstance(source, Piped) else "the file object")
    elif isinstance(source, (tuple, list)) and len(source) == 2:
        yield _of_array(*source)
    else:
        raise InvalidInputError(
            f"cannot read a recording from {type(source).__name__}: give a path, a binary file object or "
            "(samples, sample_rate)"
        )


# --- Arrays ---


def _of_array(samples: Any, rate: Any) -> Recording:
    name = "the array"
    rate = _checked_rate(rate, name)
    if isinstance(samples, Iterator):
        frames = (_frames(block) for block in samples)
        seconds = (block[at : at + rate] for block in frames for at in range(0, len(block), rate))
        return Recording("the recording", rate, _of_one_width(seconds))
    array = _frames(samples)
    _to_float(array[:0])  # refuses other dtypes, also of an empty array
    blocks = (_to_float(array[start : start + rate]) for start in range(0, len(array), rate))
    return Recording(name, rate, blocks)


def _of_one_width(blocks: Iterator[Frames]) -> Iterator[Frames]:
    width = None
    for block in blocks:
        if width not in (None, block.shape[1]):
            raise InvalidInputError(
                f"a chunk of the recording has {block.shape[1]} channels, those before had {width}: give all "
                "of them the same"
            )
        width = block.shape[1]
        yield _to_float(block)


def _frames(samples: Any) -> Frames:
    """Whatever is like an array, [n, channels]."""
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
    return array


def _to_float(array: Frames) -> Frames:
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


# --- Files ---


def _of_file(file: BinaryIO, name: str, path: Any = None) -> Iterator[Recording]:
    """Read a file by libsndfile, which goes by a suffix too, or by FFmpeg if that does not know it or merely
    takes it for MP3.
    """
    start, head = file.tell(), file.read(12)
    file.seek(start)
    cut_off = _lacks_last_page(file, head)
    opened = "its format is not libsndfile's" if _is_for_ffmpeg(head) else _opened_sound(path or file)
    if isinstance(opened, str):
        file.seek(start)
        yield from _of_ffmpeg(file, name, opened)
    else:
        with opened:
            yield _of_sound(opened, name, cut_off)


def _opened_sound(file: Any) -> Any:
    """A `soundfile.SoundFile`, or why there is none."""
    import soundfile  # type: ignore[import-untyped]

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        def seekable(self) -> bool:
            # soundfile 0.14 seeks behind each read to where it is, and in an MP3 that makes a jump.
            return False

    try:
        sound = Forward(file)
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        return str(getattr(error, "error_string", error))  # without the prefix, which names the object
    if sound.frames:
        return sound
    sound.close()
    return "it holds no sound, or its end is missing"  # as an Ogg file's that was cut off


def _is_for_ffmpeg(head: bytes) -> bool:
    """MP4 and its kin, Matroska, ASF, AMR, and AAC in ADTS: named .mp3, libsndfile finds "MP3" in them."""
    adts = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    known = (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75", b"#!AMR")
    return adts or head[4:8] == b"ftyp" or head.startswith(known)


def _lacks_last_page(file: BinaryIO, head: bytes) -> bool:
    """Whether this is an Ogg file whose last page is not marked as one; it promises no length."""
    if head[:4] != b"OggS":
        return False
    start, size = file.tell(), file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _OGG_PAGE))
    end = file.read(_OGG_PAGE)
    file.seek(start)
    page = end[end.rfind(b"OggS") :]
    return len(page) > 5 and not page[5] & 4


def _of_sound(sound: Any, name: str, cut_off: bool) -> Recording:
    recording = Recording(name, _checked_rate(sound.samplerate, name), cut_off=cut_off)
    _check_channels(sound.channels, name)
    recording.blocks = _sound_blocks(sound, recording)
    return recording


def _sound_blocks(sound: Any, recording: Recording) -> Iterator[Frames]:
    import soundfile

    endless = sound.frames == np.iinfo(np.int64).max  # FLAC written to a pipe tells no length
    read, fault = 0, None
    while fault is None:
        block = np.full((recording.rate, sound.channels), np.nan, np.float32)
        try:
            block = sound.read(out=block)
        except soundfile.SoundFileError as error:
            # soundfile 0.14 raises behind the end of such a FLAC file, or of a cut one, having read up to it.
            fault, block = error, block[~np.isnan(block[:, 0])]
        if not len(block):
            break
        read += len(block)
        yield block
    if fault is not None and not read:
        raise InvalidInputError(f"cannot read {recording.name} ({fault}): {_PLAIN}") from fault
    recording.cut_off |= fault is not None and not endless
    promise = _PROMISE.search(sound.extra_info)
    short = promise is not None and int(promise[2]) < int(promise[1]) < _LIVE
    # Counted in frames of sound, lossy codecs promise a little more than they give.
    recording.cut_off |= short or read + recording.rate // 2 < sound.frames < _LIVE * recording.rate


def _of_ffmpeg(file: BinaryIO, name: str, why: str) -> Iterator[Recording]:
    with ExitStack() as stack:
        try:
            import av

            container = stack.enter_context(
                av.open(
                    file, "r", container_options={"format_whitelist": _CONTAINERS}, metadata_errors="replace"
                )
            )
            blocks = _second_blocks(container, name)
            first, rate = next(blocks, (np.zeros(0), 0))
        except ImportError:
            raise InvalidInputError(
                f"cannot read {name} as a recording ({why}): {_EXTRA}, or {_PLAIN}"
            ) from None
        except (av.FFmpegError, OSError) as error:
            raise InvalidInputError(
                f"cannot read {name} as a recording ({why}; FFmpeg: {error.strerror}): {_PLAIN}"
            ) from error
        if not len(first):
            raise InvalidInputError(f"cannot read {name} as a recording: it holds no sound")
        recording = Recording(name, rate)
        recording.blocks = _ffmpeg_blocks(first, blocks, container, recording)
        yield recording


def _second_blocks(container: Any, name: str) -> Iterator[tuple[Frames, int]]:
    """Float32 frames, a second or so at a time, and their rate, which headers do not always tell."""
    import av

    resampler = av.AudioResampler(format="fltp")  # of the first frame's rate and channels
    waiting: list[Frames] = []
    for frame in container.decode(container.streams.audio[0]) if container.streams.audio else ():
        rate = _checked_rate(frame.sample_rate, name)
        _check_channels(frame.layout.nb_channels, name)
        waiting += [made.to_ndarray().T for made in resampler.resample(frame)]
        if sum(map(len, waiting)) >= rate:
            yield np.concatenate(waiting), rate
            waiting.clear()
    if waiting:
        yield np.concatenate(waiting), rate


def _ffmpeg_blocks(
    first: Frames, rest: Iterator[tuple[Frames, int]], container: Any, recording: Recording
) -> Iterator[Frames]:
    import av

    read = len(first)
    yield first
    try:
        for block, _ in rest:
            read += len(block)
            yield block
    except (av.FFmpegError, ValueError):  # ValueError: the rate changes on the way
        recording.cut_off = True
    promised = (container.duration or 0) / av.time_base
    recording.cut_off |= read / recording.rate < promised - 0.5


def is_seekable_binary(file: Any) -> bool:
    """Tell whether `file` is a file object as `open_recording` takes it."""
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


def _check_channels(channels: int, name: str) -> None:
    if channels > MAX_CHANNELS:
        raise InvalidInputError(f"{name} has {channels} channels, more than {MAX_CHANNELS}: mix it down")

"""What the engine gives back: speech, and how long each part of the work took."""

from __future__ import annotations

import base64
import io
import math
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..base.files import write_atomic
from ..errors import InvalidInputError
from .picture import waveform
from .playing import play_chunks
from .provenance import Provenance, write_tags
from .subtitles import Mark

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FORMATS", "Audio", "Metrics", "check_finite", "pcm16", "wav_header", "write_wav_stream"]

FORMATS = ("wav", "flac", "ogg", "mp3")


@dataclass(frozen=True)
class Metrics:
    """Counts and wall times of one request. All times are in seconds."""

    text_tokens: int
    """Ids of the text's prompt, those that close it included."""
    prompt_length: int
    """Positions of the prefill: voice and text."""
    speech_tokens: int
    """Tokens that were generated, without STOP."""
    prefill_seconds: float
    """Seconds from the prompt's first chunk to the logits of the first token."""
    steps_seconds: float
    """Seconds of all steps of the language model."""
    decoder_seconds: float
    """Seconds of the conditional decoder."""
    total_seconds: float
    """Seconds from the request's start to its last sample, waiting included."""
    audio_seconds: float
    """The length of the speech."""

    @property
    def rtf(self) -> float:
        """Real-time factor: total time over audio time, below 1 is faster than speech; NaN without audio."""
        return self.total_seconds / self.audio_seconds if self.audio_seconds > 0 else math.nan

    @property
    def tokens_per_second(self) -> float:
        """Speech tokens over the time of the steps; NaN if no step was timed."""
        return self.speech_tokens / self.steps_seconds if self.steps_seconds > 0 else math.nan


@dataclass(frozen=True, eq=False, repr=False)
class Audio:
    """Speech, with its metrics and warnings.

    Raises `InvalidInputError` if `samples` has another dtype or shape, or the rate is not a positive integer.
    """

    samples: npt.NDArray[np.float32]
    """Mono in [-1, 1], float32 [n]."""
    sample_rate: int
    """In Hz."""
    metrics: Metrics
    """Counts and times of the request."""
    warnings: tuple[str, ...] = ()
    """What the user should know, a sentence each; empty where all went well."""
    marks: tuple[Mark, ...] = ()
    """When each sentence is spoken; only long text has them."""
    provenance: Provenance | None = None
    """What made it; None for sound that no engine made."""
    words: tuple[Mark, ...] = ()
    """When each word is spoken; none where the model does not tell (`Capabilities.word_times`)."""

    def __post_init__(self) -> None:
        samples, rate = self.samples, self.sample_rate
        if not isinstance(samples, np.ndarray) or samples.dtype != np.float32 or samples.ndim != 1:
            seen = f"{getattr(samples, 'dtype', '')} {getattr(samples, 'shape', '')} {type(samples).__name__}"
            raise InvalidInputError(f"audio samples must be a float32 array of shape [n], not {seen.strip()}")
        if isinstance(rate, bool) or not isinstance(rate, int) or rate <= 0:
            raise InvalidInputError(f"sample_rate must be a positive integer in Hz, not {rate!r}")

    def __repr__(self) -> str:
        count = len(self.warnings)
        warnings = f", {count} warning{'s' if count > 1 else ''}" if count else ""
        return f"Audio({self.seconds:.2f} s at {self.sample_rate} Hz{warnings})"

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.float32]:
        """The samples, for `np.asarray(audio)` and all that takes arrays."""
        return np.array(self.samples, dtype=dtype, copy=copy)

    @property
    def seconds(self) -> float:
        """The duration."""
        return len(self.samples) / self.sample_rate

    @property
    def watermark(self) -> str:
        """ "perth" where the sound is marked (see `Engine`), else "none"."""
        return "none" if self.provenance is None else self.provenance.watermark

    def save(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        *,
        format: str | None = None,
        subtype: str | None = None,
        tags: bool = True,
    ) -> None:
        """Write to a path or to a binary file object as wav, flac, ogg (Vorbis) or mp3.

        `format` defaults to the path's extension; a file object needs it. `subtype` is one of soundfile's,
        such as "PCM_24" or "FLOAT"; by default wav and flac get 16 bits. `tags` writes `provenance` into the
        file's comment: that it is AI-generated, model, voice and engine. A path is replaced as a whole: on
        failure what was there stays, and nothing else is left behind.
        Raises `InvalidInputError` for another format, a subtype the format lacks, a missing folder, a path
        that cannot be written, and audio that is empty or not finite.
        """
        if isinstance(file, (str, os.PathLike)):
            path = Path(file)
            write_atomic(path, self._encode(path.suffix[1:] if format is None else format, subtype, tags))
        elif format is None:
            raise InvalidInputError("a file object has no extension: name the format, such as format='wav'")
        else:
            file.write(self._encode(format, subtype, tags))

    def play(self, *, device: int | str | None = None) -> None:
        """Play it on this machine, and return when it was heard (`loquor[play]`).

        `device` is sounddevice's number or name, None for the usual one. Raises `InvalidInputError` where
        nothing can play.
        """
        check_finite(self.samples)
        play_chunks((self.samples,), self.sample_rate, device)

    def to_int16(self) -> npt.NDArray[np.int16]:
        """Return the samples as 16-bit PCM, int16 [n], clipped to full scale.

        Raises `InvalidInputError` if they are not finite.
        """
        check_finite(self.samples)
        return pcm16(self.samples)

    def _repr_html_(self) -> str:
        """A player and the waveform, for notebooks."""
        if not len(self.samples):
            return "<em>no audio</em>"
        data = base64.b64encode(self._encode("wav", None, True)).decode()
        player = f'<audio controls src="data:audio/wav;base64,{data}"></audio>'
        return f"<div>{waveform(self.samples)}<br>{player}</div>"

    def _encode(self, format: str, subtype: str | None, tags: bool) -> bytes:
        import soundfile  # type: ignore[import-untyped]

        if format.lower() not in FORMATS:
            raise InvalidInputError(f"cannot save audio as {format!r}: choose one of {', '.join(FORMATS)}")
        if not len(self.samples):
            raise InvalidInputError("audio without a single sample cannot be saved")
        check_finite(self.samples)
        buffer = io.BytesIO()
        try:
            with soundfile.SoundFile(
                buffer, "w", self.sample_rate, channels=1, format=format.upper(), subtype=subtype
            ) as out:
                write_tags(out, self.provenance if tags else None)
                # By the second: libsndfile's Vorbis encoder puts a whole write on the stack.
                for start in range(0, len(self.samples), self.sample_rate):
                    out.write(self.samples[start : start + self.sample_rate])
        except (ValueError, TypeError, soundfile.SoundFileError) as error:
            raise InvalidInputError(
                f"cannot encode {self.sample_rate} Hz audio as {format} with subtype {subtype!r} ({error}): "
                "leave subtype out or choose another format"
            ) from error
        return buffer.getvalue()


def check_finite(samples: npt.NDArray[np.float32]) -> None:
    """Raise `InvalidInputError` unless all are."""
    if not np.isfinite(samples).all():
        raise InvalidInputError("audio holds samples that are not finite: speak the text again")


def pcm16(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Return finite samples as 16-bit PCM, int16 [n], clipped to full scale."""
    return np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def write_wav_stream(
    file: BinaryIO,
    chunks: Iterable[npt.NDArray[np.float32]],
    sample_rate: int,
    *,
    rewind: bool,
    provenance: Provenance | None = None,
) -> None:
    """Write `chunks`, float32 [n] each, as one mono 16-bit WAV while they come, each on its way at once.

    The header says "until the end" (sizes of 2**32 - 1), as players of live WAV know it; `rewind` makes it
    say the true size at last, whatever ended the chunks. `provenance` goes into a comment before the sound.
    Raises what they or `file` raise.
    """
    file.write(wav_header(sample_rate, provenance=provenance))
    file.flush()
    written = 0
    try:
        for chunk in chunks:
            written += file.write(pcm16(chunk).astype("<i2").tobytes())
            file.flush()
    finally:
        if rewind:
            file.seek(0)
            file.write(wav_header(sample_rate, written, provenance))
            file.seek(0, os.SEEK_END)


_UNTIL_THE_END = 2**32 - 1


def wav_header(
    sample_rate: int, data_bytes: int = _UNTIL_THE_END, provenance: Provenance | None = None
) -> bytes:
    """Return what a mono 16-bit WAV begins with; without its size, that it goes on until the end."""
    comment = b"" if provenance is None else _wav_comment(str(provenance).encode("ascii"))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    data = struct.pack("<4sI", b"data", data_bytes)
    size = min(_UNTIL_THE_END, 4 + len(form) + len(comment) + len(data) + data_bytes)
    return struct.pack("<4sI4s", b"RIFF", size, b"WAVE") + form + comment + data


def _wav_comment(text: bytes) -> bytes:
    """The chunk that holds a comment: text ends in a null, and takes an even number of bytes."""
    text += b"\0" * (2 - len(text) % 2)
    return struct.pack("<4sI4s4sI", b"LIST", 12 + len(text), b"INFO", b"ICMT", len(text)) + text

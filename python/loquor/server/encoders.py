"""Speech as bytes of a format while it is made: WAV and PCM by hand, the rest by FFmpeg (PyAV)."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..audio.audio import pcm16, wav_header
from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

__all__ = ["MEDIA_TYPES", "Encoder", "encoder"]

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""The formats of OpenAI's API. PCM is 16-bit, little-endian, mono, at the model's rate."""


class Encoder(Protocol):
    """Takes samples, float32 [n], and gives what bytes they complete."""

    heavy: bool
    """Whether it takes long enough to be given to another thread."""

    def add(self, samples: Samples) -> bytes:
        """The next samples."""

    def finish(self) -> bytes:
        """No more samples come."""


def encoder(name: str, rate: int) -> Encoder:
    """Return what encodes mono speech of `rate` Hz.

    Raises `InvalidInputError` for a format that nothing here can write.
    """
    if name == "pcm":
        return _Pcm(b"")
    if name == "wav":
        return _Pcm(wav_header(rate))
    if importlib.util.find_spec("av") is None:
        raise InvalidInputError(
            f"this server cannot write {name}, which takes PyAV (pip install 'loquor[server]'): ask for wav "
            "or pcm"
        )
    return _Ffmpeg(name, rate)


class _Pcm:
    heavy = False

    def __init__(self, header: bytes) -> None:
        self._header = header

    def add(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + pcm16(samples).astype("<i2").tobytes()

    def finish(self) -> bytes:
        return self.add(np.zeros(0, np.float32))


_BIT_RATE = 64_000
_CONTAINERS: dict[str, tuple[str, str, dict[str, str]]] = {
    # Neither an index nor a title: both would have to be known before the sound is.
    "mp3": ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}),
    # In microseconds: a page is kept back until it is full, and a second is FFmpeg's own.
    "opus": ("ogg", "libopus", {"page_duration": "60000"}),
    "aac": ("adts", "aac", {}),
    "flac": ("flac", "flac", {}),
}
"""FFmpeg's container and encoder, and what the container is told."""


class _Ffmpeg:
    heavy = True

    def __init__(self, name: str, rate: int) -> None:
        import av

        self._parts: list[bytes] = []
        container, codec, options = _CONTAINERS[name]
        try:
            self._container: Any = av.open(
                self, "w", format=container, options={**options, "flush_packets": "1"}
            )
            stream: Any = self._container.add_stream(codec, rate=rate, layout="mono")
        except (ValueError, av.FFmpegError) as error:  # a build without it; a rate that it cannot do
            raise InvalidInputError(
                f"this server's FFmpeg cannot write {name} at {rate} Hz ({error}): ask for wav or pcm"
            ) from error
        if name != "flac":
            stream.bit_rate = _BIT_RATE
        self._stream = stream
        self._resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        self._rate, self._position, self._frame = rate, 0, av.AudioFrame.from_ndarray

    def write(self, data: bytes) -> int:
        """Called by the container, whose file this is; one without `seek` and `tell`, as a socket is."""
        self._parts.append(bytes(data))
        return len(data)

    def add(self, samples: Samples) -> bytes:
        if len(samples):
            frame = self._frame(samples[np.newaxis], format="flt", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._position
            self._position += len(samples)
            for ready in self._resampler.resample(frame):
                self._mux(ready)
        return self._taken()

    def finish(self) -> bytes:
        self._mux(None)
        self._container.close()
        return self._taken()

    def _mux(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def _taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)

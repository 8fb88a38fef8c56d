"""A recording whose words are to be said in another voice: mono float32 at 24 kHz, read as it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np

from ..audio.recording import open_recording
from ..base.pipes import from_pipe
from .reference_audio import SAMPLE_RATE, Level, checked_frames

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

Array: TypeAlias = np.ndarray[Any, Any]

RecordingSource: TypeAlias = str | os.PathLike[str] | tuple[Array | Iterable[Array], int] | BinaryIO
"""A file, a binary file object, or (samples, sample_rate), where an iterator of arrays may stand for the
samples."""

__all__ = ["RecordingSource", "SourceAudio"]


class SourceAudio:
    """What `open_recording` opens, second by second. Its level stays as it is: speech tokens hardly hear it.

    Raises `InvalidInputError` now or while it is read, for what cannot be read as sound. Close it.
    """

    def __init__(self, source: Any) -> None:
        if isinstance(source, (str, os.PathLike)) and (piped := from_pipe(source)) is not None:
            source = piped
        self._files = ExitStack()
        self._recording = self._files.enter_context(open_recording(source))
        self._level = Level()

    def blocks(self) -> Iterator[Samples]:
        """Float32 [n] each, a second or so."""
        import soxr  # type: ignore[import-untyped]

        recording = self._recording
        resampler = soxr.ResampleStream(recording.rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        for block in recording.blocks:
            mono = self._level.add(checked_frames(block, recording.name))
            yield resampler.resample_chunk(mono)
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._recording.name

    @property
    def warnings(self) -> list[str]:
        """What may harm the speech, complete when it was read to its end."""
        recording = self._recording
        return self._level.warnings(recording.name, recording.rate, recording.cut_off)

    def close(self) -> None:
        """Close what was opened here."""
        self._files.close()

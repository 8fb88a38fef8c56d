"""A file of speech, written piece by piece: it gets its name when it is whole."""

from __future__ import annotations

import io
import itertools
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from ..base.output import OutputFile, cannot_write
from ..errors import InvalidInputError
from .audio import FORMATS, Audio, check_finite
from .provenance import write_tags
from .subtitles import SubtitleWriter, WordWriter

if TYPE_CHECKING:
    from .provenance import Provenance

__all__ = ["CUES", "Disk", "SpeechFile", "partial_name"]

_log = logging.getLogger("loquor")

CUES = ("sentence", "word")
"""What each cue of subtitles is of."""

_WAV_BYTES = 2**32 - 2**20
"""A WAV file cannot say that it is longer."""

_NAME_BYTES = 255  # the longest name on most disks


def partial_name(path: Path, number: int = 1) -> Path:
    """Where unfinished speech is kept: `book.wav` -> `book.partial.wav`, `book.partial-2.wav` and so on."""
    ending = f".partial{f'-{number}' if number > 1 else ''}{path.suffix}"
    stem = path.stem
    while len(os.fsencode(stem + ending)) > _NAME_BYTES:
        stem = stem[:-1]
    return path.with_name(stem + ending)


class SpeechFile:
    """Speech and its subtitles on their way to the disk, as a context manager.

    Everything goes to temporary files in the same folders. After `finish` they get their names; if the block
    ends otherwise, what was written is kept under the first `partial_name` that is free, and nothing if
    nothing was. Raises `InvalidInputError` for another format, a missing folder, and what the system refuses
    to write.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        *,
        format: str | None = None,
        subtype: str | None = None,
        srt: str | os.PathLike[str] | None = None,
        vtt: str | os.PathLike[str] | None = None,
        words: str | os.PathLike[str] | None = None,
        cues: str = "sentence",
        tags: bool = True,
    ) -> None:
        self._path = Path(file)
        self._format = (self._path.suffix[1:] if format is None else format).lower()
        self._subtype, self._tags = subtype, tags
        if self._format not in FORMATS:
            raise InvalidInputError(
                f"cannot save audio as {self._format!r}: choose one of {', '.join(FORMATS)}"
            )
        subtitles = [
            (path, kind) for path, kind in ((srt, "srt"), (vtt, "vtt"), (words, "json")) if path is not None
        ]
        if cues not in CUES:
            raise InvalidInputError(f"cues must be one of {', '.join(CUES)}, not {cues!r}")
        self._cues = cues
        self._outputs = [OutputFile(file), *(OutputFile(path) for path, _ in subtitles)]
        self._subtitle_formats = [kind for _, kind in subtitles]
        self._disk: Disk | None = None
        self._sound: Any = None
        self._texts: list[tuple[TextIO, SubtitleWriter | WordWriter]] = []
        self._frames, self._rate, self._finished = 0, 0, False

    @property
    def seconds(self) -> float:
        """The length of what was written."""
        return self._frames / self._rate if self._rate else 0.0

    def __enter__(self) -> SpeechFile:
        return self

    def write(self, audio: Audio) -> None:
        """Append a piece and its marks."""
        import soundfile  # type: ignore[import-untyped]

        check_finite(audio.samples)
        try:
            if self._sound is None:
                self._open(audio.sample_rate, audio.provenance if self._tags else None)
            if (
                self._format == "wav"
                and (self._frames + len(audio.samples)) * self._sample_bytes() > _WAV_BYTES
            ):
                raise InvalidInputError(
                    f"{self._path} would be longer than a WAV file can be: write flac or mp3"
                )
            for start in range(0, len(audio.samples), self._rate):  # by the second, as Audio.save does
                second = audio.samples[start : start + self._rate]
                self._sound.write(second)
                self._check_disk()
                self._frames += len(second)
            self._mark(audio)
        except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:
            if isinstance(error, InvalidInputError):
                raise
            if isinstance(error, OSError):
                raise cannot_write(self._path, error) from error
            raise InvalidInputError(
                f"cannot write {self._path} as {self._format} with subtype {self._subtype!r} ({error}): "
                "leave subtype out or choose another format"
            ) from error

    def finish(self) -> None:
        """All is written: the files get their names when the block ends. Raises if nothing was written."""
        if self._sound is None:
            raise InvalidInputError("there is nothing to speak in this text")
        self._finished = True

    def _open(self, rate: int, provenance: Provenance | None) -> None:
        import soundfile

        self._rate = rate
        self._disk = Disk(self._outputs[0].open())
        self._sound = soundfile.SoundFile(
            self._disk, "w", rate, channels=1, format=self._format.upper(), subtype=self._subtype
        )
        write_tags(self._sound, provenance)
        for output, kind in zip(self._outputs[1:], self._subtitle_formats, strict=True):
            text = io.TextIOWrapper(io.BufferedWriter(output.open()), encoding="utf-8", newline="\n")
            writer = WordWriter(text) if kind == "json" else SubtitleWriter(text, kind)
            self._texts.append((text, writer))

    def _check_disk(self) -> None:
        if self._disk is not None and self._disk.error is not None:
            raise cannot_write(self._path, self._disk.error) from self._disk.error

    def _sample_bytes(self) -> int:
        return {"PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}.get(self._subtype or "", 2)

    def _mark(self, audio: Audio) -> None:
        for _, writer in self._texts:
            of_words = self._cues == "word" or isinstance(writer, WordWriter)
            writer.write(audio.words if of_words else audio.marks)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            problem = self._close()
            if self._finished and error is None and problem is None:
                problem = self._commit()
            if self._frames and not (self._finished and error is None and problem is None):
                self._keep()
            if problem is not None and error is None:
                raise cannot_write(self._path, problem) from problem
        except OSError as failure:
            raise cannot_write(self._path, failure) from failure
        finally:
            for output in self._outputs:
                output.discard()

    def _close(self) -> Exception | None:
        """Close all files, and return what went wrong first: what is on the disk stays good to keep."""
        closers: list[Callable[[], None]] = []
        for text, writer in self._texts:
            closers += [writer.finish, text.close]
        if self._disk is not None:
            closers.insert(0, self._disk.close)
        if self._sound is not None:
            closers.insert(0, self._sound.close)
        problem: Exception | None = None
        for close in closers:
            try:
                close()
            except Exception as error:  # what libsndfile's own close raises is no OSError
                problem = problem or error
        return (self._disk.error if self._disk is not None else None) or problem

    def _commit(self) -> Exception | None:
        try:
            for output in reversed(self._outputs):  # the sound last: it is what counts
                output.commit()
        except OSError as error:
            return error
        self._tell_of_leftovers()
        return None

    def _keep(self) -> None:
        """Name what was spoken so that nothing is replaced: neither an earlier run's, nor another's file."""
        for number in itertools.count(1):
            names = [partial_name(output.target, number) for output in self._outputs]
            if any(map(os.path.lexists, names)) or not self._outputs[0].commit_as(names[0]):
                continue
            for output, name in zip(self._outputs[1:], names[1:], strict=True):
                with suppress(OSError):  # the sound is what counts
                    output.commit_as(name)
            _log.warning("kept the %.1f s that were spoken before the end: %s", self.seconds, names[0])
            return

    def _tell_of_leftovers(self) -> None:
        names = (partial_name(self._outputs[0].target, number) for number in itertools.count(1))
        left = list(itertools.takewhile(os.path.lexists, names))
        if left:
            _log.warning(
                "%s is whole; what earlier runs left of it may go: %s", self._path, ", ".join(map(str, left))
            )


class Disk:
    """The file under libsndfile, which loses what its callbacks raise: the first such `error` is kept.

    libsndfile is told that all went well, so that it still writes the header of what is there.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.error: OSError | None = None
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            self.error = self.error or error
        return len(data)

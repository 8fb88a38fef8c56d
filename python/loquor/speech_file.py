"""A file of speech, written piece by piece: it gets its name when it is whole."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from .audio import FORMATS, Audio
from .errors import InvalidInputError
from .subtitles import SubtitleWriter

if TYPE_CHECKING:
    from .subtitles import Mark

__all__ = ["SpeechFile", "partial_name"]

_log = logging.getLogger("loquor")

_WAV_BYTES = 2**32 - 2**20
"""A WAV file cannot say that it is longer."""


def partial_name(path: Path) -> Path:
    """`book.wav` -> `book.partial.wav`: where unfinished speech is kept."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


class SpeechFile:
    """Speech and its subtitles on their way to the disk, as a context manager.

    Everything goes to temporary files in the same folders. After `finish` they get their names; if the block
    ends otherwise, what was written is kept under `partial_name`, and nothing if nothing was.
    Raises `InvalidInputError` for another format, a missing folder, and what the system refuses to write.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        *,
        format: str | None = None,
        subtype: str | None = None,
        srt: str | os.PathLike[str] | None = None,
        vtt: str | os.PathLike[str] | None = None,
    ) -> None:
        self._path = Path(file)
        self._format = (self._path.suffix[1:] if format is None else format).lower()
        self._subtype = subtype
        if self._format not in FORMATS:
            raise InvalidInputError(
                f"cannot save audio as {self._format!r}: choose one of {', '.join(FORMATS)}"
            )
        subtitles = [(Path(path), kind) for path, kind in ((srt, "srt"), (vtt, "vtt")) if path is not None]
        self._targets = [self._path, *(path for path, _ in subtitles)]
        self._temporary = [_temporary_beside(path) for path in self._targets]
        self._subtitle_formats = [kind for _, kind in subtitles]
        self._sound: Any = None
        self._texts: list[tuple[TextIO, SubtitleWriter]] = []
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

        audio._check_finite()
        try:
            if self._sound is None:
                self._open(audio.sample_rate)
            if (
                self._format == "wav"
                and (self._frames + len(audio.samples)) * self._sample_bytes() > _WAV_BYTES
            ):
                raise InvalidInputError(
                    f"{self._path} would be longer than a WAV file can be: write flac or mp3"
                )
            for start in range(0, len(audio.samples), self._rate):  # by the second, as Audio.save does
                self._sound.write(audio.samples[start : start + self._rate])
            self._frames += len(audio.samples)
            self._mark(audio.marks)
        except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(
                f"cannot write {self._path} as {self._format} with subtype {self._subtype!r}: {error}"
            ) from error

    def finish(self) -> None:
        """All is written: the files get their names when the block ends. Raises if nothing was written."""
        if self._sound is None:
            raise InvalidInputError("there is nothing to speak in this text")
        self._finished = True

    def _open(self, rate: int) -> None:
        import soundfile

        self._rate = rate
        sound = soundfile.SoundFile(
            self._temporary[0], "w", rate, channels=1, format=self._format.upper(), subtype=self._subtype
        )
        self._sound = sound
        for temporary, kind in zip(self._temporary[1:], self._subtitle_formats, strict=True):
            text = temporary.open("w", encoding="utf-8", newline="\n")
            self._texts.append((text, SubtitleWriter(text, kind)))

    def _sample_bytes(self) -> int:
        return {"PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}.get(self._subtype or "", 2)

    def _mark(self, marks: tuple[Mark, ...]) -> None:
        for _, writer in self._texts:
            writer.write(marks)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._sound is not None:
                self._sound.close()
            for text, _ in self._texts:
                text.close()
            if self._finished and error is None:
                self._name(self._targets)
            elif self._frames:
                kept = [partial_name(path) for path in self._targets]
                self._name(kept)
                _log.warning("kept the %.1f s that were spoken before the end: %s", self.seconds, kept[0])
        except OSError as problem:
            raise InvalidInputError(f"cannot write {self._path}: {problem}") from problem
        finally:
            for temporary in self._temporary:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)

    def _name(self, targets: list[Path]) -> None:
        for temporary, target in zip(self._temporary, targets, strict=True):
            temporary.replace(target)


def _temporary_beside(path: Path) -> Path:
    if not path.parent.is_dir():
        raise InvalidInputError(f"cannot write {path}: there is no folder {path.parent}, make it first")
    if path.exists() and not path.is_file():
        raise InvalidInputError(f"cannot write {path}: it is not a regular file, choose another name")
    return path.with_name(f".{os.urandom(8).hex()}.tmp")

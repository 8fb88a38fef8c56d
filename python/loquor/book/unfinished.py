"""A book that is being spoken, on the disk: sound so far, and a journal that says where it goes on.

A sentence is in the journal once its sound is on the disk, so that whatever ends the process costs the
sentence that was under way. The sound is never made shorter than the journal says.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.output import cannot_write
from ..errors import InvalidInputError
from ..speech.long_text import Bookmark

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..audio.audio import Audio

__all__ = ["Unfinished", "unfinished_folder"]

_FORMAT = 1
_BLOCK = 1 << 16  # samples


def unfinished_folder(output: Path) -> Path:
    """Where the work on `output` is: beside it."""
    return output.with_name(f"{output.name}.unfinished")


class Unfinished:
    """The work on one book, in a `with` block; `identity` says which, and in which voices.

    Raises `InvalidInputError` if the folder holds the work on another, if another process has it, or if the
    system refuses to write.
    """

    def __init__(self, folder: Path, identity: str, rate: int) -> None:
        self.folder, self.rate = folder, rate
        self.samples = 0
        """Spoken so far."""
        self._bookmarks: dict[int, Bookmark] = {}
        self._starts: dict[int, int] = {}
        self._ended: set[int] = set()
        header = {"format": _FORMAT, "identity": identity, "rate": rate}
        try:
            folder.mkdir(exist_ok=True)
            self._journal = (folder / "journal").open("a+b")
            try:
                _lock(self._journal, folder)
                self._read(header)
                self._sound = (folder / "speech.pcm").open("a+b")
                if self._sound.seek(0, os.SEEK_END) < 2 * self.samples:
                    self._sound.close()
                    raise InvalidInputError(f"speech is missing in {folder}: remove it to begin again")
                self._sound.truncate(2 * self.samples)  # of a sentence that was not whole
            except BaseException:
                self._journal.close()
                raise
        except OSError as error:
            raise cannot_write(folder, error) from error
        self.resumed = self.samples > 0
        """Whether an earlier run began it."""

    def __enter__(self) -> Unfinished:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sound.close()
        self._journal.close()
        if not self.samples:  # there is nothing to go on with
            self.remove()

    def _read(self, header: dict[str, Any]) -> None:
        self._journal.seek(0)
        whole = 0
        for number, line in enumerate(self._journal):
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                break  # the process ended in the middle of it
            if number == 0 and entry != header:
                raise InvalidInputError(
                    f"{self.folder} holds what was spoken of another text, or with another voice, option or "
                    "version: finish that, or remove the folder to begin again"
                )
            if number:
                try:
                    self._take(entry)
                except (KeyError, TypeError) as error:
                    raise InvalidInputError(
                        f"line {number + 1} of {self.folder / 'journal'} is no line of a journal: remove the "
                        "folder to begin again"
                    ) from error
            whole += len(line)
        self._journal.truncate(whole)
        if not whole:
            self._write(header)

    def _take(self, entry: dict[str, Any]) -> None:
        segment, self.samples = entry["segment"], entry["samples"]
        self._starts.setdefault(segment, entry["start"])
        if "bookmark" in entry:
            self._bookmarks[segment] = Bookmark(**entry["bookmark"])
        else:
            self._ended.add(segment)

    def _write(self, entry: dict[str, Any]) -> None:
        self._journal.write(json.dumps(entry).encode() + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())

    # --- Speech ---

    def ended(self, segment: int) -> bool:
        """Whether all of it was spoken."""
        return segment in self._ended

    def bookmark(self, segment: int) -> Bookmark | None:
        """Where it goes on; None: at its beginning."""
        return self._bookmarks.get(segment)

    def start(self, segment: int) -> int:
        """The sample at which it begins."""
        return self._starts[segment]

    def add(self, segment: int, audio: Audio, bookmark: Bookmark) -> None:
        """Keep a piece of it, behind which the bookmark is. Raises `InvalidInputError` on a full disk."""
        self._append(segment, audio.to_int16(), {"bookmark": dataclasses.asdict(bookmark)})

    def end(self, segment: int, pause: float) -> None:
        """It is over, and a pause of so many seconds follows."""
        self._append(segment, np.zeros(round(pause * self.rate), np.int16), {})

    def _append(self, segment: int, samples: npt.NDArray[np.int16], more: dict[str, Any]) -> None:
        try:
            start = self._starts.get(segment, self.samples)
            self._sound.write(samples.astype("<i2").tobytes())
            self._sound.flush()
            os.fsync(self._sound.fileno())
            entry = {"segment": segment, "start": start, "samples": self.samples + len(samples), **more}
            self._write(entry)
            self._take(entry)
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def blocks(self, start: int, end: int) -> Iterator[npt.NDArray[np.float32]]:
        """The samples from `start` to `end`, float32 [n] each, as they were kept."""
        with (self.folder / "speech.pcm").open("rb") as file:
            file.seek(2 * start)
            for at in range(start, end, _BLOCK):
                block = np.frombuffer(file.read(2 * min(_BLOCK, end - at)), "<i2")
                yield block.astype(np.float32) / np.float32(32767)

    def remove(self) -> None:
        """It is finished, or nothing came of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _lock(file: Any, folder: Path) -> None:
    """Keep other processes from the same work; the lock goes with the process. Not on Windows."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InvalidInputError(f"another process works on {folder}: wait for it, or end it") from error

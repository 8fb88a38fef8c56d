"""A spoken book as a file with chapters (M4B, by PyAV), or as a folder with a file for each."""

from __future__ import annotations

import importlib.util
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..audio.audio import FORMATS
from ..audio.loudness import LoudnessMeter
from ..audio.speech_file import Disk
from ..base.files import write_atomic
from ..base.output import OutputFile, cannot_write
from ..errors import InvalidInputError

if TYPE_CHECKING:
    from ..audio.provenance import Provenance
    from .chapters import Book
    from .unfinished import Unfinished

__all__ = ["BOOK_SUFFIXES", "Mark", "check_book_output", "gain_for", "write_book"]

BOOK_SUFFIXES = (".m4b", ".m4a")
_BIT_RATE = 64_000
_PEAK = 10 ** (-1 / 20)
"""No sample is louder: 1 dB below full scale."""
_PICTURES = {b"\xff\xd8\xff": ("jpeg_pipe", ".jpg"), b"\x89PNG": ("png_pipe", ".png")}
_UNFIT = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')
_MOST_NAME = 160  # bytes


@dataclass(frozen=True)
class Mark:
    """Where a chapter is, in samples."""

    title: str
    start: int
    end: int


def check_book_output(output: Path, *, folder: bool, chapter_format: str) -> None:
    """Raise `InvalidInputError` for what cannot be written, before hours are spent on it."""
    if folder:
        if chapter_format not in FORMATS:
            raise InvalidInputError(f"cannot write {chapter_format}: choose one of {', '.join(FORMATS)}")
        if output.exists() and not output.is_dir():
            raise InvalidInputError(f"cannot write into {output}: it is a file, name a folder")
        if not output.absolute().parent.is_dir():
            raise InvalidInputError(f"there is no folder {output.absolute().parent}, make it first")
        return
    OutputFile(output)
    if importlib.util.find_spec("av") is None:
        raise InvalidInputError(
            f"{output.suffix} is written by PyAV: pip install 'loquor[audio]', or name a folder for a file "
            "for each chapter"
        )
    import av

    if not hasattr(av.container.OutputContainer, "set_chapters"):
        raise InvalidInputError(
            f"PyAV {av.__version__} writes no chapters: pip install --upgrade 'loquor[audio]'"
        )


def gain_for(work: Unfinished, loudness: float | None) -> tuple[float, float]:
    """Return the factor that brings the speech to `loudness` in LUFS, and what it then has.

    Less, where a sample would be louder than 1 dB below full scale. None: 1, and NaN.
    """
    if loudness is None:
        return 1.0, math.nan
    meter, peak = LoudnessMeter(work.rate), 0.0
    for block in work.blocks(0, work.samples):
        meter.add(block)
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    seen = meter.integrated()
    if not math.isfinite(seen) or not peak:
        return 1.0, seen
    gain = min(10 ** ((loudness - seen) / 20), _PEAK / peak)
    return gain, seen + 20 * math.log10(gain)


def write_book(
    output: Path,
    book: Book,
    marks: Sequence[Mark],
    work: Unfinished,
    *,
    folder: bool,
    chapter_format: str,
    gain: float,
    provenance: Provenance | None,
) -> None:
    """Write it: each file gets its name when it is whole. Raises `InvalidInputError`."""
    if folder:
        _write_folder(output, book, marks, work, chapter_format, gain, provenance)
        return
    file = OutputFile(output)
    try:
        with io.BufferedWriter(file.open()) as out:
            _write_m4b(out, book, marks, work, gain, provenance)
        file.commit()
    except OSError as error:
        raise cannot_write(output, error) from error
    finally:
        file.discard()


# --- One file ---


def _write_m4b(
    out: Any,
    book: Book,
    marks: Sequence[Mark],
    work: Unfinished,
    gain: float,
    provenance: Provenance | None,
) -> None:
    import av

    rate = work.rate
    with av.open(out, "w", format="mp4") as container:  # "ipod", which M4A is called, takes no picture
        stream: Any = container.add_stream("aac", rate=rate, layout="mono")
        stream.bit_rate = _BIT_RATE
        tags = {"title": book.title, "album": book.title, "artist": book.author, "genre": "Audiobook"}
        tags["comment"] = str(provenance) if provenance else ""
        container.metadata.update({name: text for name, text in tags.items() if text})
        container.set_chapters(
            [
                {
                    "id": number,
                    "start": mark.start,
                    "end": mark.end,
                    "time_base": Fraction(1, rate),
                    "metadata": {"title": mark.title},
                }
                for number, mark in enumerate(marks)
            ]
        )
        _add_cover(container, book.cover)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        at = 0
        for block in work.blocks(0, work.samples):
            frame = av.AudioFrame.from_ndarray(
                np.float32(gain) * block[np.newaxis], format="flt", layout="mono"
            )
            frame.sample_rate, frame.pts = rate, at
            at += len(block)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))


def _add_cover(container: Any, cover: bytes) -> None:
    import av
    from av.stream import Disposition

    kind = _picture_of(cover)
    if kind is None:
        return
    source: Any = av.open(io.BytesIO(cover), format=kind[0])
    with source:
        picture = source.streams.video[0]
        stream = container.add_stream_from_template(picture)
        stream.disposition = Disposition.attached_pic
        packet = next(source.demux(picture))
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        container.mux(packet)


def _picture_of(cover: bytes) -> tuple[str, str] | None:
    return next((kind for head, kind in _PICTURES.items() if cover.startswith(head)), None)


# --- A file for each chapter ---


def _write_folder(
    output: Path,
    book: Book,
    marks: Sequence[Mark],
    work: Unfinished,
    chapter_format: str,
    gain: float,
    provenance: Provenance | None,
) -> None:
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(output, error) from error
    digits = max(2, len(str(len(marks))))
    for number, mark in enumerate(marks, 1):
        name = f"{number:0{digits}d} {_fit(mark.title)}".strip()
        _write_chapter(
            output / f"{name}.{chapter_format}",
            {
                "title": mark.title,
                "album": book.title,
                "artist": book.author,
                "tracknumber": str(number),
                "comment": str(provenance) if provenance else "",
            },
            mark,
            work,
            gain,
        )
    if (kind := _picture_of(book.cover)) is not None:
        write_atomic(output / f"cover{kind[1]}", book.cover)


def _fit(title: str) -> str:
    """What of it may be part of a file's name, on any disk."""
    fit = _UNFIT.sub(" ", title).strip(" .")
    return fit.encode()[:_MOST_NAME].decode(errors="ignore").strip(" .")


def _write_chapter(path: Path, tags: dict[str, str], mark: Mark, work: Unfinished, gain: float) -> None:
    import soundfile  # type: ignore[import-untyped]

    file = OutputFile(path)
    try:
        with (
            file.open() as opened,
            soundfile.SoundFile(
                disk := Disk(opened), "w", work.rate, channels=1, format=path.suffix[1:].upper()
            ) as sound,
        ):
            for tag, text in tags.items():
                if text:
                    setattr(sound, tag, text)
            for block in work.blocks(mark.start, mark.end):
                sound.write(np.float32(gain) * block)
        if disk.error is not None:
            raise disk.error
        file.commit()
    except (OSError, soundfile.SoundFileError) as error:
        raise cannot_write(path, error) from error
    finally:
        file.discard()

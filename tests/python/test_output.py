"""Files that we write: named when whole, links and permissions kept, and what was refused in a sentence."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from loquor import Audio, InvalidInputError, Mark, Metrics, Voice
from loquor.audio.speech_file import SpeechFile, partial_name
from loquor.base.files import write_atomic
from loquor.voice.voice import Fingerprint

needs_posix = pytest.mark.skipif(os.name != "posix", reason="links and permissions as on POSIX")

RATE = 24_000


def audio(seconds: float = 0.1) -> Audio:
    samples = np.linspace(-0.5, 0.5, int(seconds * RATE), dtype=np.float32)
    return Audio(samples, RATE, Metrics(*[0] * 8), marks=(Mark("Hello.", 0, seconds),))


def spoken(path: Path, *, srt: Path | None = None, seconds: float = 0.1) -> None:
    with SpeechFile(path, srt=srt) as out:
        out.write(audio(seconds))
        out.finish()


def interrupted(path: Path, seconds: float = 0.1, srt: Path | None = None) -> None:
    with pytest.raises(KeyboardInterrupt), SpeechFile(path, srt=srt) as out:
        out.write(audio(seconds))
        raise KeyboardInterrupt


def voice() -> Voice:
    features, frames = np.ones((2, 2), np.float32), np.ones((4, 2), np.float32)
    made_by = Fingerprint("0" * 64, "0" * 64, "fp32")
    return Voice(features, np.ones(2, np.int64), np.ones(2, np.float32), frames, made_by)


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "audio": ("out.wav", lambda path: audio().save(path)),
    "speech": ("out.wav", spoken),
    "subtitles": ("out.srt", lambda path: spoken(path.with_name("sound.wav"), srt=path)),
    "voice": ("out.safetensors", lambda path: voice().save(path)),
    "bytes": ("out.json", lambda path: write_atomic(path, b"{}")),
}
each_writer = pytest.mark.parametrize(("name", "write"), WRITERS.values(), ids=WRITERS)


@contextmanager
def umask(bits: int) -> Iterator[None]:
    before = os.umask(bits)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@needs_posix
@each_writer
def test_a_link_stays_and_its_file_keeps_its_mode(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    (tmp_path / "shelf").mkdir()
    file, link = tmp_path / "shelf" / f"real{Path(name).suffix}", tmp_path / name
    file.write_bytes(b"old")
    file.chmod(0o640)
    link.symlink_to(file)
    write(link)
    assert link.is_symlink() and file.read_bytes() != b"old" and mode(file) == 0o640
    file.unlink()
    with umask(0o027):
        write(link)  # which leads to no file yet
    assert link.is_symlink() and mode(file) == 0o640
    assert [path.name for path in (tmp_path / "shelf").iterdir()] == [file.name]


@needs_posix
@each_writer
def test_a_read_only_file_is_refused(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    path = tmp_path / name
    path.write_bytes(b"mine")
    path.chmod(0o444)  # root could replace it all the same
    with pytest.raises(InvalidInputError, match="it is read-only"):
        write(path)
    assert path.read_bytes() == b"mine" and mode(path) == 0o444
    assert list(tmp_path.iterdir()) == [path]


@needs_posix
@each_writer
def test_a_new_file_goes_by_the_umask(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    with umask(0o007):
        write(tmp_path / name)
    assert mode(tmp_path / name) == 0o660


@each_writer
def test_a_long_name_is_a_sentence(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    with pytest.raises(InvalidInputError, match="name is too long"):
        write(tmp_path / ("n" * 300 + Path(name).suffix))
    assert list(tmp_path.iterdir()) == []


@needs_posix
@each_writer
def test_links_that_lead_nowhere(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    path = tmp_path / name
    path.symlink_to(path)
    with pytest.raises(InvalidInputError, match="leads round in a circle"):
        write(path)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere" / name)
    with pytest.raises(InvalidInputError, match=r"there is no folder .*nowhere"):
        write(path)
    path.unlink()
    path.symlink_to("/dev/null")
    with pytest.raises(InvalidInputError, match="not a regular file"):
        write(path)
    assert list(tmp_path.iterdir()) == [path]


@each_writer
def test_a_change_of_folder_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, write: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path(name))
    assert (tmp_path / name).is_file()


def test_speech_goes_where_it_was_sent_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with SpeechFile("out.wav") as out:
        monkeypatch.chdir(tmp_path / "elsewhere")
        out.write(audio())
        out.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "out.wav"]


def test_what_was_kept_is_never_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, srt, users = tmp_path / "book.wav", tmp_path / "book.srt", tmp_path / "book.partial-2.srt"
    interrupted(path, 2, srt)
    users.write_text("the user's")
    interrupted(path, 1, srt)
    first, third = tmp_path / "book.partial.wav", tmp_path / "book.partial-3.wav"
    assert soundfile.info(first).duration == 2 and soundfile.info(third).duration == 1
    assert users.read_text() == "the user's"
    assert (tmp_path / "book.partial-3.srt").is_file()
    assert "book.partial-3.wav" in caplog.text
    caplog.clear()
    spoken(path, srt=srt)
    assert first.is_file() and path.is_file()
    ((_, level, text),) = caplog.record_tuples
    assert level == logging.WARNING and str(first) in text and "may go" in text
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".tmp"]


def test_speech_is_kept_when_its_name_is_taken_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "book.wav"
    with pytest.raises(InvalidInputError, match="cannot write"), SpeechFile(path) as out:
        out.write(audio())
        out.finish()
        path.mkdir()
    assert soundfile.info(tmp_path / "book.partial.wav").frames == 2400


def test_names_of_what_is_kept() -> None:
    assert partial_name(Path("a/book.wav")) == Path("a/book.partial.wav")
    assert partial_name(Path("a/book.wav"), 3) == Path("a/book.partial-3.wav")
    long = partial_name(Path("\u4f60" * 83 + ".wav"), 12)
    assert long.name.endswith("\u4f60.partial-12.wav") and 250 < len(os.fsencode(long.name)) <= 255


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that gets full, but for everybody: also root, and wherever the tests run."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@needs_posix
@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3"])
def test_a_disk_that_gets_full_is_named_and_what_fits_is_kept(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 3 * RATE).astype(np.float32)
    piece = Audio(noise, RATE, Metrics(*[0] * 8))
    with files_of_at_most(10_000 if format in ("ogg", "mp3") else 100_000):
        with pytest.raises(InvalidInputError, match=r"cannot write .*: the file may not grow any further"):
            piece.save(path)
        assert list(tmp_path.iterdir()) == []
        with (
            pytest.raises(InvalidInputError, match=r"cannot write .*: the file may not grow any further"),
            SpeechFile(path) as out,
        ):
            for _ in range(20):
                out.write(piece)
            out.finish()
    assert [file.name for file in tmp_path.iterdir()] == [f"out.partial.{format}"]
    kept, _ = soundfile.read(tmp_path / f"out.partial.{format}", frames=RATE)  # behind it flac breaks off
    assert kept.size > RATE / 4

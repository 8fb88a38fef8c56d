"""The result of a request: its checks, its figures, and saving that leaves nothing half done."""

from __future__ import annotations

import dataclasses
import io
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from loquor.audio.audio import Audio, Metrics, pcm16, write_wav_stream
from loquor.audio.subtitles import Mark
from loquor.errors import InvalidInputError, RequestCancelledError
from loquor.speech.chunk import Chunk

RATE = 24_000
METRICS = Metrics(
    text_tokens=12,
    prompt_length=389,
    speech_tokens=50,
    prefill_seconds=0.5,
    steps_seconds=2.0,
    decoder_seconds=1.0,
    total_seconds=4.0,
    audio_seconds=2.0,
)


def tone(seconds: float = 0.5, rate: int = RATE) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return Audio((0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), rate, METRICS, ("careful",))


def test_figures() -> None:
    assert METRICS.rtf == 2.0 and METRICS.tokens_per_second == 25.0
    nothing = dataclasses.replace(METRICS, audio_seconds=0.0, steps_seconds=0.0)
    assert math.isnan(nothing.rtf) and math.isnan(nothing.tokens_per_second)
    assert tone(0.5).seconds == 0.5
    with pytest.raises(dataclasses.FrozenInstanceError):
        METRICS.text_tokens = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "samples",
    [np.zeros(4), np.zeros(4, np.int16), np.zeros((4, 1), np.float32), np.float32(0), [0.0, 0.0], None],
)
def test_samples_must_be_a_float32_vector(samples: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"float32 array of shape \[n\], not \w"):
        Audio(samples, RATE, METRICS)


@pytest.mark.parametrize("rate", [0, -1, 24_000.0, "24000", True, None])
def test_the_rate_must_be_a_positive_integer(rate: Any) -> None:
    with pytest.raises(InvalidInputError, match="sample_rate"):
        Audio(np.zeros(4, np.float32), rate, METRICS)


@pytest.mark.parametrize(
    ("extension", "subtype", "tolerance"),
    [
        ("wav", "PCM_16", 4e-5),
        ("flac", "PCM_16", 4e-5),
        ("ogg", "VORBIS", 0.05),
        ("MP3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_each_format_comes_back(tmp_path: Path, extension: str, subtype: str, tolerance: float) -> None:
    audio = tone(2.5)
    path = tmp_path / f"speech.{extension}"
    audio.save(str(path))
    with soundfile.SoundFile(path) as file:
        assert (file.samplerate, file.channels, file.subtype) == (RATE, 1, subtype)
        assert file.format == ("MP3" if extension == "MP3" else extension.upper())
        back = file.read(dtype="float32")
    # A lossy codec may add its delay at the ends.
    assert abs(len(back) - len(audio.samples)) < (1 if tolerance < 1e-3 else 3000)
    middle = slice(6000, 54000)
    assert np.abs(back[middle] - audio.samples[middle]).max() < tolerance
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_format_and_subtype_win_over_the_extension(tmp_path: Path) -> None:
    path = tmp_path / "speech.part"
    tone().save(path, format="flac", subtype="PCM_24")
    assert soundfile.info(path).format == "FLAC" and soundfile.info(path).subtype == "PCM_24"


def test_a_file_object_gets_the_same_bytes_without_seeking(tmp_path: Path) -> None:
    tone().save(tmp_path / "speech.wav", subtype="FLOAT")
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as source, ThreadPoolExecutor(1) as pool:
        read = pool.submit(source.read)  # a pipe holds 64 KB here, and 4 KB elsewhere
        with os.fdopen(writer, "wb") as sink:
            tone(0.1).save(sink, format="wav")
        piped = read.result()
    buffer = io.BytesIO()
    tone(0.1).save(buffer, format="wav")
    assert piped == buffer.getvalue() != b""
    with pytest.raises(InvalidInputError, match="name the format"):
        tone().save(buffer)


@pytest.mark.parametrize("name", ["speech.aiff", "speech", "speech.wav.txt", ".wav"])
def test_an_unknown_extension_names_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="wav, flac, ogg, mp3"):
        tone().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rate", "format", "subtype"),
    [(RATE, "mp3", "PCM_16"), (RATE, "wav", "NONSENSE"), (RATE, "wav", 7), (24_001, "mp3", None)],
)
def test_what_a_format_cannot_hold_is_refused(rate: int, format: str, subtype: Any, tmp_path: Path) -> None:
    path = tmp_path / "speech.out"
    path.write_bytes(b"before")
    with pytest.raises(InvalidInputError, match=f"cannot encode {rate} Hz audio as {format}"):
        tone(rate=rate).save(path, format=format, subtype=subtype)
    assert path.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_neither_saved_nor_converted(tmp_path: Path, value: float) -> None:
    audio = tone()
    audio.samples[7] = value
    with pytest.raises(InvalidInputError, match="not finite"):
        audio.save(tmp_path / "speech.wav")
    with pytest.raises(InvalidInputError, match="not finite"):
        audio.to_int16()
    assert not list(tmp_path.iterdir())


def test_empty_audio_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="without a single sample"):
        tone(0).save(tmp_path / "speech.flac")
    assert tone(0)._repr_html_() == "<em>no audio</em>"


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"there is no folder .*missing"):
        tone().save(tmp_path / "missing" / "speech.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(InvalidInputError, match="not a regular file"):
        tone().save(tmp_path / "folder.wav")
    with pytest.raises(InvalidInputError, match="cannot write"):
        tone().save(tmp_path / "a\0b.wav")
    with pytest.raises(InvalidInputError, match="cannot write"):
        tone().save(tmp_path / f"{'long' * 100}.wav")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.wav"]


def test_a_failed_replacement_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(b"before")

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InvalidInputError, match="Permission denied"):
        tone().save(path)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_umask_counts(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        tone().save(tmp_path / "speech.wav")
    finally:
        os.umask(before)
    assert (tmp_path / "speech.wav").stat().st_mode & 0o777 == 0o666 & ~umask


def test_int16_rounds_and_clips() -> None:
    samples = np.array([0, 1, -1, 0.5, 1.5, -1.5, 0.6 / 32767], np.float32)
    pcm = Audio(samples, RATE, METRICS).to_int16()
    assert pcm.dtype == np.int16
    assert pcm.tolist() == [0, 32767, -32767, 16384, 32767, -32767, 1]


def test_samples_beyond_full_scale_are_clipped_not_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    Audio(np.array([1.5, -1.5], np.float32), RATE, METRICS).save(path)
    assert soundfile.read(path, dtype="int16")[0].tolist() == [32767, -32768]


def test_a_notebook_gets_a_player() -> None:
    html = tone(0.1)._repr_html_()
    assert '<audio controls src="data:audio/wav;base64,UklGR' in html  # "RIFF"


# --- A stream ---


def test_a_wav_stream_is_written_chunk_by_chunk_and_whole_at_the_end(tmp_path: Path) -> None:
    parts = [np.linspace(-1.2, 1.2, n, dtype=np.float32) for n in (5, 0, 1000)]
    path, seen = tmp_path / "out.wav", []

    def chunks() -> Iterator[NDArray[np.float32]]:
        for part in parts:
            seen.append(path.stat().st_size)
            yield part

    with path.open("wb") as file:
        write_wav_stream(file, chunks(), 24_000, rewind=True)
    assert seen == [44, 44 + 10, 44 + 10]
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 24_000
    np.testing.assert_array_equal(samples, pcm16(np.concatenate(parts)))
    assert path.stat().st_size == 44 + 2 * 1005


def test_a_wav_stream_that_breaks_off_is_a_whole_file(tmp_path: Path) -> None:
    def chunks() -> Iterator[NDArray[np.float32]]:
        yield np.zeros(100, np.float32)
        raise RequestCancelledError("enough")

    path = tmp_path / "out.wav"
    with path.open("wb") as file, pytest.raises(RequestCancelledError):
        write_wav_stream(file, chunks(), 24_000, rewind=True)
    assert len(soundfile.read(path)[0]) == 100


def test_a_wav_stream_into_a_pipe_ends_where_it_ends() -> None:
    pipe = io.BytesIO()
    write_wav_stream(pipe, [np.ones(7, np.float32)], 16_000, rewind=False)
    header = pipe.getvalue()[:44]
    assert header[4:8] == header[40:44] == b"\xff\xff\xff\xff"
    assert len(pipe.getvalue()) == 44 + 14


def test_an_audio_is_an_array_of_its_samples() -> None:
    audio = tone(2.0)
    assert np.shares_memory(np.asarray(audio), audio.samples)
    assert not np.shares_memory(np.array(audio), audio.samples)
    doubled = np.asarray(audio, np.float64)
    assert doubled.dtype == np.float64 and doubled.shape == (48_000,)
    np.testing.assert_array_equal(np.concatenate([audio, audio])[48_000:], audio.samples)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        assert np.shares_memory(np.asarray(audio, copy=False), audio.samples)
        with pytest.raises(ValueError, match="copy"):
            np.asarray(audio, np.float64, copy=False)


def test_a_repr_is_one_short_line() -> None:
    assert repr(dataclasses.replace(tone(1.5), warnings=())) == "Audio(1.50 s at 24000 Hz)"
    warned = dataclasses.replace(tone(0), warnings=("a", "b"))
    assert repr(warned) == "Audio(0.00 s at 24000 Hz, 2 warnings)"
    chunk = Chunk.of(np.zeros(9, np.float32), (Mark(0.0, 0.5, "Hi."),))
    assert repr(chunk) == "Chunk(float32 [9], 1 word)"
    assert repr(chunk[2:]) == "Chunk(float32 [7], 0 words)"

"""Recordings as people have them: of telephones and browsers, cut off, under another name."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from loquor.audio.audio import write_wav_stream
from loquor.audio.recording import open_recording
from loquor.errors import InvalidInputError
from loquor.voice.reference_audio import load_reference

# name of the file, FFmpeg's container and codec, rate, channels
PHONES = [
    ("memo.m4a", "ipod", "aac", 48_000, "mono"),
    ("clip.mp4", "mp4", "aac", 44_100, "stereo"),
    ("stream.aac", "adts", "aac", 44_100, "stereo"),
    ("browser.webm", "webm", "libopus", 48_000, "mono"),
    ("browser.ogg", "ogg", "libopus", 48_000, "stereo"),
    ("old.3gp", "3gp", "aac", 16_000, "mono"),
    ("apple.m4a", "ipod", "alac", 44_100, "stereo"),
]


def tone(seconds: float = 6.0, rate: int = 24_000) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pitch(samples: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 24_000 / len(samples))


def encode(container: str, codec: str, rate: int, layout: str, seconds: float = 6.0) -> bytes:
    """A file as FFmpeg writes it."""
    av = pytest.importorskip("av", reason="PyAV (loquor[audio]) is not installed")
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = layout
        samples = np.tile(tone(seconds, rate), (stream.layout.nb_channels, 1))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate)
        frames = [*resampler.resample(frame), *resampler.resample(None)]
        for packet in [p for each in (*frames, None) for p in stream.encode(each)]:
            file.mux(packet)
    return out.getvalue()


def cut_off(warnings: Iterable[str]) -> bool:
    return any("is cut off, its header promises more" in text for text in warnings)


@pytest.mark.parametrize(("name", "container", "codec", "rate", "layout"), PHONES)
def test_recordings_of_telephones_and_browsers(
    name: str, container: str, codec: str, rate: int, layout: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(encode(container, codec, rate, layout))
    for source in (path, str(path), io.BytesIO(path.read_bytes())):
        reference = load_reference(source)
        assert reference.seconds == pytest.approx(6.0, abs=0.1)
        assert pitch(reference.samples) == pytest.approx(440, abs=0.5)
        assert not cut_off(reference.warnings)


@pytest.mark.parametrize("container", ["ipod", "adts"])
def test_a_file_is_known_by_its_content(container: str, tmp_path: Path) -> None:
    """libsndfile finds some seconds of "MP3" in them."""
    path = tmp_path / "renamed.mp3"
    path.write_bytes(encode(container, "aac", 44_100, "mono"))
    assert pitch(load_reference(path).samples) == pytest.approx(440, abs=0.5)


def test_an_mp3_with_junk_before_it_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "it.mp3").write_bytes(bytes(300) + sound("MP3"))
    assert pitch(load_reference(tmp_path / "it.mp3").samples) == pytest.approx(440, abs=0.5)


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode("ipod", "aac", 44_100, "mono")
    monkeypatch.setitem(sys.modules, "av", None)
    for name in ("memo.m4a", "memo.mp3"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(
            InvalidInputError,
            match=rf"cannot read '.*{name}' .*pip install 'loquor\[audio\]', which reads m4a",
        ):
            load_reference(tmp_path / name)
    (tmp_path / "text.wav").write_text("no recording")
    with pytest.raises(InvalidInputError, match=r"text\.wav.*or convert it to wav, flac, ogg or mp3"):
        load_reference(tmp_path / "text.wav")


def test_what_holds_no_sound_is_refused(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV (loquor[audio]) is not installed")
    silent = io.BytesIO()
    with av.open(silent, "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 16
        for packet in (*stream.encode(av.VideoFrame(16, 16, "yuv420p")), *stream.encode(None)):
            file.mux(packet)
    with pytest.raises(InvalidInputError, match="file object as a recording: it holds no sound"):
        load_reference(io.BytesIO(silent.getvalue()))
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nother.ts\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.m3u8").write_text(playlist)  # names other files: never followed
    with pytest.raises(InvalidInputError, match=r"list\.m3u8' as a recording .*FFmpeg"):
        load_reference(tmp_path / "list.m3u8")


def sound(format: str, seconds: float = 10.0) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, tone(seconds), 24_000, format=format)
    return out.getvalue()


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3", "AIFF", "OGG"])
def test_a_file_that_is_cut_off_is_warned_of(format: str) -> None:
    data = sound(format)
    assert not cut_off(load_reference(io.BytesIO(data)).warnings)
    reference = load_reference(io.BytesIO(data[: len(data) * 3 // 4]))
    assert cut_off(reference.warnings) and 1.0 < reference.seconds < 9.0


def test_an_ogg_file_without_its_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sound("OGG")
    for _ in "with", "without":
        with pytest.raises(InvalidInputError, match="holds no sound, or its end is missing"):
            load_reference(io.BytesIO(data[: len(data) // 2]))
        monkeypatch.setitem(sys.modules, "av", None)


def test_a_telephones_file_that_is_cut_off_is_warned_of_or_refused() -> None:
    webm = encode("webm", "libopus", 48_000, "mono")
    assert cut_off(load_reference(io.BytesIO(webm[: len(webm) // 2])).warnings)
    m4a = encode("ipod", "aac", 48_000, "mono")  # its index is at the end
    with pytest.raises(InvalidInputError, match="FFmpeg: "):
        load_reference(io.BytesIO(m4a[: len(m4a) // 2]))


def test_a_live_recording_is_not_cut_off() -> None:
    live = io.BytesIO()
    write_wav_stream(live, [tone()], 24_000, rewind=False)
    reference = load_reference(io.BytesIO(live.getvalue()))
    assert reference.seconds == 6.0 and not cut_off(reference.warnings)


@pytest.mark.parametrize("part", [1.0, 0.5])
def test_an_mp3_has_no_jumps_at_the_joins_of_its_blocks(tmp_path: Path, part: float) -> None:
    time = np.arange(20 * 44_100) / 44_100
    rising = (0.3 * np.sin(2 * np.pi * (200 + 40 * time) * time)).astype(np.float32)
    file = tmp_path / "it.mp3"
    soundfile.write(file, rising, 44_100)
    file.write_bytes(file.read_bytes()[: round(part * file.stat().st_size)])
    with open_recording(file) as recording:
        samples = np.concatenate([block[:, 0] for block in recording.blocks])
    at_once, _ = soundfile.read(file, dtype="float32")
    assert recording.cut_off == (part < 1) and len(samples) > part * 16 * 44_100
    assert np.array_equal(samples, at_once[: len(samples)])


@pytest.mark.parametrize("seconds", [1.0, 6.0, 6.3])
def test_flac_that_was_written_to_a_pipe_is_read_to_its_end(seconds: float) -> None:
    data = bytearray(sound("FLAC", seconds))
    data[21] &= 0xF0  # the 36 bits of STREAMINFO that tell how many samples there are
    data[22:26] = bytes(4)
    reference = load_reference(io.BytesIO(data))
    assert reference.seconds == seconds and not cut_off(reference.warnings)


def test_blocks_are_read_as_they_are_asked_for() -> None:
    asked: list[int] = []

    class File(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size or 0)
            return super().read(size)

    with open_recording(File(sound("WAV", 60))) as recording:
        asked.clear()
        assert len(next(recording.blocks)) == 24_000
        assert sum(asked) < 300_000


def test_an_error_of_the_reader_is_not_the_files(tmp_path: Path) -> None:
    """What the block's user raises goes through, whatever it is."""
    soundfile.write(tmp_path / "it.wav", tone(), 24_000)
    (tmp_path / "it.webm").write_bytes(encode("webm", "libopus", 48_000, "mono"))
    for name in ("it.wav", "it.webm"):
        for error in (TypeError("mine"), OSError("mine"), soundfile.LibsndfileError(1)):
            for source in (tmp_path / name, io.BytesIO((tmp_path / name).read_bytes())):
                with pytest.raises(type(error)) as caught, open_recording(source):
                    raise error
                assert caught.value is error


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_file_of_a_telephone_never_crashes(data: Any) -> None:
    name, *how = data.draw(st.sampled_from(PHONES))
    content = bytearray(_cached(*how))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    try:
        reference = load_reference(io.BytesIO(bytes(content[: data.draw(st.integers(0, len(content)))])))
    except InvalidInputError as error:
        assert len(str(error)) > 20
        return
    assert np.isfinite(reference.samples).all(), name


_made: dict[tuple[Any, ...], bytes] = {}


def _cached(*how: Any) -> bytes:
    if how not in _made:
        _made[how] = encode(*how, seconds=1.5)
    return _made[how]

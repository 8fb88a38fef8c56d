"""Recordings of a voice: any file or array becomes 24 kHz mono at -27 LUFS, or is refused with the reason."""

from __future__ import annotations

import io
import os
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clips import speech
from loquor.audio.loudness import LoudnessMeter
from loquor.errors import InvalidInputError
from loquor.voice.reference_audio import load_reference


def tone(
    seconds: float = 6.0, rate: int = 24_000, amplitude: float = 0.3, hertz: float = 440.0
) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def loudness(samples: np.ndarray) -> float:
    return float(pyloudnorm.Meter(24_000).integrated_loudness(samples))


def pitch(samples: np.ndarray) -> float:
    """The strongest frequency of 24 kHz samples."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * 24_000 / len(samples))


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 192_000])
def test_any_rate_becomes_24_khz_of_the_same_pitch_and_length(rate: int) -> None:
    reference = load_reference((tone(rate=rate), rate))
    assert reference.samples.dtype == np.float32 and reference.samples.shape == (6 * 24_000,)
    assert reference.seconds == 6.0
    assert pitch(reference.samples) == pytest.approx(440, abs=0.5)
    warnings = load_reference((speech(rate=rate), rate)).warnings
    assert len(warnings) == (1 if rate < 16_000 else 0)


def test_resampling_does_not_fold_high_tones_back() -> None:
    low, high = tone(rate=48_000), tone(rate=48_000, hertz=20_000)
    mixed = load_reference((low + high, 48_000), norm_loudness=False).samples
    alone = load_reference((low, 48_000), norm_loudness=False).samples
    assert np.abs(mixed - alone)[1000:-1000].max() < 1e-3


@pytest.mark.parametrize("amplitude", [0.01, 0.3, 0.9])
def test_loudness_becomes_minus_27_lufs(amplitude: float) -> None:
    samples = tone(amplitude=amplitude)
    assert loudness(load_reference((samples, 24_000)).samples) == pytest.approx(-27, abs=0.05)
    np.testing.assert_array_equal(load_reference((samples, 24_000), norm_loudness=False).samples, samples)


def test_channels_are_averaged() -> None:
    left, right = tone(hertz=300), tone(hertz=500, amplitude=0.1)
    both = load_reference((np.stack([left, right], axis=1), 24_000), norm_loudness=False)
    np.testing.assert_allclose(both.samples, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize(
    "dtype", ["int16", ">i2", "int32", "uint8", "float16", "float64", "longdouble", ">f4"]
)
def test_each_dtype_has_its_scale(dtype: str) -> None:
    samples = tone(1.0)
    scale, offset = {"i2": (32768, 0), "i4": (2.0**31, 0), "u1": (128, 128)}.get(
        np.dtype(dtype).str[1:], (1, 0)
    )
    given_samples = samples.astype(np.float64) * scale + offset
    array = given_samples.astype(dtype) if scale == 1 else np.round(given_samples).astype(dtype)
    result = load_reference((array, 24_000), norm_loudness=False).samples
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, samples, atol=1 / 256 + 1e-4 if dtype == "uint8" else 2e-4)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint16", "uint32", "int64", "bool", "complex64", "U1", "object", "M8[s]"]
)
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(InvalidInputError, match=r"samples have dtype .*int16"):
        load_reference((np.zeros(48_000, dtype), 24_000))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((), r"\[n\] or \[n, channels\]"),
        ((1, 48_000, 1), r"\[n\] or \[n, channels\]"),
        ((2, 48_000), "transpose"),
        ((48_000, 9), "transpose"),
        ((48_000, 0), "0 channels"),
        ((0,), r"lasts 0\.00 s"),
        ((0, 2), r"lasts 0\.00 s"),
    ],
)
def test_other_shapes_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        load_reference((np.zeros(shape, np.float32), 24_000))


@pytest.mark.parametrize("rate", [0, -24_000, 7_999, 192_001, 10**12, 24_000.0, "24000", None, True, np.nan])
def test_absurd_rates_are_refused(rate: Any) -> None:
    with pytest.raises(InvalidInputError, match="8000 to 192000 Hz"):
        load_reference((tone(), rate))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(value: float) -> None:
    samples = tone()
    samples[1234] = value
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        load_reference((samples, 24_000))


def test_integers_cast_to_float_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"peaks at 9830.*integer PCM"):
        load_reference((tone() * 32768, 24_000))
    with pytest.raises(InvalidInputError, match="peaks at 1e\\+300"):
        load_reference((np.full(48_000, 1e300), 24_000))


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(48_000, np.float32),
        np.full(48_000, 128, np.uint8),
        tone(amplitude=0.0009),
        np.eye(1, 48_000, dtype=np.float32)[0] * 0.01,  # one click: the peak is fine, the mean is not
        np.zeros((48_000, 2), np.float32),
    ],
    ids=["zeros", "uint8 middle", "faint", "click", "two channels"],
)
def test_silence_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match=r"is silent .*record the voice louder"):
        load_reference((samples, 24_000))


def test_channels_that_cancel_each_other_are_told() -> None:
    voice = speech(6.0)
    with pytest.raises(InvalidInputError, match="they cancel each other: give one of the channels alone"):
        load_reference((np.stack([voice, -voice], axis=1), 24_000))
    nearly = load_reference((np.stack([voice, -0.95 * voice], axis=1), 24_000)).warnings
    assert "the channels of the array cancel each other, their mean is 32 dB below the loudest: " in nearly[0]
    one_of_eight = np.zeros((len(voice), 8), np.float32)
    one_of_eight[:, 3] = voice
    for samples in (one_of_eight, np.stack([voice, -0.5 * voice], axis=1)):
        assert not [text for text in load_reference((samples, 24_000)).warnings if "cancel" in text]


def test_too_short_is_refused_and_short_is_warned_of() -> None:
    with pytest.raises(InvalidInputError, match=r"lasts 0\.99 s, at least 1"):
        load_reference((tone(0.99), 24_000))
    assert any("5 s or more" in warning for warning in load_reference((tone(1.0), 24_000)).warnings)
    assert load_reference((speech(5.0), 24_000)).warnings == ()


def test_clipping_is_warned_of() -> None:
    clipped = np.clip(tone(amplitude=2.0), -1, 1)
    assert any("clipped" in warning for warning in load_reference((clipped, 24_000)).warnings)
    pcm = np.clip(tone(amplitude=2.0) * 32768, -32768, 32767).astype(np.int16)
    assert any("clipped" in warning for warning in load_reference((pcm, 24_000)).warnings)


def test_a_long_array_is_cut() -> None:
    samples = speech(16, 48_000)
    reference = load_reference((samples, 48_000))
    assert reference.samples.shape == (15 * 24_000,) and reference.seconds == 15.0
    assert reference.warnings == ("the array is longer than 15 s: only its first 15 s are used",)
    assert load_reference((speech(15), 24_000)).warnings == ()
    samples[-1] = np.nan
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        load_reference((samples, 48_000))


def upstream(samples: np.ndarray, rate: int) -> np.ndarray:
    """What tts_turbo.py makes of a clip: resampled, its loudness as a whole, then its first 15 s."""
    resampled = soxr.resample(samples, rate, 24_000, quality="HQ")
    gain = 10 ** ((-27 - loudness(resampled)) / 20)
    return (resampled * gain)[: 15 * 24_000]


@pytest.mark.parametrize("seconds", [6, 15, 40])
def test_the_steps_are_upstreams(seconds: int) -> None:
    samples = speech(seconds, 44_100) * np.linspace(1, 0.2, seconds * 44_100, dtype=np.float32)
    reference = load_reference((samples, 44_100))
    np.testing.assert_allclose(reference.samples, upstream(samples, 44_100), atol=2e-6)


@settings(deadline=None, max_examples=60)
@given(seconds=st.floats(0.4, 4), steps=st.lists(st.integers(1, 30_000), max_size=5), seed=st.integers(0, 99))
@example(seconds=0.75, steps=[], seed=0)
def test_loudness_is_pyloudnorms_however_the_recording_is_cut(
    seconds: float, steps: list[int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    samples = random.standard_normal(round(seconds * 24_000)).astype(np.float32)
    samples *= 10 ** np.interp(np.arange(len(samples)), np.arange(5) * 24_000, random.uniform(-4, 0, 5))
    meter = LoudnessMeter(24_000)
    for part in np.split(samples, np.cumsum(steps)):
        meter.add(part)
    expected = loudness(samples.astype(np.float64))
    assert meter.integrated() == pytest.approx(expected, abs=1e-6) or expected < -69.9
    assert len(meter.levels()) == len(samples) // 480


@pytest.mark.parametrize("silence", [2.0, 12.0, 20.0, 60.0])
@pytest.mark.parametrize("level", [0.0, 1e-3])
def test_silence_before_the_voice_is_left_out(silence: float, level: float) -> None:
    voice = speech(20.0)
    lead = level * np.random.default_rng(1).standard_normal(round(silence * 24_000))
    clip = np.concatenate([lead.astype(np.float32), voice])
    reference, alone = load_reference((clip, 24_000)), load_reference((voice, 24_000))
    assert reference.seconds == 15.0
    skipped = float(re.findall(r"begins with ([\d.]+) s of silence", reference.warnings[0])[0])
    assert reference.warnings[1:] == alone.warnings
    assert silence - 0.3 <= skipped <= silence + 0.3  # the voice's recording has a pause of its own
    kept, piece = reference.samples[:48_000], alone.samples[24_000:27_000]
    found = np.correlate(kept, piece, "valid").argmax() / 24_000
    assert found - 1.0 == pytest.approx(silence - skipped, abs=0.06)


@pytest.mark.parametrize("level", [0.0, 3e-4])
@pytest.mark.parametrize(
    ("before", "silence", "after", "told"), [(5, 9, 0, 9), (4, 6, 4, 6), (3, 10, 5, 10), (9, 20, 5, 6)]
)
def test_silence_within_and_behind_the_voice_is_told(
    before: float, silence: float, after: float, told: float, level: float
) -> None:
    voice = speech(before + after)
    middle = level * np.random.default_rng(1).standard_normal(round(silence * 24_000))
    parts = [voice[: round(before * 24_000)], middle.astype(np.float32), voice[round(before * 24_000) :]]
    found = load_reference((np.concatenate(parts), 24_000)).warnings
    (silent,) = [text for text in found if "of silence" in text]
    seconds = re.findall(r"^the array holds ([\d.]+) s of silence: ", silent)
    assert float(seconds[0]) == pytest.approx(told, abs=0.5)
    assert not [text for text in found if "sound" in text]
    assert load_reference((voice, 24_000)).warnings == ()


def test_a_pause_or_a_click_at_the_start_is_no_silence_to_leave_out() -> None:
    voice = speech(6.0)
    clip = np.concatenate([np.zeros(12_000, np.float32), voice])
    assert load_reference((clip, 24_000)).seconds == 6.5
    clicking = np.concatenate([np.zeros(96_000, np.float32), voice])
    clicking[[10, 30_000, 50_000]] = 0.8
    assert load_reference((clicking, 24_000)).seconds == pytest.approx(6.0, abs=0.4)
    late = np.concatenate([np.zeros(40 * 24_000, np.float32), voice[:12_000]])
    with pytest.raises(InvalidInputError, match=r"first 15 s of the array are silent, and what follows"):
        load_reference((late, 24_000))
    with pytest.raises(InvalidInputError, match=r"begins with 95 s of silence: cut them off"):
        load_reference((np.concatenate([np.zeros(95 * 24_000, np.float32), voice]), 24_000))


def test_a_very_quiet_recording_is_warned_of() -> None:
    quiet = load_reference((0.01 * speech(), 24_000)).warnings
    assert len(quiet) == 1 and re.search(r"very quiet \(-\d\d LUFS\).*closer to the microphone", quiet[0])


def test_unmeasurable_loudness_leaves_the_level() -> None:
    samples = tone(amplitude=0.002, hertz=10)  # below the meter's gate after its high-pass filter
    reference = load_reference((samples, 24_000))
    np.testing.assert_array_equal(reference.samples, samples)
    assert any("could not be measured" in warning for warning in reference.warnings)


def test_peaks_beyond_full_scale_stay_with_a_warning() -> None:
    samples = tone(amplitude=0.002)
    samples[24_000:24_010] = 0.9
    reference = load_reference((samples, 24_000))
    assert np.abs(reference.samples).max() > 1
    assert any("uneven" in warning for warning in reference.warnings)


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [
        ("wav", "PCM_16"),
        ("wav", "PCM_U8"),
        ("wav", "FLOAT"),
        ("wav", "DOUBLE"),
        ("flac", "PCM_24"),
        ("ogg", None),
        ("mp3", None),
    ],
)
def test_files_of_every_kind(tmp_path: Path, suffix: str, subtype: str | None) -> None:
    path = tmp_path / f"voice.{suffix}"
    stereo = np.stack([tone(rate=44_100), tone(rate=44_100)], axis=1)
    soundfile.write(path, stereo, 44_100, subtype=subtype)
    from_path, from_text = load_reference(path), load_reference(str(path))
    with path.open("rb") as file:
        from_file = load_reference(file)
    for reference in (from_path, from_text, from_file, load_reference(io.BytesIO(path.read_bytes()))):
        np.testing.assert_array_equal(reference.samples, from_path.samples)
        assert any("does not sound like speech" in warning for warning in reference.warnings)
    assert from_path.seconds == pytest.approx(6.0, abs=0.1)
    assert pitch(from_path.samples) == pytest.approx(440, abs=0.5)
    assert loudness(from_path.samples) == pytest.approx(-27, abs=0.05)


def test_of_a_long_file_only_the_start_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "half.wav"
    minute = tone(60, 8_000)
    with soundfile.SoundFile(path, "w", 8_000, 1) as file:
        for _ in range(30):
            file.write(minute)
    load_reference((tone(rate=8_000), 8_000))  # imports are not counted
    tracemalloc.start()
    reference = load_reference(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reference.seconds == 15.0 and any("longer than 15 s" in warning for warning in reference.warnings)
    assert peak < path.stat().st_size


def test_paths_that_hold_no_recording_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        load_reference(tmp_path / "missing.wav")
    with pytest.raises(InvalidInputError, match="is a folder"):
        load_reference(tmp_path)
    for path in ("a\0b.wav", tmp_path / ("long" * 100)):
        with pytest.raises(InvalidInputError, match="cannot read"):
            load_reference(path)
    (tmp_path / "text.wav").write_text("not a recording")
    (tmp_path / "empty.wav").write_bytes(b"")
    for name in ("text.wav", "empty.wav"):
        with pytest.raises(InvalidInputError, match=rf"cannot read '.*{name}' as a recording"):
            load_reference(tmp_path / name)


def test_a_file_with_many_channels_or_a_strange_rate_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "wide.wav", np.zeros((8_000, 12)), 8_000)
    with pytest.raises(InvalidInputError, match="12 channels"):
        load_reference(tmp_path / "wide.wav")
    soundfile.write(tmp_path / "slow.wav", tone(), 4_000)
    with pytest.raises(InvalidInputError, match=r"slow\.wav' is 4000: .*8000 to 192000"):
        load_reference(tmp_path / "slow.wav")


def test_a_float_file_with_nan_is_refused(tmp_path: Path) -> None:
    samples = tone()
    samples[9] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 24_000, subtype="FLOAT")
    with pytest.raises(InvalidInputError, match=r"nan\.wav' holds samples that are NaN"):
        load_reference(tmp_path / "nan.wav")


def test_file_objects_must_be_binary_readable_and_seekable(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    closed = io.BytesIO()
    closed.close()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe, (tmp_path / "out").open("wb") as out:
        for source in (io.StringIO("text"), pipe, out, closed):
            with pytest.raises(InvalidInputError, match="readable, binary and seekable"):
                load_reference(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", [None, 3, b"RIFF", tone(), (tone(),), (tone(), 24_000, 1), {"a": 1}])
def test_other_sources_are_refused(source: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"cannot read a recording from {type(source).__name__}"):
        load_reference(source)


def test_ragged_lists_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot make an array"):
        load_reference(([[1.0], [1.0, 2.0]], 24_000))  # type: ignore[arg-type]


@settings(deadline=None, max_examples=150)
@given(
    dtype=st.sampled_from(["f2", "f4", "f8", ">f8", "i2", ">i4", "u1", "i1", "i8", "?", "c8"]),
    frames=st.integers(0, 20_000),
    channels=st.none() | st.integers(0, 10),
    rate=st.one_of(st.integers(7_000, 20_000), st.integers(), st.sampled_from([8_000, 192_000])),
    level=st.floats(-1e5, 1e5) | st.floats(-1, 1) | st.sampled_from([np.nan, np.inf, -np.inf]),
    seed=st.integers(0, 9),
    transpose=st.booleans(),
)
def test_any_array_becomes_a_reference_or_is_refused(
    dtype: str, frames: int, channels: int | None, rate: int, level: float, seed: int, transpose: bool
) -> None:
    shape = (frames,) if channels is None else (frames, channels)
    noise = np.random.default_rng(seed).standard_normal(shape)
    with np.errstate(all="ignore"):
        array = (noise * level).astype(dtype)
    try:
        reference = load_reference((array.T if transpose else array, rate))
    except InvalidInputError as error:
        assert len(str(error)) > 20
        return
    assert reference.samples.dtype == np.float32 and reference.samples.ndim == 1
    assert np.isfinite(reference.samples).all()
    assert 1.0 <= reference.seconds <= 15.0 and round(reference.seconds * 24_000) == len(reference.samples)


@settings(deadline=None, max_examples=60)
@given(position=st.integers(0, 43), value=st.integers(0, 255), length=st.integers(0, 60_000))
def test_a_damaged_header_or_a_cut_file_never_crashes(position: int, value: int, length: int) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(1.2), 24_000, format="WAV")
    content = bytearray(buffer.getvalue()[:length])
    if position < len(content):
        content[position] = value
    try:
        reference = load_reference(io.BytesIO(bytes(content)))
    except InvalidInputError:
        return
    assert np.isfinite(reference.samples).all()

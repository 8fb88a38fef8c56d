"""Recordings made ready by the C ABI are what Python makes of them, with the same warnings and refusals."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import loquor
from clips import speech
from loquor import InvalidInputError
from loquor.base.runtime import find_library
from loquor.prepare import operators_library
from loquor.voice.reference_audio import load_reference

INVALID_INPUT, RUNTIME_MISSING = 2, 3
Frames = np.ndarray


class _Info(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("samples", ctypes.POINTER(ctypes.c_float)),
        ("sample_count", ctypes.c_size_t),
        ("warning_count", ctypes.c_size_t),
    )


class CoreError(Exception):
    """A call that did not return LOQUOR_OK: (status, sentence)."""


class Core:
    """libloquor by ctypes."""

    def __init__(self) -> None:
        self.core = ctypes.CDLL(str(operators_library()))
        self.core.loquor_last_error.restype = ctypes.c_char_p
        self.core.loquor_recording_warning.restype = ctypes.c_char_p

    def __call__(self, name: str, *arguments: object) -> None:
        status = getattr(self.core, f"loquor_{name}")(*arguments)
        if status != 0:
            raise CoreError(status, self.core.loquor_last_error().decode())

    def create(self, rate: int, channels: int) -> ctypes.c_void_p:
        recording = ctypes.c_void_p()
        self("recording_create", b"the array", rate, channels, ctypes.byref(recording))
        return recording

    def result(self, recording: ctypes.c_void_p) -> tuple[np.ndarray, tuple[str, ...]]:
        info = _Info(struct_size=ctypes.sizeof(_Info))
        try:
            self("recording_get_info", recording, ctypes.byref(info))
            samples = np.ctypeslib.as_array(info.samples, (info.sample_count,)).copy()
            said = (self.core.loquor_recording_warning(recording, at) for at in range(info.warning_count))
            assert self.core.loquor_recording_warning(recording, info.warning_count) is None
            return samples, tuple(text.decode() for text in said)
        finally:
            self.core.loquor_recording_destroy(recording)

    def prepare(
        self, frames: Frames, rate: int, keep_level: int = 0, steps: tuple[int, ...] = ()
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        frames = np.ascontiguousarray(frames[:, None] if frames.ndim == 1 else frames, np.float32)
        recording = self.create(rate, frames.shape[1])
        try:
            for part in np.split(frames, np.cumsum(steps)):
                pointer = part.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
                self("recording_add", recording, pointer, ctypes.c_size_t(len(part)))
            self("recording_finish", recording, keep_level)
        except CoreError:
            self.core.loquor_recording_destroy(recording)
            raise
        return self.result(recording)

    def open(self, path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
        recording = ctypes.c_void_p()
        self("recording_open", os.fsencode(path), 0, ctypes.byref(recording))
        return self.result(recording)


@pytest.fixture(scope="module")
def core() -> Core:
    found = Core()
    try:
        found.core.loquor_recording_destroy(found.create(48_000, 1))
    except CoreError as error:
        assert error.args[0] == RUNTIME_MISSING
        pytest.skip(f"{error.args[1]}")
    return found


def check_within_60_db(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    error = np.square(found.astype(np.float64) - expected).sum()
    assert error <= 1e-6 * np.square(expected.astype(np.float64)).sum()


def both(core: Core, frames: Frames, rate: int, steps: tuple[int, ...] = ()) -> tuple[str, ...]:
    """Compares core and Python; returns the warnings of both."""
    reference = load_reference((frames, rate))
    samples, warnings = core.prepare(frames, rate, steps=steps)
    check_within_60_db(samples, reference.samples)
    assert warnings == reference.warnings
    return warnings


@pytest.mark.parametrize(
    "rate", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]
)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_rate_and_channel_count_is_pythons(core: Core, rate: int, channels: int) -> None:
    mono = speech(6.0, rate)
    gains = np.linspace(1, 0.2, channels, dtype=np.float32)
    both(core, mono[:, None] * gains, rate, steps=(1, 7, 0, rate, 3 * rate + 1))


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * 24_000), np.float32)


def _noise(seconds: float, level: float) -> np.ndarray:
    return (level * np.random.default_rng(3).standard_normal(round(seconds * 24_000))).astype(np.float32)


TOLD: dict[str, Callable[[], Frames]] = {
    "longer than 15 s": lambda: speech(40.0),
    "s of silence, which are left out": lambda: np.concatenate([_silence(12), speech(9.0)]),
    "cut its pauses short": lambda: np.concatenate([speech(4.0), _silence(6), speech(4.0)]),
    "give 5 s or more": lambda: speech(3.2),
    "is clipped": lambda: np.clip(speech(6.0) * 30, -1, 1),
    "is very quiet": lambda: speech(6.0) * np.float32(8e-3),
    "its level is very uneven": lambda: np.append(speech(6.0) * np.float32(0.02), np.float32(0.9)),
    "does not sound like speech": lambda: _noise(6, 0.1),
    "holds hardly any sound": lambda: np.tile(np.append(_noise(0.02, 0.5), _noise(0.7, 1e-5)), 12),
    "cancel each other": lambda: np.stack([speech(6.0), -0.97 * speech(6.0)], axis=1),
}


@pytest.mark.parametrize("warning", TOLD)
def test_warnings_are_pythons(core: Core, warning: str) -> None:
    assert any(warning in text for text in both(core, TOLD[warning](), 24_000))


REFUSED: dict[str, tuple[Callable[[], Frames], int]] = {
    "lasts 0.50 s": (lambda: speech(0.5), 24_000),
    "is silent": (lambda: _silence(3) + np.float32(1e-6), 24_000),
    "lasts 0.00 s": (lambda: _silence(0), 24_000),
    "first 15 s of the array are silent": (
        lambda: np.concatenate([_silence(40), speech(0.4)]),
        24_000,
    ),
    "s of silence: cut them off": (lambda: np.concatenate([_silence(95), speech(6.0)]), 24_000),
    "NaN or infinite": (lambda: np.append(speech(6.0), np.float32(np.nan)), 24_000),
    "peaks at 16384": (lambda: np.append(speech(6.0), np.float32(16_384)), 48_000),
    "give one of the channels alone": (lambda: np.stack([speech(6.0), -speech(6.0)], axis=1), 24_000),
    "is 7000: it must be an integer": (lambda: speech(6.0), 7_000),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_refusals_are_pythons(core: Core, problem: str) -> None:
    make, rate = REFUSED[problem]
    with pytest.raises(InvalidInputError) as python:
        load_reference((make(), rate))
    with pytest.raises(CoreError) as raised:
        core.prepare(make(), rate)
    assert raised.value.args == (INVALID_INPUT, str(python.value))
    assert problem in str(python.value)


def test_the_level_may_be_kept(core: Core) -> None:
    clip = speech(6.0, 44_100)
    expected = load_reference((clip, 44_100), norm_loudness=False)
    samples, _ = core.prepare(clip, 44_100, keep_level=1)
    np.testing.assert_allclose(samples, expected.samples, atol=1e-6)


def test_a_recording_is_finished_once(core: Core) -> None:
    recording = core.create(24_000, 1)
    info = _Info(struct_size=ctypes.sizeof(_Info))
    with pytest.raises(CoreError, match="not finished"):
        core("recording_get_info", recording, ctypes.byref(info))
    with pytest.raises(CoreError, match=r"lasts 0\.00 s"):
        core("recording_finish", recording, 0)
    for call in (("recording_finish", recording, 0), ("recording_add", recording, None, ctypes.c_size_t(0))):
        with pytest.raises(CoreError, match="is finished: create another"):
            core(*call)
    core.core.loquor_recording_destroy(recording)
    core.core.loquor_recording_destroy(None)
    for channels in (0, 9, -1):
        with pytest.raises(CoreError, match=f"has {channels} channels, not 1 to 8"):
            core.create(24_000, channels)


# --- Files ---


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.ogg", "VORBIS"), ("ä.mp3", None)],
)
def test_files_are_read_as_python_reads_them(
    core: Core, tmp_path: Path, name: str, subtype: str | None
) -> None:
    clip = speech(7.0, 44_100)
    soundfile.write(tmp_path / name, np.stack([clip, 0.5 * clip], axis=1), 44_100, subtype=subtype)
    reference = load_reference(tmp_path / name)
    samples, warnings = core.open(tmp_path / name)
    check_within_60_db(samples, reference.samples)
    assert warnings == reference.warnings


@pytest.mark.parametrize("name", ["cut.wav", "cut.ogg", "cut.flac", "cut.mp3"])
def test_a_file_that_is_cut_off_is_told(core: Core, tmp_path: Path, name: str) -> None:
    whole = tmp_path / f"whole{Path(name).suffix}"
    soundfile.write(whole, speech(30.0, 44_100), 44_100)
    (tmp_path / name).write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    try:
        expected = load_reference(tmp_path / name)
    except InvalidInputError as python:
        with pytest.raises(CoreError) as raised:
            core.open(tmp_path / name)
        assert raised.value.args[0] == INVALID_INPUT, python
        return
    samples, warnings = core.open(tmp_path / name)
    check_within_60_db(samples, expected.samples)
    assert warnings == expected.warnings and "is cut off, its header promises more" in warnings[0]


def test_what_is_no_recording_is_refused(core: Core, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(64))
    (tmp_path / "empty.wav").write_bytes(b"")
    refusals = {
        "": "it does not exist",
        "missing.wav": "it does not exist",
        ".": "it is a folder",
        "text.wav": "as a recording",
        "a.m4a": "its format is not libsndfile's",
        "empty.wav": "as a recording",
    }
    for name, problem in refusals.items():
        with pytest.raises(CoreError, match=problem) as raised:
            core.open(tmp_path / name if name else "")
        assert raised.value.args[0] == INVALID_INPUT


# --- Voices ---


class _Tensors(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("audio_features", ctypes.POINTER(ctypes.c_float)),
        ("prefix_length", ctypes.c_int64),
        ("hidden_size", ctypes.c_int64),
    )


def test_the_voice_of_a_recording_is_pythons(core: Core) -> None:
    clip = speech(7.0, 44_100)
    with loquor.Engine("mini", threads=1) as engine:
        expected = engine.voice((clip, 44_100)).audio_features
    runtime, engine_, voice = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    core("runtime_open", str(find_library()).encode(), ctypes.byref(runtime))
    folder = str(Path(loquor.__file__).parent / "mini").encode()
    core("engine_open", runtime, folder, None, ctypes.byref(engine_))
    samples, _ = core.prepare(clip, 44_100)
    pointer = samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    core("engine_encode_voice", engine_, pointer, ctypes.c_size_t(len(samples)), None, ctypes.byref(voice))
    tensors = _Tensors(struct_size=ctypes.sizeof(_Tensors))
    core("voice_get_tensors", voice, ctypes.byref(tensors))
    shape = (tensors.prefix_length, tensors.hidden_size)
    found = np.ctypeslib.as_array(tensors.audio_features, shape)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    core.core.loquor_voice_destroy(voice)
    core.core.loquor_engine_close(engine_)
    core.core.loquor_runtime_close(runtime)


# --- Without the libraries ---


# Without soundfile, whose own libsndfile would be the one that the loader has.
ALONE = """
import ctypes, sys
core, made = ctypes.CDLL(sys.argv[1]), ctypes.c_void_p()
core.loquor_last_error.restype = ctypes.c_char_p
status = core.loquor_recording_open(sys.argv[2].encode(), 0, ctypes.byref(made))
print(status, core.loquor_last_error().decode())
samples = (ctypes.c_float * 48000)(*[0.1, -0.1] * 24000)
assert core.loquor_recording_create(None, 24000, 1, ctypes.byref(made)) == 0
assert core.loquor_recording_add(made, samples, ctypes.c_size_t(48000)) == 0
assert core.loquor_recording_finish(made, 0) == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are hidden by LD_LIBRARY_PATH")
@pytest.mark.parametrize("library", ["libsoxr.so.0", "libsndfile.so.1"])
def test_a_library_that_cannot_be_opened_is_told(core: Core, tmp_path: Path, library: str) -> None:
    del core  # it was built with both
    (tmp_path / library).write_bytes(b"no library")
    soundfile.write(tmp_path / "a.wav", speech(6.0, 48_000), 48_000)
    done = subprocess.run(
        [sys.executable, "-c", ALONE, operators_library(), tmp_path / "a.wav"],
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name = library.split(".")[0]
    assert (
        done.stdout.startswith(f"{RUNTIME_MISSING} to ")
        and f"takes {name}, which could not be" in done.stdout
    )
    assert str(tmp_path / library) in done.stdout

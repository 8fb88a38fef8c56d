"""Saved voices by the C ABI: Python and the core read each other's files, and refuse the same."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import loquor
from bundles import make_bundle
from loquor import InvalidInputError, Voice, _core
from loquor.base.runtime import find_library
from loquor.prepare import operators_library

ARRAYS = ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features")
INVALID_INPUT = 2


class _Tensors(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("audio_features", ctypes.POINTER(ctypes.c_float)),
        ("prefix_length", ctypes.c_int64),
        ("hidden_size", ctypes.c_int64),
        ("audio_tokens", ctypes.POINTER(ctypes.c_int64)),
        ("audio_token_count", ctypes.c_int64),
        ("speaker_embeddings", ctypes.POINTER(ctypes.c_float)),
        ("speaker_embedding_size", ctypes.c_int64),
        ("speaker_features", ctypes.POINTER(ctypes.c_float)),
        ("speaker_frames", ctypes.c_int64),
        ("speaker_feature_size", ctypes.c_int64),
    )


class _Memory(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("kv_cache", ctypes.c_int64),
        ("prefixes", ctypes.c_int64),
        ("prefix_limit", ctypes.c_int64),
        ("prefix_count", ctypes.c_int64),
    )


class CoreError(Exception):
    """A call that did not return LOQUOR_OK: (status, sentence)."""


class Core:
    """libloquor by ctypes, with one engine."""

    def __init__(self, folder: Path) -> None:
        self.core = ctypes.CDLL(str(operators_library()))
        self.core.loquor_last_error.restype = ctypes.c_char_p
        self.core.loquor_voice_name.restype = ctypes.c_char_p
        self.runtime, self.engine = ctypes.c_void_p(), ctypes.c_void_p()
        self("runtime_open", str(find_library()).encode(), ctypes.byref(self.runtime))
        self("engine_open", self.runtime, str(folder).encode(), None, ctypes.byref(self.engine))

    def __call__(self, name: str, *arguments: object) -> None:
        status = getattr(self.core, f"loquor_{name}")(*arguments)
        if status != 0:
            raise CoreError(status, self.core.loquor_last_error().decode())

    def close(self) -> None:
        self.core.loquor_engine_close(self.engine)
        self.core.loquor_runtime_close(self.runtime)

    def load(self, path: Path) -> ctypes.c_void_p:
        voice = ctypes.c_void_p()
        self("engine_load_voice", self.engine, str(path).encode(), ctypes.byref(voice))
        return voice

    def named(self, name: str | None) -> ctypes.c_void_p:
        voice = ctypes.c_void_p()
        self("engine_get_voice", self.engine, name and name.encode(), ctypes.byref(voice))
        return voice

    def arrays(self, voice: ctypes.c_void_p) -> list[np.ndarray]:
        tensors = _Tensors(struct_size=ctypes.sizeof(_Tensors))
        self("voice_get_tensors", voice, ctypes.byref(tensors))
        shapes = (
            (tensors.prefix_length, tensors.hidden_size),
            (tensors.audio_token_count,),
            (tensors.speaker_embedding_size,),
            (tensors.speaker_frames, tensors.speaker_feature_size),
        )
        return [
            np.ctypeslib.as_array(getattr(tensors, name), shape)
            for name, shape in zip(ARRAYS, shapes, strict=True)
        ]


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """The built-in model as published, whatever other tests have prepared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOQUOR_CACHE", str(tmp_path_factory.mktemp("nothing-prepared")))
        core = Core(Path(loquor.__file__).parent / "mini")
    yield core
    core.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[loquor.Engine]:
    with loquor.Engine("mini", threads=1) as engine:
        yield engine


def check_equal(core: Core, handle: ctypes.c_void_p, voice: Voice) -> None:
    for found, name in zip(core.arrays(handle), ARRAYS, strict=True):
        np.testing.assert_array_equal(found, getattr(voice, name))


@pytest.mark.parametrize("name", [None, "man", "woman"])
def test_the_bundles_own_voices_are_pythons(mini: Core, engine: loquor.Engine, name: str | None) -> None:
    handle = mini.named(name)
    assert mini.core.loquor_voice_name(handle).decode() == (name or "woman")
    check_equal(mini, handle, engine.voice(name))
    mini.core.loquor_voice_destroy(handle)


def test_a_voice_that_is_not_there_is_refused_by_what_there_is(mini: Core) -> None:
    with pytest.raises(CoreError, match="has no voice 'mann'; it has emma, george, man, woman"):
        mini.named("mann")


@pytest.mark.parametrize("prefixed", [False, True])
def test_files_go_both_ways(mini: Core, engine: loquor.Engine, tmp_path: Path, prefixed: bool) -> None:
    """C reads what Python saved, and Python, for the same engine, what C saved; the texts are the same."""
    time = np.arange(24_000 * 5) / 24_000
    tone = (0.3 * np.sin(900 * time) * (1 + np.sin(20 * time))).astype(np.float32)
    voice = engine.voice((tone, 24_000), prefix=True) if prefixed else engine.voice((tone, 24_000))
    theirs, ours = tmp_path / "Zoë.safetensors", tmp_path / "ours.safetensors"
    voice.save(theirs)
    handle = mini.load(theirs)
    check_equal(mini, handle, voice)
    mini("voice_save", handle, None, str(ours).encode())
    mini.core.loquor_voice_destroy(handle)
    again = Voice.load(ours)
    assert (again.fingerprint, again.name) == (voice.fingerprint, voice.name)
    assert again.identity == voice.identity
    engine.voice(again)
    if not prefixed:
        assert ours.stat().st_size == theirs.stat().st_size


@pytest.mark.parametrize("prepare", [False, True])
def test_a_prefix_is_kept_where_it_is_of_the_same_language_model(
    mini: Core, tmp_path: Path, prepare: bool
) -> None:
    file = tmp_path / "voice.safetensors"
    with loquor.Engine("mini", prepare=prepare, threads=1) as engine:
        engine.voice("man", prefix=True).save(file)

    def kept() -> int:
        memory = _Memory(struct_size=ctypes.sizeof(_Memory))
        mini("engine_get_memory", mini.engine, ctypes.byref(memory))
        return int(memory.prefix_count)

    before = kept()
    handle = mini.load(file)
    assert kept() - before == (0 if prepare else 1)  # this engine runs the published graphs
    mini.core.loquor_voice_destroy(handle)


def test_both_refuse_another_bundles_voice(mini: Core, engine: loquor.Engine, tmp_path: Path) -> None:
    with loquor.Engine(make_bundle(tmp_path / "bundle"), prepare=False, threads=1) as other:
        time = np.arange(24_000 * 5) / 24_000
        other.voice((np.sin(900 * time).astype(np.float32), 24_000)).save(tmp_path / "other.safetensors")
    with pytest.raises(InvalidInputError) as python:
        engine.voice(tmp_path / "other.safetensors")
    with pytest.raises(CoreError) as core:
        mini.load(tmp_path / "other.safetensors")
    assert core.value.args == (INVALID_INPUT, str(python.value))


def test_both_refuse_damaged_files(mini: Core, engine: loquor.Engine, tmp_path: Path) -> None:
    good = (Path(loquor.__file__).parent / "mini" / "voices" / "man.safetensors").read_bytes()
    path = tmp_path / "damaged.safetensors"
    length = int.from_bytes(good[:8], "little")
    header = good[8 : 8 + length]
    for content in (
        b"",
        good[:7],
        good[:-1],
        good + b"\0",
        good[:100],
        b"\xff" * 8 + good[8:],
        good.replace(b'"F32"', b'"F16"', 1),
        good.replace(b"loquor.voice", b"loquor.noise", 1),
        good[:8] + header.replace(b'"audio_tokens"', b'"audio_tokenz"') + good[8 + length :],
    ):
        path.write_bytes(content)
        with pytest.raises(InvalidInputError):
            engine.voice(path)
        with pytest.raises(CoreError, match=str(INVALID_INPUT)):
            mini.load(path)
    assert _core.abi_version() >= 5

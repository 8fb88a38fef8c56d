"""Kept prefixes of voices: the same tokens with and without, in a file, and refused for another engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from bundles import DTYPES, FORMS
from loquor import Engine, GenerationOptions, InvalidInputError, Voice, _core
from loquor.cli import main
from loquor.voice.voice import VoicePrefix

Recording = NDArray[np.float32]
OPTIONS = GenerationOptions(seed=5, max_new_tokens=40)
SHORT = [39, 72, 13, 50256, 50256]
LONG = [39 + 7 * i % 900 for i in range(150)] + [50256, 50256]


def ask(engine: Engine, voice: Voice, ids: list[int] = SHORT) -> dict[str, Any]:
    """What the core says of a request, tokens as a list."""
    options = engine._loaded.defaults | {"seed": 5, "max_new_tokens": 40}
    handle = engine._loaded.voices.handle(voice, engine._loaded.core)
    result = engine._loaded.core().generate_tokens(np.array(ids), handle, options)
    return result | {"tokens": result["tokens"].tolist()}


@pytest.fixture
def opened(bundle_of: Callable[..., Path]) -> Iterator[Callable[..., Engine]]:
    """(arguments of Engine, those of make_bundle as `bundle`) -> an engine that is closed at the end."""
    engines: list[Engine] = []

    def open_engine(bundle: dict[str, Any] | None = None, **options: Any) -> Engine:
        options = {"threads": 1, "device": "cpu", "prepare": False} | options
        engines.append(Engine(bundle_of(**(bundle or {})), **options))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_a_kept_prefix_gives_the_same_tokens(
    form: str, dtype: str, opened: Callable[..., Engine], recording: Recording
) -> None:
    engine = opened({"form": form, "dtype": dtype})
    voice = engine.voice((recording, 24_000))
    plain = opened({"form": form, "dtype": dtype}, prefix_cache_bytes=0)
    for ids in (SHORT, LONG):
        expected, first, second = ask(plain, voice, ids), ask(engine, voice, ids), ask(engine, voice, ids)
        assert (expected["cached_positions"], second["cached_positions"]) == (0, len(voice.audio_features))
        assert first["tokens"] == second["tokens"] == expected["tokens"]


@pytest.mark.parametrize("kv_dtype", ["auto", "fp16", "int8"])
def test_a_prepared_model_keeps_prefixes_in_its_own_type(
    kv_dtype: str, opened: Callable[..., Engine], recording: Recording
) -> None:
    engine = opened({"dtype": "q4"}, prepare=True, kv_dtype=kv_dtype)
    voice = engine.voice((recording, 24_000), prefix=True)
    assert (
        voice.prefix is not None and voice.prefix.kv.dtype == _core.kv_dtypes()[engine.capabilities.kv_dtype]
    )
    plain = opened({"dtype": "q4"}, prepare=True, kv_dtype=kv_dtype, prefix_cache_bytes=0)
    for ids in (SHORT, LONG):
        assert ask(engine, voice, ids)["tokens"] == ask(plain, voice, ids)["tokens"]


def test_a_saved_prefix_serves_the_first_request_of_another_process(
    opened: Callable[..., Engine], recording: Recording, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = opened()
    voice = engine.voice((recording, 24_000), prefix=True)
    layers, positions = engine.capabilities.layers, len(voice.audio_features)
    assert voice.prefix is not None
    assert voice.prefix.kv.shape[0] == 2 * layers and voice.prefix.kv.shape[2] == positions
    voice.save(tmp_path / "me.safetensors")
    back = Voice.load(tmp_path / "me.safetensors")
    assert back.prefix is not None and back.prefix.fingerprint == voice.prefix.fingerprint
    np.testing.assert_array_equal(back.prefix.kv, voice.prefix.kv)
    with pytest.raises(ValueError, match="read-only"):
        back.prefix.kv[0] = 0

    expected = ask(opened(prefix_cache_bytes=0), voice)
    for source in (back, opened().voice(tmp_path / "me.safetensors")):
        first = ask(opened(), source)
        assert first["cached_positions"] == positions
        assert first["tokens"] == expected["tokens"]
    fresh = opened()
    cached = fresh._loaded.voices.cached(tmp_path / "me.safetensors", fresh._loaded.core, None)
    assert cached.prefix is None  # the core has it
    assert ask(fresh, cached)["cached_positions"] == positions
    assert fresh.voice(back, prefix=True) is back
    assert caplog.records == []


def foreign_prefix(warning: str) -> bool:
    return "is another language model's" in warning


@pytest.mark.parametrize(
    ("bundle", "options"),
    [({"dtype": "fp16"}, {}), ({"dtype": "q4"}, {}), ({"form": "gqa"}, {}), ({}, {"prepare": True})],
)
def test_a_prefix_of_another_precision_or_graph_is_left_out_with_a_warning(
    bundle: dict[str, Any],
    options: dict[str, Any],
    opened: Callable[..., Engine],
    recording: Recording,
    tmp_path: Path,
) -> None:
    first_engine = opened({"dtype": "fp32"})
    voice = first_engine.voice((recording, 24_000), prefix=True)
    other = opened({"dtype": "fp32"} | bundle, **options)
    own = replace(voice, prefix=None, fingerprint=other._loaded.voices.fingerprint)
    foreign = replace(own, prefix=voice.prefix)
    first = ask(other, foreign)
    assert first["cached_positions"] == 0
    foreign.save(tmp_path / "foreign.safetensors")
    for source in (foreign, tmp_path / "foreign.safetensors"):
        loaded = other.voice(source)
        assert loaded.prefix is not None and [*map(foreign_prefix, loaded.warnings)].count(True) == 1
        assert other.voice(loaded) is loaded  # says it once
        back = replace(loaded, fingerprint=first_engine._loaded.voices.fingerprint)
        assert not any(map(foreign_prefix, first_engine.voice(back).warnings))
        options = GenerationOptions(max_new_tokens=5)
        assert any(map(foreign_prefix, other.speak("Hello.", source, options).warnings))
    assert first["tokens"] == ask(other, own)["tokens"]
    renewed = other.voice(foreign, prefix=True)
    assert renewed.prefix is not None and voice.prefix is not None
    assert not any(map(foreign_prefix, renewed.warnings))
    assert renewed.prefix.fingerprint != voice.prefix.fingerprint


def test_a_damaged_prefix_is_refused(
    opened: Callable[..., Engine], recording: Recording, tmp_path: Path
) -> None:
    engine = opened()
    voice = engine.voice((recording, 24_000), prefix=True)
    assert voice.prefix is not None
    kv, fingerprint = voice.prefix.kv, voice.prefix.fingerprint
    with pytest.raises(InvalidInputError, match=r"prefix has 150 positions, its audio_features 151"):
        replace(voice, prefix=VoicePrefix(kv[:, :, 1:], fingerprint))
    turned = replace(voice, prefix=VoicePrefix(kv.transpose(1, 0, 2, 3), fingerprint))  # of the same size
    turned.save(tmp_path / "turned.safetensors")
    for source in (turned, tmp_path / "turned.safetensors"):
        for use in (engine.voice, lambda source: engine.speak("Hi.", source)):
            with pytest.raises(InvalidInputError, match=r"prefix of this voice should be fp32 \[.* but is"):
                use(source)
    wild = kv.copy()
    wild[0, 0, 3, 1] = np.nan
    with pytest.raises(InvalidInputError, match="prefix of a voice holds values that are not finite"):
        VoicePrefix(wild, fingerprint)
    with pytest.raises(InvalidInputError, match="of rank 4, not empty, not float32"):
        VoicePrefix(voice.prefix.kv[0], voice.prefix.fingerprint)
    with pytest.raises(InvalidInputError, match="fingerprint must be 64 hex digits, not 'x'"):
        VoicePrefix(voice.prefix.kv, "x")
    with pytest.raises(InvalidInputError, match="prefix must be a VoicePrefix or None, not str"):
        replace(voice, prefix="x")  # type: ignore[arg-type]
    path = tmp_path / "me.safetensors"
    voice.save(path)
    own = voice.fingerprint
    named = {"name": "me", "bundle": own.bundle, "encoder": own.encoder, "dtype": own.dtype}
    save_file(load_file(path), path, {"format": "loquor.voice", "version": "1", **named})
    with pytest.raises(InvalidInputError, match=r"me.safetensors is damaged: a prefix's fingerprint"):
        Voice.load(path)


def test_a_voice_that_does_not_fit_is_refused_when_it_is_loaded(
    opened: Callable[..., Engine], recording: Recording, tmp_path: Path
) -> None:
    engine = opened()
    good = engine.voice((recording, 24_000))
    tokens = np.array(good.audio_tokens)
    tokens[-1] = 6561
    odd = {
        "audio_tokens holds 6561, which is no speech token": {"audio_tokens": tokens},
        "hidden size should be 64 but is 32": {"audio_features": good.audio_features[:, :32]},
        "size of speaker_embeddings should be 192": {"speaker_embeddings": good.speaker_embeddings[:9]},
        "size of speaker_features should be 80": {"speaker_features": good.speaker_features[:, :9]},
    }
    for message, change in odd.items():
        voice = replace(good, **change)  # type: ignore[arg-type]
        voice.save(tmp_path / "odd.safetensors")
        for source in (voice, tmp_path / "odd.safetensors"):
            with pytest.raises(InvalidInputError, match=message):
                engine.voice(source)


def test_a_false_prefix_harms_no_other_voice(
    opened: Callable[..., Engine], recording: Recording, tmp_path: Path
) -> None:
    maker = opened()
    good = maker.voice((recording, 24_000), prefix=True)
    assert good.prefix is not None
    good.save(tmp_path / "good.safetensors")
    replace(good, prefix=VoicePrefix(np.zeros_like(good.prefix.kv), good.prefix.fingerprint)).save(
        tmp_path / "false.safetensors"
    )
    expected = ask(maker, good)["tokens"]
    engine = opened()  # the false one first, of the same features
    false = engine.voice(tmp_path / "false.safetensors")
    assert ask(engine, false)["tokens"] != expected
    own = engine.voice((recording, 24_000))
    found = ask(engine, own)
    assert (found["cached_positions"], found["tokens"]) == (0, expected)
    assert ask(engine, engine.voice(tmp_path / "good.safetensors"))["tokens"] == expected
    fresh = opened()  # both from files
    assert ask(fresh, fresh._loaded.voices.cached(tmp_path / "false.safetensors", fresh._loaded.core, None))
    good_again = fresh._loaded.voices.cached(tmp_path / "good.safetensors", fresh._loaded.core, None)
    assert ask(fresh, good_again)["tokens"] == expected
    renewed = fresh.voice(replace(good, prefix=None), prefix=True)
    assert renewed.prefix is not None
    np.testing.assert_array_equal(renewed.prefix.kv, good.prefix.kv)


def test_without_room_no_prefix_is_made(opened: Callable[..., Engine], recording: Recording) -> None:
    engine = opened(prefix_cache_bytes=1000)
    with pytest.raises(InvalidInputError, match="prefix_cache_bytes is 1000: open the engine with more"):
        engine.voice((recording, 24_000), prefix=True)
    for wrong in (-1, 1.5, True, "1", 2**60 + 1):
        with pytest.raises(
            InvalidInputError, match=r"prefix_cache_bytes must be (0 \(none\)|a whole|a number)"
        ):
            opened(prefix_cache_bytes=wrong)


def test_the_command_line_stores_it(
    tmp_path: Path, bundle_of: Callable[..., Path], recording: Recording
) -> None:
    import soundfile

    soundfile.write(tmp_path / "me.wav", recording, 24_000)
    command = ["voice", str(tmp_path / "me.wav"), "--model", str(bundle_of()), "-q"]
    assert main([*command, "-o", str(tmp_path / "plain.safetensors")]) == 0
    assert main([*command, "--with-prefix", "-o", str(tmp_path / "me.safetensors")]) == 0
    assert Voice.load(tmp_path / "plain.safetensors").prefix is None
    assert Voice.load(tmp_path / "me.safetensors").prefix is not None

"""Warming up, telling of memory, and giving the speech encoder's back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bundles.breakages import broken_copy
from loquor import Engine, GenerationOptions, InvalidInputError, ModelError

Recording = NDArray[np.float32]
OPTIONS = GenerationOptions(seed=5, max_new_tokens=30)


@pytest.mark.parametrize("form", ["concat", "gqa"])
def test_warming_up_leaves_the_prefix_and_changes_nothing(
    form: str, bundle_of: Callable[..., Path], recording: Recording
) -> None:
    folder = bundle_of(form=form)
    with Engine(folder, threads=1, device="cpu", prepare=False) as cold:
        voice = cold.voice((recording, 24_000))
        expected = cold.speak("Hello there.", voice, OPTIONS)
    with Engine(folder, threads=1, device="cpu", prepare=False) as engine:
        assert (engine.memory().kv_cache, engine.memory().prefix_count) == (0, 0)
        engine.warmup(voice)
        warm = engine.memory()
        assert warm.kv_cache > 0 and (warm.prefix_count, warm.prefix_misses) == (1, 1)
        np.testing.assert_array_equal(engine.speak("Hello there.", voice, OPTIONS).samples, expected.samples)
        assert engine.memory().prefix_hits == 1
        engine.warmup()  # in a voice that it makes
        assert engine.memory().prefix_count == 2


def test_memory_is_bounded_and_told(bundle_of: Callable[..., Path], recording: Recording) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        voice = engine.voice((recording, 24_000), prefix=True)
    assert voice.prefix is not None
    one = voice.prefix.kv.nbytes
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False, prefix_cache_bytes=2 * one) as engine:
        for seconds in (4, 5, 6):
            engine.speak("Hi.", (recording[: 24_000 * seconds], 24_000), OPTIONS)
        memory = engine.memory()
        assert 0 < memory.prefixes <= memory.prefix_limit == 2 * one
        assert memory.prefix_misses == 3
        assert memory.arenas > 1 << 20  # a table of embeddings alone has 14 MB
        if memory.resident is not None and memory.peak_resident is not None:
            assert 1 << 24 < memory.resident <= memory.peak_resident < 1 << 40
    with pytest.raises(InvalidInputError, match="this engine was closed"):
        engine.memory()


def test_what_a_long_decode_took_is_given_back(bundle_of: Callable[..., Path], recording: Recording) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        voice = engine.voice((recording, 24_000))
        first = engine.decode(np.arange(3), voice)
        small = engine.memory().arenas
        engine.decode(np.arange(3000), voice)
        assert engine.memory().arenas > small + (8 << 20)
        until = time.monotonic() + 60
        while engine.memory().arenas > small and time.monotonic() < until:
            time.sleep(0.05)
        assert engine.memory().arenas <= small
        assert len(engine.decode(np.arange(3), voice)) == len(first)


def test_the_encoder_comes_back_for_the_next_voice(
    bundle_of: Callable[..., Path], recording: Recording
) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False, keep_encoder=True) as engine:
        assert engine.memory().encoder_loaded
        voice = engine.voice((recording, 24_000))
        expected = engine.speak("Hello there.", voice, OPTIONS).samples
        before = engine.memory().arenas
        assert engine.memory().encoder_loaded
        engine.unload_encoder()
        assert not engine.memory().encoder_loaded
        assert 0 < engine.memory().arenas < before
        np.testing.assert_array_equal(engine.speak("Hello there.", voice, OPTIONS).samples, expected)
        assert engine.capabilities.optimization_levels["speech_encoder"] == "all"
        assert not engine.memory().encoder_loaded
        again = engine.voice((recording, 24_000))
        np.testing.assert_array_equal(again.audio_features, voice.audio_features)
        assert engine.memory().encoder_loaded


def test_the_encoder_is_there_for_recordings_only(
    bundle_of: Callable[..., Path], recording: Recording, tmp_path: Path
) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        before = engine.capabilities
        assert set(before.placements) == set(before.dtypes) - {"speech_encoder"}
        voice = engine.voice((recording, 24_000))
        assert engine.memory().encoder_loaded
        assert set(engine.capabilities.placements) == set(before.dtypes)
        voice.save(tmp_path / "me.safetensors")
        expected = engine.speak("Hello there.", voice, OPTIONS).samples
        assert not engine.memory().encoder_loaded
        again = engine.voice((recording, 24_000))
        np.testing.assert_array_equal(again.audio_features, voice.audio_features)
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        saved = engine.voice(tmp_path / "me.safetensors")
        np.testing.assert_array_equal(engine.speak("Hello there.", saved, OPTIONS).samples, expected)
        assert not engine.memory().encoder_loaded
        assert "speech_encoder" not in engine.capabilities.optimization_levels


def test_an_encoder_that_cannot_be_loaded_fails_recordings_alone(
    bundle_of: Callable[..., Path], recording: Recording, tmp_path: Path
) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        voice = engine.voice((recording, 24_000))
        expected = engine.speak("Hello there.", voice, OPTIONS).samples
    broken = broken_copy(bundle_of(), tmp_path / "broken", _no_encoder)
    with pytest.raises(ModelError, match=r"speech_encoder\.onnx"):
        Engine(broken, threads=1, device="cpu", prepare=False, keep_encoder=True)
    with Engine(broken, threads=1, device="cpu", prepare=False) as engine:
        for _ in range(2):
            with pytest.raises(ModelError, match=r"speech_encoder\.onnx"):
                engine.voice((recording, 24_000))
        other = replace(voice.fingerprint, dtype="q4")  # what another encoder of this bundle makes is taken
        own = replace(voice, fingerprint=other)
        np.testing.assert_array_equal(engine.speak("Hello there.", own, OPTIONS).samples, expected)


def _no_encoder(bundle: Path) -> None:
    """speech_encoder.onnx gives three arrays, not four."""
    file = bundle / "onnx" / "speech_encoder.onnx"
    model = onnx.load(file, load_external_data=False)
    model.graph.output.pop()
    file.write_bytes(model.SerializeToString())

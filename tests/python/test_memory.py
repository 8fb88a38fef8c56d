"""Warming up, telling of memory, and giving the speech encoder's back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions, InvalidInputError

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
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        voice = engine.voice((recording, 24_000))
        expected = engine.speak("Hello there.", voice, OPTIONS).samples
        before = engine.memory().arenas
        engine.unload_encoder()
        assert not engine.memory().encoder_loaded
        assert 0 < engine.memory().arenas < before
        np.testing.assert_array_equal(engine.speak("Hello there.", voice, OPTIONS).samples, expected)
        assert engine.capabilities.optimization_levels["speech_encoder"] == "all"
        assert not engine.memory().encoder_loaded
        again = engine.voice((recording, 24_000))
        np.testing.assert_array_equal(again.audio_features, voice.audio_features)
        assert engine.memory().encoder_loaded

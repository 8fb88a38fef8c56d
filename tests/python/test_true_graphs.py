"""Turbo's true encoder and decoder with random weights: real interfaces and costs, no real sound."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import loquor
from bundles import make_bundle

OUTSIDE = Path(__file__).resolve().parents[3] / "shared"
SECONDS = 5.05  # not a whole number of tokens


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    if not (OUTSIDE / "arch" / "fill.py").is_file():
        pytest.skip("the architecture-true graphs are not part of the project and not beside it")
    folder = tmp_path_factory.mktemp("true")
    if shutil.disk_usage(folder).free < 4e9:
        pytest.skip("needs 1.4 GB of disk")
    subprocess.run(
        [sys.executable, OUTSIDE / "arch" / "fill.py", folder / "onnx"], check=True, capture_output=True
    )
    make_bundle(folder, size="turbo", dtype="q4", graphs=("embed_tokens", "language_model"))
    with loquor.Engine(folder, dtype="q4,speech_encoder=fp32,conditional_decoder=fp32") as engine:
        yield engine
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_ragged_recording_gives_whole_tokens(engine):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, int(SECONDS * 24000)).astype(np.float32)
    voice = engine.voice((noise, 24000))
    assert voice.audio_tokens.shape == (126,)
    assert voice.audio_features.shape == (127, 1024)
    assert voice.speaker_features.shape == (252, 80)
    samples = engine.decode([100, 200, 300, 400], voice)
    assert samples.shape == (960 * 7,)
    assert np.abs(samples).max() <= 1


@pytest.mark.slow
def test_streaming_windows_give_all_tokens_and_no_jump(engine):
    rng = np.random.default_rng(1)
    voice = engine.voice((rng.normal(0, 0.1, 2 * 24000).astype(np.float32), 24000))
    text, options = "Hello there.", loquor.GenerationOptions(max_new_tokens=30, seed=1)
    chunks = loquor.StreamOptions(first_chunk=6, growth=1.5, left_context=12, look_ahead=6)
    with engine.stream(text, voice, options, chunks=chunks) as stream:
        parts = list(stream)
    tokens = engine.generate_tokens(engine.tokenize(text), voice, options)
    np.testing.assert_array_equal(stream.tokens, tokens)
    assert len(parts) > 2
    streamed = np.concatenate(parts)
    assert len(streamed) == 960 * (np.count_nonzero(tokens < 6561) + 3)
    steps = np.abs(np.diff(streamed))
    joins = np.cumsum([len(part) for part in parts])[:-1]
    assert steps[joins - 1].max() <= np.quantile(steps, 0.999)

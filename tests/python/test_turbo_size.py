"""A bundle of Turbo's published size in q4: some 230 MB, made here, spoken with a voice of espeak-ng's."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bundles import make_bundle
from loquor import CancelToken, Engine, GenerationOptions, RequestCancelledError
from reference import PlainLoop

pytestmark = pytest.mark.slow

TEXT = "The quick brown fox jumps over the lazy dog. [laugh]"
CLIP = "This is a clip of some seconds, so that there is a voice to copy, with all its faults and charms."
VOICE_NAMES = ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("turbo")
    make_bundle(folder, size="turbo", form="concat", dtype="q4", stop_bias=-1000.0)
    with contextlib.suppress(pytest.skip.Exception):  # else the maker's own does as well
        shutil.copy(request.getfixturevalue("turbo_tokenizer"), folder / "tokenizer.json")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def engine(bundle: Path) -> Iterator[Engine]:
    with Engine(bundle, device="cpu", threads=2, prepare=False) as engine:
        yield engine


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: no clip to make a voice from")
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    subprocess.run(["espeak-ng", "-v", "en-gb", "-w", path, CLIP], check=True, timeout=60)
    return path


def test_it_has_the_published_size(engine: Engine) -> None:
    seen = engine.capabilities
    assert (seen.layers, seen.hidden_size, seen.vocab_size) == (24, 1024, 6563)
    assert seen.kv_mode == "ping_pong"
    assert (seen.folder / "onnx" / "language_model_q4.onnx_data").stat().st_size == 204_456_572


def test_it_speaks_to_a_file(engine: Engine, clip: Path, tmp_path: Path) -> None:
    audio = engine.speak(TEXT, clip, GenerationOptions(max_new_tokens=40))
    audio.save(tmp_path / "out.wav")
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.getnframes() == 960 * (40 + 3)
        assert len(set(file.readframes(960))) > 100
    assert audio.metrics.speech_tokens == 40
    assert 50275 in engine.tokenize(TEXT)  # [laugh]


def test_its_tokens_are_those_of_the_plain_loop(bundle: Path, engine: Engine, clip: Path) -> None:
    voice = engine.voice(clip)
    ids = engine.tokenize(TEXT)
    tokens = engine.generate_tokens(ids, voice, GenerationOptions(temperature=0, max_new_tokens=16))
    plain = PlainLoop(bundle, "q4", threads=2, piece=64)
    plain_voice = {name: getattr(voice, name)[np.newaxis] for name in VOICE_NAMES}
    penalty = float(np.float32(1.2))
    expected = plain.generate(ids, plain_voice, max_new_tokens=16, repetition_penalty=penalty)
    assert tokens.tolist() == expected
    assert len(set(expected)) > 12


def test_it_is_prepared(bundle: Path, clip: Path) -> None:
    """Its products then round their activations, and random weights have close ties: tokens are its own."""
    with Engine(bundle, device="cpu", threads=2) as engine:
        seen = engine.capabilities
        options = GenerationOptions(temperature=0, max_new_tokens=16)
        runs = [engine.generate_tokens(engine.tokenize(TEXT), engine.voice(clip), options) for _ in range(2)]
    assert (seen.prepared["language_model"], seen.kv_mode) == ("prepared", "in_place")
    assert runs[0].tolist() == runs[1].tolist()
    assert len(set(runs[0].tolist())) > 12


def test_a_cancel_reaches_into_the_prefill(engine: Engine, clip: Path) -> None:
    """At its end the first token would have been counted."""
    voice = engine.voice(clip)
    ids = np.concatenate([np.full(3000, 84), [50256, 50256]])  # many seconds of prefill
    token, counts = CancelToken(), []
    timer = threading.Timer(0.3, token.cancel)
    timer.start()
    with pytest.raises(RequestCancelledError):
        engine.generate_tokens(ids, voice, cancel=token, progress=counts.append)
    timer.join()
    assert not counts

"""The engine against the plain reference loop: the same tokens in every form and precision."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bundles import DTYPES, FORMS
from bundles.breakages import HARMLESS, broken_copy, half_boundaries
from loquor import Engine, GenerationOptions, Voice
from loquor.voice.reference_audio import load_reference
from reference import PlainLoop, uniform
from reference import Voice as PlainVoice

STEPS = 220  # more than 200, and together with the prompt more than one step of the KV cache's capacity
TEXT_IDS = [84, 200, 39, 68, 75, 75, 78, 50271, 13, 50256, 50256]
OTHER_TEXT_IDS = [40, 281, 50267, 17, 50256, 50256]
VOICE_NAMES = ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features")
TURBO = GenerationOptions()
MIN_P = GenerationOptions(temperature=1.1, top_k=0, top_p=1.0, min_p=0.02, repetition_penalty=1.3)

EngineOf = Callable[..., Engine]
Recording = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """An engine and the reference on the same bundle, with the engine's voice in both spellings."""

    engine: Engine
    plain: PlainLoop
    voice: Voice

    @property
    def plain_voice(self) -> PlainVoice:
        return {name: getattr(self.voice, name)[np.newaxis] for name in VOICE_NAMES}

    def plain_sampled(self, options: GenerationOptions, seed: int, ids: list[int] = TEXT_IDS) -> list[int]:
        """The reference's tokens; what the options leave open is Turbo's default, rounded as in C++."""
        given = {"temperature": 0.8, "top_k": 1000, "top_p": 0.95, "min_p": 0.0, "repetition_penalty": 1.2}
        given |= {name: value for name in given if (value := getattr(options, name)) is not None}
        given = {name: float(np.float32(value)) for name, value in given.items()} | {"top_k": given["top_k"]}
        uniforms = [uniform(seed, step) for step in range(STEPS)]
        return self.plain.generate(ids, self.plain_voice, max_new_tokens=STEPS, uniforms=uniforms, **given)


def greedy(penalty: float = 1.2, steps: int = STEPS) -> GenerationOptions:
    return GenerationOptions(temperature=0, repetition_penalty=penalty, max_new_tokens=steps)


def sampled(seed: int, steps: int = STEPS, base: GenerationOptions = TURBO) -> GenerationOptions:
    return GenerationOptions(**{**vars(base), "seed": seed, "max_new_tokens": steps})


def tokens_of(
    engine: Engine, voice: Voice, options: GenerationOptions, ids: list[int] = TEXT_IDS
) -> list[int]:
    tokens: list[int] = engine.generate_tokens(ids, voice, options).tolist()
    return tokens


@pytest.fixture(scope="module", params=[(form, dtype) for form in FORMS for dtype in DTYPES], ids="-".join)
def pair(
    request: pytest.FixtureRequest,
    engine_of: EngineOf,
    plain_of: Callable[..., PlainLoop],
    recording: Recording,
) -> Pair:
    form, dtype = request.param
    engine = engine_of(form=form, dtype=dtype)
    return Pair(engine, plain_of(form=form, dtype=dtype), engine.voice((recording, 24_000)))


@pytest.fixture(scope="module", params=FORMS)
def engine(request: pytest.FixtureRequest, engine_of: EngineOf) -> Engine:
    return engine_of(form=request.param)


# --- Against the reference ---


@pytest.mark.parametrize("penalty", [1.2, 1.0])
def test_greedy_tokens(pair: Pair, penalty: float) -> None:
    expected = pair.plain.generate(
        TEXT_IDS, pair.plain_voice, max_new_tokens=STEPS, repetition_penalty=float(np.float32(penalty))
    )
    assert len(expected) == STEPS
    assert len(set(expected)) > STEPS / 2  # no loop of a few tokens, in which mistakes could hide
    assert tokens_of(pair.engine, pair.voice, greedy(penalty)) == expected


@pytest.mark.parametrize(("base", "seed"), [(TURBO, 2**64 - 1), (MIN_P, 7)], ids=["turbo defaults", "min_p"])
def test_sampled_tokens(pair: Pair, base: GenerationOptions, seed: int) -> None:
    expected = pair.plain_sampled(base, seed)
    assert len(expected) == STEPS
    assert tokens_of(pair.engine, pair.voice, sampled(seed, base=base)) == expected


def test_more_seeds_of_one_precision(
    engine_of: EngineOf, plain_of: Callable[..., PlainLoop], recording: Recording
) -> None:
    engine = engine_of(dtype="q4")
    pair = Pair(engine, plain_of(dtype="q4"), engine.voice((recording, 24_000)))
    runs = [pair.plain_sampled(TURBO, seed) for seed in range(4)]
    assert [tokens_of(engine, pair.voice, sampled(seed)) for seed in range(4)] == runs
    assert len({tuple(run) for run in runs}) == 4


@pytest.mark.parametrize("form", FORMS)
def test_prompts_in_pieces_are_those_run_as_a_whole(
    form: str, engine_of: EngineOf, bundle_of: Callable[..., Path], recording: Recording
) -> None:
    engine = engine_of(form=form)
    whole = PlainLoop(bundle_of(form=form), threads=1)
    pair = Pair(engine, whole, engine.voice((recording, 24_000)))
    assert len(pair.voice.audio_features) > 128  # several pieces
    for ids in (TEXT_IDS, [39 + 7 * i % 900 for i in range(150)] + [50256, 50256]):
        assert tokens_of(engine, pair.voice, sampled(3), ids) == pair.plain_sampled(TURBO, 3, ids)


def test_start_counts_as_said(
    engine_of: EngineOf, plain_of: Callable[..., PlainLoop], recording: Recording
) -> None:
    """A penalty below 1 favours what was said: START at every step if greedy, at the first if sampled."""
    pair = Pair(engine_of(), plain_of(), engine_of().voice((recording, 24_000)))
    ids, steps, seed = [5, 6, 50256, 50256], 40, 1
    greedily = pair.plain.generate(ids, pair.plain_voice, max_new_tokens=steps, repetition_penalty=0.25)
    assert 6561 in greedily
    assert tokens_of(pair.engine, pair.voice, greedy(0.25, steps), ids) == greedily
    options = GenerationOptions(temperature=0.5, repetition_penalty=0.5, seed=seed, max_new_tokens=steps)
    expected = pair.plain_sampled(options, seed, ids)[:steps]
    assert tokens_of(pair.engine, pair.voice, options, ids) == expected


def test_kv_mode_and_dtype(pair: Pair, request: pytest.FixtureRequest) -> None:
    form, dtype = request.node.callspec.params["pair"]
    seen = pair.engine.capabilities
    assert seen.kv_mode == ("in_place" if form == "gqa" else "ping_pong")
    assert seen.kv_dtype == ("fp16" if dtype in ("fp16", "q4f16") else "fp32")
    assert set(seen.dtypes.values()) == {dtype}


def test_samples(pair: Pair) -> None:
    tokens = [*range(0, 6561, 97), 6561, 6562]  # the last two are no codes
    expected = pair.plain.decode(tokens, pair.plain_voice)
    samples = pair.engine.decode(tokens, pair.voice)
    assert samples.dtype == np.float32
    assert samples.shape == (960 * (len(tokens) - 2 + 3),)
    np.testing.assert_array_equal(samples, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("names", ["audio", "card"])
def test_voice(
    engine_of: EngineOf, plain_of: Callable[..., PlainLoop], recording: Recording, names: str, dtype: str
) -> None:
    arguments = {"encoder_names": names, "dtype": dtype}
    voice = engine_of(**arguments).voice((recording, 24_000))
    expected = plain_of(**arguments).encode(load_reference((recording, 24_000)).samples)
    assert voice.audio_features.shape == (1 + 150, 64)
    for name in VOICE_NAMES:
        np.testing.assert_array_equal(getattr(voice, name), expected[name][0], err_msg=name)


@pytest.mark.parametrize("form", FORMS)
def test_a_run_that_stops_by_itself(
    engine_of: EngineOf, plain_of: Callable[..., PlainLoop], recording: Recording, form: str
) -> None:
    arguments = {"form": form, "stop_bias": 4.0}
    engine, plain = engine_of(**arguments), plain_of(**arguments)
    pair = Pair(engine, plain, engine.voice((recording, 24_000)))
    expected = plain.generate(TEXT_IDS, pair.plain_voice, max_new_tokens=STEPS)
    assert 2 < len(expected) < STEPS
    for limit in (STEPS, len(expected) + 1, len(expected), len(expected) - 1, 1):
        assert tokens_of(engine, pair.voice, greedy(steps=limit)) == expected[:limit]
    speech = [len(tokens_of(engine, pair.voice, sampled(seed))) for seed in range(6)]
    assert speech == [len(pair.plain_sampled(TURBO, seed)) for seed in range(6)]


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_changes(
    engine_of: EngineOf, bundle_of: Callable[..., Path], tmp_path: Path, recording: Recording, name: str
) -> None:
    changed = broken_copy(bundle_of(), tmp_path / "changed", HARMLESS[name])
    sound = engine_of()
    expected = tokens_of(sound, sound.voice((recording, 24_000)), greedy())
    with Engine(changed, threads=1, device="cpu") as engine:
        voice = engine.voice((recording, 24_000))
        assert tokens_of(engine, voice, greedy()) == expected


def test_an_encoder_that_loads_at_a_lower_level_only(
    bundle_of: Callable[..., Path], recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = bundle_of(fragile_encoder=True)
    with caplog.at_level(logging.WARNING, "loquor"), Engine(bundle, threads=1, device="cpu") as engine:
        assert "speech_encoder" not in engine.capabilities.optimization_levels  # not loaded yet
        voice = engine.voice((recording, 24_000))
        levels = engine.capabilities.optimization_levels
    assert levels == {
        "speech_encoder": "basic",
        "embed_tokens": "all",
        "language_model": "all",
        "conditional_decoder": "all",
    }
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 2
    assert all(line.startswith("speech_encoder.onnx cannot be loaded at optimization level") for line in told)
    assert np.isfinite(voice.speaker_embeddings).all()


# --- Against itself ---


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_the_number_of_threads_changes_nothing(
    engine_of: EngineOf, recording: Recording, form: str, dtype: str
) -> None:
    """True of these sizes on the CPU; nothing promises it for larger products."""
    runs = []
    for threads in (1, 2):
        engine = engine_of(form=form, dtype=dtype, threads=threads)
        assert engine.capabilities.threads == threads
        runs.append(tokens_of(engine, engine.voice((recording, 24_000)), greedy()))
    assert runs[0] == runs[1]


def test_other_requests_in_between_leave_no_trace(engine: Engine, recording: Recording) -> None:
    voice, short_voice = engine.voice((recording, 24_000)), engine.voice((recording[:24_000], 24_000))
    first = tokens_of(engine, voice, sampled(3))
    tokens_of(engine, short_voice, sampled(4, steps=30), OTHER_TEXT_IDS)
    engine.decode(first, short_voice)
    tokens_of(engine, short_voice, greedy(), OTHER_TEXT_IDS)
    assert tokens_of(engine, voice, sampled(3)) == first
    assert tokens_of(engine, voice, sampled(5)) != first


@pytest.mark.parametrize("form", FORMS)
def test_grown_buffers_change_nothing(
    bundle_of: Callable[..., Path], recording: Recording, form: str
) -> None:
    """A longer request grows the KV cache and leaves old keys and values behind."""
    with Engine(bundle_of(form=form), threads=1, device="cpu") as engine:
        voice = engine.voice((recording, 24_000))
        fresh = tokens_of(engine, voice, greedy(steps=60))
        longer = tokens_of(engine, voice, greedy(steps=700))
        assert longer[:60] == fresh
        assert tokens_of(engine, voice, greedy(steps=60)) == fresh
    with Engine(bundle_of(form=form), threads=1, device="cpu") as engine:
        assert tokens_of(engine, voice, greedy(steps=700)) == longer


def test_many_threads_get_what_one_would(engine: Engine, recording: Recording) -> None:
    voices = [engine.voice((recording[: 24_000 * n], 24_000)) for n in (2, 4)]

    def run(seed: int) -> tuple[list[int], bytes]:
        voice = voices[seed % 2]
        tokens = tokens_of(engine, voice, sampled(seed, steps=40 + seed))
        return tokens, engine.decode(tokens, voice).tobytes()

    alone = [run(seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(12))) == alone


def test_voices_made_at_once_are_the_same(engine: Engine, recording: Recording) -> None:
    def features(_: int) -> bytes:
        return engine.voice((recording, 24_000)).audio_features.tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(features, range(8)))) == 1


def test_float16_boundaries_give_the_same_tokens_and_samples(
    bundle_of: Callable[..., Path], recording: Recording, tmp_path: Path
) -> None:
    """The published bundles may have them (sources differ); the engine reads each boundary's type."""
    folder = broken_copy(bundle_of(), tmp_path / "half", half_boundaries)
    with Engine(folder, threads=1, device="cpu") as engine:
        pair = Pair(engine, PlainLoop(folder, threads=1, piece=64), engine.voice((recording, 24_000)))
        assert engine.capabilities.kv_dtype == "fp16"
        plain_voice = pair.plain.encode(load_reference((recording, 24_000)).samples)
        for name in VOICE_NAMES:
            np.testing.assert_array_equal(getattr(pair.voice, name), plain_voice[name][0])
        tokens = engine.generate_tokens(TEXT_IDS, pair.voice, greedy())
        assert tokens.tolist() == pair.plain.generate(TEXT_IDS, plain_voice, max_new_tokens=STEPS)
        drawn = engine.generate_tokens(TEXT_IDS, pair.voice, sampled(5))
        assert drawn.tolist() == pair.plain_sampled(TURBO, 5)
        np.testing.assert_array_equal(
            engine.decode(tokens, pair.voice), pair.plain.decode(tokens.tolist(), plain_voice)
        )

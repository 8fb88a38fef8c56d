"""English through the engine, against the plain loop of its family: tokens, rows, windows, text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions, InvalidInputError, StreamOptions, Voice
from reference import LlamaLoop, uniform
from reference import Voice as PlainVoice

Make = Callable[..., Path]
TEXT = "Hello there, you."
FORMS = ("gqa", "concat", "gqa-positions")


@pytest.fixture(scope="module")
def english_of(llama_bundle_of: Make) -> Iterator[Callable[..., Engine]]:
    """(arguments of make_llama_bundle) -> an engine on the bundle as published, made once."""
    made: dict[Path, Engine] = {}

    def open_engine(**arguments: str) -> Engine:
        folder = llama_bundle_of(**arguments)
        if folder not in made:
            made[folder] = Engine(folder, threads=1, device="cpu", prepare=False, slots=4)
        return made[folder]

    yield open_engine
    for engine in made.values():
        engine.close()


def loop_of(llama_bundle_of: Make, **arguments: str) -> LlamaLoop:
    return LlamaLoop(
        llama_bundle_of(**arguments),
        arguments.get("dtype", "fp32"),
        multilingual=arguments.get("variant", "english") != "english",
        threads=1,
        piece=64,
    )


def plain(voice: Voice) -> PlainVoice:
    return {
        "audio_features": voice.audio_features[None],
        "audio_tokens": voice.audio_tokens[None],
        "speaker_embeddings": voice.speaker_embeddings[None],
        "speaker_features": voice.speaker_features[None],
    }


def both(
    engine: Engine, loop: LlamaLoop, recording: NDArray[np.float32], seed: int = 0, **options: Any
) -> tuple[list[int], list[int]]:
    """Tokens of the engine and of the loop."""
    voice, ids = engine.voice((recording, 24_000)), engine.tokenize(TEXT, language="en")
    asked = GenerationOptions(seed=seed, **options)
    found = engine.generate_tokens(ids, voice, asked).tolist()
    uniforms = [uniform(seed, step) for step in range(options["max_new_tokens"])]
    temperature = options.pop("temperature", 0.8)
    expected = loop.generate(
        ids.tolist(), plain(voice), temperature=temperature, uniforms=uniforms, **options
    )
    return found, expected


RUNS: dict[str, dict[str, Any]] = {
    "defaults": {"max_new_tokens": 200},
    "greedy": {"temperature": 0.0, "max_new_tokens": 200},
    "greedy alone": {"temperature": 0.0, "cfg_weight": 0.0, "max_new_tokens": 200},
    "seed": {"seed": 42, "max_new_tokens": 200, "exaggeration": 2.0},
    "hot": {"seed": 3, "temperature": 1.5, "max_new_tokens": 200, "cfg_weight": 1.0},
    "narrow": {"seed": 7, "temperature": 1.0, "top_p": 0.6, "min_p": 0.2, "max_new_tokens": 100},
    "no feeling": {"seed": 1, "exaggeration": 0.0, "cfg_weight": 0.0, "max_new_tokens": 100},
    "repeating": {"seed": 5, "temperature": 0.4, "repetition_penalty": 1.01, "max_new_tokens": 200},
    "penalised": {"seed": 5, "temperature": 0.4, "repetition_penalty": 2.0, "max_new_tokens": 200},
}


@pytest.mark.parametrize("run", RUNS)
def test_tokens_are_those_of_the_plain_loop(
    english_of: Callable[..., Engine], llama_bundle_of: Make, recording: NDArray[np.float32], run: str
) -> None:
    found, expected = both(english_of(), loop_of(llama_bundle_of), recording, **RUNS[run])
    assert found == expected and len(found) == RUNS[run]["max_new_tokens"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "q4", "q4f16"])
def test_every_form_and_precision(
    english_of: Callable[..., Engine],
    llama_bundle_of: Make,
    recording: NDArray[np.float32],
    form: str,
    dtype: str,
) -> None:
    engine = english_of(form=form, dtype=dtype)
    assert engine.capabilities.dtypes["language_model"] == dtype
    loop = loop_of(llama_bundle_of, form=form, dtype=dtype)
    for seed, weight in ((1, 0.5), (2, 0.0)):
        found, expected = both(engine, loop, recording, seed=seed, cfg_weight=weight, max_new_tokens=30)
        assert found == expected


@pytest.mark.parametrize(
    ("variant", "form"),
    [("multilingual", "gqa"), ("multilingual-v3", "gqa-positions"), ("multilingual-v3", "concat")],
)
def test_multilingual_in_each_form(
    english_of: Callable[..., Engine],
    llama_bundle_of: Make,
    recording: NDArray[np.float32],
    variant: str,
    form: str,
) -> None:
    engine = english_of(variant=variant, form=form)
    assert engine.capabilities.family == "multilingual" and len(engine.capabilities.languages) == 23
    loop = loop_of(llama_bundle_of, variant=variant, form=form)
    for seed, weight in ((1, 0.5), (2, 0.0)):
        found, expected = both(engine, loop, recording, seed=seed, cfg_weight=weight, max_new_tokens=60)
        assert found == expected


@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_multilingual_does_not_sound_its_last_token(
    english_of: Callable[..., Engine], llama_bundle_of: Make, recording: NDArray[np.float32], chunk: int
) -> None:
    """Which is noise; the decoder is given it all the same, streamed or not."""
    engine, loop = english_of(variant="multilingual"), loop_of(llama_bundle_of, variant="multilingual")
    voice = engine.voice((recording, 24_000))
    options = GenerationOptions(max_new_tokens=20, seed=9)
    tokens = engine.generate_tokens(engine.tokenize(TEXT, language="en"), voice, options)
    codes = int((tokens < 6561).sum())
    expected = loop.decode(tokens.tolist(), plain(voice))
    assert expected.size == 960 * (codes - 1)
    chunks = StreamOptions(first_chunk=chunk, growth=1.0, left_context=-1, look_ahead=0, fade_samples=0)
    with engine.stream(TEXT, voice, options, language="en", chunks=chunks) as stream:
        found = np.concatenate(list(stream))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(engine.decode(tokens, voice), expected, atol=1e-5)


def test_multilingual_is_told_the_language(
    english_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    engine = english_of(variant="multilingual")
    voice = engine.voice((recording, 24_000))
    assert engine.tokenize("Tag", language="de")[2] == 636
    assert engine.tokenize("[fr]Tag[STOP]", language="de").tolist().count(634) == 0
    short = GenerationOptions(max_new_tokens=3)
    for call in (
        lambda: engine.speak("Tag", voice, short),
        lambda: engine.speak_long("Tag", voice, short),
        lambda: engine.session(voice, short, language="xx"),
        lambda: engine.stream("Tag", voice, short, language="xx"),
    ):
        with pytest.raises(InvalidInputError, match="language"):
            call()
    spoken = engine.speak_long("Tag. Wie geht's? Gut।", voice, short, language="de").collect()
    assert spoken.samples.size > 0
    with pytest.raises(InvalidInputError, match="speaks English only, not German"):
        english_of().speak("Tag", voice, short, language="de")


def test_ids_that_the_graph_misreads_are_speech(
    english_of: Callable[..., Engine], llama_bundle_of: Make, recording: NDArray[np.float32]
) -> None:
    """Over many seeds some run says 0 or 6563, which the embedding graph takes for text and a feeling."""
    engine, loop = english_of(), loop_of(llama_bundle_of)
    voice, ids = engine.voice((recording, 24_000)), engine.tokenize(TEXT)
    options = {"temperature": 10.0, "min_p": 0.0, "max_new_tokens": 40}
    met = set()
    for seed in range(500):
        uniforms = [uniform(seed, step) for step in range(40)]
        drawn = engine.generate_tokens(ids, voice, GenerationOptions(seed=seed, **options)).tolist()
        if not {0, 6563} & set(drawn[:-1]):
            continue
        met |= {0, 6563} & set(drawn[:-1])
        assert drawn == loop.generate(ids.tolist(), plain(voice), uniforms=uniforms, **options)
        if met == {0, 6563}:
            return
    pytest.fail(f"the runs said only {met}")


def test_requests_beside_others_say_what_they_say_alone(
    english_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    """Guided ones and others, which join and leave, streamed and not."""
    engine = english_of()
    voice = engine.voice((recording, 24_000))
    asked = [
        GenerationOptions(seed=seed, cfg_weight=weight, max_new_tokens=tokens)
        for seed, weight, tokens in ((1, 0.5, 60), (2, 0.0, 25), (3, 1.5, 40), (4, 0.0, 70), (5, 0.3, 30))
    ]
    alone = [engine.speak(TEXT, voice, options) for options in asked]
    streams = [
        engine.stream(
            TEXT, voice, options, chunks=StreamOptions(left_context=-1, look_ahead=1, fade_samples=0)
        )
        for options in asked
    ]
    for stream, audio in zip(streams, alone, strict=True):
        samples = np.concatenate(list(stream))
        assert stream.tokens.size == audio.metrics.speech_tokens
        np.testing.assert_allclose(samples, audio.samples, atol=1e-5)


def test_speech_is_the_loops(
    english_of: Callable[..., Engine], llama_bundle_of: Make, recording: NDArray[np.float32]
) -> None:
    engine, loop = english_of(), loop_of(llama_bundle_of)
    voice = engine.voice((recording, 24_000))
    options = GenerationOptions(max_new_tokens=30, seed=9)
    tokens = engine.generate_tokens(engine.tokenize(TEXT), voice, options)
    spoken = engine.speak(TEXT, voice, options)
    np.testing.assert_allclose(spoken.samples, loop.decode(tokens.tolist(), plain(voice)), atol=1e-5)
    np.testing.assert_allclose(engine.decode(tokens, voice), spoken.samples, atol=1e-6)
    assert not any("ignored" in warning for warning in spoken.warnings)


def test_text_is_read_as_the_bundle_was_trained(english_of: Callable[..., Engine]) -> None:
    engine = english_of()
    ids = engine.tokenize("a b")
    assert ids[:2].tolist() == [6563, 255] and ids[-3:].tolist() == [0, 6561, 6561]
    assert ids[3] == 2 and ids[4] == 15
    assert engine.capabilities.tags == ("[giggle]", "[laughter]", "[sigh]", "[gasp]", "[cough]")
    assert 607 in engine.tokenize("ha [laughter] ha")


@pytest.mark.parametrize("token", ["[STOP]", "[START]", "[SPACE]", "[UNK]", "[[STOP]]"])
def test_a_text_cannot_say_what_only_the_model_may(
    english_of: Callable[..., Engine], recording: NDArray[np.float32], token: str
) -> None:
    engine = english_of()
    ids = engine.tokenize(f"x{token}y").tolist()
    assert ids == engine.tokenize(f"x{token.strip('[]')}y").tolist()
    assert ids.count(0) == 1 and ids.count(255) == 1
    voice = engine.voice((recording, 24_000))
    spoken = engine.speak(f"x{token}y", voice, GenerationOptions(max_new_tokens=3))
    assert any("only a model may write them: [" in warning for warning in spoken.warnings)


def test_the_limit_grows_with_the_text(
    english_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    engine = english_of()
    voice = engine.voice((recording, 24_000))
    text = "So it goes on and on. " * 12
    spoken = engine.speak(text, voice, GenerationOptions(temperature=0.0, cfg_weight=0.0))
    assert spoken.metrics.speech_tokens == 75 + 5 * len(text) > 1000
    assert any("speech was cut" in warning for warning in spoken.warnings)


def test_what_the_family_has_is_bounded(
    english_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    engine = english_of()
    voice = engine.voice((recording, 24_000))
    for options, message in (
        (GenerationOptions(cfg_weight=-0.1), "cfg_weight must be in"),
        (GenerationOptions(exaggeration=2.1), "exaggeration must be in"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            engine.speak(TEXT, voice, options)
    ids = engine.tokenize(TEXT).tolist()
    with pytest.raises(InvalidInputError, match="input_ids holds 0 within the text"):
        engine.generate_tokens([*ids[:4], 0, *ids[4:]], voice)


def test_a_voice_is_kept_once_for_both_rows(
    english_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    engine = english_of(dtype="q4")
    voice = engine.voice((recording, 24_000))
    options = [GenerationOptions(max_new_tokens=5, seed=1, cfg_weight=weight) for weight in (0.5, 0.0)]
    ids = engine.tokenize(TEXT)
    before = engine.memory()
    first = [engine.generate_tokens(ids, voice, each).tolist() for each in options]
    middle = engine.memory()
    assert first == [engine.generate_tokens(ids, voice, each).tolist() for each in options]
    assert middle.prefix_hits - before.prefix_hits >= 1  # the second finds what the first left
    layers, heads, head_dim = 2, 2, 32
    assert middle.prefixes % (33 * layers * 2 * heads * head_dim * 4) == 0
    assert engine.memory().prefix_count == middle.prefix_count == 1

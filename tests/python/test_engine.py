"""The engine as users meet it, on tiny bundles: speech, voices, and what it says of itself."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from bundles import GRAPHS, make_bundle
from bundles.metadata import TAGS
from loquor import Audio, Engine, GenerationOptions, InvalidInputError, Voice

TEXT = "Hello there. [chuckle] How are you?"
SHORT = GenerationOptions(max_new_tokens=12)
VOICE_NAMES = ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features")

BundleOf = Callable[..., Path]
EngineOf = Callable[..., Engine]
Recording = NDArray[np.float32]


@pytest.fixture(scope="module")
def engine(engine_of: EngineOf) -> Engine:
    return engine_of()


@pytest.fixture(scope="module")
def voice(engine: Engine, recording: Recording) -> Voice:
    return unwarned(engine, recording)


def unwarned(engine: Engine, recording: Recording) -> Voice:
    """Of a recording that is no speech, which each request would tell."""
    return dataclasses.replace(engine.voice((recording, 24_000)), warnings=())


@pytest.fixture
def wav(tmp_path: Path, recording: Recording) -> Path:
    path = tmp_path / "Ada Lovelace.wav"
    soundfile.write(path, recording, 24_000, subtype="FLOAT")
    return path


@pytest.fixture
def own_bundle(bundle_of: BundleOf, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(bundle_of(), tmp_path / "bundle"))


def opened(bundle: Path, **arguments: Any) -> Engine:
    return Engine(bundle, **{"threads": 1, "device": "cpu"} | arguments)


def assert_same_voice(one: Voice, other: Voice) -> None:
    assert one.fingerprint == other.fingerprint
    for name in VOICE_NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


# --- Speech ---


def test_speak_gives_audio_with_its_measurements(engine: Engine, voice: Voice) -> None:
    audio = engine.speak(TEXT, voice, SHORT)
    assert isinstance(audio, Audio)
    assert audio.samples.dtype == np.float32
    assert audio.samples.shape == (960 * (12 + 3),)
    assert audio.sample_rate == 24_000
    assert 0.01 < np.abs(audio.samples).max() <= 1
    seen = audio.metrics
    assert seen.text_tokens == len(engine.tokenize(TEXT))
    assert seen.prompt_length == seen.text_tokens + len(voice.audio_features)
    assert seen.speech_tokens == 12
    assert seen.audio_seconds == audio.seconds == 0.6
    parts = (seen.prefill_seconds, seen.steps_seconds, seen.decoder_seconds)
    assert min(parts) > 0
    assert sum(parts) < seen.total_seconds
    assert seen.rtf == seen.total_seconds / 0.6
    assert seen.tokens_per_second == 12 / seen.steps_seconds


def test_speak_is_the_sum_of_its_parts(engine: Engine, voice: Voice) -> None:
    options = GenerationOptions(seed=5, max_new_tokens=30)
    tokens = engine.generate_tokens(engine.tokenize(TEXT), voice, options)
    np.testing.assert_array_equal(engine.speak(TEXT, voice, options).samples, engine.decode(tokens, voice))


def test_saved_speech_is_a_wav_of_the_right_length(engine: Engine, voice: Voice, tmp_path: Path) -> None:
    engine.speak(TEXT, voice, SHORT).save(tmp_path / "out.wav")
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.getnframes() == 960 * 15


def test_text_is_normalised_before_it_is_read(engine: Engine) -> None:
    ids = engine.tokenize("hello “you”  there")
    assert ids.dtype == np.int64
    np.testing.assert_array_equal(ids, engine.tokenize('Hello "you" there.'))
    assert ids[-2:].tolist() == [50256, 50256]
    assert 50274 in engine.tokenize("Ha [chuckle] ha")


def test_the_text_the_seed_and_the_voice_count(engine: Engine, voice: Voice, recording: Recording) -> None:
    other = engine.voice((recording[:48_000], 24_000))
    runs = [
        engine.speak(TEXT, voice, SHORT),
        engine.speak("Good bye.", voice, SHORT),
        engine.speak(TEXT, other, SHORT),
        engine.speak(TEXT, voice, dataclasses.replace(SHORT, seed=1)),
    ]
    assert len({audio.samples.tobytes() for audio in runs}) == len(runs)
    again = engine.speak(TEXT, voice, SHORT)
    assert again.samples.tobytes() == runs[0].samples.tobytes()


# --- Warnings ---


def warnings_of(engine: Engine, voice: Voice, text: str = "Hello.", **options: Any) -> tuple[str, ...]:
    return engine.speak(text, voice, GenerationOptions(**options)).warnings


def test_a_run_that_stops_by_itself_needs_no_warning(engine_of: EngineOf, recording: Recording) -> None:
    engine = engine_of(stop_bias=4.0)
    assert warnings_of(engine, unwarned(engine, recording), TEXT) == ()


def test_warnings_say_what_was_not_as_asked(engine: Engine, voice: Voice) -> None:
    cut = "speech was cut at 12 tokens, before the model said stop"
    assert warnings_of(engine, voice, max_new_tokens=12) == (cut,)
    tag, said = warnings_of(engine, voice, "Oh [yodel] and [sigh].", max_new_tokens=12)
    assert said == cut
    assert tag.startswith("[yodel] is no tag of this model")
    assert "[sigh]" in tag
    ignored = warnings_of(engine, voice, max_new_tokens=12, exaggeration=0.7, cfg_weight=0.0)
    assert [line.split()[:3] for line in ignored[:2]] == [
        ["exaggeration", "is", "ignored:"],
        ["cfg_weight", "is", "ignored:"],
    ]


def test_a_model_with_nothing_to_say_says_so(engine_of: EngineOf, recording: Recording) -> None:
    engine = engine_of(stop_bias=1000.0)
    audio = engine.speak("Hello.", unwarned(engine, recording))
    assert audio.warnings == ("the model found nothing to say in this text",)
    assert audio.metrics.speech_tokens == 0
    assert len(audio.samples) == 960 * 3


# --- Voices ---


def test_a_voice_from_every_kind_of_source(
    engine: Engine, voice: Voice, wav: Path, recording: Recording, tmp_path: Path
) -> None:
    saved = tmp_path / "ada.safetensors"
    voice.save(saved)
    pcm = np.stack([recording, recording], axis=1)
    expected = engine.speak("Hi.", voice, SHORT).samples
    for source in (wav, str(wav), (pcm, 24_000), saved, str(saved), voice):
        assert_same_voice(engine.voice(source), voice)
        np.testing.assert_array_equal(engine.speak("Hi.", source, SHORT).samples, expected)
    with wav.open("rb") as file:
        assert_same_voice(engine.voice(file), voice)
    np.testing.assert_array_equal(engine.speak("Hi.", io.BytesIO(wav.read_bytes()), SHORT).samples, expected)
    assert engine.voice(wav).name == "Ada Lovelace"


def test_a_saved_voice_speaks_as_before(engine: Engine, voice: Voice, tmp_path: Path) -> None:
    voice.save(tmp_path / "voice.safetensors")
    expected = engine.speak(TEXT, voice, SHORT).samples
    with opened(engine.capabilities.folder) as other:
        samples = other.speak(TEXT, tmp_path / "voice.safetensors", SHORT).samples
    np.testing.assert_array_equal(samples, expected)


def test_a_voice_of_another_model_is_refused(
    engine: Engine, engine_of: EngineOf, recording: Recording, tmp_path: Path
) -> None:
    strange = engine_of(seed=1).voice((recording, 24_000))
    strange.save(tmp_path / "strange.safetensors")
    calls: tuple[Callable[[], object], ...] = (
        lambda: engine.voice(strange),
        lambda: engine.voice(tmp_path / "strange.safetensors"),
        lambda: engine.speak("Hi.", strange, SHORT),
        lambda: engine.generate_tokens([50256, 50256], strange, SHORT),
        lambda: engine.decode([1], strange),
    )
    for call in calls:
        with pytest.raises(InvalidInputError, match="make the voice again from its recording"):
            call()


def test_a_voice_of_another_precision_is_taken(tmp_path: Path, recording: Recording) -> None:
    for dtype in ("fp32", "q4f16"):
        make_bundle(tmp_path, dtype=dtype, stop_bias=-1000.0)
    with opened(tmp_path, dtype="fp32") as full, opened(tmp_path, dtype="q4f16") as small:
        assert set(small.capabilities.dtypes.values()) == {"q4f16"}
        voice = full.voice((recording, 24_000))
        assert voice.fingerprint.dtype == "fp32"
        assert len(small.speak("Hi.", voice, SHORT).samples) == 960 * 15


def test_precisions_may_differ_by_graph(tmp_path: Path, recording: Recording) -> None:
    for dtype in ("fp32", "q4"):
        make_bundle(tmp_path, dtype=dtype, stop_bias=-1000.0)
    with opened(tmp_path) as engine:
        assert set(engine.capabilities.dtypes.values()) == {"q4"}  # auto takes the fastest
    with opened(tmp_path, dtype="q4,conditional_decoder=fp32") as engine:
        assert engine.capabilities.dtypes == {
            "speech_encoder": "q4",
            "embed_tokens": "q4",
            "language_model": "q4",
            "conditional_decoder": "fp32",
        }
        assert len(engine.speak("Hi.", (recording, 24_000), SHORT).samples) == 960 * 15


def test_a_bundle_without_a_voice_of_its_own_says_so(engine: Engine) -> None:
    assert not engine.capabilities.has_default_voice
    with pytest.raises(InvalidInputError, match="brings no voice of its own"):
        engine.voice()
    with pytest.raises(InvalidInputError, match="brings no voice of its own"):
        engine.speak("Hello.")


def test_the_voice_that_a_bundle_brings(own_bundle: Path, wav: Path, voice: Voice) -> None:
    wav.replace(own_bundle / "default_voice.wav")
    with opened(own_bundle) as engine:
        assert engine.capabilities.has_default_voice
        assert_same_voice(engine.voice(), voice)
        expected = engine.speak("Hello.", voice, SHORT).samples
        np.testing.assert_array_equal(engine.speak("Hello.", options=SHORT).samples, expected)
    (own_bundle / "default_voice.wav").unlink()
    voice.save(own_bundle / "default_voice.safetensors")
    with opened(own_bundle) as engine:
        np.testing.assert_array_equal(engine.speak("Hello.", None, SHORT).samples, expected)


def test_voices_by_name(own_bundle: Path, voice: Voice) -> None:
    (own_bundle / "voices").mkdir()
    voice.save(own_bundle / "voices" / "ada.safetensors")
    with opened(own_bundle) as engine:
        assert engine.voices == engine.capabilities.voices == ("ada",)
        assert_same_voice(engine.voice("ada"), voice)
        expected = engine.speak("Hello.", voice, SHORT).samples
        np.testing.assert_array_equal(engine.speak("Hello.", "ada", SHORT).samples, expected)
        with pytest.raises(
            InvalidInputError, match=r"neither a file 'eve' nor a voice of that name.*one of ada"
        ):
            engine.voice("eve")
        with pytest.raises(InvalidInputError, match=r"neither a file 'Adah'.* did you mean 'ada'\?"):
            engine.speak("Hello.", "Adah")
        assert not engine.capabilities.has_default_voice
    edit_json(own_bundle / "config.json", default_voice="ada")
    with opened(own_bundle) as engine:
        assert engine.capabilities.has_default_voice
    edit_json(own_bundle / "config.json", default_voice="eve")
    with opened(own_bundle) as engine:
        assert not engine.capabilities.has_default_voice
        with pytest.raises(InvalidInputError, match="brings no voice of its own"):
            engine.speak("Hello.")


def test_a_bundle_may_need_prefixes_of_one_length(own_bundle: Path, voice: Voice) -> None:
    edit_json(own_bundle / "config.json", voice_prefix_positions=len(voice.audio_features) + 1)
    with opened(own_bundle) as engine:
        changed = dataclasses.replace(voice, fingerprint=engine._loaded.voices.fingerprint)
        with pytest.raises(InvalidInputError, match="the number of prefix positions should be"):
            engine.speak("Hello.", changed, SHORT)


def test_files_are_read_once_until_they_change(engine: Engine, wav: Path, recording: Recording) -> None:
    first = engine.speak("Hello.", wav, SHORT).samples
    status = wav.stat()
    wav.write_bytes(b"x" * status.st_size)
    os.utime(wav, ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(engine.speak("Hello.", str(wav), SHORT).samples, first)
    os.utime(wav, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    with pytest.raises(InvalidInputError, match="cannot read"):
        engine.speak("Hello.", wav, SHORT)
    soundfile.write(wav, recording[:72_000], 24_000, subtype="FLOAT")
    changed = engine.speak("Hello.", wav, SHORT).samples
    expected = engine.speak("Hello.", (recording[:72_000], 24_000), SHORT).samples
    np.testing.assert_array_equal(changed, expected)
    assert not np.array_equal(changed, first)


# --- What a bundle decides ---


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_the_bundle_may_bring_its_own_defaults(own_bundle: Path, voice: Voice) -> None:
    edit_json(
        own_bundle / "generation_config.json", do_sample=False, repetition_penalty=1.5, max_new_tokens=40
    )
    with opened(own_bundle) as engine:
        ids = engine.tokenize("Hello.")
        tokens = engine.generate_tokens(ids, voice)
        assert len(tokens) == 40
        explicit = GenerationOptions(temperature=0, repetition_penalty=1.5, max_new_tokens=40)
        np.testing.assert_array_equal(tokens, engine.generate_tokens(ids, voice, explicit))
        other = GenerationOptions(repetition_penalty=1.0)
        assert not np.array_equal(tokens, engine.generate_tokens(ids, voice, other))


def test_generation_ends_with_the_last_position(own_bundle: Path, recording: Recording) -> None:
    edit_json(own_bundle / "config.json", max_positions=180)
    with opened(own_bundle) as engine:
        assert engine.capabilities.max_positions == 180
        voice = unwarned(engine, recording)
        ids = engine.tokenize("Hello.")
        prompt = len(voice.audio_features) + len(ids)
        audio = engine.speak("Hello.", voice)
        assert audio.metrics.speech_tokens == 180 - prompt
        assert audio.warnings[0].startswith(f"speech was cut at {180 - prompt} tokens")
        with pytest.raises(InvalidInputError, match="split the text into sentences"):
            engine.speak("Hello, hello, hello, hello, hello!", voice)


def test_capabilities(bundle_of: BundleOf) -> None:
    folder = bundle_of(form="gqa", dtype="q4f16")
    with Engine(folder, threads=2, keep_encoder=True) as engine:
        found = dataclasses.asdict(engine.capabilities)
        placements = found.pop("placements")  # how many nodes is the runtime's affair
        assert set(placements) == {"speech_encoder", "embed_tokens", "language_model", "conditional_decoder"}
        assert all(text.startswith("CPUExecutionProvider ") for text in placements.values())
        assert found == {
            "sampling": "host",
            "model": str(folder),
            "family": "turbo",
            "folder": folder,
            "device": "cpu",
            "provider": "CPUExecutionProvider",
            "dtypes": dict.fromkeys(GRAPHS, "q4f16"),
            "optimization_levels": dict.fromkeys(GRAPHS, "all"),
            "threads": 2,
            "prepared": {**dict.fromkeys(GRAPHS, "prepared"), "embed_tokens": "as published"},
            "kv_mode": "in_place",
            "kv_dtype": "fp16",
            "layers": 2,
            "hidden_size": 64,
            "vocab_size": 6563,
            "max_positions": 8196,
            "sample_rate": 24_000,
            "samples_per_token": 960,
            "tags": tuple(f"[{tag}]" for tag in TAGS),
            "text_normalizer": "none",
            "piece_characters": 250,
            "languages": ("en",),
            "voices": (),
            "has_default_voice": False,
            "slots": 16,
            "batched": True,
            "voice_conversion": True,
            "guidance": False,
            "exaggeration": False,
            "word_times": False,
            "replaced": {},
            "voice_cloning": True,
            "watermark": "none",
            "streaming": True,
        }
        assert repr(engine) == f"Engine({str(folder)!r}, device='cpu', dtype='q4f16')"
    with Engine(folder) as engine:
        assert 1 <= engine.capabilities.threads <= min(8, os.cpu_count() or 8)


# --- Token ids, for harnesses ---


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint16", "uint32"])
def test_ids_of_any_integer_type(engine: Engine, voice: Voice, dtype: str) -> None:
    ids = [84, 200, 50256, 50256]
    expected = engine.generate_tokens(ids, voice, SHORT)
    assert expected.dtype == np.int64
    strided = np.repeat(np.array(ids, dtype), 2)[::2]
    np.testing.assert_array_equal(engine.generate_tokens(strided, voice, SHORT), expected)
    np.testing.assert_array_equal(
        engine.decode(expected.astype("uint16"), voice), engine.decode(expected, voice)
    )


def test_a_prompt_of_the_two_ends_alone_is_allowed(engine: Engine, voice: Voice) -> None:
    assert len(engine.generate_tokens([50256, 50256], voice, SHORT)) == 12


def test_decoding_nothing_gives_the_closing_silence(engine: Engine, voice: Voice) -> None:
    silence = engine.decode([4299] * 3, voice)[: 960 * 3]
    for tokens in ([], [6562], np.array([], np.int64)):
        np.testing.assert_array_equal(engine.decode(tokens, voice), silence)

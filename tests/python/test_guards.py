"""Guards against runaways: none changes healthy speech, each ends its own kind, and says so."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import loquor
from loquor import (
    Audio,
    Engine,
    GenerationOptions,
    Guards,
    InvalidInputError,
    ModelError,
    StreamOptions,
    Voice,
)
from loquor.cli import main
from loquor.speech.guards import text_warnings

ON = Guards()
OFF = Guards(length=False, loop=False, silence=False, tail=False)
MINI = Path(loquor.__file__).parent / "mini"
SENTENCES = Path(__file__).parents[2] / "training" / "voice" / "sentences"
SOUNDS = ("laugh", "sigh", "shush", "cough", "gasp", "groan", "sniff", "chuckle", "clear throat")

EngineOf = Callable[..., Engine]


def texts() -> list[str]:
    """Some 120 of all kinds: sentences, numbers, tags, single words, repetitions, the longest at once."""
    rng = random.Random(3)
    lines = [
        line
        for name in ("everyday", "news", "questions_lists", "numbers")
        for line in (SENTENCES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    short = [
        "Hi.",
        "No.",
        "Oh!",
        "A.",
        "Why?",
        "Yes, yes.",
        "7%",
        "$5.",
        "1",
        "NASA.",
        "x",
        "Shh.",
        "Hmm...",
        "...",
        "Ssssh, the snake says sssss.",
    ]
    again = [
        "No. No. No. No.",
        "It was very very very very very very good.",
        "Ha ha ha ha ha ha ha.",
        "One two three, one two three, one two three, one two three.",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10.",
        "The number is 1,777,777,777.",
    ]
    tags = [f"[{sound}]" for sound in SOUNDS] + [f"Well, [{sound}] I see." for sound in SOUNDS]
    tags += [f"That was a long day. [{sound}]" for sound in SOUNDS]
    long = [" ".join(rng.sample(lines, 6))[:290].rsplit(" ", 1)[0] + "." for _ in range(6)]
    return rng.sample(lines, 66) + short + again + tags + long


def ran_away(warnings: tuple[str, ...]) -> list[str]:
    return [warning for warning in warnings if "ran away" in warning]


def copy_with(folder: Path, out: Path, **changes: object) -> Path:
    """A copy of a bundle with other settings in its config.json."""
    shutil.copytree(folder, out)
    config = json.loads((out / "config.json").read_text(encoding="utf-8")) | changes
    (out / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return out


# --- Healthy speech ---


@pytest.fixture(scope="module")
def mini() -> Iterator[Engine]:
    with Engine("mini") as engine:
        yield engine


def test_no_guard_changes_a_healthy_utterance(mini: Engine) -> None:
    checked = texts()
    assert len(checked) >= 100
    for number, text in enumerate(checked):
        voice = "man" if number % 3 == 0 else None
        sampled = 0.8 if number % 4 == 3 else None
        on, off = (GenerationOptions(temperature=sampled, seed=number, guards=guards) for guards in (ON, OFF))
        expected = mini.speak(text, voice, off)
        spoken = mini.speak(text, voice, on)
        assert ran_away(spoken.warnings) == [], text
        assert np.array_equal(spoken.samples, expected.samples), text
        if number % 4 == 0:
            with mini.stream(text, voice, on) as with_guards, mini.stream(text, voice, off) as without:
                assert np.array_equal(np.concatenate(list(with_guards)), np.concatenate(list(without))), text
                assert np.array_equal(with_guards.tokens, without.tokens), text
                assert with_guards.warnings == without.warnings


def test_a_bundle_has_all_guards_unless_it_says_otherwise(mini: Engine, engine_of: EngineOf) -> None:
    assert mini._loaded.defaults["guards"] == 15
    assert engine_of()._loaded.defaults["guards"] == 0


def test_speech_that_stops_is_untouched_on_random_weights(
    engine_of: EngineOf, recording: NDArray[np.float32]
) -> None:
    engine = engine_of(form="gqa", stop_bias=4.0)
    voice, healthy = engine.voice((recording, 24_000)), 0
    for seed in range(40):
        on, off = (GenerationOptions(seed=seed, guards=guards) for guards in (ON, OFF))
        expected = engine.speak("Hello there.", voice, off)
        if expected.metrics.speech_tokens > 150:
            continue
        healthy += 1
        for chunks in (None, StreamOptions(first_chunk=3)):
            with engine.stream("Hello there.", voice, on, chunks=chunks) as stream:
                assert np.array_equal(np.concatenate(list(stream)), expected.samples)
                assert stream.warnings == expected.warnings
    assert healthy > 20


# --- Runaways ---

CEILING = 75 + 5 * (3 + 1 + 2)  # of "Hi."


@pytest.fixture(scope="module")
def endless(engine_of: EngineOf) -> Engine:
    return engine_of(form="gqa")  # never stops


@pytest.fixture(scope="module")
def voice(endless: Engine, recording: NDArray[np.float32]) -> Voice:
    return replace(endless.voice((recording, 24_000)), warnings=())


def speak(engine: Engine, voice: Voice, **options: object) -> Audio:
    return engine.speak("Hi.", voice, GenerationOptions(max_new_tokens=200, **options))  # type: ignore[arg-type]


def test_two_runaways_are_cut_and_told(endless: Engine, voice: Voice) -> None:
    audio = speak(endless, voice, guards=ON, seed=9)
    assert audio.metrics.speech_tokens == CEILING
    assert len(audio.samples) == (CEILING + 3) * 960
    (warning,) = audio.warnings
    assert warning == (
        "the speech ran away (it became far longer than its text, in two attempts) and was cut after "
        f"{audio.seconds:.2f} s: try another seed"
    )
    full = speak(endless, voice, guards=OFF, seed=9)
    assert np.array_equal(audio.samples[: CEILING * 960], full.samples[: CEILING * 960])


def test_greedy_speech_has_one_attempt(endless: Engine, voice: Voice) -> None:
    audio = speak(endless, voice, guards=ON, temperature=0)
    assert audio.metrics.speech_tokens == CEILING
    assert "in two attempts" not in audio.warnings[0]


def test_a_stream_that_was_heard_is_cut(endless: Engine, voice: Voice) -> None:
    options = GenerationOptions(max_new_tokens=200, seed=9, guards=ON)
    with endless.stream("Hi.", voice, options) as stream:
        samples = np.concatenate(list(stream))
        assert np.array_equal(samples, speak(endless, voice, guards=ON, seed=9).samples)
        assert len(stream.tokens) == CEILING
        assert stream.report.finished and stream.report.generated_tokens == CEILING
        assert len(ran_away(stream.warnings)) == 1 and "in two attempts" not in stream.warnings[0]


def test_each_guard_can_be_off(endless: Engine, voice: Voice) -> None:
    for name, tokens in (("length", 200), ("loop", CEILING), ("silence", CEILING), ("tail", CEILING)):
        audio = speak(endless, voice, guards=Guards(**{name: False}), seed=9)
        assert audio.metrics.speech_tokens == tokens, name
        assert bool(ran_away(audio.warnings)) == (name != "length")


def test_a_loop_is_told_from_length(endless: Engine, voice: Voice) -> None:
    stuck = {"temperature": 0, "repetition_penalty": 0.01, "seed": 2}  # what was said once is said again
    audio = speak(endless, voice, guards=ON, **stuck)
    assert audio.metrics.speech_tokens < CEILING
    assert audio.warnings[0].startswith("the speech ran away (it repeated itself) and was cut after ")
    left = speak(endless, voice, guards=Guards(loop=False, length=False), **stuck)
    assert left.metrics.speech_tokens == 200
    assert ran_away(left.warnings) == []


def test_the_second_attempt_is_what_its_seed_gives(
    engine_of: EngineOf, bundle_of: Callable[..., Path], recording: NDArray[np.float32], tmp_path: Path
) -> None:
    folder = copy_with(bundle_of(form="gqa", stop_bias=3.0), tmp_path / "bundle", guard_tokens_at_least=5)
    with Engine(folder, threads=1, device="cpu", prepare=False) as engine:
        voice, healed = engine.voice((recording, 24_000)), 0
        for seed in range(40):
            audio = engine.speak("Hi.", voice, GenerationOptions(seed=seed, guards=ON))
            told = re.search(r"made again with seed (\d+)", " ".join(audio.warnings))
            if told is None:
                continue
            healed += 1
            again = engine.speak("Hi.", voice, GenerationOptions(seed=int(told[1]), guards=OFF))
            assert np.array_equal(audio.samples, again.samples)
            assert again.metrics.speech_tokens <= 35
        assert healed > 3


def test_a_tail_is_cut_from_real_speech(tmp_path: Path, mini: Engine) -> None:
    """With a pause of 0.08 s as the longest, silence between sentences is a tail, and so is the end."""
    text = "Good morning. How are you?"
    recording = MINI / "default_voice.wav"  # a copy with other settings is another model to a saved voice
    whole = mini.speak(text, mini.voice(recording))
    folder = copy_with(MINI, tmp_path / "impatient", guard_pause_tokens=2)
    with Engine(folder) as engine:
        options = GenerationOptions(guards=Guards(silence=False))
        voice = engine.voice(recording)
        with engine.stream(text, voice, options, chunks=StreamOptions(first_chunk=2, max_chunk=2)) as stream:
            samples = np.concatenate(list(stream))
        assert len(ran_away(stream.warnings)) == 1
        assert "it went on as silence, noise or a tone" in stream.warnings[0]
        assert 0.3 < len(samples) / 24_000 < whole.seconds - 0.5
        sampled = GenerationOptions(guards=Guards(silence=False), temperature=0.8)
        cut = engine.speak(text, voice, sampled)
        assert "it went on as silence, noise or a tone, in two attempts) and was cut" in cut.warnings[0]
        assert 0.3 < cut.seconds < whole.seconds
        off = engine.speak(text, voice, GenerationOptions(guards=Guards(silence=False, tail=False)))
        assert np.array_equal(off.samples, whole.samples)


def test_tokens_alone_have_no_guard(endless: Engine, voice: Voice) -> None:
    options = GenerationOptions(max_new_tokens=200, seed=9, guards=ON)
    assert len(endless.generate_tokens(endless.tokenize("Hi."), voice, options)) == 200


def test_long_text_tells_of_each_piece(endless: Engine, voice: Voice) -> None:
    speech = endless.speak_long(
        "Hi. Ho.",
        voice,
        GenerationOptions(max_new_tokens=200, guards=ON),
        long_text=loquor.LongTextOptions(join_below=0),
    )
    parts = list(speech)
    assert len(parts) == 2
    assert all(len(ran_away(part.warnings)) == 1 for part in parts)


# --- What attention tells ---


def test_attention_finds_no_fault_with_the_built_in_voice(mini: Engine) -> None:
    for number, text in enumerate(texts()[::6]):
        options = GenerationOptions(temperature=0.8 if number % 2 else None, seed=number)
        ended, off = replace(options, text_guard=2), replace(options, text_guard=0)
        with mini.stream(text, options=ended) as stream, mini.stream(text, options=off) as plain:
            assert np.array_equal(np.concatenate(list(stream)), np.concatenate(list(plain))), text
            assert stream.report.text_faults == () and stream.warnings == plain.warnings, text


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({}, None),
        ({"text_faults": 1, "skipped_from": 4, "skipped_to": 7}, "skipped some of its text ('4 to 7')"),
        ({"text_faults": 2}, "said some of its text again: try another seed"),
        ({"text_faults": 4}, "went on behind the end of its text (text_guard=2 ends it there)"),
        ({"text_faults": 4, "guards": 16, "finish_reason": "guard"}, "end of its text and was ended there"),
        ({"guards": 16, "attempts": 2}, "did not say its text as it is and was made again; heard is seed 7"),
    ],
)
def test_what_attention_tells_is_said(facts: dict[str, object], message: str | None) -> None:
    info = {
        "guards": 0, "text_faults": 0, "attempts": 1, "finish_reason": "stop", "seed": 7,
        "skipped_from": 0, "skipped_to": 0,
    } | facts  # fmt: skip
    warnings = text_warnings(info, lambda begin, end: f"{begin} to {end}")
    assert len(warnings) == (message is not None)
    assert message is None or message in warnings[0]


def test_the_level_is_an_option_everywhere(mini: Engine, tmp_path: Path) -> None:
    assert mini._loaded.defaults["text_guard"] == 2
    with pytest.raises(InvalidInputError, match="text_guard must be 0 \\(off\\), 1"):
        mini.speak("Hi.", options=GenerationOptions(text_guard=4))
    assert main(["say", "Hi.", "--text-guard", "1", "-q", "-o", str(tmp_path / "out.wav")]) == 0


# --- What is refused ---


@pytest.mark.parametrize("guards", [True, "loop", 15, Guards(loop=1)])  # type: ignore[arg-type]
def test_other_guards_are_refused(endless: Engine, voice: Voice, guards: object) -> None:
    with pytest.raises(InvalidInputError, match="guard"):
        speak(endless, voice, guards=guards)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"guards": ["loops"]}, "'guards': it should name length, loop, silence or tail, not 'loops'"),
        ({"guards": "loop"}, "config.json"),
        ({"guard_pause_tokens": 0}, "'guard_pause_tokens' should be a number from 1"),
        ({"guard_tokens_per_character": -1}, "'guard_tokens_per_character' should be a number from 0"),
    ],
)
def test_settings_that_are_none_are_refused(
    bundle_of: Callable[..., Path], tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = copy_with(bundle_of(), tmp_path / "bundle", **changes)
    with pytest.raises(ModelError, match=re.escape(message)):
        Engine(folder, prepare=False)


# --- Command line ---


def test_say_tells_and_can_leave_guards_off(
    bundle_of: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = copy_with(bundle_of(form="gqa"), tmp_path / "bundle", guards=["length", "loop"])
    say = [
        "say",
        "Hi.",
        "--model",
        str(model),
        "--voice",
        str(MINI / "default_voice.wav"),
        "--no-prepare",
        "-q",
    ]
    say += ["--max-new-tokens", "200", "-o", str(tmp_path / "out.wav")]
    assert main(say) == 0
    assert "warning: the speech ran away (it became far longer" in capsys.readouterr().err
    for off in (
        ["--no-guard", "length"],
        ["--no-guard", "all"],
        ["--no-guard", "loop", "--no-guard", "length"],
    ):
        assert main(say + off) == 0
        assert "ran away" not in capsys.readouterr().err
    assert main([*say, "--stream"]) == 0
    assert "warning: the speech ran away" in capsys.readouterr().err

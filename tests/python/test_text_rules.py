"""What a bundle says about text, what a user asks for, and what the tokenizer gets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import loquor
from loquor import Engine, GenerationOptions, _core
from loquor.bundle.text_rules import MULTILINGUAL, TextRules, prepare_text, text_rules_of
from loquor.errors import InvalidInputError, ModelError
from loquor.text.profiles import PROFILES

SHORT = GenerationOptions(max_new_tokens=3)


MINI = Path(loquor.__file__).parent / "mini"


def rules_of(folder: Path) -> TextRules:
    return text_rules_of(folder, _core.read_bundle(str(folder)))


@pytest.fixture
def saying(bundle_of: Callable[..., Path], tmp_path: Path) -> Callable[[str | bytes], Path]:
    """A bundle with this config.json."""
    folder = Path(shutil.copytree(bundle_of(), tmp_path / "saying"))

    def say(content: str | bytes) -> Path:
        (folder / "config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return say


def test_a_bundle_without_the_keys_leaves_text_alone(saying: Callable[[str | bytes], Path]) -> None:
    folder = saying("{}")
    assert rules_of(folder) == TextRules("turbo", "none", 250)
    (folder / "config.json").unlink()
    assert rules_of(folder) == TextRules("turbo", "none", 250)


def test_the_built_in_voice_needs_words() -> None:
    assert rules_of(MINI) == TextRules("turbo", "en", 200)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"text_normalizer": "de"}',
            "text_normalizer is 'de', and this Loquor knows none, en, numbers: upgrade",
        ),
        ('{"text_normalizer": ["en"]}', "'text_normalizer': JSON line 1: expected a string, found an array"),
        ('{"piece_characters": 5}', "'piece_characters' should be a number from 20 to 5000, not 5"),
        ('{"piece_characters": 250.5}', "'piece_characters': .* expected an integer, found 250.5"),
        ('{"piece_characters": true}', "'piece_characters': .* expected an integer, found a boolean"),
        ("[]", "expected an object, found an array"),
        ("{", "config.json: JSON line 1"),
        (b"\xff\xfe{", "config.json: JSON line 1"),
    ],
)
def test_other_values_are_a_model_error(
    saying: Callable[[str | bytes], Path], content: str | bytes, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        rules_of(saying(content))


def test_a_text_profile_is_one_that_python_has() -> None:
    facts = _core.read_bundle(str(MINI))
    facts["family"]["text_profile"] = "klingon"
    with pytest.raises(ModelError, match="text_profile is 'klingon', and this Loquor knows turbo"):
        text_rules_of(MINI, facts)
    runnable = {family["text_profile"] for family in _core.families() if family["runnable"]}
    assert runnable <= {*PROFILES, MULTILINGUAL}


def test_the_text_is_left_alone_or_written_out() -> None:
    assert prepare_text("it's 5: “yes”").text == 'It\'s 5, "yes".'
    assert prepare_text("it's 5: “yes”", "en").text == "It's five, yes."
    assert prepare_text("5 km…", "en") == prepare_text("5 km…", "en")
    with pytest.raises(InvalidInputError, match="text is empty"):
        prepare_text(" ", "en")


def test_what_is_lost_is_said() -> None:
    assert prepare_text("Привет", "none").warnings == ()
    mixed = prepare_text("Say привет twice.", "en")
    assert mixed.text == "Say twice."
    assert mixed.warnings == ("left out what has no sound in English: привет",)
    nothing = prepare_text("こんにちは世界。今日は良い天気ですね", "en")
    assert nothing.text == "."
    first, second = nothing.warnings
    assert first.endswith("...") and "こ" in first
    assert "nothing in this text can be spoken" in second


def test_markup_is_said_to_be_left_out_or_read() -> None:
    written = 'Wait <break time="1s"/> for <b>me</b>.'
    spoken = prepare_text(written, "en")
    assert spoken.text == "Wait, for me."
    assert spoken.warnings == ("left out markup, which changes nothing of how it is said: break, b",)
    assert prepare_text(written).text == written
    assert prepare_text(written).warnings == (
        "read as text, tags and all, for this model knows no markup: break, b",
    )
    assert prepare_text("5 < 6 and <3").warnings == ()


@pytest.fixture
def asking_for_words(bundle_of: Callable[..., Path], tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    shutil.copytree(bundle_of(), folder)
    path = folder / "config.json"
    config: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(config | {"text_normalizer": "en", "piece_characters": 99}))
    return folder


def test_the_engine_does_what_the_bundle_or_the_user_says(
    bundle_of: Callable[..., Path], asking_for_words: Path
) -> None:
    with Engine(bundle_of(), threads=1) as plain:
        digits, words = plain.tokenize("Take 5."), plain.tokenize("Take five.")
        assert plain.capabilities.text_normalizer == "none"
        assert plain.capabilities.piece_characters == 250
    with Engine(asking_for_words, threads=1) as engine:
        assert engine.capabilities.text_normalizer == "en"
        assert engine.capabilities.piece_characters == 99
        np.testing.assert_array_equal(engine.tokenize("Take 5."), words)
    with Engine(asking_for_words, threads=1, normalize="none") as engine:
        np.testing.assert_array_equal(engine.tokenize("Take 5."), digits)
    with Engine(bundle_of(), threads=1, normalize="en") as engine:
        np.testing.assert_array_equal(engine.tokenize("Take 5."), words)
    with pytest.raises(InvalidInputError, match="normalize must be one of auto, none, en, numbers, not 'fr'"):
        Engine(bundle_of(), normalize="fr")


def test_an_unknown_normalizer_is_found_at_load(asking_for_words: Path) -> None:
    (asking_for_words / "config.json").write_text('{"text_normalizer": "xx"}')
    with pytest.raises(ModelError, match="text_normalizer is 'xx'"):
        Engine(asking_for_words, threads=1)


def test_the_built_in_voice_says_what_it_cannot_say() -> None:
    with Engine() as engine:
        assert engine.speak("At 9:45, pay $5.", options=SHORT).warnings == (
            "speech was cut at 3 tokens, before the model said stop",
        )
        warnings = engine.speak("你好").warnings
        assert warnings[0] == "left out what has no sound in English: 你好"
        assert "nothing in this text can be spoken" in warnings[1]

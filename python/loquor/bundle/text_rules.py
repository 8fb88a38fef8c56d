"""From a user's text to what the tokenizer gets: checked, in words if the model needs it, normalised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import InvalidInputError, ModelError
from ..languages.detection import AUTO, detected
from ..languages.numbers import spell_numbers
from ..languages.profile import LANGUAGES, check_language, prepare_language
from ..text.characters import check_text
from ..text.lines import with_whole_words
from ..text.profiles import PROFILES, USUAL

__all__ = [
    "MULTILINGUAL",
    "NORMALIZERS",
    "PreparedText",
    "TextRules",
    "check_normalizer",
    "languages_of",
    "measure_of",
    "prepare_text",
    "text_rules_of",
]

NORMALIZERS = ("none", "en", "numbers")
"""What a bundle or a user may ask for: the text as it is, English numbers and symbols in words, or numbers
alone, in words of the text's language."""

MULTILINGUAL = "multilingual"
"""The profile of models that speak many languages, each prepared in its own way."""

_SHOWN = 12


@dataclass(frozen=True)
class TextRules:
    """What a bundle says about text."""

    profile: str
    """How it is punctuated: one of `PROFILES`, or `MULTILINGUAL`."""
    normalizer: str
    """What it goes through first: one of `NORMALIZERS`."""
    piece_characters: int
    """Characters that the model speaks well in one call."""


@dataclass(frozen=True)
class PreparedText:
    """`text` as the tokenizer gets it; `warnings` about what it lost."""

    text: str
    warnings: tuple[str, ...] = ()


def text_rules_of(folder: Path, facts: Mapping[str, Any]) -> TextRules:
    """Return what the bundle in `folder` says about text, of the facts that `_core.read_bundle` gives.

    Raises `ModelError` for rules that this version does not know.
    """
    rules = TextRules(facts["family"]["text_profile"], facts["text_normalizer"], facts["piece_characters"])
    for name, value, known in (
        ("text_normalizer", rules.normalizer, NORMALIZERS),
        ("text_profile", rules.profile, (*PROFILES, MULTILINGUAL)),
    ):
        if value not in known:
            raise ModelError(
                f"{folder / 'config.json'}: {name} is {value!r:.40}, and this Loquor knows "
                f"{', '.join(known)}: upgrade Loquor, or fetch the bundle again"
            )
    return rules


def check_normalizer(asked: str) -> None:
    """Raise `InvalidInputError` unless a user may ask for this: "auto" or one of `NORMALIZERS`."""
    if asked != "auto" and asked not in NORMALIZERS:
        raise InvalidInputError(f"normalize must be one of auto, {', '.join(NORMALIZERS)}, not {asked!r}")


def measure_of(normalizer: str) -> Callable[[str], int]:
    """Return the function that counts the characters of a text as the tokenizer gets them, to one or two."""
    if normalizer != "en":
        return len
    length: Callable[[str], int] = _english().spelled_length
    return length


@cache
def _english() -> ModuleType:
    """Its rules are loaded for those who ask for them; to import them for each text would cost it 2 us."""
    from .. import english

    return english


def languages_of(profile: str) -> tuple[str, ...]:
    """The codes of the languages that a model with this profile speaks."""
    return tuple(LANGUAGES) if profile == MULTILINGUAL else ("en",)


def prepare_text(
    text: str,
    normalizer: str = "none",
    profile: str = USUAL,
    language: str | None = None,
    folder: Path | None = None,
    plain: Callable[[str], str] = str,
) -> PreparedText:
    """Check `text`, write it out in words where `normalizer` says so, and punctuate it as `profile` does.

    A `language` other than English is for `MULTILINGUAL` alone, which must be told one, or `AUTO`, which
    guesses; `folder` is the bundle's. `plain` reads control tokens as words, for what is written out may
    spell one that the text did not. Raises `InvalidInputError` as `check_text`, `check_language` and
    `prepare_language` do.
    """
    check_text(text)
    if profile == MULTILINGUAL:
        guess: tuple[str, ...] = ()
        if language == AUTO:
            language, guess = detected(text)
        prepared = _in_language(text, normalizer, check_language(language), folder or Path(), plain)
        return PreparedText(prepared.text, (*guess, *prepared.warnings))
    if language == AUTO:
        language = None
    if language is not None and check_language(language) != "en":
        raise InvalidInputError(f"this model speaks English only, not {LANGUAGES[check_language(language)]}")
    punctuated = PROFILES[profile]
    if normalizer != "en":
        words, unread = spell_numbers(text, "en") if normalizer == "numbers" else (text, ())
        written = plain(punctuated(with_whole_words(words)))
        return PreparedText(written, (*unread, *_markup_that_is_read(text)))
    spelled = _english().spell(text)
    warnings = []
    if spelled.left_out:
        shown = "".join(spelled.left_out[:_SHOWN]) + ("..." if len(spelled.left_out) > _SHOWN else "")
        warnings.append(f"left out what has no sound in English: {shown}")
    if spelled.markup:
        warnings.append(f"left out markup, which changes nothing of how it is said: {_some(spelled.markup)}")
    if not any(character.isalpha() for character in spelled.text):
        warnings.append("nothing in this text can be spoken: this model knows English letters only")
    return PreparedText(plain(punctuated(spelled.text)), tuple(warnings))


def _in_language(
    text: str, normalizer: str, language: str, folder: Path, plain: Callable[[str], str]
) -> PreparedText:
    warnings = _markup_that_is_read(text)
    if normalizer == "en":
        if language != "en":
            raise InvalidInputError(
                f"normalize='en' writes English: for {LANGUAGES[language]} take 'numbers' or 'none'"
            )
        english = prepare_text(text, "en")
        text, warnings = english.text, english.warnings
    elif normalizer == "numbers":
        text, unread = spell_numbers(text, language)
        warnings = (*warnings, *unread)
    prepared, unmarked = prepare_language(with_whole_words(text), language, folder, plain)
    return PreparedText(prepared, (*warnings, *unmarked))


def _markup_that_is_read(text: str) -> tuple[str, ...]:
    if "<" not in text:
        return ()
    names = _english().spell(text).markup
    if not names:
        return ()
    return (f"read as text, tags and all, for this model knows no markup: {_some(names)}",)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")

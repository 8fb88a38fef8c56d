"""From a user's text to what the tokenizer gets: checked, in words if the model needs it, normalised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError, ModelError
from ..text.characters import check_text
from ..text.lines import with_whole_words
from ..text.profiles import PROFILES, USUAL

__all__ = [
    "NORMALIZERS",
    "PreparedText",
    "TextRules",
    "check_normalizer",
    "measure_of",
    "prepare_text",
    "text_rules_of",
]

NORMALIZERS = ("none", "en")
"""What a bundle or a user may ask for: the text as it is, or English numbers and symbols in words."""

_SHOWN = 12


@dataclass(frozen=True)
class TextRules:
    """What a bundle says about text."""

    profile: str
    """How it is punctuated: one of `PROFILES`."""
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
        ("text_profile", rules.profile, tuple(PROFILES)),
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
    if normalizer == "none":
        return len
    from ..english import spelled_length

    return spelled_length


def prepare_text(text: str, normalizer: str = "none", profile: str = USUAL) -> PreparedText:
    """Check `text`, write it out in words where `normalizer` says so, and punctuate it as `profile` does.

    Raises `InvalidInputError` as `check_text` does.
    """
    check_text(text)
    punctuated = PROFILES[profile]
    if normalizer == "none":
        return PreparedText(punctuated(with_whole_words(text)), _markup_that_is_read(text))
    from ..english import spell

    spelled = spell(text)
    warnings = []
    if spelled.left_out:
        shown = "".join(spelled.left_out[:_SHOWN]) + ("..." if len(spelled.left_out) > _SHOWN else "")
        warnings.append(f"left out what has no sound in English: {shown}")
    if spelled.markup:
        warnings.append(f"left out markup, which changes nothing of how it is said: {_some(spelled.markup)}")
    if not any(character.isalpha() for character in spelled.text):
        warnings.append("nothing in this text can be spoken: this model knows English letters only")
    return PreparedText(punctuated(spelled.text), tuple(warnings))


def _markup_that_is_read(text: str) -> tuple[str, ...]:
    if "<" not in text:
        return ()
    from ..english.markup import without_markup

    names = without_markup(text)[1]
    if not names:
        return ()
    return (f"read as text, tags and all, for this model knows no markup: {_some(names)}",)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")

"""From a user's text to what the tokenizer gets: checked, in words if the model needs it, normalised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..base.files import read_config
from ..errors import InvalidInputError, ModelError
from ..text.characters import check_text, punc_norm
from ..text.lines import with_whole_words

__all__ = [
    "NORMALIZERS",
    "PIECE_CHARACTERS",
    "PreparedText",
    "TextRules",
    "check_normalizer",
    "measure_of",
    "prepare_text",
    "read_text_rules",
]

NORMALIZERS = ("none", "en")
"""What a bundle or a user may ask for: the text as it is, or English numbers and symbols in words."""

PIECE_CHARACTERS = 250
"""Turbo and Nano grow unsteady beyond some 300 characters, and one sentence a call is best."""

_LEAST_PIECE, _MOST_PIECE = 20, 5000
_SHOWN = 12


@dataclass(frozen=True)
class TextRules:
    """What a bundle says about text: its `normalizer`, and the characters it speaks well in one call."""

    normalizer: str = "none"
    piece_characters: int = PIECE_CHARACTERS


@dataclass(frozen=True)
class PreparedText:
    """`text` as the tokenizer gets it; `warnings` about what it lost."""

    text: str
    warnings: tuple[str, ...] = ()


def read_text_rules(folder: Path) -> TextRules:
    """Return what the bundle's config.json says: `text_normalizer` and `piece_characters`, both optional.

    Raises `ModelError` for a value that this version does not know.
    """
    path = folder / "config.json"
    config = read_config(folder)
    normalizer = config.get("text_normalizer", TextRules.normalizer)
    if normalizer not in NORMALIZERS:
        raise ModelError(
            f"{path}: text_normalizer is {normalizer!r:.40}, and this Loquor knows {', '.join(NORMALIZERS)}: "
            "upgrade Loquor, or fetch the bundle again"
        )
    characters = config.get("piece_characters", TextRules.piece_characters)
    if isinstance(characters, bool) or not isinstance(characters, int):
        raise ModelError(f"{path}: piece_characters must be a whole number, not {characters!r:.40}")
    if not _LEAST_PIECE <= characters <= _MOST_PIECE:
        raise ModelError(
            f"{path}: piece_characters should be from {_LEAST_PIECE} to {_MOST_PIECE}, not {characters}"
        )
    return TextRules(normalizer, characters)


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


def prepare_text(text: str, normalizer: str = "none") -> PreparedText:
    """Check `text`, write it out in words where `normalizer` says so, and apply the model's `punc_norm`.

    Raises `InvalidInputError` as `check_text` does.
    """
    check_text(text)
    if normalizer == "none":
        return PreparedText(punc_norm(with_whole_words(text)), _markup_that_is_read(text))
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
    return PreparedText(punc_norm(spelled.text), tuple(warnings))


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

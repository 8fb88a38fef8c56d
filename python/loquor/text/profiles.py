"""How each family of models wants its text punctuated, by the name that its record gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["LLAMA_REPLACEMENTS", "PROFILES", "USUAL", "punc_norm", "punc_norm_english", "replaced"]

_DASHES_AND_QUOTES = (
    ("—", "-"),
    ("–", "-"),  # noqa: RUF001
    (" ,", ","),
    ("“", '"'),
    ("”", '"'),
    ("‘", "'"),  # noqa: RUF001
    ("’", "'"),  # noqa: RUF001
)
# Tables of `punc_norm` in tts_turbo.py, and in tts.py and mtl_tts.py, in their order: a later rule sees what
# an earlier one wrote.
TURBO_REPLACEMENTS = (("…", ", "), (":", ","), *_DASHES_AND_QUOTES)
LLAMA_REPLACEMENTS = (("...", ", "), ("…", ", "), (":", ","), (" - ", ", "), (";", ", "), *_DASHES_AND_QUOTES)
_ENDERS = (".", "!", "?", "-", ",")


def punc_norm(text: str) -> str:
    """Return `text` with the punctuation that Chatterbox Turbo was trained on.

    The rules and their order are those of `punc_norm` in Resemble's tts_turbo.py, quirks included: a leading
    space keeps the first letter small, and an ellipsis followed by a space leaves two spaces. For that reason
    a second pass may still change the text; a third never does. Upstream's stock sentence for the empty
    string is left out: `check_text` refuses empty text instead.
    """
    return _punctuated(text, TURBO_REPLACEMENTS)


def punc_norm_english(text: str) -> str:
    """Return `text` with the punctuation that Chatterbox (English) was trained on.

    As `punc_norm`, with the rules of Resemble's tts.py: three dots, semicolons and dashes between spaces are
    commas too.
    """
    return _punctuated(text, LLAMA_REPLACEMENTS)


def replaced(text: str, replacements: tuple[tuple[str, str], ...]) -> str:
    """Return `text` after each replacement, in their order."""
    for old, new in replacements:
        text = text.replace(old, new)
    return text


def _punctuated(text: str, replacements: tuple[tuple[str, str], ...]) -> str:
    if text[:1].islower():
        text = text[0].upper() + text[1:]
    text = replaced(" ".join(text.split()), replacements).rstrip(" ")
    return text if text.endswith(_ENDERS) else text + "."


USUAL = "turbo"

PROFILES: Mapping[str, Callable[[str], str]] = {USUAL: punc_norm, "english": punc_norm_english}

"""How each family of models wants its text punctuated, by the name that its record gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["PROFILES", "USUAL", "punc_norm"]

# Turbo's table (`punc_norm` in tts_turbo.py), in its order: a later rule sees what an earlier one wrote.
_REPLACEMENTS = (
    ("…", ", "),
    (":", ","),
    ("—", "-"),
    ("–", "-"),  # noqa: RUF001
    (" ,", ","),
    ("“", '"'),
    ("”", '"'),
    ("‘", "'"),  # noqa: RUF001
    ("’", "'"),  # noqa: RUF001
)
_ENDERS = (".", "!", "?", "-", ",")


def punc_norm(text: str) -> str:
    """Return `text` with the punctuation that Chatterbox Turbo was trained on.

    The rules and their order are those of `punc_norm` in Resemble's tts_turbo.py, quirks included: a leading
    space keeps the first letter small, and an ellipsis followed by a space leaves two spaces. For that reason
    a second pass may still change the text; a third never does. Upstream's stock sentence for the empty
    string is left out: `check_text` refuses empty text instead.
    """
    if text[:1].islower():
        text = text[0].upper() + text[1:]
    text = " ".join(text.split())
    for old, new in _REPLACEMENTS:
        text = text.replace(old, new)
    text = text.rstrip(" ")
    return text if text.endswith(_ENDERS) else text + "."


USUAL = "turbo"

PROFILES: Mapping[str, Callable[[str], str]] = {USUAL: punc_norm}

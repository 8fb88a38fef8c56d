"""Text as the letters the voice knows, by the preparation that Loquor gives a user's text."""

from __future__ import annotations

import re

from loquor.english import spell

LETTERS = " abcdefghijklmnopqrstuvwxyz',.?!;:-"
"""The characters the text encoder has symbols for."""


def letters_only(text: str) -> str:
    """`text` in words, reduced to LETTERS, punctuation tidy: what training text looks like."""
    return re.sub(rf"[^{LETTERS[:-1]}-]", " ", spell(text).text.lower()).strip(" ,;:'-")


def spell_for_voice(text: str) -> str:
    """A user's text as the bundle must be given it: numbers and abbreviations in words, and an end."""
    text = letters_only(text)
    return text if text[-1:] in ".?!" else text + "."

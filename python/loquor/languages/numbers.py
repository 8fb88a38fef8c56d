"""Numbers in words, in each language that num2words knows."""

from __future__ import annotations

import importlib
import re
from decimal import Decimal
from typing import Any

__all__ = ["spell_numbers"]

_NUMBER = re.compile(
    r"(?<![\w.,:/])(\d{1,3}(?:[.,'\u00a0\u202f ]\d{3})+|\d+)(?:([.,])(\d+))?(?![\w]|[.,:/]\d)"
)
_POINT_LANGUAGES = frozenset({"en", "ja", "ko", "zh", "he", "hi", "ms", "sw"})
"""Where a point parts the decimals; elsewhere it is a comma."""
_LONGEST = 15


def spell_numbers(text: str, language: str) -> tuple[str, tuple[str, ...]]:
    """Return `text` with its whole and decimal numbers in words, and a warning where that could not be.

    Dates, times, money and ordinals stay as they are, digits next to letters or other marks too.
    """
    if not any(character.isdigit() for character in text):
        return text, ()
    try:
        num2words: Any = importlib.import_module("num2words").num2words
    except ImportError:
        return text, ('digits are left to the model, which may misread them: pip install "loquor[numbers]"',)

    def spelled(found: re.Match[str]) -> str:
        whole, mark, decimals = found.groups()
        grouping = re.sub(r"\d", "", whole)
        own = "." if language in _POINT_LANGUAGES else ","
        if own in grouping or (mark is not None and mark != own) or len(whole) > _LONGEST:
            return found[0]
        digits = re.sub(r"\D", "", whole)
        number = int(digits) if decimals is None else Decimal(f"{digits}.{decimals}")
        words: str = num2words(number, lang=language)
        return words

    try:
        text = _NUMBER.sub(spelled, text)
    except NotImplementedError:
        pass
    except Exception as error:  # of the library's own making
        return text, (f"numbers are left to the model: num2words failed ({error!r:.80})",)
    if any(character.isdigit() for character in text):
        return text, ("some digits are left to the model, which may misread them: write them in words",)
    return text, ()

"""How people write numbers: what a group of digits and marks stands for, and the words around it."""

from __future__ import annotations

import re

from .number_words import DECIMAL_POINT, cardinal, decimal

__all__ = ["NUMBER", "Written", "bounded", "in_words", "number_of", "word_after", "word_before"]

NUMBER = r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,'\u066b\u066c]\d+)*)"

_WELL_GROUPED = re.compile(r"\d+|\d{1,3}([., \u00a0\u202f'\u066c])\d{3}(?:\1\d{3})*|\d{1,2}(?:,\d\d)*,\d{3}")
_LONGEST = 15
_NEAR = 32
_BEFORE = re.compile(r"(\w+)\W{0,2}$")
_AFTER = re.compile(r"[ \u00a0\u202f-]?([^\W\d_]+)")
_UNSPACED = frozenset({"ja", "ko", "zh"})


class Written:
    """A number as it was written: its whole part, its decimals or "", and whether its digits are grouped."""

    __slots__ = ("decimals", "grouped", "whole")

    def __init__(self, whole: int, decimals: str, grouped: bool) -> None:
        self.whole = whole
        self.decimals = decimals
        self.grouped = grouped


def bounded(pattern: str, language: str, behind: str = "") -> re.Pattern[str]:
    """Return `pattern` compiled so that it is no part of a longer number, word or version.

    Languages that are written without spaces, and Korean, whose particles follow at once, may have their
    letters next to it. In Turkish an apostrophe before a suffix is part of it.
    """
    word = r"A-Za-z0-9_" if language in _UNSPACED else r"\w"
    behind = behind or f"(?![{word}])"
    if language == "tr":
        behind = rf"(?:['\u2019](?=[^\W\d_])|{behind})"
    return re.compile(
        rf"(?<![{word}.,:/\u066b\u066c\u2010-\u2015])(?<!\d[-\u2212'\u066b\u066c \u00a0\u202f])(?:{pattern})"
        rf"{behind}(?![.,:/\u066b\u066c\u2010-\u2015-]\d)(?!:[^\W\d_])",
        re.IGNORECASE,
    )


def number_of(text: str, language: str) -> Written | None:
    """Return what a number stands for; None where that is not sure, as 1.234 in English, 1.5 in German."""
    own = "." if language in DECIMAL_POINT else ","
    text = text.replace("\u066b", own)
    whole, mark, decimals = text.partition(own)
    if len(re.sub(r"\D", "", text)) > _LONGEST or (mark and not decimals.isdecimal()):
        return None
    if not _WELL_GROUPED.fullmatch(whole) or (own in whole):
        return None
    grouped = not whole.isdecimal()
    if mark and len(decimals) == 3 and not grouped and len(whole) <= 3 and int(whole):
        return None  # thousands, as others write them
    if len(whole) > 1 and whole.startswith("0"):
        return None
    return Written(int(re.sub(r"\D", "", whole)), decimals, grouped)


def in_words(number: Written, language: str, form: str = "") -> str:
    """Return it in words; `form` is that of a whole number."""
    if number.decimals:
        return decimal(number.whole, number.decimals, language)
    return cardinal(number.whole, language, form)


def word_before(found: re.Match[str]) -> str:
    """The word before, in small letters; "" at the beginning."""
    near = _BEFORE.search(found.string, max(0, found.start() - _NEAR), found.start())
    return near[1].lower() if near else ""


def word_after(found: re.Match[str]) -> str:
    """The word that follows at once, in small letters; "" where something else does."""
    near = _AFTER.match(found.string, found.end(), found.end() + _NEAR)
    return near[1].lower() if near else ""

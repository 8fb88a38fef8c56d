"""Number words for training texts, as the core's English says numbers: "nineteen oh five", "twenty-one"."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["MONTHS", "cardinal", "clock", "digits", "money", "ordinal", "year"]

_LIMIT = 10**15
"""From here on numbers are read digit by digit."""

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


@lru_cache(maxsize=2048)
def cardinal(value: int) -> str:
    """42 -> 'forty-two'. Raises `ValueError` if negative."""
    if value < 0:
        raise ValueError(f"{value} is negative")
    if value >= _LIMIT:
        return digits(str(value))
    if value < 20:
        return _ONES[value]
    if value < 100:
        return _TENS[value // 10] + (f"-{_ONES[value % 10]}" if value % 10 else "")
    size, name = next(scale for scale in _SCALES if value >= scale[0])
    rest = f" {cardinal(value % size)}" if value % size else ""
    return f"{cardinal(value // size)} {name}{rest}"


@lru_cache(maxsize=512)
def ordinal(value: int) -> str:
    """42 -> 'forty-second'."""
    words = cardinal(value)
    last = re.split("[ -]", words)[-1]
    ordinal_last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return words[: -len(last)] + ordinal_last


def digits(text: str) -> str:
    """'205' -> 'two zero five'."""
    return " ".join(_ONES[int(digit)] for digit in text)


def _pair(value: int) -> str:
    """The second half of a year or a time: 'oh five', 'forty-two'."""
    return f"oh {_ONES[value]}" if value < 10 else cardinal(value)


def year(value: int) -> str:
    """1905 -> 'nineteen oh five', 2000 -> 'two thousand'."""
    century, rest = divmod(value, 100)
    if not 1100 <= value <= 2099 or 2000 <= value <= 2009:
        return cardinal(value)
    return f"{cardinal(century)} {_pair(rest) if rest else 'hundred'}"


def clock(hours: int, minutes: int) -> str:
    """(7, 5) -> 'seven oh five'; a full hour is the hour alone."""
    return cardinal(hours) + (f" {_pair(minutes)}" if minutes else "")


def money(whole: int, cents: int, unit: str = "dollar", small: str = "cent", *, one: bool = False) -> str:
    """(1, 50) -> 'one dollar and fifty cents'. Units are given in the singular, and stay so if `one`."""
    text = f"{cardinal(whole)} {unit if one or whole == 1 else unit_plural(unit)}"
    part = f"{cardinal(cents)} {small if one or cents == 1 else unit_plural(small)}"
    if not cents:
        return text
    return f"{text} and {part}" if whole else part


def unit_plural(unit: str) -> str:
    irregular = {"yen": "yen", "yuan": "yuan", "won": "won", "penny": "pence"}
    return irregular.get(unit, unit + "s")

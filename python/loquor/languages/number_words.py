"""Numbers in words by Unicode's rules for each language (CLDR), and what is put right of them.

unicode-rbnf reads the rules; where its words were seen to be wrong (docs/adr/0139-numbers.md), the number is
put together here from parts that are right.
"""

from __future__ import annotations

import importlib
import re
from functools import cache, lru_cache
from typing import Any

__all__ = ["DECIMAL_POINT", "cardinal", "decimal", "ordinal", "plural", "year"]

DECIMAL_POINT = frozenset({"ar", "en", "he", "hi", "ja", "ko", "ms", "sw", "zh"})
"""Languages where a point parts the decimals; elsewhere it is a comma."""

_COUNTED = {
    "ar": "masculine",
    "da": "neuter",
    "el": "neuter",
    "fr": "masculine",
    "he": "feminine",
    "ko": "sinokorean",
    "no": "neuter",
    "pl": "masculine",
    "pt": "masculine",
    "ru": "masculine",
    "sv": "neuter",
}
"""The form in which people count, as the end of a rule's name, in languages that have several."""

_MARKS = {
    "ar": "فاصل",
    "da": "komma",
    "de": "Komma",
    "el": "κόμμα",
    "en": "point",
    "es": "coma",
    "fi": "pilkku",
    "fr": "virgule",
    "he": "נקודה",
    "hi": "दशमलव",
    "it": "virgola",
    "ja": "てん",
    "ko": "점",
    "ms": "perpuluhan",
    "nl": "komma",
    "no": "komma",
    "pl": "przecinek",
    "pt": "vírgula",
    "sv": "komma",
    "sw": "nukta",
    "tr": "virgül",
    "zh": "点",
}
"""What is said for the mark before the decimals."""

_UNSPACED = frozenset({"ja", "ko", "zh"})

# Spelled otherwise than the language does, by CLDR 44.
_MENDED = {
    "ar": (("إثن", "اثن"), ("ثمانية مائة", "ثمانمائة"), ("ة مائة", "مائة")),
    "el": (("χίλιάδες", "χιλιάδες"),),
    "zh": (("〇", "零"),),
    "ja": (
        ("〇", "れい"),
        ("三百", "さんびゃく"),
        ("六百", "ろっぴゃく"),
        ("八百", "はっぴゃく"),
        ("三千", "さんぜん"),
        ("八千", "はっせん"),
        ("一千", "いっせん"),
        ("一兆", "いっちょう"),
        ("八兆", "はっちょう"),
        ("十兆", "じゅっちょう"),
        ("一", "いち"),
        ("二", "に"),
        ("三", "さん"),
        ("四", "よん"),
        ("五", "ご"),
        ("六", "ろく"),
        ("七", "なな"),
        ("八", "はち"),
        ("九", "きゅう"),
        ("十", "じゅう"),
        ("百", "ひゃく"),
        ("千", "せん"),
        ("万", "まん"),
        ("億", "おく"),
        ("兆", "ちょう"),
    ),
    "ko": (("공", "영"),),
    "ru": (("третьому", "третьему"),),
}

_RUSSIAN_PARTS = (("десятая", "десятых"), ("сотая", "сотых"), ("тысячная", "тысячных"))


@cache
def _engine(language: str) -> Any:
    return importlib.import_module("unicode_rbnf").RbnfEngine.for_language(language)


@lru_cache(maxsize=2048)  # 50 us a number, and small ones come again
def _by(rules: str, number: int, language: str) -> str:
    words: str = _engine(language).format_number(number, ruleset_names=[rules]).text
    words = words.strip()
    for wrong, right in _MENDED.get(language, ()):
        words = words.replace(wrong, right)
    return words


def cardinal(number: int, language: str, form: str = "") -> str:
    """Return a number in words, in one of the language's forms, such as "feminine"; else as people count."""
    form = form or _COUNTED.get(language, "")
    if form:
        return _by(f"spellout-cardinal-{form}", number, language)
    return _by("spellout-numbering", number, language)


def ordinal(number: int, language: str, form: str = "") -> str:
    """Return an ordinal in words, in one of the language's forms."""
    return _by(f"spellout-ordinal-{form}" if form else "spellout-ordinal", number, language)


def year(number: int, language: str) -> str:
    """Return a year as it is said."""
    by_hundreds = 1100 <= number < 2000
    if language == "zh":
        return "".join(cardinal(int(digit), language) for digit in str(number))
    if language == "ja":
        return re.sub("よん$", "よ", cardinal(number, language))
    if language == "nl" and by_hundreds and number % 100 < 10:
        return f"{cardinal(number // 100, language)}honderd" + (
            cardinal(number % 100, language) if number % 100 else ""
        )
    if language == "hi" and by_hundreds:
        return f"{cardinal(number // 100, language)} सौ" + (
            f" {cardinal(number % 100, language)}" if number % 100 else ""
        )
    if language == "en" or (by_hundreds and language in ("da", "de", "nl", "no")) or language == "sv":
        return _by("spellout-numbering-year", number, language)
    return cardinal(number, language)


def decimal(whole: int, decimals: str, language: str) -> str:
    """Return a number with decimals, which are said one by one; in Russian, as tenths or hundredths."""
    if language == "ru":
        return _russian(whole, decimals)
    between = "" if language in _UNSPACED else " "
    digits = (cardinal(int(digit), language) for digit in decimals)
    return between.join((cardinal(whole, language), _MARKS[language], *digits))


def _russian(whole: int, decimals: str) -> str:
    if len(decimals) > len(_RUSSIAN_PARTS):
        raise ValueError("too many decimals")
    one, many = _RUSSIAN_PARTS[len(decimals) - 1]
    part = int(decimals)
    return (
        f"{_whole_or_zero(whole)} {'целая' if _ends_in_one(whole) else 'целых'} "
        f"{_whole_or_zero(part)} {one if _ends_in_one(part) else many}"
    )


def _whole_or_zero(number: int) -> str:
    return cardinal(number, "ru", "feminine")


def _ends_in_one(number: int) -> bool:
    return number % 10 == 1 and number % 100 != 11


def plural(number: int, language: str, one: str, few: str, many: str) -> str:
    """Return the form of a word that a Russian or Polish number has behind it."""
    if _ends_in_one(number) if language == "ru" else number == 1:
        return one
    return few if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else many

"""Dates and years in words, as each language says them."""

from __future__ import annotations

import datetime
import importlib
import re
from collections.abc import Callable
from functools import cache

from .number_words import cardinal, ordinal, year
from .written_numbers import bounded, word_after, word_before

__all__ = ["Stage", "date_stages", "polish_ordinal", "year_in_context"]

Stage = tuple["re.Pattern[str]", Callable[["re.Match[str]"], "str | None"]]
"""What is looked for, and its reading: None where that is not sure."""

_UNSURE = frozenset({"ar"})
"""Months have other names from country to country, and days are said in cases."""
_YEAR_FIRST = frozenset({"ja", "ko", "zh"})
_OF = {"es": " de ", "pt": " de ", "he": " ב"}

_GERMAN_N = frozenset(["ab", "am", "beim", "bis", "dem", "den", "des", "nach", "seit", "vom", "vor", "zum"])
_GERMAN_E = frozenset({"der", "die", "das"})

_RUSSIAN_FORMS = {
    "": ["сегодня", "завтра", "вчера", "это", "на", "по", "за"],
    "-dative": ["к", "ко"],
}
"""The case of a day by the word before it; else genitive, in which a day stands by itself."""

_POLISH_ORDINALS = {
    1: "pierwsz",
    2: "drugi",
    3: "trzeci",
    4: "czwart",
    5: "piąt",
    6: "szóst",
    7: "siódm",
    8: "ósm",
    9: "dziewiąt",
    10: "dziesiąt",
    11: "jedenast",
    12: "dwunast",
    13: "trzynast",
    14: "czternast",
    15: "piętnast",
    16: "szesnast",
    17: "siedemnast",
    18: "osiemnast",
    19: "dziewiętnast",
    20: "dwudziest",
    30: "trzydziest",
    40: "czterdziest",
    50: "pięćdziesiąt",
    60: "sześćdziesiąt",
    70: "siedemdziesiąt",
    80: "osiemdziesiąt",
    90: "dziewięćdziesiąt",
}
"""Stems of Polish ordinals, which CLDR lacks."""

_YEARS_BEHIND = {
    "da": ["år", "året"],
    "de": ["jahr", "jahre", "jahres"],
    "en": ["year"],
    "hi": ["सन", "सन्", "वर्ष", "साल"],
    "nl": ["jaar"],
    "no": ["år", "året"],
    "sv": ["år", "året"],
}
"""Words behind which a number is a year, in languages that say years otherwise than numbers."""
_RUSSIAN_YEARS = {"год": "", "года": "-genitive", "годом": "-ablative"}

_JAPANESE_MONTHS = dict(
    enumerate(
        ["いち", "に", "さん", "し", "ご", "ろく", "しち", "はち", "く", "じゅう", "じゅういち", "じゅうに"],
        1,
    )
)
_JAPANESE_DAYS = {
    1: "ついたち",
    2: "ふつか",
    3: "みっか",
    4: "よっか",
    5: "いつか",
    6: "むいか",
    7: "なのか",
    8: "ようか",
    9: "ここのか",
    10: "とおか",
    14: "じゅうよっか",
    17: "じゅうしちにち",
    19: "じゅうくにち",
    20: "はつか",
    24: "にじゅうよっか",
    27: "にじゅうしちにち",
    29: "にじゅうくにち",
}


@cache
def _months(language: str) -> dict[str, int]:
    names = importlib.import_module("babel.dates").get_month_names
    found: dict[str, int] = {}
    for context in ("format", "stand-alone"):
        for number, name in names("wide", context, language).items():
            found.setdefault(name.lower(), number)
    return found


def _month_name(month: int, language: str) -> str:
    names = importlib.import_module("babel.dates").get_month_names("wide", "format", language)
    return str(names[month])


def polish_ordinal(number: int, ending: str) -> str:
    """Return a Polish ordinal from 1 to 99 with an ending, such as "ego" or "a"."""
    parts = [number] if number in _POLISH_ORDINALS else [number - number % 10, number % 10]
    said = " ".join(_POLISH_ORDINALS[part] + ending for part in parts)
    for written, right in (("iym", "im"), ("iy", "i"), ("drugia", "druga"), ("drugią", "drugą")):
        said = said.replace(written, right)
    return said


def _polish_year(number: int, ending: str = "ego") -> str | None:
    rest = number % 100
    if not rest:
        return None
    return f"{cardinal(number - rest, 'pl')} {polish_ordinal(rest, ending)}"


def _year(number: int, language: str) -> str | None:
    if language == "pl":
        return _polish_year(number)
    if language == "ru":
        return f"{ordinal(number, language, 'masculine-genitive')} года"
    return year(number, language)


def _day(day: int, language: str, before: str) -> str:
    if language == "de":
        form = "n" if before in _GERMAN_N else "" if before in _GERMAN_E else "r"
        return ordinal(day, language, form)
    if language == "ru":
        form = next((form for form, words in _RUSSIAN_FORMS.items() if before in words), "-genitive")
        return ordinal(day, language, f"neuter{form}")
    if language == "pl":
        return polish_ordinal(day, "ego")
    if language in ("en", "fi"):
        return ordinal(day, language)
    if language in _ORDINAL_DAYS:
        return ordinal(day, language, _ORDINAL_DAYS[language])
    if day == 1 and language in _FIRST:
        return _FIRST[language]
    if language == "he" and day == 2:
        return "שניים"
    return cardinal(day, language, {"el": "feminine", "he": "masculine"}.get(language, ""))


_ORDINAL_DAYS = {"da": "common", "no": "masculine", "sv": "reale"}
_FIRST = {"el": "πρώτη", "fr": "premier", "it": "primo", "pt": "primeiro"}


def _date(number_of_year: int, month: int, day: int, language: str, before: str) -> str | None:
    try:
        datetime.date(number_of_year, month, day)
    except ValueError:
        return None
    spoken = _year(number_of_year, language)
    if spoken is None:
        return None
    if language == "zh":
        return f"{spoken}年{cardinal(month, 'zh')}月{cardinal(day, 'zh')}日"
    if language == "ja":
        return f"{spoken}ねん{_japanese_month(month)}{_japanese_day(day)}"
    if language == "ko":
        return f"{spoken} 년 {_korean_month(month)} {cardinal(day, 'ko')} 일"
    name, said = _month_name(month, language), _day(day, language, before)
    if language == "en":
        return f"{name} {said}, {spoken}"
    of = _OF.get(language, " ")
    return f"{said}{of}{name}{' ' if language == 'he' else of}{spoken}"


def _japanese_month(month: int) -> str:
    return f"{_JAPANESE_MONTHS[month]}がつ"


def _japanese_day(day: int) -> str:
    return _JAPANESE_DAYS.get(day) or f"{cardinal(day, 'ja')}にち"


def _korean_month(month: int) -> str:
    return {6: "유월", 10: "시월"}.get(month) or f"{cardinal(month, 'ko')} 월"


def date_stages(language: str) -> list[Stage]:
    """Return what reads dates in a language."""

    def year_first(found: re.Match[str]) -> str | None:
        return _date(int(found[1]), int(found[3]), int(found[4]), language, word_before(found))

    def day_first(found: re.Match[str]) -> str | None:
        if language in _YEAR_FIRST:
            return None
        day, month = int(found[1]), int(found[3])
        if language == "en":
            if day <= 12 and month <= 12:
                return None  # nobody knows which is the month
            day, month = (day, month) if day > 12 else (month, day)
        return _date(int(found[4]), month, day, language, word_before(found))

    behind = (
        r"(?:\s?(?:года|г\.))?" if language == "ru" else r"(?:\s?(?:roku|r\.))?" if language == "pl" else ""
    )
    stages: list[Stage] = [
        (bounded(rf"(\d{{4}})([-/.])(\d\d?)\2(\d\d?){behind}", language), year_first),
        (bounded(rf"(\d\d?)([-/.])(\d\d?)\2(\d{{4}}){behind}", language), day_first),
    ]
    if language in _UNSURE:
        return [(pattern, lambda found: None) for pattern, _ in stages]
    if language in _YEAR_FIRST:
        return [*stages, *_by_letters(language)]
    if language == "en":
        names = "|".join(map(re.escape, _months(language)))
        stages.append((bounded(rf"({names}) (\d\d?)(?:st|nd|rd|th)?,? (\d{{4}})", language), _american))
        return stages
    stages.append((_named(language), lambda found: _with_name(found, language)))
    return stages


def _american(found: re.Match[str]) -> str | None:
    day = int(found[2])
    return f"{found[1]} {ordinal(day, 'en')}, {year(int(found[3]), 'en')}" if 1 <= day <= 31 else None


def _named(language: str) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, _months(language)), key=len, reverse=True))
    of = "(?:de )?" if language in ("es", "pt") else "ב?" if language == "he" else ""
    behind = (
        r"(?:\s?(?:года|г\.))?" if language == "ru" else r"(?:\s?(?:roku|r\.))?" if language == "pl" else ""
    )
    return bounded(rf"(\d\d?)(\.?)(\s{of})({names})(?:(\s{of})(\d{{4}}){behind})?", language)


def _with_name(found: re.Match[str], language: str) -> str | None:
    day = int(found[1])
    if not 1 <= day <= 31:
        return None
    said = _day(day, language, word_before(found)) + found[3] + found[4]
    if found[6] is None:
        return said
    spoken = _year(int(found[6]), language)
    return None if spoken is None else f"{said}{found[5]}{spoken}"


def _by_letters(language: str) -> list[Stage]:
    """Years, months and days by the letters behind their digits."""

    def looked_for(pattern: str) -> re.Pattern[str]:
        return bounded(pattern, language, behind="(?!\0)")

    if language == "zh":
        return [
            (looked_for(r"(\d{4})年"), lambda found: f"{year(int(found[1]), 'zh')}年"),
            (looked_for(r"(\d\d?)(月|日|号|號)"), lambda found: cardinal(int(found[1]), "zh") + found[2]),
        ]
    if language == "ja":

        def month_and_day(found: re.Match[str]) -> str | None:
            month, day = int(found[1]), int(found[2])
            sure = 1 <= month <= 12 and 1 <= day <= 31
            return _japanese_month(month) + _japanese_day(day) if sure else None

        return [
            (
                looked_for(r"(\d{4})年(\d\d?)月(\d\d?)日"),
                lambda found: _date(int(found[1]), int(found[2]), int(found[3]), "ja", ""),
            ),
            (looked_for(r"(\d\d?)月(\d\d?)日"), month_and_day),
            (looked_for(r"(\d{1,4})年"), lambda found: f"{year(int(found[1]), 'ja')}ねん"),
            (
                looked_for(r"(\d\d?)月"),
                lambda found: _japanese_month(int(found[1])) if 1 <= int(found[1]) <= 12 else None,
            ),
        ]
    return [
        (looked_for(r"(\d{4})\s?년"), lambda found: f"{year(int(found[1]), 'ko')} 년"),
        (
            looked_for(r"(\d\d?)\s?월"),
            lambda found: _korean_month(int(found[1])) if 1 <= int(found[1]) <= 12 else None,
        ),
        (looked_for(r"(\d\d?)\s?일"), lambda found: f"{cardinal(int(found[1]), 'ko')} 일"),
    ]


def year_in_context(found: re.Match[str], number: int, language: str) -> tuple[bool, str | None]:
    """Say whether a number of four digits may be a year that is said otherwise, and how it is said then."""
    before = word_before(found)
    if language == "ru":
        after = word_after(found)
        if after in _RUSSIAN_YEARS:
            return True, ordinal(number, language, f"masculine{_RUSSIAN_YEARS[after]}")
        if after == "году" and before in ("в", "к"):
            return True, ordinal(number, language, f"masculine-{'locative' if before == 'в' else 'dative'}")
        return after == "году", None
    if language == "pl" and word_after(found) in ("rok", "roku"):
        ending = "y" if word_after(found) == "rok" else "ym" if before in ("w", "we") else "ego"
        return True, _polish_year(number, ending)
    if language not in _YEARS_BEHIND or not 1100 <= number < (2100 if language == "en" else 2000):
        return False, None
    if before in _YEARS_BEHIND[language] or before in _months(language):
        return True, year(number, language)
    return True, None

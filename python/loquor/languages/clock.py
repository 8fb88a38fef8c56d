"""Times of day in words, as each language says them."""

from __future__ import annotations

import re

from .calendar import Stage, polish_ordinal
from .number_words import cardinal, plural
from .written_numbers import bounded, word_before

__all__ = ["time_stages"]

_HOURS = {"de": "masculine", "el": "feminine", "es": "feminine", "fr": "feminine", "pt": "feminine"}
_ZERO = {
    "da": "nul",
    "en": "oh",
    "fi": "nolla",
    "ms": "kosong",
    "no": "null",
    "pl": "zero",
    "ru": "ноль",
    "sv": "noll",
    "tr": "sıfır",
}
"""What is said before minutes below ten, where something is."""
_UNSURE = frozenset({"ar", "sw"})
"""Arabic's hours are ordinals, and Swahili's day begins at six."""
_BETWEEN = {"de": " Uhr ", "el": " και ", "es": " y ", "he": " ו", "it": " e ", "nl": " uur ", "pt": " e "}
_EATEN = {"de": r"(?:\s?Uhr\b)?", "hi": r"(?:\s?बजे)?", "nl": r"(?:\s?uur\b)?"}
_OBLIQUE = frozenset(["до", "к", "ко", "от", "после", "с", "со", "около", "перед"])
_POLISH_ENDINGS = {
    **dict.fromkeys(["o", "od", "do", "po", "około"], "ej"),
    **dict.fromkeys(["na", "przed"], "ą"),
}


def _time(hour: int, minute: int, language: str, before: str) -> str | None:
    if language in _UNSURE or hour > 24 or minute > 59:
        return None
    if language in _OWN:
        return _OWN[language](hour, minute, before)
    said = "una" if language == "it" and hour == 1 else cardinal(hour, language, _HOURS.get(language, ""))
    if language == "fr":
        said += " heures" if hour > 1 else " heure"
        return said if not minute else f"{said} {cardinal(minute, language, 'feminine')}"
    if not minute:
        return said + {"de": " Uhr", "nl": " uur", "pt": " horas" if hour > 1 else " hora"}.get(language, "")
    zero = f"{_ZERO[language]} " if language in _ZERO and minute < 10 else ""
    return f"{said}{_BETWEEN.get(language, ' ')}{zero}{cardinal(minute, language)}"


def _english(hour: int, minute: int, before: str) -> str | None:
    said = cardinal(hour, "en")
    if minute:
        return f"{said} {'oh ' if minute < 10 else ''}{cardinal(minute, 'en')}"
    return f"{said} o'clock" if 1 <= hour <= 12 else None


def _hebrew(hour: int, minute: int, before: str) -> str | None:
    if 0 < minute < 10:
        return None
    return cardinal(hour, "he") + (f" ו{cardinal(minute, 'he')}" if minute else "")


def _hindi(hour: int, minute: int, before: str) -> str:
    said = cardinal(hour, "hi")
    return f"{said} बजकर {cardinal(minute, 'hi')} मिनट" if minute else f"{said} बजे"


def _russian(hour: int, minute: int, before: str) -> str | None:
    if before in _OBLIQUE or _said_by_gender(minute):
        return None
    if not minute:
        return f"{cardinal(hour, 'ru')} {plural(hour, 'ru', 'час', 'часа', 'часов')}"
    return f"{cardinal(hour, 'ru')} {'ноль ' if minute < 10 else ''}{cardinal(minute, 'ru')}"


def _polish(hour: int, minute: int, before: str) -> str | None:
    if not hour or _said_by_gender(minute):
        return None
    said = polish_ordinal(hour, _POLISH_ENDINGS.get(before, "a"))
    return said + (f" {'zero ' if minute < 10 else ''}{cardinal(minute, 'pl')}" if minute else "")


def _said_by_gender(minute: int) -> bool:
    return minute % 10 in (1, 2) and minute not in (11, 12)


def _chinese(hour: int, minute: int, before: str) -> str:
    said = ("两" if hour == 2 else cardinal(hour, "zh")) + "点"
    return said + (f"{'零' if minute < 10 else ''}{cardinal(minute, 'zh')}分" if minute else "")


def _japanese_hour(hour: int) -> str:
    return (
        re.sub("よん$", "よ", re.sub("きゅう$", "く", re.sub("なな$", "しち", cardinal(hour, "ja")))) + "じ"
    )


def _japanese_minute(minute: int) -> str:
    said = cardinal(minute, "ja")
    for end, short in (("いち", "いっ"), ("ろく", "ろっ"), ("はち", "はっ"), ("じゅう", "じゅっ")):
        if said.endswith(end):
            return f"{said.removesuffix(end)}{short}ぷん"
    return said + ("ぷん" if said.endswith(("さん", "よん")) else "ふん")


def _japanese(hour: int, minute: int, before: str) -> str:
    return _japanese_hour(hour) + (_japanese_minute(minute) if minute else "")


def _korean(hour: int, minute: int, before: str) -> str:
    said = cardinal(hour, "ko", "native-attributive" if 1 <= hour <= 12 else "")
    return f"{said} 시" + (f" {cardinal(minute, 'ko')} 분" if minute else "")


_OWN = {
    "en": _english,
    "he": _hebrew,
    "hi": _hindi,
    "ja": _japanese,
    "ko": _korean,
    "pl": _polish,
    "ru": _russian,
    "zh": _chinese,
}


def time_stages(language: str) -> list[Stage]:
    """Return what reads times of day in a language."""

    def read(found: re.Match[str]) -> str | None:
        return _time(int(found[1]), int(found[2] or 0), language, word_before(found))

    stages: list[Stage] = []
    if language == "en":
        stages.append(
            (
                bounded(r"(\d\d?):00(?=\s?[ap]\.?m\b)", language, "(?!\0)"),
                lambda found: cardinal(int(found[1]), "en"),
            )
        )
    stages.append((bounded(rf"(\d\d?):(\d\d){_EATEN.get(language, '')}", language), read))
    if language in ("fr", "pt"):
        stages.append((bounded(r"(\d\d?)\s?h\s?(\d\d)?", language), read))
    if language in ("da", "fi", "no", "sv"):
        clock = re.compile(
            r"(?<!\w)((?:kl|klo|kello|klokken|klokka|klockan)\.? )(\d\d?)\.(\d\d)(?![.,:]?\d|\w)", re.I
        )

        def behind_clock(found: re.Match[str]) -> str | None:
            said = _time(int(found[2]), int(found[3]), language, "")
            return None if said is None else found[1] + said

        stages.append((clock, behind_clock))
    if language == "zh":
        stages.append((bounded(r"(\d\d?)[点點](?:(\d\d?)分)?", language, "(?!\0)"), read))
    if language == "ja":
        hours = bounded(r"(\d\d?)時間", language, "(?!\0)")
        stages.append((hours, lambda found: f"{_japanese_hour(int(found[1]))}かん"))
        stages.append((bounded(r"(\d\d?)時(?:(\d\d?)分)?", language, "(?!\0)"), read))
        stages.append(
            (bounded(r"(\d\d?)分", language, "(?!\0)"), lambda found: _japanese_minute(int(found[1])))
        )
    if language == "ko":
        stages.append((bounded(r"(\d\d?)\s?시(?:\s?(\d\d?)\s?분)?", language, "(?!\0)"), read))
    return stages

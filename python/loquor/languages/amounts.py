"""Money and shares of a hundred in words."""

from __future__ import annotations

import importlib
import re

from .calendar import Stage
from .number_words import cardinal, plural
from .written_numbers import NUMBER, Written, bounded, in_words, number_of, word_before

__all__ = ["amount_stages"]

_SIGNS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "₽": "RUB",
    "₺": "TRY",
    "₹": "INR",
    "₩": "KRW",
    "₪": "ILS",
    "zł": "PLN",
    "RM": "MYR",
    "元": "CNY",
    "円": "JPY",
    "유로": "EUR",
    "달러": "USD",
    "원": "KRW",
    "ユーロ": "EUR",
    "ドル": "USD",
    "欧元": "EUR",
    "美元": "USD",
    "えん": "JPY",
}
_CROWNS = {"da": "DKK", "no": "NOK", "sv": "SEK"}
_CODES = "EUR|USD|GBP"
_OFFICIAL = {"he": "ILS", "hi": "INR", "ms": "MYR", "pl": "PLN", "ru": "RUB", "tr": "TRY", **_CROWNS}
"""What is called by its noun alone where it is the money of the country."""

_NOUN_FIRST = frozenset({"el", "es", "fr", "he", "it", "ms", "pl", "pt", "sw"})
"""In these languages the first word of a currency's name is its noun, and in others the last one."""
_NAMES = {
    ("de", "GBP"): "Pfund",
    ("hi", "GBP"): "पाउंड",
    ("ja", "EUR"): "ユーロ",
    ("ja", "GBP"): "ポンド",
    ("ja", "JPY"): "えん",
    ("ja", "USD"): "ドル",
    ("ms", "MYR"): "Ringgit",
    ("sv", "GBP"): "pund",
    ("tr", "TRY"): "lira",
    ("tr", "USD"): "dolar",
    ("zh", "CNY"): "元",
    ("zh", "EUR"): "欧元",
    ("zh", "GBP"): "英镑",
    ("zh", "JPY"): "日元",
    ("zh", "USD"): "美元",
}

_GENDERS = {
    "da": {"": "common", "GBP": "neuter"},
    "de": {"": "masculine"},
    "el": {"": "neuter", "GBP": "feminine"},
    "es": {"": "masculine", "GBP": "feminine"},
    "fr": {"": "masculine", "GBP": "feminine"},
    "he": {"": "masculine", "GBP": "feminine"},
    "it": {"": "masculine", "GBP": "feminine"},
    "no": {"": "masculine", "GBP": "neuter"},
    "pl": {"": "masculine", "EUR": "neuter"},
    "pt": {"": "masculine", "GBP": "feminine"},
    "ru": {"": "masculine"},
    "sv": {"": "reale", "GBP": "neuter"},
}
_CENTS = {
    "da": " og ",
    "de": " ",
    "el": " και ",
    "en": " ",
    "es": " con ",
    "fi": " ",
    "fr": " ",
    "he": " ו",
    "it": " e ",
    "nl": " ",
    "no": " og ",
    "pl": " ",
    "pt": " e ",
    "ru": " ",
    "sv": " och ",
    "tr": " ",
}
"""What joins the hundredths to the amount; languages without say decimals."""
_GENDERED_CENTS = frozenset({"he", "pl", "ru"})
_ALWAYS_UNSURE = frozenset({"ar"})

_PERCENT = {
    "ar": "{} بالمائة",
    "da": "{} procent",
    "de": "{} Prozent",
    "el": "{} τοις εκατό",
    "en": "{} percent",
    "es": "{} por ciento",
    "fi": "{} prosenttia",
    "fr": "{} pour cent",
    "he": "{} אחוזים",
    "hi": "{} प्रतिशत",
    "it": "{} percento",
    "ja": "{}パーセント",
    "ko": "{} 퍼센트",
    "ms": "{} peratus",
    "nl": "{} procent",
    "no": "{} prosent",
    "pl": "{} procent",
    "pt": "{} por cento",
    "ru": "{} процентов",
    "sv": "{} procent",
    "sw": "asilimia {}",
    "tr": "yüzde {}",
    "zh": "百分之{}",
}
_PERCENT_FORMS = {"da": "common", "de": "masculine", "he": "masculine", "no": "masculine", "sv": "reale"}
_ONE_PERCENT = {"fi": "yksi prosentti", "he": "אחוז אחד"}

_RUSSIAN_OBLIQUE = frozenset(
    [
        "до",
        "к",
        "ко",
        "от",
        "после",
        "с",
        "со",
        "около",
        "из",
        "без",
        "более",
        "менее",
        "свыше",
        "для",
        "при",
        "о",
        "об",
        "под",
        "над",
    ]
)
_POLISH_OBLIQUE = frozenset(
    [
        "z",
        "ze",
        "do",
        "od",
        "bez",
        "dla",
        "u",
        "po",
        "przed",
        "nad",
        "pod",
        "między",
        "o",
        "w",
        "we",
        "przy",
        "ku",
        "około",
        "ponad",
    ]
)
OBLIQUE = {"ru": _RUSSIAN_OBLIQUE, "pl": _POLISH_OBLIQUE}
"""Words behind which a number stands in another case."""


def _percent(number: Written, language: str) -> str | None:
    words = in_words(number, language, _PERCENT_FORMS.get(language, ""))
    if language == "ru":
        forms = ("процент", "процента", "процентов")
        return f"{words} {forms[1] if number.decimals else plural(number.whole, 'ru', *forms)}"
    if language in _ONE_PERCENT and number.whole == 1 and not number.decimals:
        return _ONE_PERCENT[language]
    if language == "he" and number.whole == 2 and not number.decimals:
        return None
    return _PERCENT[language].format(words)


def _money(number: Written, code: str, language: str) -> str | None:
    if language in _ALWAYS_UNSURE or (language == "he" and number.whole in (1, 2)):
        return None
    if len(number.decimals) not in (0, 2) and language in _CENTS:
        return None
    decimals = "" if language in _CENTS else number.decimals
    name = _currency(number.whole if not decimals else 5, code, language)
    form = _GENDERS.get(language, {}).get(code) or _GENDERS.get(language, {}).get("", "")
    words = in_words(Written(number.whole, decimals, False), language, form)
    said = f"{words}{'' if language in ('ja', 'zh') else ' '}{name}"
    if language == "sw":
        said = f"{name} {words}"
    cents = int(number.decimals or 0)
    if decimals or not cents:
        return said
    if language in _GENDERED_CENTS and cents % 10 in (1, 2) and cents not in (11, 12):
        return None
    return f"{said}{_CENTS[language]}{cardinal(cents, language)}"


def _currency(count: int, code: str, language: str) -> str:
    if (language, code) in _NAMES:
        return _NAMES[language, code]
    name = str(importlib.import_module("babel.numbers").get_currency_name(code, count, language))
    if language == "ru" and code == "GBP":
        return name
    if code not in ("USD", "GBP", "KRW") and code != _OFFICIAL.get(language):
        return name
    words = re.split(r"[ -]", name)
    return words[0] if language in _NOUN_FIRST or (language == "ru" and code == "USD") else words[-1]


def _by_case(found: re.Match[str], language: str) -> bool:
    return word_before(found) in OBLIQUE.get(language, ())


def amount_stages(language: str) -> list[Stage]:
    """Return what reads percent and money in a language."""
    signs = "|".join(sorted(map(re.escape, _SIGNS), key=len, reverse=True))
    codes = rf"{_CODES}|{signs}" + (r"|kr\b(?:\.(?=\s(?-i:[a-zæøåäö0-9])))?" if language in _CROWNS else "")
    anything = "(?!\0)" if language in ("ja", "ko", "zh") else r"(?!\w)"

    def percent(found: re.Match[str]) -> str | None:
        number = number_of(found[1], language)
        return None if number is None or _by_case(found, language) else _percent(number, language)

    def money(found: re.Match[str]) -> str | None:
        place = 1 if found.re.groupindex["sign"] == 2 else 2
        number, sign = number_of(found[place], language), found["sign"]
        code = _SIGNS.get(sign) or _SIGNS.get(sign.upper()) or sign.upper()
        if code.startswith("KR"):
            code = _CROWNS[language] if code != "KRW" else code
        if number is None or _by_case(found, language):
            return None
        return _money(number, code, language)

    stages: list[Stage] = [
        (bounded(rf"({NUMBER})[ \u00a0\u202f]?(?P<sign>{codes})", language, anything), money),
        (bounded(rf"(?P<sign>{codes})[ \u00a0\u202f]?({NUMBER})", language), money),
        (bounded(rf"({NUMBER})[ \u00a0\u202f]?[%\u066a\uff05]", language, anything), percent),
    ]
    if language == "tr":
        stages.append((bounded(rf"%({NUMBER})", language), percent))
    return stages

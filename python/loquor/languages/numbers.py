"""Numbers, dates, times and money in words of the language that they stand in."""

from __future__ import annotations

import importlib
import re
import unicodedata
from functools import cache

from .amounts import OBLIQUE, amount_stages
from .calendar import Stage, date_stages, year_in_context
from .clock import time_stages
from .number_words import cardinal, ordinal
from .written_numbers import NUMBER, bounded, in_words, number_of, word_after, word_before

__all__ = ["spell_numbers"]

_LEFT = "some digits are left to the model, which may misread them: write them in words"
_FIRST_KEPT = 0xF0000
_KEPT = re.compile("[\U000f0000-\U000fffff]")
_MOST = 0xFFFF
_TURKISH_FOUR = re.compile(r"\bdört(?=[ıiuüaeo])")  # before a suffix that a vowel begins

_MINUS = {
    "ar": "ناقص",
    "da": "minus",
    "de": "minus",
    "el": "μείον",
    "en": "minus",
    "es": "menos",
    "fi": "miinus",
    "fr": "moins",
    "he": "מינוס",
    "hi": "ऋण",
    "it": "meno",
    "ja": "マイナス",
    "ko": "마이너스",
    "ms": "negatif",
    "nl": "min",
    "no": "minus",
    "pl": "minus",
    "pt": "menos",
    "ru": "минус",
    "sv": "minus",
    "sw": "hasi",
    "tr": "eksi",
    "zh": "负",
}

_ORDINALS = {
    "el": (r"(\d+)(ος|η|ο)", {"ος": "masculine", "η": "feminine", "ο": "neuter"}),
    "en": (r"(\d+)(st|nd|rd|th)", {}),
    "es": (r"(\d+)\.?(er|º|ª)", {"er": "masculine-adjective", "º": "masculine", "ª": "feminine"}),
    "fr": (r"(\d+)(er|re|ère|e|ème)", dict.fromkeys(["re", "ère"], "feminine")),
    "hi": (r"(\d+)(वाँ|वां)", {}),
    "it": (r"(\d+)(º|ª)", {"ª": "feminine"}),
    "ms": (r"ke-(\d+)()", {"": ""}),
    "nl": (r"(\d+)(e|de|ste)", {}),
    "pt": (r"(\d+)\.?(º|ª)", {"ª": "feminine"}),
    "ru": (r"(\d+)-(й|я|го)", {"я": "feminine", "го": "masculine-genitive"}),
    "sv": (r"(\d+):(e|a)", {}),
    "tr": (r"(\d+)['\u2019]?([ıiuü]?nc[ıiuü])", {}),
}
"""How ordinals are written, and the forms of their endings; others have the form below."""
_USUAL_ORDINAL = {
    "fr": "masculine",
    "hi": "masculine",
    "it": "masculine",
    "pt": "masculine",
    "ru": "masculine",
    "sv": "reale",
}
_MOST_ORDINAL = 1000  # unicode-rbnf 2.4.1 misreads Italian ones from 3000 on

_DOTTED_ORDINALS = frozenset({"da", "de", "fi", "no", "pl", "tr"})
_DOT_AND_WORD = re.compile(r"\.[ \u00a0]+([^\W\d_])")
_NO_NOUNS = frozenset(["de", "del", "y", "en", "a", "que"])

_KOREAN_NATIVE = frozenset("개명살시마리권잔병번대장송가")
_KOREAN_CHINESE = frozenset("원도층호분초쪽점주")
_CHINESE_TWO = frozenset("块塊公个個只本张張人次天位件条條杯台家岁歲种種辆輛间間碗瓶部名倍年")
_CHINESE_SAFE = frozenset("元度号號点點楼樓层層分秒的万萬亿億，而")
_JAPANESE_SAFE = frozenset("円度点番万億はがをとでにのもへやかえ")
_SWAHILI_ALONE = frozenset(
    ["ni", "jibu", "namba", "nambari", "tarehe", "mwaka", "ya", "na", "saa", "au", "hadi"]
)
_RUSSIAN_ENDINGS = ("ам", "ям", "ами", "ями", "ах", "ях")
_FINNISH_CASES = ("ssa", "ssä", "sta", "stä", "lla", "llä", "lta", "ltä", "na", "nä")


def spell_numbers(text: str, language: str) -> tuple[str, tuple[str, ...]]:
    """Return `text` with its numbers, dates, times, money and percent in words of the language.

    What is not sure, such as a form that depends on a noun, stays in digits, and a warning says so; also
    where unicode-rbnf or Babel is missing.
    """
    if not any(character.isdigit() for character in text):
        return text, ()
    try:
        importlib.import_module("unicode_rbnf")
        importlib.import_module("babel")
    except ImportError:
        return text, ('digits are left to the model, which may misread them: pip install "loquor[numbers]"',)
    if _KEPT.search(text):
        return text, (_LEFT,)
    kept: list[str] = []

    def keep(digits: str) -> str:
        if len(kept) >= _MOST:
            return digits
        kept.append(digits)
        return chr(_FIRST_KEPT + len(kept) - 1)

    for pattern, read in _stages(language):

        def said(found: re.Match[str]) -> str:
            words = read(found)  # noqa: B023 - called within this round
            return keep(found[0]) if words is None else words

        text = pattern.sub(said, text)
    if language == "tr":
        text = _TURKISH_FOUR.sub("dörd", text)
    text = _KEPT.sub(lambda found: kept[ord(found[0]) - _FIRST_KEPT], text)
    return text, (_LEFT,) if any(character.isdigit() for character in text) else ()


@cache
def _stages(language: str) -> list[Stage]:
    return [
        *date_stages(language),
        *time_stages(language),
        *amount_stages(language),
        *_ordinal_stages(language),
        (
            bounded(rf"[-\u2212]({NUMBER})", language, _anything(language)),
            lambda found: _number(found, language, True),
        ),
        (
            bounded(rf"({NUMBER})", language, _anything(language)),
            lambda found: _number(found, language, False),
        ),
    ]


def _anything(language: str) -> str:
    return "(?![A-Za-z0-9_])" if language in ("ja", "ko", "zh") else ""


def _ordinal_stages(language: str) -> list[Stage]:
    if language == "zh":
        return [
            (bounded(r"第(\d+)", language, "(?![\\d,.])"), lambda found: f"第{cardinal(int(found[1]), 'zh')}")
        ]
    if language == "ja":
        return [
            (
                bounded(r"第(\d+)", language, "(?![\\d,.]\\d)"),
                lambda found: f"だい{cardinal(int(found[1]), 'ja')}",
            )
        ]
    if language == "ko":
        return [
            (bounded(r"제(\d+)", language, "(?![\\d,])"), lambda found: f"제{cardinal(int(found[1]), 'ko')}"),
            (
                bounded(r"(\d+)\s?번째", language, "(?!\0)"),
                lambda found: ordinal(int(found[1]), "ko", "native-count"),
            ),
        ]
    if language not in _ORDINALS:
        return []
    pattern, forms = _ORDINALS[language]

    def read(found: re.Match[str]) -> str | None:
        number, ending = int(found[1]), found[2].lower()
        form = forms.get(ending, _USUAL_ORDINAL.get(language, ""))
        if not 0 < number < _MOST_ORDINAL:
            return None
        if (
            language == "ru"
            and ending == "й"
            and word_after(found)[-1:] not in tuple("бвгджзклмнпрстфхцчшщй")
        ):
            return None  # a feminine one in another case is written alike
        if (
            language == "es"
            and ending == "º"
            and number % 10 in (1, 3)
            and word_after(found) not in ("", *_NO_NOUNS)
        ):
            form = "masculine-adjective"
        return ordinal(number, language, form)

    return [(bounded(pattern, language), read)]


def _number(found: re.Match[str], language: str, negative: bool) -> str | None:
    number = number_of(found[1], language)
    if number is None:
        return None
    between = "" if language in ("ja", "zh") else " "
    minus = _MINUS[language] + between if negative else ""
    if _beside_a_sign(found) or _may_be_ordinal(found, language):
        return None
    if not (number.decimals or number.grouped or negative) and len(found[1]) == 4:
        is_year, said = year_in_context(found, number.whole, language)
        if is_year:
            return said
    if word_before(found) in OBLIQUE.get(language, ()):
        return None
    if number.decimals:
        return minus + in_words(number, language)
    if language in _BY_WHAT_FOLLOWS:
        said = _BY_WHAT_FOLLOWS[language](number.whole, found.string[found.end() : found.end() + 1])
        return None if said is None else minus + said
    if not _sure(number.whole, language, word_before(found), word_after(found)):
        return None
    return minus + cardinal(number.whole, language)


def _beside_a_sign(found: re.Match[str]) -> bool:
    """Whether a sign is next to it that was not read with it: degrees, another currency, a calculation."""
    near = (
        found.string[max(0, found.start() - 2) : found.start()][::-1],
        found.string[found.end() : found.end() + 2],
    )
    signs = (side.strip(" \u00a0\u202f")[:1] for side in near)
    return any(sign and unicodedata.category(sign) in ("Sc", "Sk", "Sm", "So") for sign in signs) or (
        near[1].lstrip(" \u00a0\u202f").startswith(("%", "\u2030", "*", "/", "#"))
        or near[0].startswith(("#", "*", "/"))
    )


def _may_be_ordinal(found: re.Match[str], language: str) -> bool:
    """Whether a full stop may make it an ordinal: in German before any word, else before a small one."""
    if language not in _DOTTED_ORDINALS:
        return False
    behind = _DOT_AND_WORD.match(found.string, found.end())
    return behind is not None and (language == "de" or behind[1].islower())


def _sure(number: int, language: str, before: str, after: str) -> bool:
    """Whether a number is said in one way, between these words."""
    if language == "ar":
        return not after and number <= 1000
    if language == "sw":
        return number % 10 not in (1, 2, 3, 4, 5, 8) or not before or before in _SWAHILI_ALONE
    if not after:
        return True
    ones, tens = number % 10, number % 100
    if language in ("pl",):
        return False
    if language == "ru":
        return (ones not in (1, 2) or tens in (11, 12)) and not after.endswith(_RUSSIAN_ENDINGS)
    if language == "fi":
        return number > 1 and after.endswith(("a", "ä")) and not after.endswith(_FINNISH_CASES)
    if language == "he":
        return ones == 0 and number >= 20
    if language == "el":
        return ones not in (1, 3, 4) or tens == 11 if number % 1000 < 200 else False
    if language == "es":
        return (ones != 1 or tens == 11) and number % 1000 < 200 and number // 1000 % 1000 < 200
    if language == "pt":
        return (
            (ones not in (1, 2) or tens in (11, 12)) and number % 1000 < 200 and number // 1000 % 1000 < 200
        )
    if language == "fr":
        return ones != 1 or tens in (11, 71, 91)
    if language == "it":
        return number != 1
    if language in ("da", "de"):
        return tens != 1
    if language in ("no", "sv"):
        return ones != 1 or tens == 11
    return True


def _chinese(number: int, after: str) -> str | None:
    if number == 2 and "\u4e00" <= after <= "\u9fff" and after not in _CHINESE_SAFE:
        return "两" if after in _CHINESE_TWO else None
    return cardinal(number, "zh")


def _japanese(number: int, after: str) -> str | None:
    counted = "\u4e00" <= after <= "\u9fff" or "\u30a0" <= after <= "\u30ff"
    return None if counted and after not in _JAPANESE_SAFE else cardinal(number, "ja")


def _korean(number: int, after: str) -> str | None:
    if not "\uac00" <= after <= "\ud7a3":
        return cardinal(number, "ko")
    if after in _KOREAN_NATIVE:
        return f"{cardinal(number, 'ko', 'native-attributive' if number < 100 else '')} "
    return f"{cardinal(number, 'ko')} " if after in _KOREAN_CHINESE else None


_BY_WHAT_FOLLOWS = {"ja": _japanese, "ko": _korean, "zh": _chinese}

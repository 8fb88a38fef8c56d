"""English text in words, for voices that know letters only: numbers, dates, money, abbreviations, symbols."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..text import TAG
from .dates import DATES, YEAR
from .letters import lower_if_shouted, spell_addresses, spell_code, spell_initialisms, spell_letters
from .numbers import number, ordinal
from .quantities import MEASURES, MONEY, NUMBER, PHONES, Rule, alternatives
from .tables import (
    ABBREVIATIONS,
    AFTER_NAMES,
    BEFORE_NAMES,
    BEFORE_NUMBERS,
    CHARACTERS,
    CURRENCIES,
    FILE_SUFFIXES,
    SYMBOLS,
    TITLES,
)

__all__ = ["Spelled", "spell"]


@dataclass(frozen=True)
class Spelled:
    """`text` of English letters, `',.?!;:-`, spaces and tags; and the characters that have no sound in it."""

    text: str
    left_out: tuple[str, ...] = ()


def spell(text: str) -> Spelled:
    """Write `text` out in words, in the style of American news: 'nineteen oh five', no 'and' in numbers.

    Tags such as `[laugh]` stay as they are. Letters of other scripts, emoji and unknown symbols are left out
    and returned, each once; punctuation without a sound goes in silence. Never raises; what comes out stays
    the same when it is spelled again.
    """
    tags = TAG.findall(text)
    plain, left_out = _in_ascii(TAG.sub(_TAG_PLACE, text.replace(_TAG_PLACE, " ")))
    for _ in range(_PASSES):  # what a dropped sign was between may be read by a rule now
        before, plain = plain, _tidy(_in_words(plain))
        if plain == before:
            break
    places = iter(tags)
    return Spelled(re.sub(_TAG_PLACE, lambda _: next(places), plain), left_out)


_TAG_PLACE = "\ue000"
_PASSES = 4
_READ_BY_RULES = frozenset((*CURRENCIES, "¢", "°", _TAG_PLACE))


# --- Characters ---

_TRANSLATION = str.maketrans(CHARACTERS)
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER = re.compile("(?<=[A-Za-z0-9)])[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")


def _in_ascii(text: str) -> tuple[str, tuple[str, ...]]:
    """ASCII, tag places and the signs that rules read; and what could not be written so."""
    if text.isascii():
        return text, ()
    text = _POWER.sub(lambda m: "^" + m[0].translate(_POWERS), text)
    text = re.sub(r"(\d?)([¼-¾⅐-⅞])", _vulgar_fraction, text.translate(_TRANSLATION))
    out: list[str] = []
    left_out: dict[str, None] = {}
    for character in unicodedata.normalize("NFKD", text).translate(_TRANSLATION):
        if character.isascii() or character in _READ_BY_RULES:
            out.append(character)
            continue
        digit = unicodedata.decimal(character, None)
        category = unicodedata.category(character)
        if digit is not None:
            out.append(str(digit))
        elif category[0] == "M" or category == "Cf":
            continue  # accents, joiners
        else:
            out.append(" ")
            if category[0] in "LSN":
                left_out[unicodedata.normalize("NFC", character)] = None
    return "".join(out), tuple(left_out)


def _vulgar_fraction(match: re.Match[str]) -> str:
    written = unicodedata.normalize("NFKD", match[2]).replace("\u2044", "/")
    return f"{match[1]} {written}" if match[1] else written


# --- Words ---


def _title(match: re.Match[str]) -> str:
    return _like(match[1], TITLES[match[1].lower()]) + " "


def _like(written: str, words: str) -> str:
    return words.capitalize() if written[0].isupper() else words


def _abbreviation(match: re.Match[str]) -> str:
    words = ABBREVIATIONS[match[1].lower()]
    following = match.string[match.end() :]
    ended = not following.strip() or (
        words in ("et cetera", "and others") and re.match(r"\s+[A-Z]", following)
    )
    return words + ("." if ended else "")


def _after_name(match: re.Match[str]) -> str:
    following = match.string[match.end() :]
    stop = "." if not following.strip() else ("," if re.match(r"\s+[A-Z]", following) else "")
    return AFTER_NAMES[match[1]] + stop


def _power(match: re.Match[str]) -> str:
    return {"2": " squared ", "3": " cubed "}.get(match[1], f" to the power of {match[1]} ")


_ABBREVIATED: tuple[Rule, ...] = (
    (
        re.compile(r"(\d[\w ]*\b)(St|Dr)\.(?! ?\w+ (?:St|Ave|Rd)\.)(?=\s*(?:$|[a-z,;]|[A-Z]))"),
        lambda m: _street(m),
    ),
    (re.compile(r"\bSt\.(?! [A-Z])"), "street"),
    (re.compile(rf"(?i)\b({'|'.join(TITLES)})\.\s?"), _title),
    (re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof)(?= [A-Z])"), _title),
    (re.compile(rf"(?i)(?<![\w.])({alternatives(ABBREVIATIONS)})\."), _abbreviation),
    (
        re.compile(rf"\b({'|'.join(BEFORE_NAMES)})\.(?= ?[A-Z])"),
        lambda m: BEFORE_NAMES[m[1]].capitalize() + " ",
    ),
    (re.compile(rf"(?<=[\w,] )({'|'.join(AFTER_NAMES)})\."), _after_name),
    (
        re.compile(rf"(?i)\b({alternatives(BEFORE_NUMBERS)})\.\s?(?=#?\d)"),
        lambda m: BEFORE_NUMBERS[m[1].lower()] + " ",
    ),
    (re.compile(r"(?i)\band/or\b"), "and or"),
    (re.compile(rf"(?<=\w)\.(?=(?:{'|'.join(FILE_SUFFIXES)})\b)"), " dot "),
    (re.compile(r"\bOK\b"), "okay"),
    (
        re.compile(r"\b([A-Z]{1,3})&([A-Z]{1,3})\b"),
        lambda m: f"{spell_letters(m[1])} and {spell_letters(m[2])}",
    ),
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"\bw/(?=\s)"), "with"),
)


def _street(match: re.Match[str]) -> str:
    return match[1] + {"St": "street", "Dr": "drive"}[match[2]]


_HYPHENS: tuple[Rule, ...] = (
    (re.compile(r"(?<=\d[ap]m)-(?=\d)|(?<=[ap]\.m\.)-(?=\d)"), " to "),
    (re.compile(r"(?<=\d[a-z][a-z])-(?=[a-z])|(?<=\ds)-(?=[a-z])"), " "),
    (
        re.compile(
            r"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Za-z])(?!(?:km|kg|cm|mm|ft|lb|oz|m|g|mi|min|hr|mph|GB|MB|TB)\b)"
        ),
        " ",
    ),
)
_SIGNS: tuple[Rule, ...] = (
    (re.compile(r"\b([A-Z])#"), r"\1 sharp"),
    (re.compile(r"#(?=\d)"), " number "),
    (re.compile(r"#(?=[A-Za-z])"), " hashtag "),
    (re.compile(r"~(?=\d)"), " about "),
    (re.compile(r"(?<=\d)\s?<\s?(?=\d)"), " is less than "),
    (re.compile(r"(?<=\d)\s?>\s?(?=\d)"), " is greater than "),
    (re.compile(r"(?<=\d)\s?\*\s?(?=\d)"), " times "),
    (re.compile(r"(?<=\d)x(?=\d)|(?<=\d) x (?=\d)"), " by "),
    (re.compile(r"(?<=\d)x(?!\w)"), " times "),
    (re.compile(r"(?<=\d) - (?=\d[\d,. ]*=)"), " minus "),
    (re.compile(rf"(?<![\w.)])-\s?(?=\.?\d|[{re.escape(''.join(CURRENCIES))}])"), " minus "),
    (re.compile(r"(?<![\w.,:/-])(\d+):(\d+)(?![\w:])"), r"\1 to \2"),
    (re.compile(rf"(?<![\w/-])({NUMBER}%?)-(?=[$£€]?\d)(?!\d+-\d)"), r"\1 to "),
)
_NUMBERS: tuple[Rule, ...] = (
    (re.compile(r"\^(-?\d+)"), _power),
    (
        re.compile(r"(?i)\b(\d{1,3}(?:,\d{3})+|\d{1,15})(st|nd|rd|th)\b"),
        lambda m: f" {ordinal(int(m[1].replace(',', '')))} ",
    ),
    (re.compile(r"\b[vV](\d+(?:\.\d+)*)\b"), lambda m: f"version {_dotted(m[1])}"),
    (re.compile(r"\d+(?:\.\d+){2,}"), lambda m: f" {_dotted(m[0])} "),
    YEAR,
    (
        re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])(?<![A-Za-z\d.,])[A-Za-z\d]+"),
        lambda m: f" {spell_code(m[0])} ",
    ),
    (re.compile(rf"{NUMBER}|\.\d+"), lambda m: f" {number(m[0])} "),
)


def _dotted(text: str) -> str:
    return " point ".join(number(part) for part in text.split("."))


_RULES = (*_ABBREVIATED, *_HYPHENS, *PHONES, *DATES, *_SIGNS, *MONEY, *MEASURES, *_NUMBERS)


def _in_words(text: str) -> str:
    text = spell_addresses(lower_if_shouted(text))
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = spell_initialisms(text)
    for symbol, words in SYMBOLS.items():
        text = text.replace(symbol, words)
    return text


# --- Punctuation ---

_TIDY: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=[A-Za-z])\(s\)"), "s"),
    (re.compile(r"\)(?=[.,;:!?]|\s*$)"), ""),
    (re.compile(r"(?:^|\s)\(|\)(?=$|\s)"), ", "),
    (re.compile(rf"[^A-Za-z ',.?!;:{_TAG_PLACE}-]"), " "),
    (re.compile(r"(?<![A-Za-z])'|'(?![A-Za-z])"), " "),
    (re.compile(r"(?<![A-Za-z])-+|-+(?![A-Za-z])"), ", "),
    (re.compile(r"\s+"), " "),
    (re.compile(r"\s+(?=[,.?!;:])"), ""),
    (re.compile(r"([,;:])[,;:.]+"), r"\1"),
    (re.compile(r"([.?!])[,.;:?!]+"), r"\1"),
    (re.compile(r"([,.?!;:])(?=[A-Za-z])"), r"\1 "),
)


def _tidy(text: str) -> str:
    for pattern, replacement in _TIDY:
        text = pattern.sub(replacement, text)
    return text.strip().lstrip(" ,;:.-")

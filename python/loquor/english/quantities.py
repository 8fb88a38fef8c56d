"""Rules for what stands beside a number: money, units, temperatures, fractions, telephone numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

from .numbers import cardinal, digits, fraction, money, number, plural, unit_plural
from .tables import CURRENCIES, CURRENCY_CODES, RATES, UNITS

__all__ = ["MEASURES", "MONEY", "NUMBER", "PHONES", "Rule", "alternatives"]

Rule = tuple[re.Pattern[str], "Callable[[re.Match[str]], str] | str"]

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"


def alternatives(words: object) -> str:
    """A pattern for any of some words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))  # type: ignore[call-overload]


_SIGN = f"[{re.escape(''.join(CURRENCIES))}]"
_SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "b": "billion",
    "B": "billion", "bn": "billion", "tn": "trillion", "T": "trillion",
}  # fmt: skip
_SCALE = rf"(?:\s?(hundred|thousand|million|billion|trillion|{alternatives(_SCALES)})(?![\w]))?"
_RATE = rf"(?:\s?/\s?({alternatives(RATES)})(?![A-Za-z]))?"
_NICE_DENOMINATORS = {*range(2, 11), 12, 16, 20, 32, 64, 100}
_SAID_AS_PAIRS = {("24", "7"), ("9", "11"), ("50", "50"), ("20", "20")}


def _per(name: str | None) -> str:
    return f" per {RATES[name]}" if name else ""


def _money(match: re.Match[str]) -> str:
    sign, low, high, scale, rate = match.groups()
    unit, small = CURRENCIES[sign]
    amount = high or low
    start = f" {number(low)} to " if high else " "
    if scale:
        words = f"{number(amount)} {_SCALES.get(scale, scale)} {unit_plural(unit)}"
    else:
        whole, _, cents = amount.replace(",", "").partition(".")
        if len(whole) < 16 and (not cents or len(cents) == 2):
            words = money(int(whole or "0"), int(cents or "0"), unit, small)
        else:
            words = f"{number(amount)} {unit_plural(unit)}"
    return f"{start}{words}{_per(rate)} "


_AMOUNT = rf"(?:{NUMBER}|\.\d\d)"
MONEY: tuple[Rule, ...] = (
    # the sign or code behind the amount goes before it
    (
        re.compile(rf"(?<![\w.,$£€])({NUMBER}){_SCALE}\s?({_SIGN})(?!\s?\d)"),
        lambda m: f"{m[3]}{m[1]}{' ' + m[2] if m[2] else ''}",
    ),
    (
        re.compile(rf"\b({alternatives(CURRENCY_CODES)})\s?(?={NUMBER})"),
        lambda m: CURRENCY_CODES[m[1]],
    ),
    (
        re.compile(rf"(?<![\w.,$£€])({NUMBER}){_SCALE}\s?({alternatives(CURRENCY_CODES)})\b"),
        lambda m: f"{CURRENCY_CODES[m[3]]}{m[1]}{' ' + m[2] if m[2] else ''}",
    ),
    (
        re.compile(
            rf"(?:\b(?:US|AU|CA|NZ|HK|[CA]))?({_SIGN})\s?({_AMOUNT})"
            rf"(?: to {_SIGN}?({_AMOUNT}))?{_SCALE}{_RATE}"
        ),
        _money,
    ),
    (
        re.compile(rf"(?<![\w.,])({NUMBER})\s?¢"),
        lambda m: f" {number(m[1])} cent{'' if m[1] == '1' else 's'} ",
    ),
)


def _unit(match: re.Match[str]) -> str:
    amount, unit, power, rate, stop = match.groups()
    one, many = UNITS[unit]
    words = one if amount == "1" or match[0][len(amount)] == "-" else many
    words = {"2": "square ", "3": "cubic ", None: ""}[power] + words
    if unit == "s" and match[0][len(amount)] == "s":  # 'the B-52s'
        return f" {plural(number(amount))}{stop or ''} "
    following = match.string[match.end() :]
    kept = stop if stop and re.match(r"\s*(?:$|\s[A-Z])", following) else ""
    return f" {number(amount)} {words}{_per(rate)}{kept} "


def _degrees(match: re.Match[str]) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", None: ""}[match[2]]
    return f" {number(match[1])} degree{'' if match[1] == '1' else 's'}{scale} "


def _fraction(match: re.Match[str]) -> str:
    whole, top, bottom = match.groups()
    if (top, bottom) in _SAID_AS_PAIRS and not whole:
        return f" {number(top)} {number(bottom)} "
    proper = (
        len(top) < 4 and len(bottom) < 4 and int(bottom) in _NICE_DENOMINATORS and 0 < int(top) < int(bottom)
    )
    if not proper:
        return f" {number(whole) if whole else ''} {number(top)} over {number(bottom)} "
    words = fraction(int(top), int(bottom))
    if not whole:
        return f" {words} "
    return f" {number(whole)} and {'a' + words[3:] if top == '1' else words} "


MEASURES: tuple[Rule, ...] = (
    (
        re.compile(r"(?<![\w.])(\d{1,2})'\s?(\d{1,2})(?:\"|'')"),
        lambda m: (
            f" {number(m[1])} {'foot' if m[1] == '1' else 'feet'} {number(m[2])} "
            f"{'inch' if m[2] == '1' else 'inches'} "
        ),
    ),
    (re.compile(rf"({NUMBER})\s?°\s?([CF](?![A-Za-z]))?"), _degrees),
    (re.compile(r"(?<![\d/.,])(?:(\d+) )?(\d+)/(\d+)(?![\d/])"), _fraction),
    (
        re.compile(
            rf"(?<![\w.,])({NUMBER})(?:\s?|-)({alternatives(UNITS)})(?:\^([23]))?(?![A-Za-z'\d]){_RATE}(\.)?"
        ),
        _unit,
    ),
    (
        re.compile(rf"(?<![\w.,])({NUMBER})\s?(bn|[kM])(?![\w'])"),
        lambda m: f" {number(m[1])} {_SCALES[m[2]]} ",
    ),
    (
        re.compile(
            rf"(?<![\w.,])({NUMBER})/({alternatives(name for name in RATES if len(name) > 1)})(?![A-Za-z])"
        ),
        lambda m: f" {number(m[1])}{_per(m[2])} ",
    ),
)


def _groups(match: re.Match[str]) -> str:
    """A long telephone number: its groups of digits, with short pauses between."""
    plus = " plus" if match[0].startswith("+") else ""
    return f"{plus} {', '.join(digits(group) for group in re.findall(r'[0-9]+', match[0]))} "


def _run(match: re.Match[str]) -> str:
    """1-2-3: small groups as numbers, others digit by digit."""
    groups = match[0].split("-")
    words = (cardinal(int(g)) if len(g) < 3 and (g[0] != "0" or g == "0") else digits(g) for g in groups)
    return f" {' '.join(words)} "


_START = r"(?<![\w$£€.,/-])"
_END = r"(?![\w/]|[.,-]\d)"
PHONES: tuple[Rule, ...] = (
    (re.compile(rf"(?<![\w.])\+\d{{1,3}}(?:[ .-]?\(?\d{{1,4}}\)?){{2,6}}{_END}"), _groups),
    (re.compile(rf"{_START}(?:1[ .-])?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}{_END}"), _groups),
    (re.compile(rf"{_START}\d{{4}}([ -])\d{{4}}\1\d{{4}}\1\d{{4}}{_END}"), _groups),
    (re.compile(rf"{_START}(\d{{3}})[ -](\d{{4}}){_END}"), lambda m: f" {digits(m[1] + m[2])} "),
    (
        re.compile(r"(?i)\b(call|dial|phone|text) ([2-9]11|999|112|988)\b"),
        lambda m: f"{m[1]} {digits(m[2])} ",
    ),
    (re.compile(rf"{_START}(?!\d{{4}}-\d\d-\d\d\b)\d+(?:-\d+){{2,}}{_END}"), _run),
)

"""Rules for dates, times of day and years."""

from __future__ import annotations

import re

from .numbers import MONTHS, cardinal, clock, decade, ordinal, year
from .quantities import Rule
from .tables import MONTH_ABBREVIATIONS

__all__ = ["DATES", "YEAR"]

_NAMES = [month.capitalize() for month in MONTHS]
_SHORT = [month.capitalize() for month in MONTH_ABBREVIATIONS]
# "may" and "march" are months only with a capital, the abbreviations too
_MONTH = (
    rf"(?:(?i:{'|'.join(month for month in MONTHS if month not in ('march', 'may'))})|March|May|MARCH|MAY"
    rf"|(?:{'|'.join(_SHORT)})\b\.?)"
)
_DAY = r"(\d{1,2})(st|nd|rd|th)?"
_NO_DAY = r"(?!\d|[:.,]\d|\s?%|\s?(?:percent|ay em|pee em)\b)"


def _month(written: str) -> str:
    name = written.rstrip(".").lower()
    return MONTH_ABBREVIATIONS.get(name, name).capitalize()


def _is_day(*numbers: str | None) -> bool:
    return all(number is None or 1 <= int(number) <= 31 for number in numbers)


def _month_day(match: re.Match[str]) -> str:
    name, first, _, last = match.groups()
    if not _is_day(first, last):
        return match[0]
    through = f" to {ordinal(int(last))}" if last else ""
    return f"{_month(name)} {ordinal(int(first))}{through} "


def _lower_month_day(match: re.Match[str]) -> str:
    return f"{match[1]} {ordinal(int(match[2]))} " if _is_day(match[2]) else match[0]


def _day_month(match: re.Match[str]) -> str:
    first, _, last, _, name = match.groups()
    if not _is_day(first, last):
        return match[0]
    through = f" to {ordinal(int(last))}" if last else ""
    return f"the {ordinal(int(first))}{through} of {_month(name)}"


def _iso(match: re.Match[str]) -> str:
    full, month, day = match.groups()
    return _written_out(full, month, day) or match[0]


def _slashes(match: re.Match[str]) -> str:
    first, second, full = match.groups()
    month, day = (first, second) if int(first) <= 12 else (second, first)
    return _written_out(full, month, day) or match[0]


def _hours_minutes_seconds(match: re.Match[str]) -> str:
    parts = zip(match.groups(), ("hour", "minute", "second"), strict=True)
    words = (f"{cardinal(int(n))} {unit}{'' if int(n) == 1 else 's'}" for n, unit in parts if n)
    return f" {' '.join(words)} "


def _short_date(match: re.Match[str]) -> str:
    when, month, day = match.groups()
    if not (1 <= int(month) <= 12 and _is_day(day)):
        return match[0]
    return f"{when} {_NAMES[int(month) - 1]} {ordinal(int(day))} "


def _written_out(full: str, month: str, day: str) -> str | None:
    if not (1 <= int(month) <= 12 and _is_day(day)):
        return None
    century = {True: 2000, False: 1900}[int(full) < 50] if len(full) == 2 else 0
    return f" {_NAMES[int(month) - 1]} {ordinal(int(day))}, {year(century + int(full))} "


def _time(match: re.Match[str]) -> str:
    hours, minutes, seconds = int(match[1]), int(match[2]), match[3]
    if hours > 24 or minutes > 59:
        return match[0]
    words = f"{cardinal(hours)} hundred" if hours > 12 and not minutes else clock(hours, minutes)
    if seconds:
        words += f" and {cardinal(int(seconds))} second{'' if int(seconds) == 1 else 's'}"
    return f" {words} "


def _half_of_day(match: re.Match[str]) -> str:
    words = " ay em" if match[1] in "aA" else " pee em"
    following = match.string[match.end() :]
    if match[2] and not following.strip():
        return words + "."
    return words + ("," if match[2] and re.match(r" [A-Z]", following) else " ")


def _years_apart(match: re.Match[str]) -> str:
    last = match[2]
    if len(last) == 4:
        end = year(int(last))
    else:
        end = f"oh {cardinal(int(last))}" if last[0] == "0" else cardinal(int(last))
    return f" {year(int(match[1]))} to {end} "


_YEAR = r"1[1-9]\d\d|20\d\d"
_RANGE = r"(?:\s?(?:-|to)\s?(\d{1,2})(?:st|nd|rd|th)?\b)?"
DATES: tuple[Rule, ...] = (
    (
        re.compile(r"(?<![\w.])(\d{1,3})h ?(\d{1,2})m(?:in)?(?: ?(\d{1,2})s)?(?!\w)"),
        _hours_minutes_seconds,
    ),
    (
        re.compile(r"(?i)\b(on|by|until|since|before|after) (\d{1,2})/(\d{1,2})(?![\w/]|\.\d)"),
        _short_date,
    ),
    (re.compile(r"(?<![\w.,])'?(1[1-9]\d0|20\d0|[2-9]0|10{1,3})'?s\b"), lambda m: f" {decade(int(m[1]))} "),
    (re.compile(r"(?<=\d)\s?([AaPp])(?:\.\s?[Mm]\b(\.?)|[Mm]\b()(?!['\w]))"), _half_of_day),
    (re.compile(r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?:T(?=\d))?(?![\d-])"), _iso),
    (re.compile(r"(?<![\w/.])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\w/])"), _slashes),
    (re.compile(rf"\b({_MONTH})\s{_DAY}{_RANGE}{_NO_DAY}"), _month_day),
    (re.compile(r"\b(may|march)\s(\d{1,2})(?:st|nd|rd|th)\b"), _lower_month_day),
    (
        re.compile(
            rf"(?i:\bthe )?(?<![\d,.:$£€-])\b{_DAY}(?:\s?(?:-|to)\s?{_DAY})?(?: of)? ({_MONTH})(?![A-Za-z])"
        ),
        _day_month,
    ),
    (re.compile(rf"\b({'|'.join(_SHORT)})\b\.?(?= \d)"), lambda m: _month(m[0])),
    (
        re.compile(r"(?i)\b(jan|feb|aug|sept|oct|nov|dec)\.|\b((?-i:Mar|Apr|Jun|Jul|Sep))\."),
        lambda m: _month(m[0]),
    ),
    (re.compile(r"(?<![\w:.,])(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?![\w:])"), _time),
    (re.compile(rf"(?<![\w.,/-])({_YEAR})-((?:{_YEAR})|\d\d)(?![\w/-]|[.,]\d)"), _years_apart),
)
YEAR: Rule = (re.compile(rf"(?<![\d,.])({_YEAR})(?!\d|,\d|\.\d)"), lambda m: f" {year(int(m[1]))} ")

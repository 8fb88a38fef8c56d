"""Rules for dates, times of day, durations and years."""

from __future__ import annotations

import re

from .numbers import MONTHS, cardinal, clock, decade, digits, ordinal, year
from .places import MONTH_ABBREVIATIONS, WEEKDAYS
from .rules import Match, Rule, alternatives, rule
from .tables import STARTERS

__all__ = ["DATES", "MONTH", "MONTH_LIKE", "YEAR"]

_NAMES = [month.capitalize() for month in MONTHS]
_SHORT = [month.capitalize() for month in MONTH_ABBREVIATIONS]
# "may" and "march" are months only with a capital, the abbreviations too
MONTH = (
    rf"(?:{alternatives({*_NAMES, *map(str.upper, _NAMES), *MONTHS} - {'march', 'may'})}"
    rf"|(?:{alternatives(_SHORT)})\b\.?)"
)
MONTH_LIKE = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAY = r"(\d{1,2})(st|nd|rd|th)?"
_NO_DAY = r"(?!\d|[:.,]\d|\s?%|\s?(?:percent|ay em|pee em)\b)"


def _month(written: str) -> str:
    name = written.rstrip(".").lower()
    return MONTH_ABBREVIATIONS.get(name, name).capitalize()


def _is_day(*numbers: str | None) -> bool:
    return all(number is None or 1 <= int(number) <= 31 for number in numbers)


def _is_date(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and _is_day(day)


def _spoken_day(month: str, day: str) -> str:
    return f"{_NAMES[int(month) - 1]} {ordinal(int(day))}"


def _month_day(match: Match) -> str:
    name, first, _, last = match.groups()
    if not _is_day(first, last):
        return match[0]
    through = f" to {ordinal(int(last))}" if last else ""
    return f"{_month(name)} {ordinal(int(first))}{through} "


def _across_months(match: Match) -> str:
    name, first, _, other, last, _ = match.groups()
    if not _is_day(first, last):
        return match[0]
    return f"{_month(name)} {ordinal(int(first))} to {_month(other)} {ordinal(int(last))} "


def _lower_month_day(match: Match) -> str:
    return f"{match[1]} {ordinal(int(match[2]))} " if _is_day(match[2]) else match[0]


def _day_month(match: Match) -> str:
    first, _, last, _, name = match.groups()
    if not _is_day(first, last):
        return match[0]
    through = f" to {ordinal(int(last))}" if last else ""
    return f"the {ordinal(int(first))}{through} of {_month(name)}"


def _iso(match: Match) -> str:
    full, _, month, day = match.groups()
    return _written_out(full, month, day) or match[0]


def _slashes(match: Match) -> str:
    first, _, second, full = match.groups()
    month, day = (first, second) if int(first) <= 12 else (second, first)
    return _written_out(full, month, day) or match[0]


def _dots(match: Match) -> str:
    """'05.06.2019': the day comes first where a date is written with full stops."""
    day, month, full = match.groups()
    return _written_out(full, month, day) or match[0]


def _hours_minutes_seconds(match: Match) -> str:
    parts = zip(match.groups(), ("hour", "minute", "second"), strict=True)
    words = (f"{cardinal(int(n))} {unit}{'' if int(n) == 1 else 's'}" for n, unit in parts if n)
    return f" {' '.join(words)} "


def _short_date(match: Match) -> str:
    month, day = match.groups()
    return f"{_spoken_day(month, day)} " if _on(match) and _is_date(month, day) else match[0]


def _on(match: Match) -> bool:
    """Whether a word before asks for a date: "on 5/6", not "over 5/6"."""
    near = match.string[max(0, match.start() - 12) : match.start()]
    return (near[-2:-1].isalpha() or near[-2:-1] == ",") and _ON.search(near) is not None


def _short_dates(match: Match) -> str:
    month, day, between, other, last = match.groups()
    if not (_on(match) and _is_date(month, day) and _is_date(other, last)):
        return match[0]
    words = "to" if between.strip() in ("-", "to") else between.strip()
    return f"{_spoken_day(month, day)} {words} {_spoken_day(other, last)} "


def _month_year(match: Match) -> str:
    if not 1 <= int(match[1]) <= 12:
        return match[0]
    return f" {_NAMES[int(match[1]) - 1]} {year(int(match[2]))} "


def _written_out(full: str, month: str, day: str) -> str | None:
    if not _is_date(month, day):
        return None
    century = {True: 2000, False: 1900}[int(full) < 50] if len(full) == 2 else 0
    return f" {_spoken_day(month, day)}, {year(century + int(full))} "


def _time(match: Match) -> str:
    hours, minutes, seconds, part = int(match[1]), int(match[2]), match[3], match[4]
    if minutes > 59 or (hours > 24 and not part):
        return match[0]
    if part and not seconds:  # a duration: '17:08.4'
        return f" {cardinal(hours)} {_two_digits(match[2])} point {digits(part)} "
    if part:
        return _duration(match)
    if hours > 24:
        return match[0]
    words = f"{cardinal(hours)} hundred" if hours > 12 and not minutes else clock(hours, minutes)
    if not hours and not minutes:
        words = "zero hundred"
    if seconds:
        words += f" and {cardinal(int(seconds))} second{'' if int(seconds) == 1 else 's'}"
    return f" {words} "


def _duration(match: Match) -> str:
    """'3:02:41': hours that are no time of day, or minutes above a day's."""
    hours, minutes, seconds, part = match.groups()
    tail = f" point {digits(part)}" if part else ""
    last = f" {_two_digits(seconds)}" if seconds else ""
    return f" {cardinal(int(hours))} {_two_digits(minutes)}{last}{tail} "


def _two_digits(text: str) -> str:
    return f"oh {cardinal(int(text))}" if text[0] == "0" else cardinal(int(text))


def _half_of_day(match: Match) -> str:
    words = " ay em" if match[1] in "aA" else " pee em"
    if not match[2]:
        return words + " "
    if _AT_END.match(match.string, match.end()):
        return words + "."
    following = _SPACED_CAPITAL.match(match.string, match.end())
    if following is None:
        return words + " "
    return words + ("." if following[1] in STARTERS or following[1] in ("I", "A") else ",")


_AT_END = re.compile(r"[\"')\s]*$")
_SPACED_CAPITAL = re.compile(r" ([A-Z][A-Za-z']*)")


def _years_apart(match: Match) -> str:
    first, last = match.groups()
    if len(last) == 4:
        end = year(int(last))
    else:
        end = f"oh {cardinal(int(last))}" if last[0] == "0" else cardinal(int(last))
    return f" {year(int(first))} to {end} "


def _decade(match: Match) -> str:
    """'the 1990s', 'the 60's': many years; but '2020's first month' and '1990's best film' are one."""
    value, sign, quoted = int(match[2]), match[1], match[3]
    if quoted and not sign and not _OF_MANY.search(match.string[max(0, match.start() - 12) : match.start()]):
        return match[0]
    return f" {decade(value)} "


_OF_MANY = re.compile(
    r"(?i)(?:\b(?:the|his|her|their|my|our|your|early|mid|middle|late|and|or|to)|\bmid-|-|\b(?:early"
    r"|late)-)[ -]?$"
)


def _old_year(match: Match) -> str:
    value = int(match[1])
    if value % 100 == 0 or not _IN.search(match.string[max(0, match.start() - 8) : match.start()]):
        return match[0]
    return f"{cardinal(value // 100)} {_two_digits(f'{value % 100:02}')} "


_IN = re.compile(r"(?i)\b(?:in|since|until|year|of|from|before|after|around|about) $")


def _clock_with_point(match: Match) -> str:
    return (
        f" {clock(int(match[1]), int(match[2]))} {'ay' if match[3][0] == 'a' else 'pee'} em "
        if int(match[1]) < 13
        else match[0]
    )


_YEAR = r"1[1-9]\d\d|20\d\d"
_RANGE = r"(?:\s?(?:-|to)\s?(\d{1,2})(?:st|nd|rd|th)?\b)?"
_ON = re.compile(
    r"(?i)\b(on|by|until|since|before|after|due|dated?|from|till|starting|starts|ends|ending|expires"
    r"|through|thru"
    r"|mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday"
    r"|sunday),? $"
)
_SHORT_DAY = r"(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])"
DATES: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(\d{1,3})h ?(\d{1,2})m(?:in)?(?: ?(\d{1,2})s)?(?!\w)", _hours_minutes_seconds, "0-9",
         "0a0|0a 0"),
    rule(r"(?<![\w.:])(1[0-2]|0?[1-9])\.([0-5]\d)\s?((?:[ap]\.?m)\b\.?)", _clock_with_point, ". 0-9",
         "0.00a|0.00 a", "am|pm|a.m|p.m"),
    rule(r"(?<![\w.:,$])(1[0-2]|[1-9])([0-5]\d)\s?([ap]\.?m)\b", _clock_with_point, "0-9",
         "00a|00 a", "am|pm|a.m|p.m"),
    rule(
        rf"\b({'|'.join(WEEKDAYS)})(?=,? (?:(?:{'|'.join(_SHORT)})\b|\d))",
        lambda m: f"{WEEKDAYS[m[1]]}",
        "0-9",
        "a A|a, A|a 0|a, 0",
        "mon|tue|wed|thu|fri|sat|sun",
    ),
    rule(rf"(?<= ){_SHORT_DAY}( ?- ?| to | and | or | until ){_SHORT_DAY}(?![\w/]|\.\d)",
         _short_dates, "/ 0-9", " 0/0| 00/0"),
    rule(rf"(?<= ){_SHORT_DAY}(?![\w/%]|\.\d| (?:of|inch|cup|mile|acre|stars))", _short_date, "/ 0-9",
         " 0/0| 00/0"),
    rule(
        r"(?<![\w.,])('?)(1[1-9]\d0|20\d0|[2-9]0|10{1,3})('?)s\b",
        _decade,
        "0-9",
        "0s|0's",
    ),
    rule(r"(?<=\d)\s?([AaPp])(?:\.\s?[Mm]\b(\.?)|[Mm]\b()(?!['\w]))", _half_of_day, "0-9",
         "0aa|0AA|0aA|0Aa|0a.|0A.|0 aa|0 AA|0 aA|0 Aa|0 a.|0 A.", "am|pm|a.m|p.m|a. m|p. m"),
    rule(r"(?<![\w-])(\d{4})([-/])(\d\d)\2(\d\d)(?:T(?=\d))?(?![\d/-])", _iso, "0-9",
         "0000-00-00|0000/00/00"),
    rule(r"(?<![\w/.-])(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?![\w/])", _slashes, "0-9",
         "-0-0000|-00-0000|/0/0000|/00/0000"),
    rule(r"(?<![\w/.])(\d{1,2})(/)(\d{1,2})/(\d\d)(?![\w/])", _slashes, "/ 0-9", "/0/00|/00/00"),
    rule(rf"(?<![\w/.])(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.((?:{_YEAR}))(?![\w.]\w)", _dots, ". 0-9",
         "0.0000"),
    rule(rf"(?<![\w/.])(0?[1-9]|1[0-2])/({_YEAR})(?![\w/])", _month_year, "/ 0-9", "0/0000"),
    rule(rf"\b({MONTH})\s{_DAY}\s?(?:-|to)\s?({MONTH})\s{_DAY}{_NO_DAY}", _across_months, "0-9",
         "a 0|A 0|. 0", MONTH_LIKE),
    rule(rf"\b({MONTH})\s{_DAY}{_RANGE}{_NO_DAY}", _month_day, "0-9", "a 0|A 0|. 0", MONTH_LIKE),
    rule(r"\b(may|march)\s(\d{1,2})(?:st|nd|rd|th)\b", _lower_month_day, "0-9", "a 0", "may|march"),
    rule(
        rf"(?i:\bthe )?(?<![\d,.:$£€-])\b{_DAY}(?:\s?(?:-|to)\s?{_DAY})?(?: of)? ({MONTH})(?![A-Za-z])",
        _day_month,
        "0-9",
        "0 a|0 A|st |nd |rd |th |of ",
        MONTH_LIKE,
    ),
    rule(rf"\b({'|'.join(_SHORT)})\b\.?(?= \d)", lambda m: _month(m[0]), "0-9", "a 0|. 0",
         MONTH_LIKE),
    rule(r"(?<![\w:.,])(\d{1,2}:\d\d) ?- ?(?=\d{1,2}:\d\d(?![\w:]))", r"\1 to ", ": 0-9",
         "0-0|0 - 0|0 -0|0- 0", "0:00"),
    rule(r"(?<![\w:.,])(\d{1,2}):(\d\d)(?::(\d\d))?(?:\.(\d{1,3}))?(?![\w:])", _time, ": 0-9", "0:00"),
    rule(r"(?<![\w:.,])(\d{1,3}):([0-5]\d)(?::([0-5]\d))?\.(\d{1,3})(?![\w:])", _duration, ": 0-9",
         "0:00", "0.0"),
    rule(rf"(?<![\w.,/-])({_YEAR})-((?:{_YEAR})|\d\d)(?![\w/-]|[.,]\d)", _years_apart, "- 0-9", "0000-00"),
    rule(r"(?<=[a-z] )(10\d\d)(?![\d,.:%-]\d|\w| [a-z]+s\b)", _old_year, "0-9", "a 0000"),
)  # fmt: skip
YEAR: Rule = rule(rf"(?<![\d,.])({_YEAR})(?!\d|,\d|\.\d)", lambda m: f" {year(int(m[1]))} ", "0-9", "0000")

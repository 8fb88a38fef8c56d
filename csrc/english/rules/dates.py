"""Rules for dates, times of day, durations and years."""

from __future__ import annotations

from .places import MONTH_ABBREVIATIONS, WEEKDAYS
from .rule import Rule, alternatives, pattern, rule

__all__ = ["DATES", "MONTH", "YEAR"]


_NAMES = """January February March April May June July August September October November December""".split()
_SHORT = [month.capitalize() for month in MONTH_ABBREVIATIONS]
_WRITTEN = [*_NAMES, *map(str.upper, _NAMES), *sorted(map(str.lower, {*_NAMES} - {"March", "May"}))]
# "may" and "march" are months only with a capital, the abbreviations too
MONTH = (
    rf"(?:{alternatives(_WRITTEN)}"
    rf"|(?:{alternatives(_SHORT)})\b\.?)"
)
_DAY = r"(\d{1,2})(st|nd|rd|th)?"
_NO_DAY = r"(?!\d|[:.,]\d|\s?%|\s?(?:percent|ay em|pee em)\b)"
pattern("QUOTES_AT_END", r"[\"')\s]*$")
pattern("SPACED_CAPITAL", r" ([A-Z][A-Za-z']*)")
pattern(
    "OF_MANY",
    r"(?i)(?:\b(?:the|his|her|their|my|our|your|early|mid|middle|late|and|or|to)|\bmid-|-|\b(?:early"
    r"|late)-)[ -]?$",
)
pattern("IN_YEAR", r"(?i)\b(?:in|since|until|year|of|from|before|after|around|about) $")
_YEAR = r"1[1-9]\d\d|20\d\d"
_RANGE = r"(?:\s?(?:-|to)\s?(\d{1,2})(?:st|nd|rd|th)?\b)?"
pattern(
    "ASKS_FOR_DATE",
    r"(?i)\b(on|by|until|since|before|after|due|dated?|from|till|starting|starts|ends|ending|expires"
    r"|through|thru"
    r"|mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday"
    r"|sunday),? $",
)
_SHORT_DAY = r"(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])"
DATES: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(\d{1,3})h ?(\d{1,2})m(?:in)?(?: ?(\d{1,2})s)?(?!\w)", "hours_minutes_seconds()", "0-9"),
    rule(r"(?<![\w.:])(1[0-2]|0?[1-9])\.([0-5]\d)\s?((?:[ap]\.?m)\b\.?)", "clock_with_point()", ". 0-9"),
    rule(r"(?<![\w.:,$])(1[0-2]|[1-9])([0-5]\d)\s?([ap]\.?m)\b", "clock_with_point()", "0-9"),
    rule(rf"\b({'|'.join(WEEKDAYS)})(?=,? (?:(?:{'|'.join(_SHORT)})\b|\d))", "weekday()", "0-9"),
    rule(
        rf"(?<= ){_SHORT_DAY}( ?- ?| to | and | or | until ){_SHORT_DAY}(?![\w/]|\.\d)",
        "short_dates()",
        "/ 0-9",
    ),
    rule(rf"(?<= ){_SHORT_DAY}(?![\w/%]|\.\d| (?:of|inch|cup|mile|acre|stars))", "short_date()", "/ 0-9"),
    rule(r"(?<![\w.,])('?)(1[1-9]\d0|20\d0|[2-9]0|10{1,3})('?)s\b", "years_of_decade()", "0-9"),
    rule(r"(?<=\d)\s?([AaPp])(?:\.\s?[Mm]\b(\.?)|[Mm]\b()(?!['\w]))", "half_of_day()", "0-9"),
    rule(r"(?<![\w-])(\d{4})([-/])(\d\d)\2(\d\d)(?:T(?=\d))?(?![\d/-])", "iso_date()", "0-9"),
    rule(r"(?<![\w/.-])(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?![\w/])", "date_with_slashes()", "0-9"),
    rule(r"(?<![\w/.])(\d{1,2})(/)(\d{1,2})/(\d\d)(?![\w/])", "date_with_slashes()", "/ 0-9"),
    rule(
        rf"(?<![\w/.])(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.((?:{_YEAR}))(?![\w.]\w)",
        "date_with_stops()",
        ". 0-9",
    ),
    rule(rf"(?<![\w/.])(0?[1-9]|1[0-2])/({_YEAR})(?![\w/])", "month_and_year()", "/ 0-9"),
    rule(rf"\b({MONTH})\s{_DAY}\s?(?:-|to)\s?({MONTH})\s{_DAY}{_NO_DAY}", "across_months()", "0-9"),
    rule(rf"\b({MONTH})\s{_DAY}{_RANGE}{_NO_DAY}", "month_day()", "0-9"),
    rule(r"\b(may|march)\s(\d{1,2})(?:st|nd|rd|th)\b", "lower_month_day()", "0-9"),
    rule(
        rf"(?i:\bthe )?(?<![\d,.:$£€-])\b{_DAY}(?:\s?(?:-|to)\s?{_DAY})?(?: of)? ({MONTH})(?![A-Za-z])",
        "day_month()",
        "0-9",
    ),
    rule(rf"\b({'|'.join(_SHORT)})\b\.?(?= \d)", "month_name()", "0-9"),
    rule(r"(?<![\w:.,])(\d{1,2}:\d\d) ?- ?(?=\d{1,2}:\d\d(?![\w:]))", r"\1 to ", ": 0-9"),
    rule(r"(?<![\w:.,])(\d{1,2}):(\d\d)(?::(\d\d))?(?:\.(\d{1,3}))?(?![\w:])", "time_of_day()", ": 0-9"),
    rule(r"(?<![\w:.,])(\d{1,3}):([0-5]\d)(?::([0-5]\d))?\.(\d{1,3})(?![\w:])", "duration()", ": 0-9"),
    rule(rf"(?<![\w.,/-])({_YEAR})-((?:{_YEAR})|\d\d)(?![\w/-]|[.,]\d)", "years_apart()", "- 0-9"),
    rule(r"(?<=[a-z] )(10\d\d)(?![\d,.:%-]\d|\w| [a-z]+s\b)", "old_year()", "0-9"),
)
YEAR: Rule = rule(rf"(?<![\d,.])({_YEAR})(?!\d|,\d|\.\d)", "year_alone()", "0-9")

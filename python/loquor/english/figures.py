"""Rules for hyphens and signs beside numbers, for formulas, codes and what numbers are left."""

from __future__ import annotations

import re

from .capital_words import NUMBERED
from .letters import spell_code, spell_letters
from .numbers import cardinal, number, ordinal, plural
from .quantities import UNITS
from .rules import NUMBER, Match, Rule, alternatives, number_behind, rule
from .units import CURRENCIES

__all__ = ["CODES", "FORMULAS", "HYPHENS", "PLAIN_NUMBERS", "POWERS", "SIGNS"]

_CURRENCY = "".join(CURRENCIES)
_RANGED = number_behind(r"\w/-")
_UNIT = alternatives(UNITS)

HYPHENS: tuple[Rule, ...] = (
    rule(r"(?<![\w/.,])(\d{1,3})/(\d{1,3})(?=\s?V\b)", r"\1 or \2", "/ 0-9", "0/0", "0A|0 A"),
    rule(r"(?<=\d(?:st|nd|rd|th))-(?=\d)", " to ", "- 0-9", "aa-0"),
    rule(r"(?<=\d[ap]m)-(?=\d)|(?<=[ap]\.m\.)-(?=\d)", " to ", "- 0-9", "aa-0|a.-0"),
    rule(r"(?<=[A-Za-z\d])-(?= (?:and|or|to|nor|but)\b)", " ", "-", "- a"),
    rule(r"(?<=[A-Za-z])-(in|out-of)-(?=\d)", lambda m: f" {m[1].replace('-', ' ')} ", "- 0-9", "aa-0"),
    rule(r"(?<=\d[a-z][a-z])-(?=[a-z])|(?<=\ds)-(?=[a-z])", " ", "- 0-9", "0aa-a|0a-a"),
    rule(
        rf"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Za-z])(?!(?:{_UNIT})(?!\w|\.[A-Za-z]))",
        " ",
        "- 0-9",
        "a-0|A-0|0-a|0-A",
    ),
)


# --- Formulas ---

_NAMES_OF_FUNCTIONS = {"-1": " inverse", "2": " squared", "3": " cubed"}


def _function(match: Match) -> str:
    name, power, letter, value = match.groups()
    argument = spell_letters(letter) if letter else value
    return f" {spell_letters(name)}{_NAMES_OF_FUNCTIONS.get(power or '', '')} of {argument} "


def _power(match: Match) -> str:
    return {"2": " squared ", "3": " cubed "}.get(match[1], f" to the power of {match[1]} ")


FORMULAS: tuple[Rule, ...] = (
    rule(r"(?<![A-Za-z'])([a-zA-Z])(?:\^(-?\d))?\(([a-z])()\)(?!\w)", _function, "(", "(a)"),
    rule(
        r"(?<![\w'.])([f-hp-z])(?:\^(-?\d))?\(()(-?\d{1,4})\)(?!\w)", _function, "( 0-9", "a(0|a(-0|0(0|0(-0"
    ),
    rule(
        r"(?<![\w.])(\d{1,3})([aceijnqrtuvxyz])(?=\s?(?:[+=*^)]|-\s?\d|minus ))"
        r"|(?<=[+=*/(] )(\d{1,3})([aceijnqrtuvxyz])\b|(?<=[\d)] - )(\d{1,3})([aceijnqrtuvxyz])(?= [=+-])",
        lambda m: f"{m[1] or m[3] or m[5]} {spell_letters(m[2] or m[4] or m[6])} ",
        "+=*^-) 0-9",
        "0a",
        "0a+|0a=|0a*|0a^|0a)|0a-|0a +|0a =|0a *|0a ^|0a )|0a -|minus |+ 0|= 0|* 0|/ 0|( 0|- 0",
    ),
    rule(
        r"(?<=[=+*/] )([b-hj-z])(?![\w'.])|(?<![\w'.])([b-hj-z])(?= [=+*/^-] )",
        lambda m: spell_letters(m[1] or m[2]),
        "=+*/",
        "= a|+ a|* a|/ a|a =|a +|a *|a /|a ^|a -",
    ),
    rule(r"(?<=\d)\^(-?\d+)", _power, "^ 0-9", "0^"),
)
POWERS: tuple[Rule, ...] = (rule(r"\^(-?\d+)", _power, "^"),)  # fmt: skip


# --- Signs ---

SIGNS: tuple[Rule, ...] = (
    rule(r"(?<![\w/.,$-])(\d{1,3})-(?=\d{1,2}/\d{1,3}(?![\d/]))", r"\1 ", "/ 0-9", "-0/0|-00/0"),
    rule(r"\b([A-Z])#", r"\1 sharp", "#", "A#"),
    rule(r"#(?=\d)", " number ", "# 0-9", "#0"),
    rule(r"#(?=[A-Za-z])", " hashtag ", "#", "#a|#A"),
    rule(r"~\s?(?=\d)", " about ", "~ 0-9", "~0|~ 0"),
    rule(r"(?<=\d)\s?\*\s?(?=\d)", " times ", "* 0-9", "0*|0 *"),
    rule(rf"(?<=\d) ?x ?(?={NUMBER} ?=)", " times ", "= 0-9", "a0|a 0", "x"),
    rule(rf"(?<=\d)(\s?(?:{_UNIT}|inches|feet|in)\.?) ?x ?(?=\d)", r"\1 by ", "0-9", "a0|a 0",
         "aa|a a|Aa|A a|.a|. a", "x"),
    rule(r"(?<=\d)(\"|') ?x ?(?=\d)", r"\1 by ", "0-9", "0\"|0'", "\"x|'x|\" x|' x"),
    rule(r"(?<=\d)x(?=\d)|(?<=\d) x (?=\d)", " by ", "0-9", "0a0|0 a 0"),
    rule(r"(?<=\d)x(?!\w)", " times ", "0-9", "0a", "x"),
    rule(r"(?<=\d) / (?=\d)", " divided by ", "/ 0-9", "0 / 0"),
    rule(r"(\d+)/(\d+)(?=\s?(?:Hz|kHz|MHz)\b)", r"\1 \2", "/ 0-9", "0/0", "hz"),
    rule(r"\b1/(\d{2,4})(?:s|th of a s| s| sec)\b",
         lambda m: f"one {ordinal(int(m[1]))} of a second", "/ 0-9", "1/", "00a|00 a"),
    rule(r"(?<=\d) - (?=\d[\d,. ]*=)", " minus ", "= - 0-9",
         "0 - 0"),
    rule(rf"-(?:(?<=\bminus -)(?=\.?\d)|(?<![\w.)]-)(?=\.?\d|[{_CURRENCY}]))",
         lambda m: " minus " if m.start() < 6
         or not m.string.endswith("minus ", 0, m.start()) else "", "- 0-9", "-0|-.0|-$"),
    rule(r"(?<![\w.,:/-])(\d+):(\d+)(?![\w:])", r"\1 to \2", ": 0-9", "0:0"),
    rule(rf"({_RANGED}%?)-(?=[$£€]?\d)(?!\d+-\d)", r"\1 to ", "- 0-9", "0-0|0-$|%-0|%-$"),
)  # fmt: skip


# --- Codes and plain numbers ---

_THINGS = re.compile(
    r" ?-?(?:print|model|movie|film|graphic|game|anim|effect|glass|tv|image|space|world|view|render|scan"
    r"|design|art|object|shape|map|engine|version|vision|chart|plot|array)"
)
_ORDERED = re.compile(
    " (?:Street|St|Avenue|Ave|Cavalry|Infantry|Regiment|Division|Battalion|Brigade|Army|Corps|Cir|Dist|Ed"
    "|Congress|"
    "Lieutenant|Lt|day|year|century|edition|floor|place|month|week)\\b"
)


def _short_ordinal(match: Match) -> str:
    """'the 2d Cavalry' and '72d Street', but 'a 3d printer'."""
    string, end = match.string, match.end()
    the = string[max(0, match.start() - 4) : match.start()].lower() == "the "
    if _ORDERED.match(string, end) or len(match[1]) > 1 or (the and not _THINGS.match(string, end)):
        return f" {ordinal(int(match[1]))} "
    return match[0]


_NUMBERED = re.compile(
    rf"(?i)\b(?:{alternatives(name for name in NUMBERED if name.isalpha())}|track|room|day|question"
    rf"|exercise|gate)$"
)


def _code(match: Match) -> str:
    """'A380', and more than one of them: 'MP4s'."""
    code, several = match.groups()
    head, space, last = spell_code(code).rpartition(" ")
    return f" {head}{space}{plural(last) if several else last} "


def _without_zeros(match: Match) -> str:
    """'Chapter 01' is chapter one."""
    return " " if _NUMBERED.search(match.string[max(0, match.start() - 12) : match.start()]) else match[0]


CODES: tuple[Rule, ...] = (
    rule(r"(?<![\w.,])(\d{0,3}[23])d(?!\w)", _short_ordinal, "0-9", "2d|3d"),
    rule(r"(?i)(\d(?<![\w.]\d)(?:\d{0,2}(?:,\d{3}){1,4}|\d{0,14}))(st|nd|rd|th)\b",
         lambda m: f" {ordinal(int(m[1].replace(',', '')))} ", "0-9",
         "0aa|0AA|0aA|0Aa"),
    rule(r"\d+(?:\.\d+){2,}", lambda m: f" {' point '.join(map(number, m[0].split('.')))} ", ". 0-9",
         "0.0"),
    rule(r" 0+(?=[1-9]\d?\b)", _without_zeros, "0-9", " 00"),
)  # fmt: skip
PLAIN_NUMBERS: tuple[Rule, ...] = (
    rule(r"(?<![A-Za-z\d.,])([A-Z]{1,5}\d{1,4})(s)(?![\w'])", _code, "0-9", "A0", "0a"),
    rule(r"(?<![A-Za-z\d.,])((?:\d+[A-Za-z]|[A-Za-z]+\d)[A-Za-z\d]*)()", _code,

                 "0-9",


                                 "0a|0A|a0|A0"),
    rule(r"(?<![\w.,])00([1-9])(?![\w.,]\d|\w)", lambda m: f" double oh {cardinal(int(m[1]))} ", "0-9",

                 "000"),
    rule(r"[\d.](?:(?<=\d)" + NUMBER.removeprefix(r"\d") + r"|(?<=\.)\d+)",
         lambda m: f" {number(m[0])} ", "0-9"),
)  # fmt: skip

"""Rules for hyphens and signs beside numbers, for formulas, codes and what numbers are left."""

from __future__ import annotations

from .capital_words import NUMBERED
from .rule import NUMBER, Rule, alternatives, number_behind, pattern, rule
from .units import CURRENCIES, UNITS

__all__ = ["CODES", "FORMULAS", "HYPHENS", "PLAIN_NUMBERS", "POWERS", "SIGNS"]


_CURRENCY = "".join(CURRENCIES)
_RANGED = number_behind(r"\w/-")
_UNIT = alternatives(UNITS)
HYPHENS: tuple[Rule, ...] = (
    rule(r"(?<![\w/.,])(\d{1,3})/(\d{1,3})(?=\s?V\b)", r"\1 or \2", "/ 0-9"),
    rule(r"(?<=\d(?:st|nd|rd|th))-(?=\d)", " to ", "- 0-9"),
    rule(r"(?<=\d[ap]m)-(?=\d)|(?<=[ap]\.m\.)-(?=\d)", " to ", "- 0-9"),
    rule(r"(?<=[A-Za-z\d])-(?= (?:and|or|to|nor|but)\b)", " ", "-"),
    rule(r"(?<=[A-Za-z])-(in|out-of)-(?=\d)", "words_with_spaces()", "- 0-9"),
    rule(r"(?<=\d[a-z][a-z])-(?=[a-z])|(?<=\ds)-(?=[a-z])", " ", "- 0-9"),
    rule(rf"(?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Za-z])(?!(?:{_UNIT})(?!\w|\.[A-Za-z]))", " ", "- 0-9"),
)

# --- Formulas ---

FORMULAS: tuple[Rule, ...] = (
    rule(r"(?<![A-Za-z'])([a-zA-Z])(?:\^(-?\d))?\(([a-z])()\)(?!\w)", "function_of()", "("),
    rule(r"(?<![\w'.])([f-hp-z])(?:\^(-?\d))?\(()(-?\d{1,4})\)(?!\w)", "function_of()", "( 0-9"),
    rule(
        r"(?<![\w.])(\d{1,3})([aceijnqrtuvxyz])(?=\s?(?:[+=*^)]|-\s?\d|minus ))"
        r"|(?<=[+=*/(] )(\d{1,3})([aceijnqrtuvxyz])\b|(?<=[\d)] - )(\d{1,3})([aceijnqrtuvxyz])(?= [=+-])",
        "number_and_letter()",
        "+=*^-) 0-9",
    ),
    rule(
        r"(?<=[=+*/] )([b-hj-z])(?![\w'.])|(?<![\w'.])([b-hj-z])(?= [=+*/^-] )", "letter_of_formula()", "=+*/"
    ),
    rule(r"(?<=\d)\^(-?\d+)", "to_the_power()", "^ 0-9"),
)
POWERS: tuple[Rule, ...] = (rule(r"\^(-?\d+)", "to_the_power()", "^"),)

# --- Signs ---

SIGNS: tuple[Rule, ...] = (
    rule(r"(?<![\w/.,$-])(\d{1,3})-(?=\d{1,2}/\d{1,3}(?![\d/]))", r"\1 ", "/ 0-9"),
    rule(r"\b([A-Z])#", r"\1 sharp", "#"),
    rule(r"#(?=\d)", " number ", "# 0-9"),
    rule(r"#(?=[A-Za-z])", " hashtag ", "#"),
    rule(r"~\s?(?=\d)", " about ", "~ 0-9"),
    rule(r"(?<=\d)\s?\*\s?(?=\d)", " times ", "* 0-9"),
    rule(rf"(?<=\d) ?x ?(?={NUMBER} ?=)", " times ", "= 0-9"),
    rule(rf"(?<=\d)(\s?(?:{_UNIT}|inches|feet|in)\.?) ?x ?(?=\d)", r"\1 by ", "0-9"),
    rule(r"(?<=\d)(\"|') ?x ?(?=\d)", r"\1 by ", "0-9"),
    rule(r"(?<=\d)x(?=\d)|(?<=\d) x (?=\d)", " by ", "0-9"),
    rule(r"(?<=\d)x(?!\w)", " times ", "0-9"),
    rule(r"(?<=\d) / (?=\d)", " divided by ", "/ 0-9"),
    rule(r"(\d+)/(\d+)(?=\s?(?:Hz|kHz|MHz)\b)", r"\1 \2", "/ 0-9"),
    rule(r"\b1/(\d{2,4})(?:s|th of a s| s| sec)\b", "part_of_second()", "/ 0-9"),
    rule(r"(?<=\d) - (?=\d[\d,. ]*=)", " minus ", "= - 0-9"),
    rule(rf"-(?:(?<=\bminus -)(?=\.?\d)|(?<![\w.)]-)(?=\.?\d|[{_CURRENCY}]))", "minus()", "- 0-9"),
    rule(r"(?<![\w.,:/-])(\d+):(\d+)(?![\w:])", r"\1 to \2", ": 0-9"),
    rule(rf"({_RANGED}%?)-(?=[$£€]?\d)(?!\d+-\d)", r"\1 to ", "- 0-9"),
)

# --- Codes and plain numbers ---

pattern(
    "THING_OF_THREE_DIMENSIONS",
    r" ?-?(?:print|model|movie|film|graphic|game|anim|effect|glass|tv|image|space|world|view|render|scan"
    r"|design|art|object|shape|map|engine|version|vision|chart|plot|array)",
)
pattern(
    "ORDERED_THING",
    " (?:Street|St|Avenue|Ave|Cavalry|Infantry|Regiment|Division|Battalion|Brigade|Army|Corps|Cir|Dist|Ed"
    "|Congress|"
    "Lieutenant|Lt|day|year|century|edition|floor|place|month|week)\\b",
)
pattern(
    "NUMBERED_BEFORE",
    rf"(?i)\b(?:{alternatives(sorted(filter(str.isalpha, NUMBERED)))}|track|room|day|question"
    rf"|exercise|gate)$",
)
CODES: tuple[Rule, ...] = (
    rule(r"(?<![\w.,])(\d{0,3}[23])d(?!\w)", "short_ordinal()", "0-9"),
    rule(
        r"(?i)(\d(?<![\w.]\d)(?:\d{0,2}(?:,\d{3}){1,4}|\d{0,14}))(st|nd|rd|th)\b", "written_ordinal()", "0-9"
    ),
    rule(r"\d+(?:\.\d+){2,}", "numbers_with_points()", ". 0-9"),
    rule(r" 0+(?=[1-9]\d?\b)", "without_zeros()", "0-9"),
)
PLAIN_NUMBERS: tuple[Rule, ...] = (
    rule(r"(?<![A-Za-z\d.,])([A-Z]{1,5}\d{1,4})(s)(?![\w'])", "code()", "0-9"),
    rule(r"(?<![A-Za-z\d.,])((?:\d+[A-Za-z]|[A-Za-z]+\d)[A-Za-z\d]*)()", "code()", "0-9"),
    rule(r"(?<![\w.,])00([1-9])(?![\w.,]\d|\w)", "double_oh()", "0-9"),
    rule(r"[\d.](?:(?<=\d)" + NUMBER.removeprefix(r"\d") + r"|(?<=\.)\d+)", "number_alone()", "0-9"),
)

"""Rules for what stands beside a number: money, units, temperatures, fractions, telephone numbers."""

from __future__ import annotations

import re

from .rule import NUMBER, Rule, alternatives, number_behind, pattern, rule
from .units import CURRENCIES, CURRENCY_CODES, RATES, SCALES, UNITS

__all__ = ["CURRENCY_SIGNS", "MEASURES", "MONEY", "OLD_AND_ODD_MONEY", "PHONES"]


_SIGNS = "".join(CURRENCIES)
_DIGITS_AND_SIGNS = f"{_SIGNS} 0-9"
_SIGN = f"[{re.escape(_SIGNS)}]"
_SCALE = rf"(?:[\s-]?(hundred|thousand|lakh|million|crore|billion|trillion|{alternatives(SCALES)})(?![\w]))?"
_RATE = rf"(?:\s?/\s?({alternatives(RATES)})(?![A-Za-z]))?"
_UNSIGNED = number_behind(r"\w.,$£€")
_ALONE = number_behind(r"\w.,")
_WHOLE = number_behind(r"\d.,")
_NO_POWER = number_behind(r"\w.,^")
pattern("ARTICLE", r"\b[Aa]n? $")
_CODE = alternatives(CURRENCY_CODES)
pattern(
    "NOUN_AHEAD",
    r"-[a-z]| (?!(?:to|and|or|but|in|on|at|by|for|from|of|a|an|the|that|is|was|will|as|he|she|they|we|it"
    r"|you|more|less|per"
    r"|each|every|when|if|with|than|into|after|before|off)\b)[a-z]",
)
pattern("DETERMINER", r"(?i)\b(?:an?|his|her|my|our|their|your|its|another|every) $")
pattern(
    "NOUN_OF_MONEY",
    r" (?:deal|project|house|home|lawsuit|loan|contract|grant|budget|company|business|industry|bill|plan"
    r"|program"
    r"|fine|settlement|bond|bailout|mansion|campaign|prize|question|fund|note|gift|check|ticket|bonus"
    r"|donation)\b",
)

# --- Money ---

CURRENCY_SIGNS: tuple[Rule, ...] = (
    rule(
        rf"({_SIGN})\s?(\d{{1,3}}(?:\.\d{{3}})*),(\d\d)(?!\d|,\d)"
        rf"|(?<![\d.,])(\d{{1,3}}(?:\.\d{{3}})*),(\d\d)\s?({_SIGN})",
        "with_point()",
        _DIGITS_AND_SIGNS,
    ),
    rule(rf"({_UNSIGNED}){_SCALE}\s?({_SIGN})(?!\s?\d)", "sign_first()", _DIGITS_AND_SIGNS),
    rule(rf"\b({_CODE})\s?(?={NUMBER})", "sign_of_code()", "0-9"),
    rule(rf"({_UNSIGNED}){_SCALE}\s?({_CODE})(?!\w)", "sign_of_code_first()", "0-9"),
)
OLD_AND_ODD_MONEY: tuple[Rule, ...] = (
    rule(r"£\s?(\d{1,6}) (\d{1,2})s\.?(?: (\d{1,2})d\b\.?)?", "shillings()", "£ 0-9"),
    rule(r"(?<![\w.])()(\d{1,2})s\. ?(\d{1,2})d\b\.?", "shillings()", "0-9"),
    rule(
        rf"({_SIGN})(\d[\d,]{{0,14}}(?:\.\d{{1,2}})?)(?:[- ](hundred|thousand|million|billion"
        rf"|trillion))?-(an?|per)-([a-z]+)",
        "money_a_time()",
        _DIGITS_AND_SIGNS,
    ),
)
_AMOUNT = rf"(?:{NUMBER}|\.\d\d)"
MONEY: tuple[Rule, ...] = (
    rule(
        rf"(?:\b(?:US|AU|CA|NZ|HK|[CA]))?({_SIGN})(?:(?:A|US|C|NZ|HK)(?=\d)"
        rf"|\s?)({_AMOUNT})(?: to {_SIGN}?({_AMOUNT}))?{_SCALE}{_RATE}",
        "amount_of_money()",
        _DIGITS_AND_SIGNS,
    ),
    rule(rf"({_ALONE})\s?¢", "cents()", "¢ 0-9"),
    rule(r"(?<![\w.,])(\d{1,3})[cp] (each|a piece|apiece|coin|stamp|piece)\b", "cents_each()", "0-9"),
)

# --- Units and fractions ---

pattern(
    "LABEL",
    r"(?i)\b(?:room|block|row|size|level|gate|seat|section|unit|apt\.?|apartment|class|grade|type|bus|line"
    r"|platform"
    r"|building|suite|flat|lot|pier|zone|exit|bay|ward|hall|track|route|table|number|no\.|chapter|door"
    r"|deck|aisle"
    r"|the|page|group|part|plan|team) $",
)
pattern("ENDS", r"\s*$|\s+[A-Z]")
pattern("CAPITAL_AHEAD", r" [A-Z]")
pattern("CAPITAL_BEFORE", r"[A-Z] $")
pattern("INITIAL", r"\. ?[A-Z][a-z]|\. ?[A-Z]\.")
pattern("SIGN_BEFORE", rf"{_SIGN}$")
pattern(
    "RATED_AHEAD",
    r"\s?-?(?:stars?|points?|rating|score|right|correct|wrong|on\b|would|overall|from me|for the|questions"
    r"|votes|people|times|[.!]?$)",
)
pattern(
    "RATED_BEFORE",
    r"(?i)\b(?:rate[ds]?|rating|score[ds]?|gives?|gave|giving|got|get|scored|solid|it|a|an|:)(?: it| this"
    r"| them)? $|: ?$",
)
pattern("EXTENT", r" (?:deep|wide|tall|long|high|thick|by|x|and|or|in|of|at|is|are|was|to)\b")
MEASURES: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(\d{1,2})'\s?(\d{1,2})(?:\"|'')", "feet_and_inches()", "' 0-9"),
    rule(
        r"(?<![\w.])(\d{1,3})'(?= (?:tall|high|long|wide|deep|by|x|of|ceiling|ladder|fence|wall|boat"
        r"|board|pole)\b)",
        "feet()",
        "' 0-9",
    ),
    rule(
        r"(?<![\w.,/])(\d{1,3}(?:\.\d+)?|\d{1,3}[ -]\d{1,2}/\d{1,2})(\")(?=( [A-Za-z]|-[a-z])|\s?x\s?\d"
        r"|\W|$)",
        "inch_mark()",
        '" 0-9',
    ),
    rule(r"(?<=\bby )(\d{1,3})'(?= )|(?<= x )(\d{1,3})'(?= )", "feet_by()", "' 0-9"),
    rule(rf"({_WHOLE}) ?in\^([23])", "inches_to_a_power()", "^ 0-9"),
    rule(rf"({_WHOLE})\s?°\s?([CF](?![A-Za-z]))?", "degrees()", "° 0-9"),
    rule(r"(?<![\w/.,-])()(24)/7/(365)(?![\d/])", " twenty-four seven three sixty-five ", "/ 0-9"),
    rule(
        rf"(?<![\d/.,-])((?:\d{{1,3}} )?\d{{1,3}}/\d{{1,3}})(\s?"
        rf"|-)({alternatives(UNITS)})(?![A-Za-z'\d/])(\.(?!\d))?",
        "unit_of_part()",
        "/ 0-9",
    ),
    rule(r"(?<![\w/.,-])(\d{1,3})-(\d{1,3})/(\d{1,3})()(?![\d/])", "fraction_in_words()", "/ 0-9"),
    rule(
        r"(?<![\d/.,-])(?:(\d{1,15}) )?(\d{1,6})/(\d{1,6})(ths?|rds?|nds?|sts?)?(?![\d/])",
        "fraction_in_words()",
        "/ 0-9",
    ),
    rule(
        rf"({_NO_POWER})(?:\s?|-)({alternatives(UNITS)})(?:(?:\^|(?<=[a-z]m)|(?<=\dm)|(?<= m)"
        rf"|(?<=ft))([23])(?!\d))?(?![A-Za-z'\d]|\.[A-Za-z]){_RATE}(\.(?!\d))?",
        "unit()",
        "0-9",
    ),
    rule(r"(?<![\w.,$])3M\b(?! (?:people|users|dollars|units|views|downloads))", "three em", "0-9"),
    rule(rf"({_ALONE})\s?(bn|[kM])(?![\w'])", "thousands_and_more()", "0-9"),
    rule(
        rf"({_ALONE})/({alternatives(name for name in RATES if len(name) > 1)})(?![A-Za-z])",
        "rate()",
        "/ 0-9",
    ),
    rule(r"(?<![\w/])(km|mi|m|ft)/(h|hr|s|sec|min)(?![\w/])", "unit_and_rate()", "/"),
)

# --- Telephone numbers and the like ---

_START = r"(?<![\w$£€.,/-])"
_END = r"(?![\w/]|[.,-]\d)"
PHONES: tuple[Rule, ...] = (
    rule(
        r"(?<![\w-])(1-)(8\d\d)-([A-Za-z]{2,10}(?:-[A-Za-z\d]{1,7}){0,2}|[A-Za-z]{2,4}\d{3,5})(?![\w-])",
        "vanity_number()",
        "- 0-9",
    ),
    rule(
        r"(?<![\w-])()(\d{3})-([A-Z]{4,10}(?:-[A-Z\d]{1,7})?|[A-Z]{2,4}\d{3,5})(?![\w-])",
        "vanity_number()",
        "- 0-9",
    ),
    rule(rf"(?<![\w.])\+\d{{1,3}}(?:[ .-]?\(?\d{{1,4}}\)?){{2,6}}{_END}", "groups_of_digits()", "+ 0-9"),
    rule(
        rf"{_START}(?:1[ .-])?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}{_END}",
        "groups_of_digits()",
        "0-9",
    ),
    rule(rf"{_START}\d{{4}}([ -])\d{{4}}\1\d{{4}}\1\d{{4}}{_END}", "groups_of_digits()", "0-9"),
    rule(rf"{_START}(?:1300|1800|13\d\d|0\d{{3,4}}) \d{{3}} \d{{3,4}}{_END}", "groups_of_digits()", "0-9"),
    rule(rf"{_START}0\d{{1,4}}[ -]\d{{3,4}}[ -]?\d{{3,4}}{_END}", "groups_of_digits()", "0-9"),
    rule(rf"{_START}(\d{{3}})[ -](\d{{4}}){_END}", "seven_digits()", "0-9"),
    rule(rf"{_START}[1-9]\d{{0,2}}(?: \d{{3}}){{2,4}}(?! \d){_END}", "without_spaces()", "0-9"),
    rule(rf"{_START}[1-9]\d{{0,2}}(?: 0{{3}})+(?![\d]| \d){_END}", "without_spaces()", "0-9"),
    rule(rf"{_START}\d{{1,2}}(?:,\d\d){{1,5}},\d{{3}}(?!\d|,\d)", "without_commas()", ", 0-9"),
    rule(r"(?i)\b(call|dial|phone|text) ([2-9]11|999|112|988)\b", "called()", "0-9"),
    rule(rf"{_START}(50-50|20-20|80-20|60-40|70-30|90-10|40-60|30-70)(?=[\s,.;!?)]|$)", "shares()", "- 0-9"),
    rule(
        rf"{_START}(?!\d{{4}}-\d\d-\d\d\b)(?!\d{{1,2}}-\d{{1,2}}-\d{{4}}\b)\d+(?:-\d+){{2,}}{_END}",
        "run_of_numbers()",
        "- 0-9",
    ),
)

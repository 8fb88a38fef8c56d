"""Rules for what stands beside a number: money, units, temperatures, fractions, telephone numbers."""

from __future__ import annotations

import re
from functools import lru_cache

from .letters import spell_code
from .numbers import cardinal, digits, fraction, money, number, ordinal, plural, unit_plural
from .rules import NUMBER, Match, Rule, alternatives, number_behind, rule
from .units import CURRENCIES, CURRENCY_CODES, RATES, SCALES, UNITS

__all__ = ["CURRENCY_SIGNS", "MEASURES", "MONEY", "OLD_AND_ODD_MONEY", "PHONES", "UNITS"]

_SIGNS = "".join(CURRENCIES)
_DIGITS_AND_SIGNS = f"{_SIGNS} 0-9"
_SIGN = f"[{re.escape(_SIGNS)}]"
_SCALE = rf"(?:[\s-]?(hundred|thousand|lakh|million|crore|billion|trillion|{alternatives(SCALES)})(?![\w]))?"
_RATE = rf"(?:\s?/\s?({alternatives(RATES)})(?![A-Za-z]))?"
_UNSIGNED = number_behind(r"\w.,$£€")
_ALONE = number_behind(r"\w.,")
_WHOLE = number_behind(r"\d.,")
_NO_POWER = number_behind(r"\w.,^")
_NICE_DENOMINATORS = {*range(2, 11), 12, 16, 20, 32, 64, 100}
_SAID_AS_PAIRS = {("24", "7"), ("9", "11"), ("7", "11"), ("50", "50"), ("20", "20"), ("60", "40")}
_ARTICLE = re.compile(r"\b[Aa]n? $")
_CODE = alternatives(CURRENCY_CODES)
_CODES = "|".join(CURRENCY_CODES).lower()


def _per(name: str | None) -> str:
    return f" per {RATES[name]}" if name else ""


def _near(match: Match, count: int = 12) -> str:
    return match.string[max(0, match.start() - count) : match.start()]


# --- Money ---


def _money(match: Match) -> str:
    return _amount(*match.groups(), _is_adjective(match))


@lru_cache(maxsize=1024)  # prices come again: a table of them is mostly tens and fives
def _amount(sign: str, low: str, high: str | None, scale: str | None, rate: str | None, one: bool) -> str:
    unit, small = CURRENCIES[sign]
    amount = high or low
    start = " "
    if high:
        whole, _, cents = low.replace(",", "").partition(".")
        exact = len(cents) == 2 and not scale
        start = f" {money(int(whole or 0), int(cents), unit, small) if exact else number(low)} to "
    if scale:
        words = f"{number(amount)} {SCALES.get(scale, scale)} {unit if one else unit_plural(unit)}"
    else:
        whole, _, cents = amount.replace(",", "").partition(".")
        if len(whole) < 16 and (not cents or len(cents) == 2):
            words = money(int(whole or "0"), int(cents or "0"), unit, small, one=one)
        else:
            words = f"{number(amount)} {unit if one else unit_plural(unit)}"
    return f"{start}{words}{_per(rate)} "


_NOUN_AHEAD = re.compile(
    r"-[a-z]| (?!(?:to|and|or|but|in|on|at|by|for|from|of|a|an|the|that|is|was|will|as|he|she|they|we|it"
    r"|you|more|less|per"
    r"|each|every|when|if|with|than|into|after|before|off)\b)[a-z]"
)
_DETERMINER = re.compile(r"(?i)\b(?:an?|his|her|my|our|their|your|its|another|every) $")


_NOUN_OF_MONEY = re.compile(
    r" (?:deal|project|house|home|lawsuit|loan|contract|grant|budget|company|business|industry|bill|plan"
    r"|program"
    r"|fine|settlement|bond|bailout|mansion|campaign|prize|question|fund|note|gift|check|ticket|bonus"
    r"|donation)\b"
)


def _is_adjective(match: Match) -> bool:
    """ "a $15 haircut": one dollar, whatever the number."""
    if _NOUN_OF_MONEY.match(match.string, match.end()):
        return True
    ahead = _NOUN_AHEAD.match(match.string, match.end())
    return ahead is not None and _DETERMINER.search(_near(match)) is not None


def _shillings(match: Match) -> str:
    pounds, shillings, pence = match.groups()
    words = [money(int(pounds), 0, "pound")] if pounds else []
    words.append(f"{cardinal(int(shillings))} shilling{'' if shillings == '1' else 's'}")
    if pence:
        words[-1] += f" and {cardinal(int(pence))} {'penny' if pence == '1' else 'pence'}"
    return f" {' '.join(words)} "


def _money_a_time(match: Match) -> str:
    """'the $80-a-month plan', 'a $3-million-a-year pitcher'."""
    sign, amount, scale, per, time = match.groups()
    unit, small = CURRENCIES[sign]
    whole, _, cents = amount.replace(",", "").partition(".")
    if scale:
        words = f"{number(amount)} {scale} {unit}"
    else:
        words = money(int(whole), int(cents[:2] or "0"), unit, small, one=True)
    return f" {words} {per} {time}"


CURRENCY_SIGNS: tuple[Rule, ...] = (
    rule(
        rf"({_SIGN})\s?(\d{{1,3}}(?:\.\d{{3}})*),(\d\d)(?!\d|,\d)"
        rf"|(?<![\d.,])(\d{{1,3}}(?:\.\d{{3}})*),(\d\d)\s?({_SIGN})",
        lambda m: f"{m[1] or m[6]}{(m[2] or m[4]).replace('.', '')}.{m[3] or m[5]}",
        _DIGITS_AND_SIGNS,
        "0,00",
    ),
    # the sign or code behind the amount goes before it
    rule(
        rf"({_UNSIGNED}){_SCALE}\s?({_SIGN})(?!\s?\d)",
        lambda m: f"{m[3]}{m[1]}{' ' + m[2] if m[2] else ''}",
        _DIGITS_AND_SIGNS,
        "0$|0 $|a$|a $|A$|A $",
    ),
    rule(
        rf"\b({_CODE})\s?(?={NUMBER})", lambda m: CURRENCY_CODES[m[1]], "0-9", _CODES, "a0|a 0|A0|A 0|.0|. 0"
    ),
    rule(
        rf"({_UNSIGNED}){_SCALE}\s?({_CODE})(?!\w)",
        lambda m: f"{CURRENCY_CODES[m[3]]}{m[1]}{' ' + m[2] if m[2] else ''}",
        "0-9",
        _CODES,
        "0A|0 A|aA|a A|AA|A A",
    ),
)
OLD_AND_ODD_MONEY: tuple[Rule, ...] = (
    rule(r"£\s?(\d{1,6}) (\d{1,2})s\.?(?: (\d{1,2})d\b\.?)?", _shillings, "£ 0-9", "0 0a|0 00a"),
    rule(r"(?<![\w.])()(\d{1,2})s\. ?(\d{1,2})d\b\.?", _shillings, "0-9", "0a.0|0a. 0"),
    rule(rf"({_SIGN})(\d[\d,]{{0,14}}(?:\.\d{{1,2}})?)(?:[- ](hundred|thousand|million|billion"
         rf"|trillion))?-(an?|per)-([a-z]+)",
         _money_a_time, _DIGITS_AND_SIGNS, "-a-|-an-|-per-"),
)  # fmt: skip
_AMOUNT = rf"(?:{NUMBER}|\.\d\d)"
MONEY: tuple[Rule, ...] = (
    rule(
        rf"(?:\b(?:US|AU|CA|NZ|HK|[CA]))?({_SIGN})(?:(?:A|US|C|NZ|HK)(?=\d)"
        rf"|\s?)({_AMOUNT})(?: to {_SIGN}?({_AMOUNT}))?{_SCALE}{_RATE}",
        _money,
        _DIGITS_AND_SIGNS,
        "$0|$ 0|$A|$.|$ .",
    ),
    rule(rf"({_ALONE})\s?¢",
         lambda m: f" {number(m[1])} cent{'' if m[1] == '1' else 's'} ", "¢ 0-9"),
    rule(r"(?<![\w.,])(\d{1,3})[cp] (each|a piece|apiece|coin|stamp|piece)\b",
         lambda m: f" {number(m[1])} {'cents' if m[0][len(m[1])] == 'c' else 'pence'} {m[2]}", "0-9", "0a a"),
)  # fmt: skip


# --- Units ---

_SINGLE_CAPITALS = frozenset("VWAL")
_LABEL = re.compile(
    r"(?i)\b(?:room|block|row|size|level|gate|seat|section|unit|apt\.?|apartment|class|grade|type|bus|line"
    r"|platform"
    r"|building|suite|flat|lot|pier|zone|exit|bay|ward|hall|track|route|table|number|no\.|chapter|door"
    r"|deck|aisle"
    r"|the|page|group|part|plan|team) $"
)
_ENDS = re.compile(r"\s*$|\s+[A-Z]")
_CAPITAL_AHEAD = re.compile(r" [A-Z]")
_CAPITAL_BEFORE = re.compile(r"[A-Z] $")
_INITIAL = re.compile(r"\. ?[A-Z][a-z]|\. ?[A-Z]\.")


_POWERS = {"2": "square ", "3": "cubic ", None: ""}


def _unit(match: Match) -> str:
    amount, unit, power, rate, stop = match.groups()
    joint = match[0][len(amount)]
    if len(unit) == 1 and unit in _SINGLE_CAPITALS and joint != unit and _is_letter(match):
        return match[0]
    one, many = UNITS[unit]
    words = one if _is_one(match, amount, joint, unit) else many
    words = _POWERS[power] + words
    if unit == "s" and joint == "s":  # 'the B-52s'
        return f" {plural(number(amount))}{stop or ''} "
    if unit == "mm" and joint == " " and _SIGN_BEFORE.search(_near(match)):
        return match[0]
    kept = stop if stop and _ENDS.match(match.string, match.end()) else ""
    return f" {number(amount)} {words}{_per(rate)}{kept} "


_SIGN_BEFORE = re.compile(rf"{_SIGN}$")


def _is_one(match: Match, amount: str, joint: str, unit: str) -> bool:
    if amount == "1" or joint == "-":
        return True
    return (
        _ARTICLE.search(_near(match)) is not None and _NOUN_AHEAD.match(match.string, match.end()) is not None
    ) or (
        joint == unit[0]
        and _ARTICLE.search(_near(match)) is not None
        and match.string[match.end() : match.end() + 2].strip().isalpha()
    )


def _is_letter(match: Match) -> bool:
    """A capital behind a number is a letter in "Gate 4 W" and in "the 7 V. Smith club"."""
    return _LABEL.search(_near(match, 16)) is not None or (
        _INITIAL.match(match.string, match.end(2)) is not None
        or _CAPITAL_AHEAD.match(match.string, match.end(2)) is not None
        or _CAPITAL_BEFORE.search(_near(match, 2)) is not None
    )


def _degrees(match: Match) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit", None: ""}[match[2]]
    return f" {number(match[1])} degree{'' if match[1] == '1' else 's'}{scale} "


# --- Fractions ---

_RATED_AHEAD = re.compile(
    r"\s?-?(?:stars?|points?|rating|score|right|correct|wrong|on\b|would|overall|from me|for the|questions"
    r"|votes|people|times|[.!]?$)"
)
_RATED_BEFORE = re.compile(
    r"(?i)\b(?:rate[ds]?|rating|score[ds]?|gives?|gave|giving|got|get|scored|solid|it|a|an|:)(?: it| this"
    r"| them)? $|: ?$"
)


def _fraction(match: Match) -> str:
    whole, top, bottom, ending = match.groups()
    if ending:
        return f" {number(whole) + ' and ' if whole else ''}{_parts(int(top), int(bottom))} "
    if (top, bottom) in _SAID_AS_PAIRS and not whole:
        return f" {number(top)} {number(bottom)} "
    if not whole and _is_rating(match, top, bottom):
        return f" {number(top)} out of {number(bottom)} "
    proper = (
        len(top) < 4 and len(bottom) < 4 and int(bottom) in _NICE_DENOMINATORS and 0 < int(top) < int(bottom)
    )
    if not proper:
        return f" {number(whole) if whole else ''} {number(top)} over {number(bottom)} "
    words = fraction(int(top), int(bottom))
    if not whole:
        return f" {words} "
    if top == "1":
        words = ("an" if words[4] == "e" else "a") + words[3:]
    return f" {number(whole)} and {words} "


def _parts(top: int, bottom: int) -> str:
    """'3/4ths' -> 'three fourths'."""
    name = {1: "first", 2: "half"}.get(bottom) or ordinal(bottom)
    return f"{cardinal(top)} {name if top == 1 else {2: 'halves'}.get(bottom, name + 's')}"


def _is_rating(match: Match, top: str, bottom: str) -> bool:
    if len(bottom) > 3 or len(top) > 3 or int(top) > int(bottom) + 1 or int(bottom) < 5:
        return False
    ahead = _RATED_AHEAD.match(match.string, match.end() - (match[0][-1] == " "))
    if int(bottom) == 5 and ahead is None and _ARTICLE.search(_near(match)):
        return False
    if int(bottom) in (5, 10, 100):
        return ahead is not None or _RATED_BEFORE.search(_near(match, 16)) is not None
    return ahead is not None and ahead[0].strip() in (
        "right",
        "correct",
        "wrong",
        "points",
        "questions",
        "votes",
        "people",
        "times",
    )


def _unit_of_part(match: Match) -> str:
    """'1/2 tsp' -> '1/2 teaspoon', '2 1/2 lb' -> '2 1/2 pounds'."""
    part, joint, unit, stop = match.groups()
    top, bottom = map(int, part.split()[-1].split("/"))
    one, many = UNITS[unit]
    kept = stop if stop and _ENDS.match(match.string, match.end()) else ""
    return f"{part} {many if joint != '-' and (' ' in part or top > bottom) else one}{kept}"


def _inches(match: Match) -> str:
    feet, inches = match.groups()
    return (
        f" {number(feet)} {'foot' if feet == '1' else 'feet'} {number(inches)} "
        f"{'inch' if inches == '1' else 'inches'} "
    )


_EXTENT = re.compile(r" (?:deep|wide|tall|long|high|thick|by|x|and|or|in|of|at|is|are|was|to)\b")


def _inch_mark(match: Match) -> str:
    """'a 24" monitor'; where it ends in a quotation, the mark may be its end."""
    opened = match.string.count('"', max(0, match.start() - 400), match.start()) % 2
    if opened and (not match[3] or match.string[match.start() - 1] == '"'):
        return match[0]
    one = match[1] == "1" or (match[3] and not _EXTENT.match(match.string, match.end()))
    return f" {number(match[1]) if '/' not in match[1] else match[1]} {'inch' if one else 'inches'} "


MEASURES: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(\d{1,2})'\s?(\d{1,2})(?:\"|'')", _inches, "' 0-9", "0'0|0' 0"),
    rule(r"(?<![\w.])(\d{1,3})'(?= (?:tall|high|long|wide|deep|by|x|of|ceiling|ladder|fence|wall|boat"
         r"|board|pole)\b)",
         lambda m: f" {number(m[1])} {'foot' if m[1] == '1' else 'feet'} ", "' 0-9", "0' a"),
    rule(r"(?<![\w.,/])(\d{1,3}(?:\.\d+)?|\d{1,3}[ -]\d{1,2}/\d{1,2})(\")(?=( [A-Za-z]|-[a-z])|\s?x\s?\d"
         r"|\W|$)", _inch_mark, '" 0-9', '0"'),
    rule(r"(?<=\bby )(\d{1,3})'(?= )|(?<= x )(\d{1,3})'(?= )", lambda m: f"{m[1] or m[2]} feet", "' 0-9",
         "0' "),
    rule(rf"({_WHOLE}) ?in\^([23])", lambda m: f" {number(m[1])} {_POWERS[m[2]]}inches ", "^ 0-9", "in^"),
    rule(rf"({_WHOLE})\s?°\s?([CF](?![A-Za-z]))?", _degrees,
         "° 0-9"),
    rule(r"(?<![\w/.,-])()(24)/7/(365)(?![\d/])", " twenty-four seven three sixty-five ", "/ 0-9",
         "24/7/365"),
    rule(rf"(?<![\d/.,-])((?:\d{{1,3}} )?\d{{1,3}}/\d{{1,3}})(\s?"
         rf"|-)({alternatives(UNITS)})(?![A-Za-z'\d/])(\.(?!\d))?",
         _unit_of_part, "/ 0-9", "0/0", "0a|0A|0 a|0 A|0-a|0-A"),
    rule(r"(?<![\w/.,-])(\d{1,3})-(\d{1,3})/(\d{1,3})()(?![\d/])", _fraction, "/ 0-9", "-0/0|-00/0|-000/0"),
    rule(r"(?<![\d/.,-])(?:(\d{1,15}) )?(\d{1,6})/(\d{1,6})(ths?|rds?|nds?|sts?)?(?![\d/])",
         _fraction, "/ 0-9", "0/0"),
    rule(
        rf"({_NO_POWER})(?:\s?|-)({alternatives(UNITS)})(?:(?:\^|(?<=[a-z]m)|(?<=\dm)|(?<= m)"
        rf"|(?<=ft))([23])(?!\d))?(?![A-Za-z'\d]|\.[A-Za-z]){_RATE}(\.(?!\d))?",
        _unit,
        "0-9",
        "0a|0A|0 a|0 A|0-a|0-A",
    ),
    rule(r"(?<![\w.,$])3M\b(?! (?:people|users|dollars|units|views|downloads))", "three em", "0-9", "3m"),
    rule(rf"({_ALONE})\s?(bn|[kM])(?![\w'])",
         lambda m: m[0] if m[2] == "M" and _is_letter(m) else f" {number(m[1])} {SCALES[m[2]]} ", "0-9",
         "0a|0A|0 a|0 A", "k|m|bn"),
    rule(
        rf"({_ALONE})/({alternatives(name for name in RATES if len(name) > 1)})(?![A-Za-z])",
        lambda m: f" {number(m[1])}{_per(m[2])} ",
        "/ 0-9",
        "0/a|0/A",
    ),
    rule(r"(?<![\w/])(km|mi|m|ft)/(h|hr|s|sec|min)(?![\w/])", lambda m: f"{UNITS[m[1]][1]}{_per(m[2])}", "/",
         "a/a"),
)  # fmt: skip


# --- Telephone numbers and the like ---


def _groups(match: Match) -> str:
    """A long telephone number: its groups of digits, with short pauses between."""
    plus = " plus" if match[0].startswith("+") else ""
    return f"{plus} {', '.join(digits(group) for group in re.findall(r'[0-9]+', match[0]))} "


def _run(match: Match) -> str:
    """1-2-3: small groups as numbers, others digit by digit."""
    groups = match[0].split("-")
    words = (cardinal(int(g)) if len(g) < 3 and (g[0] != "0" or g == "0") else digits(g) for g in groups)
    return f" {' '.join(words)} "


def _vanity(match: Match) -> str:
    """'1-800-FLOWERS': a telephone number that ends in a word."""
    one, code, word = match.groups()
    area = f"{cardinal(int(code[0]))} hundred" if code.endswith("00") else digits(code)
    groups = (
        part.lower() if part.isalpha() and len(part) > 3 else spell_code(part) for part in word.split("-")
    )
    return f" {'one, ' if one else ''}{area}, {' '.join(groups)} "


_START = r"(?<![\w$£€.,/-])"
_END = r"(?![\w/]|[.,-]\d)"
PHONES: tuple[Rule, ...] = (
    rule(r"(?<![\w-])(1-)(8\d\d)-([A-Za-z]{2,10}(?:-[A-Za-z\d]{1,7}){0,2}|[A-Za-z]{2,4}\d{3,5})(?![\w-])",
         _vanity, "- 0-9", "1-8"),
    rule(r"(?<![\w-])()(\d{3})-([A-Z]{4,10}(?:-[A-Z\d]{1,7})?|[A-Z]{2,4}\d{3,5})(?![\w-])",
         _vanity, "- 0-9", "000-AA"),
    rule(rf"(?<![\w.])\+\d{{1,3}}(?:[ .-]?\(?\d{{1,4}}\)?){{2,6}}{_END}", _groups, "+ 0-9", "+0"),
    rule(rf"{_START}(?:1[ .-])?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}{_END}", _groups, "0-9",
         "000 0000|000.0000|000-0000"),
    rule(rf"{_START}\d{{4}}([ -])\d{{4}}\1\d{{4}}\1\d{{4}}{_END}", _groups, "0-9",
         "0000 0000 0000 0000|0000-0000-0000-0000"),
    rule(rf"{_START}(?:1300|1800|13\d\d|0\d{{3,4}}) \d{{3}} \d{{3,4}}{_END}", _groups, "0-9",
         "0000 000 000"),
    rule(rf"{_START}0\d{{1,4}}[ -]\d{{3,4}}[ -]?\d{{3,4}}{_END}", _groups, "0-9", "00 000|00-000"),
    rule(rf"{_START}(\d{{3}})[ -](\d{{4}}){_END}", lambda m: f" {digits(m[1] + m[2])} ", "0-9",
         "000 0000|000-0000"),
    # thousands with spaces, and in lakhs
    rule(rf"{_START}[1-9]\d{{0,2}}(?: \d{{3}}){{2,4}}(?! \d){_END}", lambda m: m[0].replace(" ", ""), "0-9",
         "0 000 000"),
    rule(rf"{_START}[1-9]\d{{0,2}}(?: 0{{3}})+(?![\d]| \d){_END}", lambda m: m[0].replace(" ", ""), "0-9",
         "0 000"),
    rule(rf"{_START}\d{{1,2}}(?:,\d\d){{1,5}},\d{{3}}(?!\d|,\d)", lambda m: m[0].replace(",", ""), ", 0-9",
         "0,00,0"),
    rule(
        r"(?i)\b(call|dial|phone|text) ([2-9]11|999|112|988)\b", lambda m: f"{m[1]} {digits(m[2])} ", "0-9",
        "call |dial |phone |text ",
    ),
    rule(rf"{_START}(50-50|20-20|80-20|60-40|70-30|90-10|40-60|30-70)(?=[\s,.;!?)]|$)",
         lambda m: " ".join(cardinal(int(part)) for part in m[0].split("-")), "- 0-9", "00-00",
         "50-50|20-20|80-20|60-40|70-30|90-10|40-60|30-70"),
    rule(rf"{_START}(?!\d{{4}}-\d\d-\d\d\b)(?!\d{{1,2}}-\d{{1,2}}-\d{{4}}\b)\d+(?:-\d+){{2,}}{_END}",
         _run, "- 0-9", "-0-|-00-|-000"),
)  # fmt: skip

"""Rules for marks between words: emoticons, dots in a row, comparisons, dashes, slashes; and what is left."""

from __future__ import annotations

import re

from .characters import TAG_PLACE
from .dates import MONTH, MONTH_LIKE
from .letters import spell_letters
from .places import WEEKDAYS
from .rules import NUMBER, Match, Rule, alternatives, number_behind, rule
from .units import CURRENCIES, PLURAL_NOUNS, RATES, UNITS

__all__ = ["COMPARISONS", "DASHES", "EMOTICONS", "SLASHES", "tidy"]

_SIGN = f"[{re.escape(''.join(CURRENCIES))}]"

# --- Emoticons ---

_NOSE, _MOUTH = "[-o^~']?", r"[)(\]\[dDpPoO03/\\|*@$}{>cSX]"
EMOTICONS: tuple[Rule, ...] = (
    rule(
        rf"(?<![\w:;=])[>}}]?(?:[:;]{_NOSE}(?:\)+|\(+|{_MOUTH})|={_NOSE}(?:\)+|\(+|[\]\[DPp]))(?![\w/])"
        r"|(?<=\w)[:;=]-?(?:\)+|\(+)(?!\w)",
        " ",
        ":;=",
        tuple(eye + behind for eye in ":;=" for behind in "-aA0^~'()[]{}>/\\|*@$"),
    ),
    rule(r"(?<![\w:])[8xX]-[)DP(](?!\w)", " ", "-", "-)|-(|-A"),
    rule(r"(?<![\w)])\([-^o']?[:;=](?![\w:=])", " ", "( :;="),
    rule(r"(?<!\w)D-?:(?!\w)", " ", ":", "A:|A-:"),
    rule(r"(?<!\w)(?:[xX]+D+|\^[._-]*\^|[oO]_+[oO]|>[._]+<|-_+-|[Tt];?_+;?[Tt]|\\o/|[uU]_[uU]"
         r"|:'-?[()])(?!\w)", " ",
         "", "aA|AA|\\a/|:'|>.|^^|^.|^_|^-|-_|a_|A_|>_"),
    rule(r"(?<![\w<])<(?:/|\\)?3+(?![\d%]|[.,]\d|\s?(?:"
         + "|".join({*RATES, *(unit for unit in UNITS if len(unit) > 1), *PLURAL_NOUNS})
         + r"|(?!this|always|was|has|yes|guys|thanks|us)[a-z]+s)\b)", " ", "< 0-9", "<0|</0|<\\0"),
)  # fmt: skip


# --- Comparisons and arrows ---

_UNIT_AHEAD = rf"(?={_SIGN}?\.?\d)"
COMPARISONS: tuple[Rule, ...] = (
    rule(r"\s?(?:<?[-=]+>+|<[-=]{2,})\s?", ", ", "<>", "->|=>|<--|<-=|<=-|<=="),
    rule(r"<<+|>>+", " ", "<>", "<<|>>"),
    rule(r"(?<=[\w)])\s?(?:<=|=<)\s?(?=[A-Za-z])", " is less than or equal to ", "<", "<=|=<"),
    rule(r"(?<=[\w)])\s?>=\s?(?=[A-Za-z])", " is greater than or equal to ", ">", ">="),
    rule(r"\s?(?:<=|=<)\s?", " at most ", "<", "<=|=<"),
    rule(r"\s?>=\s?", " at least ", ">", ">="),
    rule(rf"(?<=\d)\s?<\s?{_UNIT_AHEAD}", " is less than ", "< 0-9", "0<|0 <"),
    rule(rf"(?<=\d)\s?>\s?{_UNIT_AHEAD}", " is greater than ", "> 0-9", "0>|0 >"),
    rule(rf"(?<=\b[A-Za-z]) < {_UNIT_AHEAD}", " is less than ", "< 0-9", "a < |A < "),
    rule(rf"(?<=\b[A-Za-z]) > {_UNIT_AHEAD}", " is greater than ", "> 0-9", "a > |A > "),
    rule(rf"<\s?{_UNIT_AHEAD}", " less than ", "< 0-9"),
    rule(rf">\s?{_UNIT_AHEAD}", " more than ", "> 0-9"),
    rule(r"\b([A-Z]\w*) > (?=[A-Z])", r"\1, ", ">", " > A"),
    rule(r"(?<=[\w)]) < (?=[\w(-])", " is less than ", "<", " < "),
    rule(r"(?<=[\w)]) > (?=[\w(-])", " is greater than ", ">", " > "),
    rule(r"(?<=\b[a-z])<(?=[a-z]\b)", " is less than ", "<", "a<a"),
    rule(r"(?<=\b[a-z])>(?=[a-z]\b)", " is greater than ", ">", "a>a"),
    rule(r"!=|=/=", " does not equal ", "=", "!=|=/="),
    rule(r"={3,}", ", ", "=", "==="),
    rule("==", " equals ", "=", "=="),
)


# --- Dots in a row and dashes ---


_AFTER_DOTS = re.compile(r"[\s\"')\]]*(?:[a-z\d$(]|I(?!\w))")


def _dots(match: Match) -> str:
    """An ellipsis: a pause in a sentence that goes on, its end before a capital."""
    if match.start() and match.string[match.start() - 1] in "?!":
        return " "
    return ", " if _AFTER_DOTS.match(match.string, match.end()) else ". "


def _dash(match: Match) -> str:
    """Between two numbers: "to", but a pause where it opens or closes a remark."""
    low, high = match[1], match[2]
    string = match.string
    if _EQUALS.match(string, match.end()):
        return f"{low} minus {high}"
    if _REMARK.match(string, match.end()) or _IN_REMARK.search(
        string[max(0, match.start() - 60) : match.start()]
    ):
        return f"{low}, {high}"
    if low.isdigit() and high.isdigit() and int(high) < int(low) and _COUNTED.match(string, match.end()):
        return f"{low}, {high}"
    return f"{low} to {high}"


_EQUALS = re.compile(rf"[\d,.]*\s?(?:[-+*/x]\s?{NUMBER}\s?){{0,4}}=")
_COUNTED = re.compile(
    r" (?:of|more|people|men|women|children"
    r"|(?!(?:goals|points|runs|sets|games|votes|across|versus|against)\b)[a-z]{2,}(?<!s)s)\b"
)
"""What a smaller number behind a dash counts, where it is neither a range's end nor the loser's score."""
_REMARK = re.compile(r"[^.?!;()\n]{1,60}? --? ")
_IN_REMARK = re.compile(r" --? [^.?!;()\n]{0,60}$")
_AMOUNT = rf"{_SIGN}?{NUMBER}(?:\s?%|[ap]m\b|\s[ap]\.?m\.?)?"
_ALONE = number_behind(r"\w.,:/$£€-")
_DAYS = alternatives({*WEEKDAYS, *WEEKDAYS.values()})
DASHES: tuple[Rule, ...] = (
    rule(r"(?<=\d)\.{2,3}(?=\d)", " to ", ". 0-9", "0..0|0...0"),
    rule(r" ?\.(?: ?\.)+(?![/\w]*/)", _dots, ".", "..|. ."),
    rule(
        rf"\b({_DAYS})\.? ?- ?({_DAYS})(?![a-z])\.?",
        lambda m: f"{WEEKDAYS.get(m[1], m[1])} to {WEEKDAYS.get(m[2], m[2])}",
        "-",
        "-A|- A",
    ),
    rule(
        rf"\b({MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?) ?- ?(?={MONTH}(?![a-z]))",
        r"\1 to ",
        "-",
        "-a|- a|-A|- A",
        MONTH_LIKE,
    ),
    rule(rf"(?<![\w.,:/$£€-])({_AMOUNT}) - ({_AMOUNT})(?![\w:/-]|[.,]\d)", _dash, "- 0-9", " - 0| - $"),
    rule(r"(?<='\d\d) ?- ?(?='\d\d)", " to ", "' - 0-9", "'00"),
    rule(rf"({_ALONE}%)-(?={NUMBER}%)", r"\1 to ", "% 0-9", "0%-0"),
    rule(
        r"(?:(?<=[\d)])|(?<=\d[a-z])|(?<= [a-z])) - (?=[a-z\d][\w ^]{0,12}(?:=|[+*] ?\d))",
        " minus ",
        "- 0-9",
        " - a| - 0",
    ),
    rule(r"\s?-{2,}\s?", ", ", "-", "--"),
    rule(r"(?<=\S) // ?(?=\S)|(?<=[^\s\d]) / (?=\S)|(?<=\d) / (?=[^\s\d])", ", ", "/", " / | //"),  # in verse
    rule(rf"(?:(?<=\s)|^)-\s(?=\.?\d|{_SIGN})", ", ", "- 0-9", " - |\n- "),  # minus has no space behind it
)


# --- Slashes ---

_OR_PAIRS = frozenset(
    """he she his her him hers himself herself s yes no true false mother father mom dad brother sister son
    daughter husband wife man woman boy girl male female king queen either or him/her""".split()
)
_OF_BOTH = re.compile(
    r" (?:team|duo|pair|couple|act|band|combo|partnership|relationships?|bond|dynamic|dance|split|ratio)\b"
)
"""What two are together: "a husband/wife team"."""
_SLANG = {
    "b/c": "because", "b/w": "black and white", "c/o": "care of", "n/a": "en ay", "w/o": "without",
    "a/c": "ay see", "w/e": "whatever", "w/i": "within", "s/he": "she or he", "and/or": "and or",
    "y/o": "year old", "p/t": "part time", "f/t": "full time", "i/o": "eye oh", "b/t": "between",
    "h/t": "hat tip",
}  # fmt: skip


def _slash(match: Match) -> str:
    first, second = match[1], match[2]
    low = first.lower(), second.lower()
    if low == ("either", "or"):
        return f"{first} {second}"
    if low[0] in _OR_PAIRS and low[1] in _OR_PAIRS:
        return f"{first}{' ' if _OF_BOTH.match(match.string, match.end()) else ' or '}{second}"
    return f"{first}{' ' if first.isupper() and second.isupper() else ', '}{second}"


SLASHES: tuple[Rule, ...] = (
    rule(
        rf"(?i)(?<![\w/.-])({alternatives(_SLANG)})(?![\w/-])",
        lambda m: _SLANG[m[1].lower()],
        "/",
        "a/a|a/A|A/a|A/A",
    ),
    rule(r"(?<![\w/])[wW]/\s?(?=[A-Za-z])", "with ", "/", "w/"),
    rule(r"(?<![\w/])[wW]/(?=\s?\d)", "with ", "/ 0-9", "w/"),
    rule(
        r"(?<![\w/.~\\])([A-Z])/([A-Z])(?:/([A-Z]))?(?![\w/])",
        lambda m: spell_letters("".join(filter(None, m.groups()))),
        "/",
        "A/A",
    ),
    rule(
        r"(?<![\w/.~:\\@-])([A-Za-z][A-Za-z'-]*)/([A-Za-z][A-Za-z'-]*)(?![\w/]|\.[a-z])",
        _slash,
        "/",
        "/a|/A",
    ),
    rule(
        r"(?<![\w/.~:\\@-])([A-Z][A-Za-z]+)/([A-Za-z]+)/([A-Za-z]+)(?![\w/]|\.[a-z])",
        r"\1, \2, \3",
        "/",
        "/a|/A",
    ),
)


# --- What is left ---

_TIDY: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("(", re.compile(r"(?<=[A-Za-z])\((s|es)\)"), r"\1"),
    (")", re.compile(r"\)(?=[.,;:!?]|\s*$)"), ""),
    ("()", re.compile(r"(?:^|\s)\(|\)(?=$|\s)"), ", "),
    ("'", re.compile(r"(?<=[A-Za-z]) +'s(?![A-Za-z])"), "'s"),
    ("", re.compile(rf"[^A-Za-z ',.?!;:{TAG_PLACE}-]+"), " "),
    ("'", re.compile(r"'(?:(?<![A-Za-z]')|(?![A-Za-z]))"), " "),
    ("-", re.compile(r"-(?:(?<![A-Za-z]-)-*|-*(?![A-Za-z]))"), ", "),
)
_TIDY_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"([,;:])[,;:.]+"), r"\1"),
    (re.compile(r"([.?!])[,.;:?!]+"), r"\1"),
    (re.compile(r"([,.?!;:])(?=[A-Za-z])"), r"\1 "),
)


_UNTIDY = re.compile(
    r"[^A-Za-z](?!(?<=[A-Za-z]['-])[A-Za-z]|(?<=[A-Za-z][,.?!;:])(?: [A-Za-z]|\Z)"
    r"|(?<=[A-Za-z,.?!;:] )[A-Za-z])"
)
"""A character that is neither a letter nor, between letters, one of the marks that stand there."""


def tidy(text: str) -> str:
    """Letters, `',.?!;:-` and places of tags, with one space between words and one mark at a time."""
    if _UNTIDY.search(text) is None:
        return text
    for needed, pattern, replacement in _TIDY:
        if not needed or needed[0] in text or needed[-1] in text:
            text = pattern.sub(replacement, text)
    text = " ".join(text.split())
    for mark in ",.?!;:":
        text = text.replace(" " + mark, mark)
    if _UNTIDY.search(text) is None:
        return text
    for pattern, replacement in _TIDY_MARKS:
        text = pattern.sub(replacement, text)
    return text.strip().lstrip(" ,;:.-")

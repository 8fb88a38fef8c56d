"""Rules for marks between words: emoticons, dots in a row, comparisons, dashes, slashes; and what is left."""

from __future__ import annotations

import re

from .characters import TAG_PLACE
from .dates import MONTH
from .places import WEEKDAYS
from .rule import NUMBER, Rule, alternatives, number_behind, pattern, rule, table, words
from .units import CURRENCIES, PLURAL_NOUNS, RATES, UNITS

__all__ = ["COMPARISONS", "DASHES", "EMOTICONS", "SLASHES"]

_SIGN = f"[{re.escape(''.join(CURRENCIES))}]"

# --- Emoticons ---

_NOSE, _MOUTH = "[-o^~']?", r"[)(\]\[dDpPoO03/\\|*@$}{>cSX]"
_COUNTED_BELOW_THREE = sorted({*RATES, *(unit for unit in UNITS if len(unit) > 1), *PLURAL_NOUNS})
EMOTICONS: tuple[Rule, ...] = (
    rule(
        rf"(?<![\w:;=])[>}}]?(?:[:;]{_NOSE}(?:\)+|\(+|{_MOUTH})|={_NOSE}(?:\)+|\(+|[\]\[DPp]))(?![\w/])"
        r"|(?<=\w)[:;=]-?(?:\)+|\(+)(?!\w)",
        " ",
        ":;=",
    ),
    rule(r"(?<![\w:])[8xX]-[)DP(](?!\w)", " ", "-"),
    rule(r"(?<![\w)])\([-^o']?[:;=](?![\w:=])", " ", "( :;="),
    rule(r"(?<!\w)D-?:(?!\w)", " ", ":"),
    rule(
        r"(?<!\w)(?:[xX]+D+|\^[._-]*\^|[oO]_+[oO]|>[._]+<|-_+-|[Tt];?_+;?[Tt]|\\o/|[uU]_[uU]"
        r"|:'-?[()])(?!\w)",
        " ",
    ),
    rule(
        rf"(?<![\w<])<(?:/|\\)?3+(?![\d%]|[.,]\d|\s?(?:{'|'.join(_COUNTED_BELOW_THREE)}"
        r"|(?!this|always|was|has|yes|guys|thanks|us)[a-z]+s)\b)",
        " ",
        "< 0-9",
    ),
)

# --- Comparisons and arrows ---

_UNIT_AHEAD = rf"(?={_SIGN}?\.?\d)"
COMPARISONS: tuple[Rule, ...] = (
    rule(r"\s?(?:<?[-=]+>+|<[-=]{2,})\s?", ", ", "<>"),
    rule(r"<<+|>>+", " ", "<>"),
    rule(r"(?<=[\w)])\s?(?:<=|=<)\s?(?=[A-Za-z])", " is less than or equal to ", "<"),
    rule(r"(?<=[\w)])\s?>=\s?(?=[A-Za-z])", " is greater than or equal to ", ">"),
    rule(r"\s?(?:<=|=<)\s?", " at most ", "<"),
    rule(r"\s?>=\s?", " at least ", ">"),
    rule(rf"(?<=\d)\s?<\s?{_UNIT_AHEAD}", " is less than ", "< 0-9"),
    rule(rf"(?<=\d)\s?>\s?{_UNIT_AHEAD}", " is greater than ", "> 0-9"),
    rule(rf"(?<=\b[A-Za-z]) < {_UNIT_AHEAD}", " is less than ", "< 0-9"),
    rule(rf"(?<=\b[A-Za-z]) > {_UNIT_AHEAD}", " is greater than ", "> 0-9"),
    rule(rf"<\s?{_UNIT_AHEAD}", " less than ", "< 0-9"),
    rule(rf">\s?{_UNIT_AHEAD}", " more than ", "> 0-9"),
    rule(r"\b([A-Z]\w*) > (?=[A-Z])", r"\1, ", ">"),
    rule(r"(?<=[\w)]) < (?=[\w(-])", " is less than ", "<"),
    rule(r"(?<=[\w)]) > (?=[\w(-])", " is greater than ", ">"),
    rule(r"(?<=\b[a-z])<(?=[a-z]\b)", " is less than ", "<"),
    rule(r"(?<=\b[a-z])>(?=[a-z]\b)", " is greater than ", ">"),
    rule(r"!=|=/=", " does not equal ", "="),
    rule(r"={3,}", ", ", "="),
    rule("==", " equals ", "="),
)

# --- Dots in a row and dashes ---

pattern("AFTER_DOTS", r"[\s\"')\]]*(?:[a-z\d$(]|I(?!\w))")
pattern("DASH_OF_EQUATION", rf"[\d,.]*\s?(?:[-+*/x]\s?{NUMBER}\s?){{0,4}}=")
# what a smaller number behind a dash counts, where it is neither a range's end nor the loser's score
pattern(
    "DASH_BEFORE_COUNTED",
    r" (?:of|more|people|men|women|children"
    r"|(?!(?:goals|points|runs|sets|games|votes|across|versus|against)\b)[a-z]{2,}(?<!s)s)\b",
)
pattern("DASH_OF_REMARK", r"[^.?!;()\n]{1,60}? --? ")
pattern("DASH_IN_REMARK", r" --? [^.?!;()\n]{0,60}$")
_AMOUNT = rf"{_SIGN}?{NUMBER}(?:\s?%|[ap]m\b|\s[ap]\.?m\.?)?"
_ALONE = number_behind(r"\w.,:/$£€-")
_DAYS = alternatives(sorted({*WEEKDAYS, *WEEKDAYS.values()}))
DASHES: tuple[Rule, ...] = (
    rule(r"(?<=\d)\.{2,3}(?=\d)", " to ", ". 0-9"),
    rule(r" ?\.(?: ?\.)+(?![/\w]*/)", "dots()", "."),
    rule(rf"\b({_DAYS})\.? ?- ?({_DAYS})(?![a-z])\.?", "weekdays()", "-"),
    rule(rf"\b({MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?) ?- ?(?={MONTH}(?![a-z]))", r"\1 to ", "-"),
    rule(rf"(?<![\w.,:/$£€-])({_AMOUNT}) - ({_AMOUNT})(?![\w:/-]|[.,]\d)", "dash()", "- 0-9"),
    rule(r"(?<='\d\d) ?- ?(?='\d\d)", " to ", "' - 0-9"),
    rule(rf"({_ALONE}%)-(?={NUMBER}%)", r"\1 to ", "% 0-9"),
    rule(
        r"(?:(?<=[\d)])|(?<=\d[a-z])|(?<= [a-z])) - (?=[a-z\d][\w ^]{0,12}(?:=|[+*] ?\d))",
        " minus ",
        "- 0-9",
    ),
    rule(r"\s?-{2,}\s?", ", ", "-"),
    rule(r"(?<=\S) // ?(?=\S)|(?<=[^\s\d]) / (?=\S)|(?<=\d) / (?=[^\s\d])", ", ", "/"),  # in verse
    rule(rf"(?:(?<=\s)|^)-\s(?=\.?\d|{_SIGN})", ", ", "- 0-9"),  # minus has no space behind it
)

# --- Slashes ---

words(
    "OR_PAIRS",
    """he she his her him hers himself herself s yes no true false mother father mom dad brother sister son
    daughter husband wife man woman boy girl male female king queen either or him/her""".split(),
)
# what two are together: "a husband/wife team"
pattern(
    "OF_BOTH",
    r" (?:team|duo|pair|couple|act|band|combo|partnership|relationships?|bond|dynamic|dance|split|ratio)\b",
)
_SLANG = {
    "b/c": "because", "b/w": "black and white", "c/o": "care of", "n/a": "en ay", "w/o": "without",
    "a/c": "ay see", "w/e": "whatever", "w/i": "within", "s/he": "she or he", "and/or": "and or",
    "y/o": "year old", "p/t": "part time", "f/t": "full time", "i/o": "eye oh", "b/t": "between",
    "h/t": "hat tip",
}  # fmt: skip
table("SLANG", _SLANG)
SLASHES: tuple[Rule, ...] = (
    rule(rf"(?i)(?<![\w/.-])({alternatives(_SLANG)})(?![\w/-])", "slang()", "/"),
    rule(r"(?<![\w/])[wW]/\s?(?=[A-Za-z])", "with ", "/"),
    rule(r"(?<![\w/])[wW]/(?=\s?\d)", "with ", "/ 0-9"),
    rule(r"(?<![\w/.~\\])([A-Z])/([A-Z])(?:/([A-Z]))?(?![\w/])", "letters_with_slashes()", "/"),
    rule(
        r"(?<![\w/.~:\\@-])([A-Za-z][A-Za-z'-]*)/([A-Za-z][A-Za-z'-]*)(?![\w/]|\.[a-z])",
        "words_with_slash()",
        "/",
    ),
    rule(
        r"(?<![\w/.~:\\@-])([A-Z][A-Za-z]+)/([A-Za-z]+)/([A-Za-z]+)(?![\w/]|\.[a-z])",
        r"\1, \2, \3",
        "/",
    ),
)

# --- What is left ---

pattern("PLURAL_IN_BRACKETS", r"(?<=[A-Za-z])\((s|es)\)")
pattern("BRACKET_BEFORE_MARK", r"\)(?=[.,;:!?]|\s*$)")
pattern("BRACKET", r"(?:^|\s)\(|\)(?=$|\s)")
pattern("SPACED_GENITIVE", r"(?<=[A-Za-z]) +'s(?![A-Za-z])")
pattern("WITHOUT_SOUND", rf"[^A-Za-z ',.?!;:{TAG_PLACE}-]+")
pattern("LOOSE_APOSTROPHE", r"'(?:(?<![A-Za-z]')|(?![A-Za-z]))")
pattern("LOOSE_HYPHEN", r"-(?:(?<![A-Za-z]-)-*|-*(?![A-Za-z]))")
pattern("MARKS_BEHIND_PAUSE", r"([,;:])[,;:.]+")
pattern("MARKS_BEHIND_STOP", r"([.?!])[,.;:?!]+")
pattern("MARK_BEFORE_LETTER", r"([,.?!;:])(?=[A-Za-z])")
# a character that is neither a letter nor, between letters, one of the marks that stand there
pattern(
    "UNTIDY",
    r"[^A-Za-z](?!(?<=[A-Za-z]['-])[A-Za-z]|(?<=[A-Za-z][,.?!;:])(?: [A-Za-z]|\Z)"
    r"|(?<=[A-Za-z,.?!;:] )[A-Za-z])",
)

"""Rules for capitals: what is shouted, Roman numbers, initials and initialisms."""

from __future__ import annotations

import re

from .capital_words import NUMBERED, RULERS, SHORT_WORDS, SPOKEN
from .letters import is_said_as_word, spell_letters
from .numbers import ordinal, plural
from .rules import OTHERS, Match, Rule, rule
from .tables import STARTERS

__all__ = ["CAPITALS", "ROMAN", "lower_if_shouted", "lower_shouted_lines"]

# --- Shouting ---

_CAPITALS = re.compile("[A-Z][A-Z]")
_WORDS = re.compile(r"[A-Za-z]+")
_WITH_ENDING = re.compile(r"([A-Za-z]+)((?:'[A-Za-z]{1,2})*)")


def lower_shouted_lines(text: str) -> str:
    """Each line that is in capitals loses them: it is a heading, with a pause behind it."""
    if "\n" not in text:
        return text
    lines = text.split("\n")
    lowered = [lower_if_shouted(line) for line in lines]
    for place, line in enumerate(lines[:-1]):
        following = lines[place + 1].strip()
        is_heading = line.isupper() and following[:1].isalpha() and not following.isupper()
        if is_heading and line.rstrip()[-1].isalnum():
            lowered[place] += ","
    return "\n".join(lowered)


def lower_if_shouted(text: str) -> str:
    """A text in capitals loses them, so that it is read and not spelled; BBC and the like stay."""
    if text.islower() or _CAPITALS.search(text) is None:
        return text
    words = [word for word in _WORDS.findall(text) if len(word) > 1]
    shouted = [word for word in words if word.isupper()]
    if len(shouted) < 3 or len(shouted) < 0.6 * len(words):
        return text
    plain = sum(is_said_as_word(word) and word not in SPOKEN for word in shouted)
    if 2 * plain < len(shouted):  # a row of initialisms
        return text
    return _WITH_ENDING.sub(lambda m: _lower(m) + m[2].lower(), text)


def _lower(match: Match) -> str:
    word = match[1]
    if word == "US":
        before = match.string[max(0, match.start() - 4) : match.start()]
        return word if not before.strip() or before == "THE " else "us"
    if len(word) == 1 and (word != "A" or match.string.startswith(".", match.end())):
        return word
    if word in SPOKEN and SPOKEN[word] != word:
        return word
    return word.lower() if len(word) == 1 or not word.isupper() or is_said_as_word(word) else word


# --- Roman numbers ---

_ROMAN_SHAPE = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_BEFORE = re.compile(r"((?:[A-Z][A-Za-z.'-]*|no\.|[a-z]+)(?:,)?) $")
_TWO_BEFORE = re.compile(r"([A-Z][A-Za-z.'-]*) ([A-Z][a-z.'-]+) $")
_TITLE_BEFORE = re.compile(
    r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Prince|Kaiser|Sultan|Saint|St\.?|^|[.?!] )\s?\w+ $"
)
_ENDS_NAME = re.compile(r"'s|[.,;:)]|\s(?:of|and)\b|$")
_VERB = re.compile(r"\s(?:was|had|died|became|ruled|reigned|came|gave|did|made|took|is|has)\b")
_REIGNS = re.compile(r"(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Sultan) \w+ $")
_DOES = re.compile(r"\s(?:(?:never|also|once|later|soon|often|finally|himself|herself) [a-z]+|[a-z]{2,}ed)\b")
_NOT_NUMBERS = frozenset(("XXX", "XXL", "LIV", "IV", "VI"))
"""Look Roman and are more often something else: numbers only behind a word that is numbered, or a name."""


def _value(roman: str) -> int:
    numbers = [_VALUES[letter] for letter in roman]
    return sum(-a if a < b else a for a, b in zip(numbers, [*numbers[1:], 0], strict=True))


def _roman(match: Match) -> str:
    roman, possessive = match[1], match[2] or ""
    if not _ROMAN_SHAPE.fullmatch(roman) or (len(roman) == 1 and match.string.startswith("-", match.end())):
        return match[0]
    start = match.start()
    near = match.string[max(0, start - 40) : start]
    found = _BEFORE.search(near)
    before = found[1] if found else ""
    value = _value(roman)
    if (len(roman) == 1 and roman not in "IVX") or (set(roman) & set("DM") and len(roman) < 4):
        return match[0]
    if before.lower().rstrip(".") in NUMBERED and (len(roman) > 1 or _is_numbered(before, match)):
        return f"{value}{possessive}"
    if len(roman) == 1 and _INITIAL_AHEAD.match(match.string, match.end()):
        return match[0]
    if _ORDERED.match(match.string, match.end()):
        return f"{ordinal(value)}{possessive}"
    if before in RULERS and value < 30:
        ruler = len(roman) > 1 or (before != "Malcolm" and (roman in "VX" or _is_first(match, near)))
        return f"the {ordinal(value)}{possessive}" if ruler else match[0]
    if len(roman) == 1 or (set(roman) - set("IVX") and len(roman) < (5 if set(roman) - set("IVXL") else 3)):
        return match[0]
    if roman in ("II", "III", "IV") and (two := _TWO_BEFORE.search(near)) and _is_person(two[1], match):
        return f"the {ordinal(value)}{possessive}"
    named = (
        before[:1].isupper() and not before.endswith(",") and before not in STARTERS and not before.isupper()
    )
    if roman in _NOT_NUMBERS and not (named and len(roman) < 3 and roman in ("IV", "VI")):
        return match[0]
    return f"{value}{possessive}"


_WORK = re.compile(r"(?i)(?:book|chapter|part|section|lesson|game|round|season|episode|act|scene|number)s?$")
_DOING = re.compile(
    r" (?!was|is|of|and)(?:[a-z]+ed|wrote|read|bought|likes?|loves?|want|think|know|found|saw|made|have"
    r"|had|am|did|"
    r"can|could|would|will|need|never|always|really|just)\b"
)


def _is_numbered(before: str, match: Match) -> bool:
    """Whether a single I, V or X behind "Chapter" is its number: not in "the Book I wrote"."""
    if not before[0].isupper() or before == "No.":
        return False
    return match[1] != "I" or not (_WORK.match(before) and _DOING.match(match.string, match.end()))


def _romans(match: Match) -> str:
    """'Chapters I-IV'."""
    word, first, last = match.groups()
    known = word.lower() in NUMBERED and all(map(_ROMAN_SHAPE.fullmatch, (first, last)))
    return f"{word} {_value(first)} to {_value(last)}" if known else match[0]


def _is_first(match: Match, near: str) -> bool:
    """Whether the I behind a ruler's name is a number: "Charles I of Spain", not "Charles I think"."""
    if match[2] or _ENDS_NAME.match(match.string, match.end()):
        return True
    if _REIGNS.search(near) and _DOES.match(match.string, match.end()):
        return True
    return _TITLE_BEFORE.search(near) is not None and _VERB.match(match.string, match.end()) is not None


_ORDERED = re.compile(
    r" (?:[Cc]entur|[Dd]ynast|[Oo]lympi|Corps|Army|Amendment|Legion|[Aa]rrondissement|Fleet)"
)
_INITIAL_AHEAD = re.compile(rf"\. ?(?!(?:{'|'.join(STARTERS)})\b)[A-Z]")
_FAMILY = re.compile(
    r"[,;:.)]|'s|\s(?:and|was|is|of|had|has|said|who|died|won|played|were|are|came|went|wrote|sang|ran|led"
    r"|made|took|has|[a-z]{2,}ed)\b|$"
)


def _is_person(first: str, match: Match) -> bool:
    """A first name or initial and a surname: "Davis Love III", not "Final Fantasy III"."""
    known = first.rstrip(".") in RULERS or (len(first) == 2 and first[1] == ".") or first in _FIRST_NAMES
    return known and _FAMILY.match(match.string, match.end()) is not None


_FIRST_NAMES = frozenset(
    """Adam Ben Benjamin Bill Bob Calvin Cal Chris Daniel Davis Dale Frank Gary Hank Harry Howard Hugh Jack
    Jay Jeff Jim Jimmy Joe Ken Larry Loudon Mark Mike Oliver Ralph Randall Ray Robin Roger Ron Roy Sam
    Samuel Steve Ted Thomas Thurston Tim Tom Tommy Tony Walter Wayne Will Willie Winthrop Al Alan Allen
    Arthur Barry Brian Bruce Carl Cornelius Cyrus Dan Don Douglas Earl Ed Edgar Ernest Floyd Fred Glenn
    Gordon Herbert Herman Ira Jacob Jerry Kevin Lee Leonard Lewis Lloyd Marvin Matthew Melvin Nathan Nelson
    Norman Patrick Phil Rex Russell Sidney Stanley Todd Vincent Warren Wesley Harrison Clarence Curtis Dean
    Dennis Derek Donald Eddie Eugene Gene Gerald Griffin Harvey Isaac Jason Jonathan Josh Justin Keith Kurt
    Larry Laurence Lawrence Leon Luther Marcus Marshall Mitchell Morris Neil Oscar Owen Percy Preston Quincy
    Reginald Rick Roland Scott Sean Spencer Terry Travis Tyler""".split()
)
ROMAN: tuple[Rule, ...] = (
    rule(r"\b([A-Z][a-z]+) ([IVXL]{1,6}) ?- ?([IVXL]{1,6})\b", _romans, "-", "A-A|A -A|A- A|A - A"),
    rule(
        r"([IVXLCDM](?<![\w'.-].)[IVXLCDM]{0,11})('s)?(?!\w|\.\w|'[a-rt-z])",
        _roman,
        "A-Z",
        tuple(f"A{other}" for other in sorted(OTHERS)),
    ),
)


# --- Initialisms ---


def _capitals(match: Match) -> str:
    capitals, ending = match[1], match[2] or ""
    if capitals in SPOKEN and SPOKEN[capitals] != capitals:
        return SPOKEN[capitals] + ending
    if _is_word_here(capitals, match) and ending != "s":
        return match[0]
    if is_said_as_word(capitals) and (ending == "s" and capitals not in SHORT_WORDS | {"CD"}):
        return capitals + ending
    spelled = spell_letters(capitals)
    if ending == "s":
        head, _, last = spelled.rpartition(" ")
        return f"{head} {plural(last) if last not in ('ay', 'why') else last + 's'}"
    return spelled + ending


_DETERMINED = re.compile(r"(?:\b(?i:the|an|our|your|their|my|his|her|its|in|of)) $")
_IT_WORK = re.compile(
    r"\s(?:department|team|staff|support|guy|guys|manager|security|system|industry|worker|job|firm)"
)
_OF_I = re.compile(r"\bI $|\bI've $")


def _is_word_here(capitals: str, match: Match) -> bool:
    near = match.string[max(0, match.start() - 8) : match.start()]
    if capitals == "WHO" and near.endswith(("the ", "The ")):
        return False
    if capitals == "IT":
        noun = near.endswith(("the ", "The ", "an ", "our ", "your ", "their ", "my ")) or _IT_WORK.match(
            match.string, match.end()
        )
        return not noun
    if capitals == "AM":
        return near.endswith("I ") or match.string.startswith(" I", match.end())
    return is_said_as_word(capitals)


_WORD_AFTER = re.compile(r" ([A-Z][A-Za-z'-]*)")
_INITIAL_BEFORE = re.compile(
    r"(?:^|[.?!:;,\"'(] ?|\b[A-Z][\w'-]*\.? |\b(?:by|of|and|to|from|with|read|see|for|met) )$"
)


def _letter(match: Match) -> str:
    """A capital alone: its name; the stop of an initial goes, that of a sentence stays."""
    letter, stop = match[1], match[2]
    if not stop:
        return match[0] if letter in "AI" else spell_letters(letter)
    following = _WORD_AFTER.match(match.string, match.end())
    is_initial = (
        following is not None
        and following[1] not in STARTERS
        and (following[1] not in ("I", "A") or match.string.startswith(".", following.end()))
    )
    if letter in "AI":
        near = match.string[max(0, match.start() - 16) : match.start()]
        is_initial = is_initial and _INITIAL_BEFORE.search(near) is not None
        return spell_letters(letter) if is_initial else match[0]
    return spell_letters(letter) + ("" if is_initial else ".")


_DOTTED = r"([A-Za-z](?<![A-Za-z.].)\.(?:[A-Za-z]\.)+)([A-Za-z](?![A-Za-z]))?( ?(?='s\b)|-(?=[A-Za-z]))?"


def _dotted(match: Match) -> str:
    letters = match[1].replace(".", "") + (match[2] or "")
    if match[3] is not None:
        return f" {spell_letters(letters)}{' ' if match[3] == '-' else ''}"
    string, end = match.string, match.end()
    if match[2]:
        stop = ""
    elif _AT_END.match(string, end):
        stop = "."
    else:
        following = _WORD_AFTER.match(string, end)
        stop = "." if following and following[1] in STARTERS and match[1].isupper() else ""
    return f" {spell_letters(letters)}{stop or ' '}"


_AT_END = re.compile(r"[\"')\]\s]*$")
_LIMBS = frozenset(
    "D-day D-Day d-day S-shape S-shaped C-class C-clamp T-top T-test t-test T-tests S-series".split()
)


def _stammer(match: Match) -> str:
    sound, word = match[1], match[2]
    if f"{sound}-{word}" in _LIMBS or (len(sound) == 1 and len(word) < 2 and word != "I"):
        return match[0]
    return word[0].upper() + word[1:] if sound[0].isupper() else word


CAPITALS: tuple[Rule, ...] = (
    rule(
        r"\b([A-Z]{1,3})&([A-Z]{1,3})\b",
        lambda m: f"{spell_letters(m[1])} and {spell_letters(m[2])}",
        "&",
        "A&A",
    ),
    rule(
        r"(?i)(?<![\w'-])(?:([b-df-hj-np-tv-z]{1,2}|[a-z])-)(?:\1-){0,4}((?=\1)[a-z']+)(?![\w-])",
        _stammer,
        "-",
        tuple(
            f"{other}{letters}-"
            for other in sorted(OTHERS - {"'", "-"})
            for letters in ("a", "A", "aa", "aA", "Aa", "AA")
        ),
    ),
    rule(r"(?<=[A-Za-z])-(?=(?:[A-Z]\.){2})", " ", "-", "-A.A."),
    rule(_DOTTED, _dotted, ".", ".a.|.A."),
    rule(r"([A-Z](?<![A-Za-z\d'.].)[A-Z]{1,19})('?s)?(?![A-Za-z\d])", _capitals, "", "AA"),
    rule(
        r"([A-Z])(?<![A-Za-z'].)(\.(?= [A-Z]|\s*$|[\"')]))?(?![A-Za-z'])",
        _letter,
        "A-Z",
        tuple(f"A{other}" for other in sorted(OTHERS | set("0_") - {"'"})),
    ),
)

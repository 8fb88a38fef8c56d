"""A word with a full stop that may be none: readers that decide by what stands beside it."""

from __future__ import annotations

import re

from .places import (
    BIBLE_BOOKS,
    MONTH_ABBREVIATIONS,
    STATES,
    SURE_STATES,
    WEEKDAYS,
)
from .rules import Match, alternatives
from .tables import (
    ABBREVIATIONS,
    AFTER_NAMES,
    BEFORE_NAMES,
    BEFORE_NUMBERS,
    BEFORE_YEARS,
    NOTE_WORDS,
    STARTERS,
    TITLES,
    UNITS_WITH_STOP,
    WORDS_TOO,
)
from .units import PLURAL_NOUNS

__all__ = ["ENDS_TEXT", "NEXT_CAPITAL", "before", "has_stopped", "like", "starts_sentence", "stopped"]

# What stands beside the abbreviation: looked at from its place, so that nothing is copied.
ENDS_TEXT = re.compile(r"[\"')\]\s]*$")
NEXT_CAPITAL = re.compile(r" +[\"'(]?([A-Z][A-Za-z'-]*)")
_NUMBER = re.compile(r"\s?#?\d")
_NAME = re.compile(r" ?[A-Z]")
_NEAR = 40


def before(match: Match) -> str:
    """The text just before, of the same line."""
    return match.string[max(0, match.start() - _NEAR) : match.start()]


def _word_before(match: Match) -> str:
    near = before(match)
    if not near.endswith(" ") or near.endswith((". ", "! ", "? ")):
        return ""
    words = near.split()
    return words[-1] if words else ""


def starts_sentence(match: Match) -> bool:
    """Whether what follows begins a sentence, by its first word; the end of the text counts."""
    if ENDS_TEXT.match(match.string, match.end()):
        return True
    following = NEXT_CAPITAL.match(match.string, match.end())
    return following is not None and (following[1] in STARTERS or following[1] in ("I", "A"))


def like(written: str, words: str) -> str:
    return words[0].upper() + words[1:] if written[0].isupper() else words


# --- One abbreviation after another ---


def stopped(match: Match) -> str:
    """Any word with a full stop: what it is short for, or itself."""
    word = match[1]
    low = word.lower()
    if low not in _KNOWN:
        return match[0]
    for read in _READERS:
        if (words := read(match, word, low)) is not None:
            return words
    return match[0]


def _read_title(match: Match, word: str, low: str) -> str | None:
    if low not in TITLES:
        return None
    if low in ("st", "dr") and word[0].isupper() and _is_street(match, low):
        return {"st": "street", "dr": "drive"}[low] + ("." if starts_sentence(match) else "")
    if low == "st":
        return "Saint " if _NAME.match(match.string, match.end()) else "street"
    return like(word, TITLES[low]) + " "


_HOUSE = re.compile(r"(?:\d[\w ]{0,20}|\b(?:[A-Z][a-z']+|\d+(?:st|nd|rd|th))) $")
_TITLED = re.compile(r"(?:^|[.?!;:,\"'(] ?|\b(?:the|The|and|And|of|in|to|with|for|by|from|at|near|on) )$")


def _is_street(match: Match, low: str) -> bool:
    near = before(match)
    if not _HOUSE.search(near) or _TITLED.search(near):
        return False
    following = NEXT_CAPITAL.match(match.string, match.end())
    if following is None or starts_sentence(match):
        first = near.split()[-1] if near.split() else ""
        return first not in STARTERS
    # "7 Elm St. John": a house number makes a street even before a name
    return re.search(r"\d \w+ $", near) is not None and low == "st" and not re.match(
        r" \w+ (?:St|Ave|Rd)\b", match.string[match.end() : match.end() + _NEAR]
    )  # fmt: skip


def _read_weekday(match: Match, word: str, low: str) -> str | None:
    if word not in WEEKDAYS:
        return None
    if (
        word in ("Sat", "Sun", "Wed")
        and not _DAY_AHEAD.match(match.string, match.end())
        and not _DAY_BEFORE.search(before(match))
    ):
        return None
    return WEEKDAYS[word] + ("." if starts_sentence(match) else "")


_DAY_AHEAD = re.compile(
    rf"\s?[,;&)/-]|\s(?:\d|and {alternatives(WEEKDAYS)}\b|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov"
    rf"|Dec)|[a-z])"
)
_DAY_BEFORE = re.compile(
    rf"\b(?:{alternatives({*WEEKDAYS, *WEEKDAYS.values()})})\.?(?:,| to| and| &| -|-|/|, and)\s?$"
)


def _read_month(match: Match, word: str, low: str) -> str | None:
    if low not in MONTH_ABBREVIATIONS or (word.islower() and low in ("mar", "apr", "jun", "jul", "sep")):
        return None
    stop = "." if starts_sentence(match) and not _word_before(match).isdigit() else ""
    return MONTH_ABBREVIATIONS[low].capitalize() + stop


def _read_book(match: Match, word: str, low: str) -> str | None:
    """A book of the Bible, before chapter and verse, or behind its own number."""
    if word not in BIBLE_BOOKS or BIBLE_BOOKS[word] == word:
        return None
    numbered = re.search(r"(?:^|\W)(?:[1-4]|I{1,3}) $", before(match)[-6:])
    if _VERSE.match(match.string, match.end()) or (numbered and _NUMBER.match(match.string, match.end())):
        return BIBLE_BOOKS[word]
    return None


_VERSE = re.compile(r" \d{1,3}:\d")


def _read_state(match: Match, word: str, low: str) -> str | None:
    if word not in STATES:
        return None
    near = before(match)
    behind_town = _TOWN.search(near) is not None
    if not behind_town and word not in SURE_STATES and not _PARTY.search(near):
        return None
    return STATES[word] + ("." if behind_town and starts_sentence(match) else "")


_TOWN = re.compile(r"\b[A-Z][A-Za-z.'-]+, $")
_PARTY = re.compile(r"(?:Republican|Democrat|Independent), $")


def _read_before_year(match: Match, word: str, low: str) -> str | None:
    if word not in BEFORE_YEARS or not _YEAR_AHEAD.match(match.string, match.end()):
        return None
    if _word_before(match).lower() == "vitamin":
        return None
    if word in ("b", "d", "r", "m", "fl") and not re.search(r"(?:^|[(,;] ?|\bc\. )$", before(match)):
        return None
    return BEFORE_YEARS[word] + " "


_YEAR_AHEAD = re.compile(r"\s?(?:c(?:a|irca)?\.? ?)?\d{3,4}\b(?!,\d)")


def _read_before_number(match: Match, word: str, low: str) -> str | None:
    """ "fig. 3", "No. 9"; but "I said no. 3 men left" and "vitamin C. 5 mg" are the ends of sentences."""
    if low not in BEFORE_NUMBERS:
        return None
    ahead = _NUMBER.match(match.string, match.end()) or (
        low in ("eq", "eqs", "fig", "figs", "sec", "no") and _BRACKETED.match(match.string, match.end())
    )
    if not ahead:
        return None
    if word[0].isupper() and (len(low) == 1 or (low == "ed" and not _ORDINAL.search(before(match)))):
        return None
    if word[0].islower() and low in WORDS_TOO and not _takes_number(match, low):
        return None
    if low in ("ca", "c", "approx") and word[0].isupper():
        return None
    return BEFORE_NUMBERS[low] + " "


_BRACKETED = re.compile(r" ?[(\[]?\d")
_ORDINAL = re.compile(r"\d(?:st|nd|rd|th) $|\b(?:first|second|third|revised) $")
_SAID = frozenset(
    """said say says saying answered answers replied reply told tell tells shook meant whispered was is it's
    mean means a the an an't cried shouted him her me them us you i'd i'll just simply be a got get gets
    heard hear but and or yes well oh vote voted votes voting""".split()
)
_MANY = re.compile(
    r"\s?#?\d[\d,]*(?: [a-z]+){0,1} (?:[a-z]+s|" + "|".join(PLURAL_NOUNS) + r")\b(?! (?:of|in) the)"
)


_BEFORE_WORDS = frozenset(
    """the a an my like love his her dried fresh one just half every each ripe another last more most very
    so is was be are were""".split()
)
_OF_A_LAW = re.compile(r"\s?\d+(?:\(\d\))? of (?:the|its)\b")


def _takes_number(match: Match, low: str) -> bool:
    near = before(match)
    word = _word_before(match).lower().strip("\"'(")
    if not near.strip() or near.rstrip()[-1] in "([,;:-/":
        return True
    if low == "no":
        return word not in _SAID and not _MANY.match(match.string, match.end())
    if low == "c":
        return (
            word not in ("vitamin", "in", "and", "of", "key")
            or _YEAR_AHEAD.match(match.string, match.end()) is not None
        )
    if low == "p":
        return True
    if low == "ed":
        return _ORDINAL.search(near) is not None
    if low in ("ca", "max", "min", "est", "pop", "sec", "secs", "fig", "figs", "apt", "op", "pt"):
        return word not in _BEFORE_WORDS
    if low in ("art", "arts") and _OF_A_LAW.match(match.string, match.end()):
        return True
    return word in NOTE_WORDS or word.endswith((",", ";", ":")) or word[-1:].isdigit()


def _read_unit(match: Match, word: str, low: str) -> str | None:
    """Reads a unit behind a number: "300 sq. ft.", "10 in. wide", "7th c."."""
    if low not in UNITS_WITH_STOP:
        return None
    near = before(match)
    if low in ("c", "cent", "ed", "edn"):
        if not _ORDINAL.search(near):
            return None
        words: object = UNITS_WITH_STOP[low]
    elif low in ("sq", "cu"):
        if not re.search(r"\d $|\d\s?[a-z]+ $|\bper $", near) and not _MEASURE.match(
            match.string, match.end()
        ):
            return None
        return f"{UNITS_WITH_STOP[low]} "
    else:
        found = re.search(r"((?:\d|\bsquare|\bcubic)[\d./]*)(\s|-)+$", near)
        if not found or (
            low == "in"
            and starts_sentence(match) is False
            and re.match(
                r" (?:the|a|my|his|her|their|our|its|this|that|which|all|these|\d{4})\b",
                match.string[match.end() : match.end() + 8],
            )
        ):
            return None
        one, many = UNITS_WITH_STOP[low]
        words = one if found[1] in ("1",) or found[2] == "-" else many
    return f"{words}{'.' if starts_sentence(match) else ''}"


_MEASURE = re.compile(r"\s?(?:ft|in|yd|mi|m|km|cm|mm)\b")


def _read_general(match: Match, word: str, low: str) -> str | None:
    words = ABBREVIATIONS.get(low)
    if words is None:
        return None
    if low == "hon" and word[0].islower():
        return None
    ends = ENDS_TEXT.match(match.string, match.end()) is not None
    if not ends and low in ("etc", "et al", "yrs", "hrs", "mins", "lbs", "mts", "mtg", "bldg", "ph.d", "mgr"):
        ends = (
            NEXT_CAPITAL.match(match.string, match.end()) is not None
            if low in ("etc", "et al")
            else starts_sentence(match)
        )
    return words + ("." if ends else "")


def _read_before_name(match: Match, word: str, low: str) -> str | None:
    if word not in BEFORE_NAMES or not _NAME.match(match.string, match.end()):
        return None
    if word == "Sr" and re.search(r"[a-z],? $", before(match)):
        return None
    if word in ("Ft", "Bp", "Spc", "Det", "Pres", "Amb", "Fr") and re.search(r"\d $", before(match)):
        return None
    return like(word, BEFORE_NAMES[word]) + " "


def _read_after_name(match: Match, word: str, low: str) -> str | None:
    if word not in AFTER_NAMES or not re.search(r"[\w,] $", before(match)[-3:]):
        return None
    if ENDS_TEXT.match(match.string, match.end()):
        return AFTER_NAMES[word] + "."
    following = NEXT_CAPITAL.match(match.string, match.end())
    stop = "" if following is None else "." if following[1] in STARTERS else ","
    return AFTER_NAMES[word] + stop


_READERS = (
    _read_book, _read_title, _read_weekday, _read_month, _read_state, _read_before_year, _read_unit,
    _read_before_number, _read_before_name, _read_after_name, _read_general,
)  # fmt: skip
_KNOWN = frozenset(
    word.lower()
    for table in (
        BIBLE_BOOKS, TITLES, WEEKDAYS, MONTH_ABBREVIATIONS, STATES, BEFORE_YEARS, UNITS_WITH_STOP,
        BEFORE_NUMBERS, BEFORE_NAMES, AFTER_NAMES, ABBREVIATIONS,
    )
    for word in table
)  # fmt: skip
"""What a reader may know; most words before a full stop are none of these."""
_LAST = frozenset(word.rpartition(".")[2] for word in _KNOWN)
_LONGEST = max(map(len, _LAST))
_NO_LETTERS = re.compile("[^a-z]+")


def has_stopped(lowered: str) -> bool:
    """Whether a full stop stands behind the last letters of a word that a reader may know."""
    for part in lowered.split(".")[:-1]:
        word = part[-_LONGEST - 1 :]
        if (word if word.isalpha() else _NO_LETTERS.split(word)[-1]) in _LAST:
            return True
    return False

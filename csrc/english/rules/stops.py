"""A word with a full stop that may be none: what is looked for beside it."""

from __future__ import annotations

from .places import BIBLE_BOOKS, MONTH_ABBREVIATIONS, STATES, WEEKDAYS
from .rule import alternatives, pattern, words
from .tables import (
    ABBREVIATIONS,
    AFTER_NAMES,
    BEFORE_NAMES,
    BEFORE_NUMBERS,
    BEFORE_YEARS,
    TITLES,
    UNITS_WITH_STOP,
)
from .units import PLURAL_NOUNS

pattern("ENDS_TEXT", r"[\"')\]\s]*$")
pattern("NEXT_CAPITAL", r" +[\"'(]?([A-Z][A-Za-z'-]*)")
pattern("STOP_BEFORE_NUMBER", r"\s?#?\d")
pattern("STOP_BEFORE_NAME", r" ?[A-Z]")

# titles and streets
pattern("HOUSE", r"(?:\d[\w ]{0,20}|\b(?:[A-Z][a-z']+|\d+(?:st|nd|rd|th))) $")
pattern("BEFORE_TITLE", r"(?:^|[.?!;:,\"'(] ?|\b(?:the|The|and|And|of|in|to|with|for|by|from|at|near|on) )$")
pattern("HOUSE_NUMBER", r"\d \w+ $")
pattern("STREET_AHEAD", r" \w+ (?:St|Ave|Rd)\b")

# days and months
pattern(
    "DAY_AHEAD",
    rf"\s?[,;&)/-]|\s(?:\d|and {alternatives(WEEKDAYS)}\b|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov"
    rf"|Dec)|[a-z])",
)
pattern(
    "DAY_BEFORE",
    rf"\b(?:{alternatives(sorted({*WEEKDAYS, *WEEKDAYS.values()}))})\.?(?:,| to| and| &| -|-|/|, and)\s?$",
)

# books and states
pattern("NUMBER_OF_BOOK", r"(?:^|\W)(?:[1-4]|I{1,3}) $")
pattern("VERSE_AHEAD", r" \d{1,3}:\d")
pattern("BEHIND_TOWN", r"\b[A-Z][A-Za-z.'-]+, $")
pattern("BEHIND_PARTY", r"(?:Republican|Democrat|Independent), $")

# years and numbers
pattern("YEAR_AHEAD", r"\s?(?:c(?:a|irca)?\.? ?)?\d{3,4}\b(?!,\d)")
pattern("IN_BRACKETS", r"(?:^|[(,;] ?|\bc\. )$")
pattern("BRACKETED_NUMBER", r" ?[(\[]?\d")
pattern("BEHIND_ORDINAL", r"\d(?:st|nd|rd|th) $|\b(?:first|second|third|revised) $")
pattern(
    "MANY_AHEAD",
    r"\s?#?\d[\d,]*(?: [a-z]+){0,1} (?:[a-z]+s|" + "|".join(sorted(PLURAL_NOUNS)) + r")\b(?! (?:of|in) the)",
)
pattern("OF_A_LAW", r"\s?\d+(?:\(\d\))? of (?:the|its)\b")
words(
    "BEFORE_NO",
    """said say says saying answered answers replied reply told tell tells shook meant whispered was is it's
    mean means a the an an't cried shouted him her me them us you i'd i'll just simply be a got get gets
    heard hear but and or yes well oh vote voted votes voting""".split(),
)
words(
    "BEFORE_NOUNS",
    """the a an my like love his her dried fresh one just half every each ripe another last more most very
    so is was be are were""".split(),
)

# units
pattern("BEFORE_SQUARE", r"\d $|\d\s?[a-z]+ $|\bper $")
pattern("SQUARE_OF_UNIT", r"\s?(?:ft|in|yd|mi|m|km|cm|mm)\b")
pattern("BEFORE_UNIT", r"((?:\d|\bsquare|\bcubic)[\d./]*)(\s|-)+$")
pattern(
    "NO_INCHES",
    r" (?:the|a|my|his|her|their|our|its|this|that|which|all|these|\d{4})\b",
)

# names
pattern("BEFORE_SENIOR", r"[a-z],? $")
pattern("BEHIND_NUMBER", r"\d $")
pattern("BEHIND_NAME", r"[\w,] $")

_KNOWN = frozenset(
    word.lower()
    for of in (
        BIBLE_BOOKS, TITLES, WEEKDAYS, MONTH_ABBREVIATIONS, STATES, BEFORE_YEARS, UNITS_WITH_STOP,
        BEFORE_NUMBERS, BEFORE_NAMES, AFTER_NAMES, ABBREVIATIONS,
    )
    for word in of
)  # fmt: skip
# what a reader may know; most words before a full stop are none of these
words("WITH_STOP", _KNOWN)

"""English text in words, for voices that know letters only: numbers, dates, money, abbreviations, symbols."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ..text.characters import TAG
from .abbreviations import ABBREVIATED
from .capitals import CAPITALS, ROMAN, lower_if_shouted, lower_shouted_lines
from .characters import TAG_PLACE, in_ascii
from .dates import DATES, YEAR
from .figures import CODES, FORMULAS, HYPHENS, PLAIN_NUMBERS, POWERS, SIGNS
from .marks import COMPARISONS, DASHES, EMOTICONS, SLASHES, tidy
from .markup import join_lines, without_markup
from .quantities import CURRENCY_SIGNS, MEASURES, MONEY, OLD_AND_ODD_MONEY, PHONES
from .rules import Stage
from .signs import SYMBOLS
from .technical import ADDRESSES, TECHNICAL, VERSIONS

__all__ = ["Spelled", "spell", "spelled_length"]


@dataclass(frozen=True)
class Spelled:
    """`text` of English letters, `',.?!;:-`, spaces and tags; and what it has lost.

    `left_out`: the characters that have no sound. `markup`: the names of HTML's or SSML's tags that went.
    """

    text: str
    left_out: tuple[str, ...] = ()
    markup: tuple[str, ...] = ()


def spell(text: str) -> Spelled:
    """Write `text` out in words, in the style of American news: 'nineteen oh five', no 'and' in numbers.

    Tags such as `[laugh]` stay as they are. Letters of other scripts, emoji and unknown symbols are left out
    and returned, each once, and so is markup; punctuation without a sound goes in silence. Never raises; what
    comes out stays the same when it is spelled again.
    """
    plain, tags, left_out, markup = _first_look(text)
    for _ in range(_MORE_LOOKS):  # what a dropped sign was between may be read by a rule now
        before, plain = plain, tidy(plain if _ALL.is_idle(plain) else _in_words(plain))
        if plain == before:
            break
    if tags:
        places = iter(tags)
        plain = _TAG_PLACES.sub(lambda m: _put(m[1], next(places)), plain)
    return Spelled(plain, left_out, markup)


def spelled_length(text: str) -> int:
    """About the length of what `spell` writes, for half its cost: what a second look changes is little."""
    plain, tags, *_ = _first_look(text)
    return len(plain) + sum(map(len, tags)) - len(tags)


_Seen = tuple[str, list[str], tuple[str, ...], tuple[str, ...]]


def _first_look(text: str) -> _Seen:
    """`text` in words but for what a second look changes, and what `_prepared` tells besides."""
    return _remembered(text) if len(text) <= _SHORT else _looked_at(text)


def _looked_at(text: str) -> _Seen:
    plain, tags, left_out, markup = _prepared(text)
    return tidy(_in_words(plain)), tags, left_out, markup


_SHORT = 512
_remembered = lru_cache(maxsize=512)(_looked_at)
"""What was measured is spoken next: all parts of a window. Four megabytes at most: texts grow sixteenfold."""


def _prepared(text: str) -> _Seen:
    """One line of ASCII with places for tags; the tags, the characters without a sound, what markup went."""
    text, markup = without_markup(text)
    text, tags = text.replace(TAG_PLACE, " "), []
    if "[" in text:
        tags, text = TAG.findall(text), TAG.sub(TAG_PLACE, text)
    plain, left_out = in_ascii(text)
    return join_lines(lower_shouted_lines(plain)), tags, left_out, markup


def _put(before: str, tag: str) -> str:
    """A short tag behind a letter would be taken for a part of the word: "alter[ed]"."""
    return f"{before} {tag}" if before and len(tag) < 6 else before + tag


_TAG_PLACES = re.compile(f"([A-Za-z]?){TAG_PLACE}")
_MORE_LOOKS = 3
_STAGES = (
    Stage(*ADDRESSES, *EMOTICONS, *TECHNICAL, *VERSIONS),
    Stage(*COMPARISONS, *ROMAN),
    Stage(
        *DASHES,
        *ABBREVIATED,
        *PHONES,
        *OLD_AND_ODD_MONEY,
        *HYPHENS,
        *DATES,
        *FORMULAS,
        *SIGNS,
        *CURRENCY_SIGNS,
    ),
    Stage(*MONEY, *MEASURES, *POWERS, *CODES, YEAR, *PLAIN_NUMBERS, *SLASHES, *CAPITALS),
)
_ALL = Stage(*(each for stage in _STAGES for each in stage.rules))
_SYMBOLS = re.compile("[" + re.escape("".join(SYMBOLS)) + "]")


def _in_words(text: str) -> str:
    text = lower_if_shouted(text)
    for stage in _STAGES:
        text = stage.apply(text)
    return _SYMBOLS.sub(lambda m: SYMBOLS[m[0]], text)

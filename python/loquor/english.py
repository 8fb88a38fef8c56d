"""English text in words, for voices that know letters only: numbers, dates, money, abbreviations, symbols."""

from __future__ import annotations

from dataclasses import dataclass

from ._core import spell_english

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
    return Spelled(*spell_english(text))


def spelled_length(text: str) -> int:
    """The length of what `spell` writes."""
    return len(spell_english(text)[0])

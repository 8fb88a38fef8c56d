"""What ends of lines mean: the patterns and words of python/loquor/text, which read texts of any language."""

from __future__ import annotations

from .package import module
from .rule import pattern, words

_LINES, _BROKEN_WORDS = module("lines"), module("broken_words")

for _name, _pattern in (
    ("LINE_MARGIN", _LINES._MARGIN),
    ("QUOTED_LINE", _LINES._QUOTED),
    ("LIST_MARKER", _LINES._MARKER),
    ("HEADING", _LINES._HEADING),
    ("LAST_WORD", _LINES._LAST_WORD),
    ("BROKEN_WORD", _LINES._BROKEN_WORD),
    ("WORD_LETTERS", _LINES._LETTERS),
    ("NAME_GOES_ON", _LINES._NAME_GOES_ON),
    ("SUSPENDED", _LINES._SUSPENDED),
    ("SYLLABLE", _BROKEN_WORDS._VOWEL),
    ("SUFFIX", _BROKEN_WORDS._SUFFIX),
    ("LONG_SUFFIX", _BROKEN_WORDS._LONG_SUFFIX),
):
    pattern(_name, _pattern.pattern)
words("NEVER_LAST", _LINES._NEVER_LAST)
words("NEVER_FIRST", _LINES._NEVER_FIRST)
words("COMPOUND_BEGINS", _BROKEN_WORDS._FIRST)
words("COMPOUND_ENDS", _BROKEN_WORDS._SECOND)
words("HALVES_OF_ONE", _BROKEN_WORDS._HALVES_OF_ONE)
words("BEFORE_PARTICIPLES", _BROKEN_WORDS._BEFORE_PARTICIPLES)

"""What a file of rules says: patterns, what is written for what they find, and tables of words.

Only the build reads these files: `csrc/english/patterns.py` writes them as C++.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

__all__ = [
    "NUMBER",
    "PATTERNS",
    "TABLES",
    "WORDS",
    "Rule",
    "alternatives",
    "number_behind",
    "pattern",
    "rule",
    "table",
    "words",
]

_NUMBER_GOES_ON = r"(?:\d{0,2}(?:,\d{3}){1,5}(?!\d)|\d*)(?:\.\d+)?"
NUMBER = rf"\d{_NUMBER_GOES_ON}"


def number_behind(none_of: str) -> str:
    """A number behind none of some characters: they are looked for behind its first digit, found at once."""
    return rf"\d(?<![{none_of}]\d){_NUMBER_GOES_ON}"


class Rule(NamedTuple):
    """`replacement` for each match of `pattern`: a template, or the name of a C++ function.

    The rule runs only in a text that began its stage with a character of each group in `needs`, such as
    "$£ 0-9 A-Z": what other rules of the stage write does not count.
    """

    pattern: str
    replacement: str
    needs: tuple[str, ...] = ()

    @property
    def is_function(self) -> bool:
        """Whether C++ writes what comes in: `std::string name(const Match&)`, here `name()`."""
        return self.replacement.endswith("()")


def rule(pattern: str, replacement: str, needs: str = "") -> Rule:
    """A rule; `replacement` is a template such as r"\\1 to ", or a C++ function such as "spoken_day()"."""
    return Rule(pattern, replacement, tuple(needs.split()))


PATTERNS: dict[str, str] = {}
WORDS: dict[str, Collection[str]] = {}
TABLES: dict[str, Mapping[str, str | tuple[str, str]]] = {}


def pattern(name: str, regex: str) -> None:
    """A pattern that functions use by themselves: "NEXT_CAPITAL" is `kNextCapital` in C++."""
    assert name not in PATTERNS, name
    PATTERNS[name] = regex


def words(name: str, of: Collection[str]) -> None:
    """A set of words: "STARTERS" is `kStarters.has(word)` in C++."""
    assert name not in WORDS, name
    WORDS[name] = of


def table(name: str, of: Mapping[str, str | tuple[str, str]]) -> None:
    """Words and what stands for them: "TITLES" is `kTitles` in C++, with `find`, `has` and `[]`."""
    assert name not in TABLES, name
    TABLES[name] = of


_Tree = dict[str, "_Tree"]
"""What may follow, by the next character; nothing behind "", where a word may end."""


def alternatives(of: Iterable[str]) -> str:
    """A pattern for any of some words, the longest first: a tree of their letters, which is soon climbed."""
    tree: _Tree = {}
    for word in of:
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return "|".join(_branches(tree))


def _branches(tree: _Tree) -> list[str]:
    return [re.escape(character) + _rest(below) for character, below in tree.items() if character]


def _rest(tree: _Tree) -> str:
    branches = _branches(tree)
    if not branches or (len(branches) == 1 and "" not in tree):
        return "".join(branches)
    return f"(?:{'|'.join(branches)})" + ("?" if "" in tree else "")

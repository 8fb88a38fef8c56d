"""What a rule is, and how rules run: only those that the characters of a text give something to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import NamedTuple

__all__ = ["NUMBER", "Match", "Rule", "Stage", "alternatives", "characters_of", "rule"]

Match = re.Match[str]
_Replacement = Callable[[Match], str] | str
NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d+)(?:\.\d+)?"


class Rule(NamedTuple):
    """`replacement` for each match of `pattern`, tried only in a text with one character of each set.

    `hint` is a pattern too, found wherever the other is and sooner: it begins with the characters it is of.
    """

    pattern: str
    replacement: _Replacement
    needs: tuple[frozenset[str], ...] = ()
    hint: str = ""


def rule(pattern: str, replacement: _Replacement, needs: str = "", hint: str = "") -> Rule:
    """A rule that costs nothing in a text without one character of each group in `needs`, as in "$£ 0-9".

    "00" in `needs` stands for two digits in a row.
    """
    groups = (_GROUPS.get(group) or frozenset(group) for group in needs.split())
    return Rule(pattern, replacement, tuple(groups), hint)


_GROUPS = {"0-9": frozenset("0123456789"), "00": frozenset({"00"})}
_TWO_DIGITS = re.compile(r"\d\d")


def characters_of(text: str) -> frozenset[str]:
    """What a text has of the groups that rules need."""
    characters = frozenset(text)
    return characters | _GROUPS["00"] if _TWO_DIGITS.search(text) else characters


_compiled = cache(re.compile)  # when first needed: to compile them all takes as long as to import the package


_Hint = Callable[[str], object]


@cache
def _search(hint: str) -> _Hint:
    """What is true of a text that the hint is found in; plain strings are found sooner than patterns."""
    return _compiled(hint).search if _SPECIAL.search(hint) else lambda text: hint in text


_SPECIAL = re.compile(r"[\\\[\](){}.*+?|^$]")
_Chosen = tuple[_Hint | None, Callable[[_Replacement, str], str], _Replacement]


class Stage:
    """Rules that run one behind the other.

    Which of them can match follows from the groups of characters that a text lacks, and is remembered: a rule
    that needs a character which only another rule writes belongs to a later stage.
    """

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self._groups = tuple({group: None for each in rules for group in each.needs})
        self._that_can_match = lru_cache(maxsize=512)(self._choose)

    def _choose(self, *is_missing: bool) -> tuple[_Chosen, ...]:
        missing = {group for group, missed in zip(self._groups, is_missing, strict=True) if missed}
        chosen = (each for each in self.rules if missing.isdisjoint(each.needs))
        return tuple(
            (
                _search(each.hint) if each.hint else None,
                _compiled(each.pattern).sub,
                each.replacement,
            )
            for each in chosen
        )

    def apply(self, text: str, characters: frozenset[str] | None = None) -> str:
        """The text after all rules; `characters` are what `characters_of` says of it."""
        lacks = (characters or characters_of(text)).isdisjoint
        missed = None  # the hint that was looked for last in this text, in vain
        for hinted, substituted, replacement in self._that_can_match(*map(lacks, self._groups)):
            if hinted is not None:
                if hinted is missed:
                    continue
                if not hinted(text):
                    missed = hinted
                    continue
            before, text = text, substituted(replacement, text)
            if text is not before:
                missed = None
        return text


_Tree = dict[str, "_Tree"]
"""What may follow, by the next character; nothing behind "", where a word may end."""


def alternatives(words: Iterable[str]) -> str:
    """A pattern for any of some words, the longest first: a tree of their letters, which is soon climbed."""
    tree: _Tree = {}
    for word in words:
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

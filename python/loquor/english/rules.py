"""What a rule is, and how rules run: only those that the shape of a text gives something to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache, reduce
from itertools import chain, product
from operator import or_
from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

from .units import CURRENCIES

__all__ = ["NUMBER", "Match", "Rule", "Stage", "alternatives", "is_hinted_at", "number_behind", "rule"]

Match = re.Match[str]
_Replacement = Callable[[Match], str] | str
_NUMBER_GOES_ON = r"(?:\d{0,2}(?:,\d{3}){1,5}(?!\d)|\d*)(?:\.\d+)?"
NUMBER = rf"\d{_NUMBER_GOES_ON}"


def number_behind(none_of: str) -> str:
    """A number behind none of some characters: they are looked for behind its first digit, found at once."""
    return rf"\d(?<![{none_of}]\d){_NUMBER_GOES_ON}"


class _Groups:
    """Groups of strings, a bit each: which of them a text has something of is one number."""

    def __init__(self) -> None:
        self._bits: dict[tuple[str, ...], int] = {}
        self._bits_of: dict[str, int] = {}

    def bit(self, group: tuple[str, ...]) -> int:
        if group not in self._bits:
            bit = self._bits[group] = 1 << len(self._bits)
            for member in group:
                self._bits_of[member] = self._bits_of.get(member, 0) | bit
        return self._bits[group]

    def of(self, members: Iterable[str]) -> int:
        bits, bits_of = 0, self._bits_of.get
        for member in members:
            bits |= bits_of(member, 0)
        return bits


_Hint = tuple[tuple[str, ...], tuple[str, ...]]
_GROUPS = _Groups()  # of all rules, which are made before there is a text


class Rule(NamedTuple):
    """`replacement` for each match of `pattern`: tried only in a text that can have one.

    That is if the text began its stage with the groups of characters `needs`, and if it now has those that
    are `shown`, and of each of `hints` something: in its shape, or in small letters.
    """

    pattern: str
    replacement: _Replacement
    needs: int = 0
    shown: int = 0
    hints: tuple[_Hint, ...] = ()


def rule(pattern: str, replacement: _Replacement, needs: str = "", *hints: str | tuple[str, ...]) -> Rule:
    """A rule that costs nothing in a text without one sign of each group in `needs`, as in "$£ 0-9 A-Z".

    Each of `hints` lists what is seen wherever the pattern is found, as in "0/0|jan|feb": one of them is
    enough. It is looked for in the text in small letters and in its shape: 0 for a digit, a and A for
    letters, $ for a currency's sign, a new line before and behind all. What signs the shape has, and which
    stand side by side, is known at once for all rules.
    """
    needed = {_GROUPS.bit(tuple(_CLASSES.get(group, group.translate(_SHAPE)))) for group in needs.split()}
    shown, others = 0, []
    for hint in (tuple(hint.split("|")) if isinstance(hint, str) else hint for hint in hints):
        found = tuple(stretch for one in hint for stretch in _stretches(one))
        shown |= _GROUPS.bit(found)
        if found != hint:
            others.append((tuple(filter(_is_shape, hint)), tuple(one for one in hint if not _is_shape(one))))
    return Rule(pattern, replacement, sum(needed), shown, tuple(others))


def _is_shape(hint: str) -> bool:
    return {character for character in hint if character.isalnum()} <= {"0", "a", "A"}


def _stretches(hint: str) -> Iterator[str]:
    """What is in the shape of a text that shows the hint: its longest part within a word, in any case."""
    is_shape = _is_shape(hint)
    shape = hint if is_shape else hint.translate(_SHAPE)
    words = shape.split(" ")
    spaced = [" " * (place > 0) + word + " " * (place < len(words) - 1) for place, word in enumerate(words)]
    all_parts = [
        word[at : at + _LONGEST] for word in spaced for at in range(max(1, len(word) - _LONGEST + 1))
    ]
    best = max(all_parts, key=lambda part: (len(part), -sum(map(_COMMON.find, part)), part[:1] == " "))
    cases = [character if is_shape or character != "a" else "aA" for character in best]
    return map("".join, product(*cases))


_LONGEST = 4
_COMMON = "-,.A0a "  # in more and more texts
_CLASSES = {"0-9": "0", "A-Z": "A"}
_SHAPE = str.maketrans(
    {
        **dict.fromkeys(digits, "0"),
        **dict.fromkeys(ascii_lowercase, "a"),
        **dict.fromkeys(ascii_uppercase, "A"),
        **dict.fromkeys(CURRENCIES, "$"),
    }
)


def is_hinted_at(rule: Rule, text: str) -> bool:
    """Whether the text shows all that the rule's hints ask for."""
    return rule.shown & _groups_of(text) == rule.shown and _shows(_shape_of(text), text.lower(), rule.hints)


OTHERS = frozenset({*map(chr, range(128)), *"$¢°\ue000"} - {*ascii_lowercase, *ascii_uppercase, *digits, "_"})
"""What is no letter, digit or underscore in a shape."""


def _shape_of(text: str) -> str:
    return f"\n{text.translate(_SHAPE)}\n"


@lru_cache(maxsize=16)
def _groups_of(text: str) -> int:
    words = set(_shape_of(text).split(" "))
    long = {word for word in words if len(word) > _LONG} if len(text) > _LONG else set()
    return reduce(or_, chain(map(_of_word, words - long if long else words), map(_groups_in, long)))


def _groups_in(word: str) -> int:
    word = f" {word} "
    return _GROUPS.of({word[at : at + size] for size in range(1, _LONGEST + 1) for at in range(len(word))})


_LONG = 32
_of_word = lru_cache(maxsize=4096)(_groups_in)
_compiled = cache(re.compile)  # when first needed: to compile them all takes as long as to import the package


_Ready = tuple[int, tuple[_Hint, ...], Callable[[_Replacement, str], str], _Replacement]
"""A rule's place, what is left to look for, and what it does."""


class Stage:
    """Rules that run one behind the other.

    Which of them can match is remembered by what the text has: a rule that needs a character which only
    another rule writes belongs to a later stage.
    """

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self._needs = reduce(or_, (each.needs for each in rules))
        self._shown = reduce(or_, (each.shown for each in rules))
        self._with_needs = lru_cache(maxsize=512)(self._choose)
        self._that_can_match = lru_cache(maxsize=2048)(self._choose_further)

    def _choose(self, needs: int) -> tuple[tuple[int, _Ready], ...]:
        return tuple(
            (each.shown, (place, each.hints, _compiled(each.pattern).sub, each.replacement))
            for place, each in enumerate(self.rules)
            if each.needs & needs == each.needs
        )

    def _choose_further(self, needs: int, shown: int) -> tuple[_Ready, ...]:
        return tuple(ready for wanted, ready in self._with_needs(needs) if wanted & shown == wanted)

    def apply(self, text: str) -> str:
        """The text after all rules."""
        groups, done = _groups_of(text), -1
        needs = groups & self._needs
        while True:
            shape = lowered = ""
            for place, hints, substituted, replacement in self._that_can_match(needs, groups & self._shown):
                if place <= done:
                    continue
                if hints:
                    if not shape:
                        shape, lowered = _shape_of(text), text.lower()
                    if not _shows(shape, lowered, hints):
                        continue
                before, text = text, substituted(replacement, text)
                if text is not before:
                    groups, done = _groups_of(text), place
                    break
            else:
                return text


def _shows(shape: str, lowered: str, hints: tuple[_Hint, ...]) -> bool:
    for shapes, words in hints:
        for one in shapes:
            if one in shape:
                break
        else:
            for one in words:
                if one in lowered:
                    break
            else:
                return False
    return True


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

"""What a rule is, and how rules run: only those that the shape of a text gives something to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache, reduce
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
    """Groups of shapes and letters, a bit each: which of them a text has something of is one number."""

    def __init__(self) -> None:
        self._bits: dict[tuple[tuple[str, ...], ...], int] = {}
        self._of_shapes: dict[str, int] = {}
        self._of_letters: dict[str, int] = {}

    def bit(self, shapes: tuple[str, ...], letters: tuple[str, ...] = ()) -> int:
        if (shapes, letters) not in self._bits:
            bit = self._bits[shapes, letters] = 1 << len(self._bits)
            for group, bits_of in ((shapes, self._of_shapes), (letters, self._of_letters)):
                for member in group:
                    bits_of[member] = bits_of.get(member, 0) | bit
        return self._bits[shapes, letters]

    def of_shape(self, word: str) -> int:
        """What groups of shapes a word has something of, with a space before and behind."""
        return _bits_in(word, self._of_shapes)

    def of_letters(self, word: str) -> int:
        return _bits_in(word, self._of_letters)


def _bits_in(word: str, bits_of: dict[str, int]) -> int:
    word, bits, of = f" {word} ", 0, bits_of.get
    for part in {word[at : at + size] for size in range(1, _LONGEST + 1) for at in range(len(word))}:
        bits |= of(part, 0)
    return bits


_Hint = tuple[tuple[str, ...], tuple[str, ...]]
_Looks = Callable[[str], bool]
_GROUPS = _Groups()  # of all rules, which are made before there is a text


class Rule(NamedTuple):
    """`replacement` for each match of `pattern`: tried only in a text that can have one.

    That is if the text began its stage with the groups of characters `needs`, and if it now has those that
    are `shown`, and of each of `hints` something: in its shape, or in small letters. `looks` has the last
    word: whether the text in small letters can have a match, where a hint cannot say it.
    """

    pattern: str
    replacement: _Replacement
    needs: int = 0
    shown: int = 0
    hints: tuple[_Hint, ...] = ()
    looks: _Looks | None = None


def rule(
    pattern: str,
    replacement: _Replacement,
    needs: str = "",
    *hints: str | tuple[str, ...],
    looks: _Looks | None = None,
) -> Rule:
    """A rule that costs nothing in a text without one sign of each group in `needs`, as in "$£ 0-9 A-Z".

    Each of `hints` lists what is seen wherever the pattern is found, as in "0/0|jan|feb": one of them is
    enough. It is looked for in the text in small letters and in its shape: 0 for a digit, a and A for
    letters, $ for a currency's sign, a new line before and behind all. What signs the shape has, and which
    stand side by side, is known at once for all rules.
    """
    needed = {_GROUPS.bit(tuple(_CLASSES.get(group, group.translate(_SHAPE)))) for group in needs.split()}
    shown, others = 0, []
    for hint in (tuple(hint.split("|")) if isinstance(hint, str) else hint for hint in hints):
        shapes, words = tuple(filter(_is_shape, hint)), tuple(one for one in hint if not _is_shape(one))
        # of digits in words, a group knows no more than that they are digits
        known = tuple(map(_part, shapes)), tuple(_part(word.translate(_DIGITS)) for word in words)
        shown |= _GROUPS.bit(*known)
        if known != (shapes, words):
            others.append((shapes, words))
    return Rule(pattern, replacement, sum(needed), shown, tuple(others), looks)


def _is_shape(hint: str) -> bool:
    return {character for character in hint if character.isalnum()} <= {"0", "a", "A"}


def _part(hint: str) -> str:
    """The longest part of a hint within a word, and the rarest of those."""
    words = hint.split(" ")
    spaced = [" " * (place > 0) + word + " " * (place < len(words) - 1) for place, word in enumerate(words)]
    parts = [word[at : at + _LONGEST] for word in spaced for at in range(max(1, len(word) - _LONGEST + 1))]
    return max(parts, key=lambda part: (len(part), -sum(map(_COMMON.find, part)), part[:1] == " "))


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
_DIGITS = str.maketrans({**dict.fromkeys(digits, "0"), **dict.fromkeys(CURRENCIES, "$")})


def is_hinted_at(rule: Rule, text: str) -> bool:
    """Whether the text shows all that the rule's hints ask for."""
    return rule.shown & _groups_of(text) == rule.shown and _shows(text, rule.hints, rule.looks)


OTHERS = frozenset({*map(chr, range(128)), *"$¢°\ue000"} - {*ascii_lowercase, *ascii_uppercase, *digits, "_"})
"""What is no letter, digit or underscore in a shape."""


class _Words(dict[str, int]):
    """What groups each word has something of: those that were seen are remembered, but for long ones."""

    def __missing__(self, word: str) -> int:
        shape, letters = word.translate(_SHAPE), _GROUPS.of_letters(word.lower())
        if len(word) > _LONG:
            return _GROUPS.of_shape(shape) | letters
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = groups = _of_shape(shape) | letters
        return groups


_LONG, _MOST_WORDS = 32, 4096
_of_word = _Words().__getitem__
_of_shape = lru_cache(maxsize=2048)(_GROUPS.of_shape)


@lru_cache(maxsize=16)
def _groups_of(text: str) -> int:
    return reduce(or_, map(_of_word, set(f"\n{text.translate(_DIGITS)}\n".split(" "))))


@cache
def _written(replacement: _Replacement) -> _Replacement:
    """A template with groups as a function: before Python 3.12 it is much sooner called than a template."""
    if not isinstance(replacement, str) or "\\" not in replacement:
        return replacement
    before, group, *others = re.split(r"\\(\d)", replacement)
    number, (after, *rest) = int(group), others
    pairs = [(int(one), text) for one, text in zip(rest[::2], rest[1::2], strict=True)]
    if not pairs:
        return lambda m: f"{before}{m[number] or ''}{after}"
    return lambda m: f"{before}{m[number] or ''}{after}" + "".join(f"{m[n] or ''}{text}" for n, text in pairs)


_compiled = cache(re.compile)  # when first needed: to compile them all takes as long as to import the package


_Ready = tuple[int, tuple[_Hint, ...], _Looks | None, Callable[[_Replacement, str], str], _Replacement]
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
            (
                each.shown,
                (place, each.hints, each.looks, _compiled(each.pattern).sub, _written(each.replacement)),
            )
            for place, each in enumerate(self.rules)
            if each.needs & needs == each.needs
        )

    def _choose_further(self, needs: int, shown: int) -> tuple[_Ready, ...]:
        return tuple(ready for wanted, ready in self._with_needs(needs) if wanted & shown == wanted)

    def is_idle(self, text: str) -> bool:
        """Whether no rule can match."""
        groups = _groups_of(text)
        return not any(
            _shows(text, hints, looks)
            for _, hints, looks, _, _ in self._that_can_match(groups & self._needs, groups & self._shown)
        )

    def apply(self, text: str) -> str:
        """The text after all rules."""
        groups, done = _groups_of(text), -1
        needs = groups & self._needs
        while True:
            ready = self._that_can_match(needs, groups & self._shown)
            for place, hints, looks, substituted, replacement in ready:
                if place <= done or ((hints or looks) and not _shows(text, hints, looks)):
                    continue
                before, text = text, substituted(replacement, text)
                if text is not before:
                    groups, done = _groups_of(text), place
                    break
            else:
                return text


@lru_cache(maxsize=8)
def _shape_of(text: str) -> tuple[str, str]:
    """The text's shape, and the text in small letters."""
    return f"\n{text.translate(_SHAPE)}\n", text.lower()


def _shows(text: str, hints: tuple[_Hint, ...], looks: _Looks | None) -> bool:
    shape, lowered = _shape_of(text)
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
    return looks is None or looks(lowered)


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

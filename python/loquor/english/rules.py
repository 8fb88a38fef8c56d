"""What a rule is: a pattern, what it becomes, and the characters without which there is nothing to look for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

__all__ = ["DIGITS", "NUMBER", "Match", "Rule", "alternatives", "apply", "rule"]

Match = re.Match[str]
DIGITS = "0123456789"
NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d+)(?:\.\d+)?"


class Rule(NamedTuple):
    """`replacement` for each match of `pattern`, tried only in a text with one of the characters `needs`."""

    pattern: re.Pattern[str]
    replacement: Callable[[Match], str] | str
    needs: frozenset[str] = frozenset()


def rule(pattern: str, replacement: Callable[[Match], str] | str, needs: str = "") -> Rule:
    """A rule that is skipped, without a look at the text, where none of `needs` is in it."""
    return Rule(re.compile(pattern), replacement, frozenset(needs))


def apply(rules: Iterable[Rule], text: str) -> str:
    """The text after one rule behind the other."""
    present = set(text)
    for pattern, replacement, needs in rules:
        if needs and present.isdisjoint(needs):
            continue
        text, changes = pattern.subn(replacement, text)
        if changes:
            present = set(text)
    return text


def alternatives(words: Iterable[str]) -> str:
    """A pattern for any of some words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))

"""Regular expressions as programs for the matcher of pattern.cpp, by the parser of Python's `re`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from rules.characters import CASED, OTHERS, SIGNS

try:
    from re import _constants as names  # type: ignore[attr-defined]
    from re import _parser as parser
except ImportError:  # before Python 3.11
    import sre_constants as names
    import sre_parse as parser

__all__ = ["BYTES", "OPERATIONS", "SETS", "Program", "compiled", "give_bytes"]

OPERATIONS = (
    "END", "CHARACTER", "SET", "BRANCH", "LAZY", "JUMP", "SAVE", "AT", "AHEAD", "NOT_AHEAD", "BEHIND",
    "NOT_BEHIND", "NEXT_IS", "NEXT_IS_NOT", "LAST_IS", "LAST_IS_NOT", "SAME", "SAME_IN_ANY_CASE", "MANY",
    "MANY_LAZY",
)  # fmt: skip
"""In the order of pattern.cpp's `Operation`."""
_CODE = {name: code for code, name in enumerate(OPERATIONS)}
_PLACES = {
    names.AT_BEGINNING: 0, names.AT_BEGINNING_STRING: 0, names.AT_END: 1, names.AT_END_STRING: 2,
    names.AT_BOUNDARY: 3, names.AT_NON_BOUNDARY: 4,
}  # fmt: skip
_PLACES_IN_LINES = {names.AT_BEGINNING: 5, names.AT_END: 6}
_NO_END = 0xFFFF
_MOST_GROUPS, _MOST_COPIES = 9, 32

BYTES: dict[str, int] = {chr(code): code for code in range(128)}
"""The byte of each character."""
for _character in (*SIGNS, *CASED):
    BYTES.setdefault(_character, len(BYTES))
for _place, _character in enumerate(OTHERS.values()):
    BYTES[_character] = 255 - _place

_Set = frozenset[int]
ANYTHING: _Set = frozenset(range(256))
_MEMBERS: dict[tuple[str, int], _Set] = {}
SETS: list[_Set] = [ANYTHING]
"""The first one holds for the end of a text too: what begins so may be empty."""


class Program(NamedTuple):
    """What the matcher runs, and the set that a match begins with, if it never is empty."""

    code: list[int]
    starts: int | None


def give_bytes(patterns: Iterable[str]) -> None:
    """Give each character that patterns name a byte of its own, before any is compiled."""
    for character in sorted({each for pattern in patterns for each in pattern} - BYTES.keys()):
        BYTES[character] = min(set(range(128, 256)) - set(BYTES.values()))


def _number_of(members: _Set) -> int:
    if members not in SETS[1:]:
        SETS.append(members)
    return SETS.index(members, 1)


def compiled(pattern: str) -> Program:
    """The program of a pattern. Raises `NotImplementedError` for what the matcher cannot run."""
    tree = parser.parse(pattern)
    if tree.state.groups - 1 > _MOST_GROUPS:
        raise NotImplementedError(f"more than {_MOST_GROUPS} groups in {pattern!r}")
    writer = _Writer(pattern, tree.state.flags)
    writer.write(list(tree), None)
    writer.emit("END")
    first = writer.first(list(tree))
    return Program(writer.code, None if first is None else _number_of(first))


class _Writer:
    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern, self.flags, self.code = pattern, flags, list[int]()

    def emit(self, operation: str, *values: int) -> int:
        """Append an operation; returns its place."""
        self.code += [_CODE[operation], *values]
        return len(self.code) - len(values) - 1

    def point(self, operation: int, value: int) -> None:
        """Let a value of an operation point behind the last one: so many places behind itself."""
        self.code[operation + value] = len(self.code) - operation

    def fail(self, what: object) -> NotImplementedError:
        return NotImplementedError(f"csrc/english: the matcher knows no {what}, used by {self.pattern!r}")

    # --- Single characters ---

    def members(self, item: Any) -> _Set | None:
        """The bytes that an item of one character takes; None if it is none."""
        if item[0] not in (names.LITERAL, names.NOT_LITERAL, names.IN, names.ANY):
            return None
        key = str(item), self.flags  # which many patterns have alike
        if key not in _MEMBERS:
            takes = (byte for character, byte in BYTES.items() if self._takes(item, character))
            _MEMBERS[key] = frozenset(takes)
        return _MEMBERS[key]

    def _takes(self, item: Any, character: str) -> bool:
        operation, value = item
        if operation is names.ANY:
            return character != "\n" or bool(self.flags & re.DOTALL)
        if operation is names.NOT_LITERAL:
            return not self._takes((names.LITERAL, value), character)
        cases = _cases(character) if self.flags & re.IGNORECASE else (character,)
        if operation is names.LITERAL:
            return any(ord(case) == value for case in cases)
        negated = value[0][0] is names.NEGATE
        return negated != any(self._is_in(one, case) for one in value[negated:] for case in cases)

    def _is_in(self, one: Any, character: str) -> bool:
        kind, value = one
        if kind is names.LITERAL:
            return ord(character) == value
        if kind is names.RANGE:
            return bool(value[0] <= ord(character) <= value[1])
        if kind is not names.CATEGORY:
            raise self.fail(kind)
        name = value.name.removeprefix("CATEGORY_").removeprefix("NOT_")
        of = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[name]
        flags = re.ASCII if self.flags & re.ASCII else 0
        return (re.fullmatch(of, character, flags) is not None) != ("NOT_" in value.name)

    # --- What an item begins with ---

    def first(self, items: list[Any]) -> _Set | None:
        """What a match of the items in a row begins with; None if it may be empty."""
        so_far: _Set = frozenset()
        for item in items:
            begins, may_be_empty = self._first_of(item)
            so_far |= begins
            if not may_be_empty:
                return so_far
        return None

    def _first_of(self, item: Any) -> tuple[_Set, bool]:
        operation, value = item
        if (members := self.members(item)) is not None:
            return members, False
        if operation in (names.AT, names.ASSERT, names.ASSERT_NOT):
            return frozenset(), True
        if operation is names.SUBPATTERN:
            return self._first_in(list(value[3]), value[1], value[2])
        if operation is names.BRANCH:
            all_of = [self._first_in(list(branch)) for branch in value[1]]
            return frozenset().union(*(of for of, _ in all_of)), any(empty for _, empty in all_of)
        if operation in (names.MAX_REPEAT, names.MIN_REPEAT):
            begins, empty = self._first_in(list(value[2]))
            return begins, empty or value[0] == 0
        if operation is names.GROUPREF:
            return ANYTHING, True
        raise self.fail(operation)

    def _first_in(self, items: list[Any], added: int = 0, dropped: int = 0) -> tuple[_Set, bool]:
        before, self.flags = self.flags, (self.flags | added) & ~dropped
        so_far: _Set = frozenset()
        empty = True
        for item in items:
            begins, empty = self._first_of(item)
            so_far |= begins
            if not empty:
                break
        self.flags = before
        return so_far, empty

    def start_set(self, items: list[Any]) -> int:
        """The number of the set that items begin with; 0 if they may be empty."""
        first = self.first(items)
        return 0 if first is None else _number_of(first)

    # --- Operations ---

    def write(self, items: list[Any], behind: list[Any] | None) -> None:
        """Write items in a row; `behind`: what surely follows them, if that is known."""
        for place, item in enumerate(items):
            rest = items[place + 1 :]
            self._write(item, rest if behind is None else rest + behind)

    def _write(self, item: Any, behind: list[Any]) -> None:
        operation, value = item
        if (members := self.members(item)) is not None:
            if len(members) == 1:
                self.emit("CHARACTER", *members)
            else:
                self.emit("SET", _number_of(members))
        elif operation is names.AT:
            in_lines = self.flags & re.MULTILINE and value in _PLACES_IN_LINES
            self.emit("AT", (_PLACES_IN_LINES if in_lines else _PLACES)[value])
        elif operation is names.SUBPATTERN:
            self._write_group(*value, behind)
        elif operation is names.BRANCH:
            self._write_branches([list(branch) for branch in value[1]], behind)
        elif operation in (names.MAX_REPEAT, names.MIN_REPEAT):
            self._write_repeat(*value, lazy=operation is names.MIN_REPEAT, behind=behind)
        elif operation in (names.ASSERT, names.ASSERT_NOT):
            self._write_look(*value, wanted=operation is names.ASSERT)
        elif operation is names.GROUPREF:
            self.emit("SAME_IN_ANY_CASE" if self.flags & re.IGNORECASE else "SAME", value)
        else:
            raise self.fail(operation)

    def _write_group(
        self, group: int | None, added: int, dropped: int, items: Any, behind: list[Any]
    ) -> None:
        before, self.flags = self.flags, (self.flags | added) & ~dropped
        if group is not None:
            self.emit("SAVE", 2 * group)
        self.write(list(items), behind if self.flags == before else None)
        self.flags = before
        if group is not None:
            self.emit("SAVE", 2 * group + 1)

    def _write_branches(self, branches: list[list[Any]], behind: list[Any]) -> None:
        """BRANCH set others next: the branch if the text goes on with its set, `next` if with the others'."""
        ends = []
        for place, branch in enumerate(branches[:-1]):
            others = [self.first([*each, *behind]) for each in branches[place + 1 :]]
            union = None if None in others else frozenset().union(*filter(None, others))
            at = self.emit(
                "BRANCH", self.start_set([*branch, *behind]), 0 if union is None else _number_of(union), 0
            )
            self.write(branch, behind)
            ends.append(self.emit("JUMP", 0))
            self.point(at, 3)
        self.write(branches[-1], behind)
        for end in ends:
            self.point(end, 1)

    def _write_repeat(self, low: int, high: Any, body: Any, *, lazy: bool, behind: list[Any]) -> None:
        items = list(body)
        unlimited = high is names.MAXREPEAT
        members = self.members(items[0]) if len(items) == 1 else None
        if members is not None:
            most = _NO_END if unlimited else int(high)
            follow = self.start_set(behind)
            self.emit("MANY_LAZY" if lazy else "MANY", _number_of(members), low, most, follow)
            return
        if self.first(items) is None and (unlimited or high > 1):
            raise self.fail("repeat of what may be empty")
        if low > _MOST_COPIES or (not unlimited and high > _MOST_COPIES):
            raise self.fail(f"repeat of a group {low} to {high} times")
        for _ in range(low):
            self.write(items, None)
        if unlimited:
            loop = len(self.code)
            at = self._option(items, behind, lazy)
            self.write(items, None)
            self.emit("JUMP", loop - len(self.code) & 0xFFFF)
            self.point(at, 1 if lazy else 3)
            return
        places = []
        for _ in range(high - low):
            places.append(self._option(items, behind, lazy))
            self.write(items, None)
        for at in places:
            self.point(at, 1 if lazy else 3)

    def _option(self, items: list[Any], behind: list[Any], lazy: bool) -> int:
        """Begin what may be there or not: the address behind it is yet to be pointed to."""
        if lazy:
            return self.emit("LAZY", 0)
        return self.emit("BRANCH", self.start_set([*items, *behind]), self.start_set(behind), 0)

    def _write_look(self, direction: int, items: Any, *, wanted: bool) -> None:
        body = list(items)
        if len(body) == 1 and (members := self.members(body[0])) is not None:
            names_of = {(1, True): "NEXT_IS", (1, False): "NEXT_IS_NOT", (-1, True): "LAST_IS"}
            self.emit(names_of.get((direction, wanted), "LAST_IS_NOT"), _number_of(members))
            return
        if direction > 0:
            at = self.emit("AHEAD" if wanted else "NOT_AHEAD", 0)
        else:
            low, high = items.getwidth()
            assert low == high, self.pattern
            at = self.emit("BEHIND" if wanted else "NOT_BEHIND", 0, low)
        self.write(body, None)
        self.emit("END")
        self.point(at, 1)


_SAME_CASES = ("iIİı", "sSſ", "kKK")


def _cases(character: str) -> Iterable[str]:
    """The characters that are the same where case does not count."""
    for cases in _SAME_CASES:
        if character in cases:
            return cases
    if character.isascii() and character.isalpha():
        return character.lower() + character.upper()
    return character

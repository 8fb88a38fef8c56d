#!/usr/bin/env python3
"""Writes what csrc/base/unicode.cpp knows of characters, by Python's Unicode database, when Loquor is built.

usage: unicode_data.py OUT.inc. The core then changes and classes characters as the Python that built it does,
on whatever system it is built for.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
WHITE_SPACE = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | frozenset(
    map(chr, range(0x2000, 0x200B))
)
CIRCLED = (range(0x24B6, 0x24EA), range(0x1F130, 0x1F14A), range(0x1F150, 0x1F16A), range(0x1F170, 0x1F18A))
"""Letters in circles and squares, which are alphabetic and no letters."""
WORD_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})


def kinds_of(character: str) -> int:
    """The bits of `Kind` in unicode.hpp."""
    category = unicodedata.category(character)
    is_circled = any(ord(character) in circled for circled in CIRCLED)
    is_word = category in WORD_CATEGORIES or is_circled or character in "\u200c\u200d"
    # A capital sigma at the end of a word becomes another letter than elsewhere: Python's own rule is asked.
    is_cased = f"{character}Σ".lower().endswith("ς")
    is_passed_over = f"a{character}Σ".lower().endswith("ς") and not is_cased
    bits = (
        category[0] == "L",
        category[0] == "N",
        category == "Lo",
        category == "Cf",
        character.isdigit(),
        is_word,
        character in WHITE_SPACE,
        character.isspace(),
        is_cased,
        is_passed_over,
        category[0] == "M",
        category[0] == "S",
        category == "Nd",
        character.isalnum(),
        character.isprintable(),
    )
    return sum(1 << place for place, bit in enumerate(bits) if bit)


def ranges(value_of: Callable[[str], int]) -> Iterator[str]:
    """Rows of `Range`: where a value begins that holds up to the next row."""
    for value, run in groupby(CHARACTERS, value_of):
        yield f"{{{ord(next(run)):#x}, {value}}}"


def mappings(value_of: Callable[[str], str]) -> tuple[list[str], list[str]]:
    """Rows of `Mapping`, for what does not stay as it is, and the characters that they point into."""
    rows, pool = [], []
    for character in CHARACTERS:
        value = value_of(character)
        if value != character:
            rows.append(f"{{{ord(character):#x}, {len(pool)}, {len(value)}}}")
            pool += [f"{ord(each):#x}" for each in value]
    return rows, pool


def upper(character: str) -> str:
    return character.upper() if character.islower() else character


def decomposed(character: str) -> str:
    is_hangul = 0xAC00 <= ord(character) <= 0xD7A3  # whose parts are computed
    return character if is_hangul else unicodedata.normalize("NFKD", character)


def table(kind: str, name: str, rows: list[str]) -> str:
    lines = [", ".join(rows[start : start + 8]) for start in range(0, len(rows), 8)]
    return f"constexpr {kind} {name}[] = {{\n  " + ",\n  ".join(lines) + "\n};\n"


def main(out: Path) -> None:
    parts = [f"// By csrc/base/unicode_data.py of Unicode {unicodedata.unidata_version}. Do not edit.\n"]
    parts.append(table("Range", "kKinds", list(ranges(kinds_of))))
    parts.append(table("Range", "kDecimals", list(ranges(lambda c: unicodedata.decimal(c, 0)))))
    parts.append(table("Range", "kCombining", list(ranges(unicodedata.combining))))
    for name, value_of in (("Upper", upper), ("Lower", str.lower), ("Decomposed", decomposed)):
        rows, pool = mappings(value_of)
        parts.append(table("Mapping", f"k{name}", rows))
        parts.append(table("char32_t", f"k{name}Pool", pool))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(parts), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

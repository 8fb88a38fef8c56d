#!/usr/bin/env python3
"""Writes the rules for English of csrc/english/rules as C++, at each build.

usage: patterns.py OUT_FOLDER

`programs.hpp` and `programs.cpp` get the patterns, as programs for the matcher of pattern.cpp, and the stages
of rules; `words.hpp` and `words.cpp` the tables. A pattern that the matcher could not run stops the build.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from html.entities import html5
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # into the sources
sys.path.insert(0, str(Path(__file__).resolve().parent))

from programs import BYTES, SETS, Program, compiled, give_bytes  # noqa: E402
from rules import stages  # noqa: E402
from rules.characters import NAMED, OTHERS, SIGNS  # noqa: E402
from rules.rule import PATTERNS, TABLES, WORDS, Rule  # noqa: E402
from rules.signs import CHARACTERS, SYMBOLS  # noqa: E402
from rules.units import CURRENCIES  # noqa: E402

HEADER = "// By csrc/english/patterns.py. Do not edit.\n"


def in_bytes(text: str) -> str:
    """A string of C++ in the room's bytes."""
    return '"' + "".join(map(_byte, text)) + '"'


def _byte(character: str) -> str:
    byte = BYTES[character]
    plain = 32 <= byte < 127 and character not in '"\\'
    return character if plain else f"\\{byte:03o}"


def constant(name: str) -> str:
    """'NEXT_CAPITAL' -> 'kNextCapital'."""
    return "k" + "".join(part.capitalize() for part in name.split("_"))


# --- Tables ---


def entries(of: Mapping[str, str | tuple[str, str]]) -> str:
    rows = sorted((in_bytes_key(key), key) for key in of)
    return ",\n".join("    {" + ", ".join(map(in_bytes, (key, *_pair(of[key])))) + "}" for _, key in rows)


def _pair(value: str | tuple[str, str]) -> tuple[str, ...]:
    return (value, "") if isinstance(value, str) else value


def in_bytes_key(word: str) -> bytes:
    """What std::string_view sorts by."""
    return bytes(BYTES[character] for character in word)


def tables() -> tuple[str, str]:
    """words.hpp and words.cpp."""
    declared = [HEADER, '#pragma once\n\n#include "english/tables.hpp"\n\nnamespace loquor::english {\n\n']
    defined = [HEADER, '#include "english/words.hpp"\n\nnamespace loquor::english {\nnamespace {\n\n']
    last = ["\n}  // namespace\n\n"]
    declared += ["extern const Table kSymbols, kEntities;\nextern const FoldedCharacters kFolded;\n"]
    defined.append(characters())
    last += [
        f"const Table kSymbols = {{kSymbolsEntries, {len(SYMBOLS)}}};\n",
        f"const Table kEntities = {{kEntitiesEntries, {len(html5)}}};\n",
        f"const FoldedCharacters kFolded = {{kFoldedCharacters, {len(CHARACTERS)}}};\n",
    ]
    for name, of in sorted(WORDS.items()):
        rows = ", ".join(in_bytes(word) for word in sorted(set(of), key=in_bytes_key))
        defined.append(f"constexpr std::string_view {constant(name)}Words[] = {{{rows}}};\n")
        declared.append(f"extern const Words {constant(name)};\n")
        last.append(f"const Words {constant(name)} = {{{constant(name)}Words, {len(set(of))}}};\n")
    for name, rows_of in sorted(TABLES.items()):
        defined.append(f"constexpr Entry {constant(name)}Entries[] = {{\n{entries(rows_of)}}};\n")
        declared.append(f"extern const Table {constant(name)};\n")
        last.append(f"const Table {constant(name)} = {{{constant(name)}Entries, {len(rows_of)}}};\n")
    end = "\n}  // namespace loquor::english\n"
    return "".join([*declared, end]), "".join([*defined, *last, end])


def characters() -> str:
    """What characters become, and what entities of HTML stand for, in UTF-8."""
    folded = ",\n".join(f"    {{{ord(one):#x}, {in_bytes(of)}}}" for one, of in sorted(CHARACTERS.items()))
    symbols = ", ".join(
        f"{{{in_bytes(one)}, {in_bytes(of)}, {{}}}}"
        for one, of in sorted(SYMBOLS.items(), key=lambda item: in_bytes_key(item[0]))
    )
    names = ",\n".join(f'    {{"{name}", {_utf8(of)}, {{}}}}' for name, of in sorted(html5.items()))
    return (
        f"constexpr Folded kFoldedCharacters[] = {{\n{folded}}};\n"
        f"constexpr Entry kSymbolsEntries[] = {{{symbols}}};\n"
        f"constexpr Entry kEntitiesEntries[] = {{\n{names}}};\n"
    )


def _utf8(text: str) -> str:
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"'


# --- Rules ---


class Needs:
    """Groups of characters, a bit each, which are what they look like: all digits, all small letters."""

    def __init__(self) -> None:
        self._bits: dict[frozenset[str], int] = {}

    def bits(self, rule: Rule) -> int:
        of = {frozenset(map(_shape, {"0-9": "0", "A-Z": "A"}.get(group, group))) for group in rule.needs}
        return sum(1 << self._bits.setdefault(group, len(self._bits)) for group in of)

    def by_byte(self) -> str:
        shapes = {byte: _shape(character) for character, byte in BYTES.items()}
        masks = (
            sum(1 << bit for group, bit in self._bits.items() if shapes.get(byte) in group)
            for byte in range(256)
        )
        assert len(self._bits) <= 64, "more groups of needed characters than bits"
        return ", ".join(f"{mask:#x}" for mask in masks)


def _shape(character: str) -> str:
    if character in CURRENCIES:
        return "$"
    if not character.isascii() or not character.isalnum():
        return character
    return "0" if character.isdigit() else "a" if character.islower() else "A"


def template(text: str) -> str:
    r"""A template with the byte 1 for the group \1, and so on."""
    parts = text.split("\\")
    return in_bytes(parts[0] + "".join(chr(int(part[0])) + part[1:] for part in parts[1:]))


def rules() -> tuple[str, str]:
    """programs.hpp and programs.cpp."""
    needs, functions, programs, stage_rows = Needs(), set(), [], []
    declared = [f"extern const Pattern {constant(name)};\n" for name in sorted(PATTERNS)]
    defined = [
        f"const Pattern {constant(name)} = {_program(programs, constant(name), regex)};\n"
        for name, regex in sorted(PATTERNS.items())
    ]
    for name, of in stages.STAGES.items():
        rows = []
        for number, rule in enumerate(of):
            program = _program(programs, f"k{name}{number}", rule.pattern)
            if rule.is_function:
                functions.add(rule.replacement.removesuffix("()"))
            written = f"&{rule.replacement.removesuffix('()')}" if rule.is_function else "nullptr"
            plain = '""' if rule.is_function else template(rule.replacement)
            size = 0 if rule.is_function else len(rule.replacement) - rule.replacement.count("\\")
            rows.append(f"    {{{program}, {needs.bits(rule):#x}, {written}, {{{plain}, {size}}}}},\n")
        stage_rows.append(f"const Rule k{name}Rules[] = {{\n{''.join(rows)}}};\n")
        declared.append(f"extern const Stage k{name};\n")
        defined.append(f"const Stage k{name} = {{k{name}Rules, {len(of)}}};\n")
    declared += [f"std::string {function}(const Match& match);\n" for function in sorted(functions)]
    codes = sorted((ord(character), byte) for character, byte in BYTES.items() if byte > 127)
    named = {**{name: BYTES[of] for name, of in NAMED.items()}, **{n: BYTES[of] for n, of in OTHERS.items()}}
    declared += [f"constexpr char k{name} = {_literal(byte)};\n" for name, byte in sorted(named.items())]
    codes = [code for code in codes if chr(code[0]) not in OTHERS.values()]
    rows_of_codes = ", ".join(f"{{{code:#x}, {_literal(byte)}}}" for code, byte in codes)
    sets = ",\n".join(f"    {_bytes(each)}" for each in SETS)
    return (
        HEADER + '#pragma once\n\n#include "english/stage.hpp"\n\nnamespace loquor::english {\n\n'
        "// The characters beside ASCII that have a byte of their own, sorted.\n"
        "struct Code {\n  char32_t character;\n  char byte;\n};\n"
        f"constexpr Code kCodes[] = {{{rows_of_codes}}};\n\n"
        + "".join(declared)
        + "\n}  // namespace loquor::english\n",
        HEADER + '#include "english/programs.hpp"\n\nnamespace loquor::english {\n\n'
        f"const Bytes kSets[] = {{\n{sets}}};\n\n"
        f"const Bytes kWordBytes = {_bytes(_word_bytes())};\n"
        f"const Bytes kSpaceBytes = {_bytes(byte for one, byte in BYTES.items() if one.isspace())};\n"
        f"const Bytes kSigns = {_bytes(BYTES[sign] for sign in SIGNS)};\n\n"
        f"const uint64_t kNeeds[256] = {{{needs.by_byte()}}};\n\nnamespace {{\n\n"
        + "".join([*programs, *stage_rows])
        + "\n}  // namespace\n\n"
        + "".join(defined)
        + "\n}  // namespace loquor::english\n",
    )


def _program(programs: list[str], name: str, regex: str) -> str:
    program: Program = compiled(regex)
    programs.append(f"constexpr uint16_t {name}Program[] = {{{', '.join(map(str, program.code))}}};\n")
    starts = "nullptr" if program.starts is None else f"&kSets[{program.starts}]"
    return f"Pattern({name}Program, {starts})"


def _word_bytes() -> set[int]:
    """What \\w takes."""
    return {byte for character, byte in BYTES.items() if character.isalnum() or character == "_"}


def _bytes(members: Iterable[int]) -> str:
    bits = sum(1 << byte for byte in members)
    words = (bits >> 64 * place & (1 << 64) - 1 for place in range(4))
    return "{{" + ", ".join(f"{word:#x}u" for word in words) + "}}"


def _literal(byte: int) -> str:
    return f"'\\{byte:03o}'"


def _check_names() -> None:
    names: Any = [*map(constant, PATTERNS), *map(constant, WORDS), *map(constant, TABLES)]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"used twice: {', '.join(sorted(twice))}"


def main(out: Path) -> None:
    _check_names()
    give_bytes([*PATTERNS.values(), *(rule.pattern for of in stages.STAGES.values() for rule in of)])
    out.mkdir(parents=True, exist_ok=True)
    written = ("words.hpp", "words.cpp", "programs.hpp", "programs.cpp")
    for name, text in zip(written, (*tables(), *rules()), strict=True):
        (out / name).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

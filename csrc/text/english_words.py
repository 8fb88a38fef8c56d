#!/usr/bin/env python3
"""Writes the words that csrc/text/english.cpp needs, by the tables of python/loquor/english, at each build.

usage: english_words.py OUT.inc
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "loquor"


def tables() -> tuple[types.ModuleType, types.ModuleType]:
    """The modules of the package that hold words, which need nothing that is yet to be built."""
    package = types.ModuleType("loquor")
    package.__path__ = [str(PACKAGE)]
    sys.modules["loquor"] = package
    return import_module("loquor.english.tables"), import_module("loquor.english.places")


def words(name: str, of: Iterable[str]) -> str:
    rows = ", ".join(f'"{word}"' for word in sorted(set(of)))
    return f"constexpr std::string_view {name}[] = {{{rows}}};\n"


def main(out: Path) -> None:
    sys.dont_write_bytecode = True  # into the sources
    short, places = tables()
    as_written = {*places.WEEKDAYS, *places.STATES, *short.BEFORE_NAMES, *short.AFTER_NAMES}
    in_any_case = {*places.MONTH_ABBREVIATIONS, *short.ABBREVIATIONS}
    titles = ", ".join(f'{{"{title}", "{words}"}}' for title, words in short.TITLES.items())
    parts = (
        "// By csrc/text/english_words.py. Do not edit.\n",
        words("kShortAsWritten", as_written),
        words("kShort", in_any_case),
        words("kUnits", short.UNITS_WITH_STOP),
        words("kStarters", short.STARTERS),
        f"constexpr Title kTitles[] = {{{titles}}};\n",
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(parts), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

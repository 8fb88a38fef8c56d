"""Chinese in words, each character in Cangjie codes: what Multilingual was trained to read."""

from __future__ import annotations

import importlib
import json
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..base.files import read_bounded
from ..errors import ModelError
from .missing import needed

__all__ = ["cangjie"]

_TABLE = "Cangjie5_TC.json"
_MOST_BYTES = 16 << 20


def cangjie(text: str, folder: Path) -> str:
    """Return `text` with spaces between its words and its characters as `[cj_a][cj_b][cj_.]`.

    A character that shares its code with earlier ones of the table has its number among them behind the code.
    What the table lacks, and what is no character of this kind, stays. Raises `InvalidInputError` without
    jieba, `ModelError` without the bundle's table.
    """
    if not any(_is_character(character) for character in text):
        return text
    with needed("jieba", "zh", "Chinese"):
        jieba: Any = importlib.import_module("jieba")
    codes = _codes(folder / _TABLE)
    return "".join(
        codes.get(each, each) if _is_character(each) else each for each in " ".join(jieba.cut(text))
    )


def _is_character(character: str) -> bool:
    return unicodedata.category(character) == "Lo"


@lru_cache(maxsize=2)
def _codes(table: Path) -> dict[str, str]:
    if not table.is_file():
        raise ModelError(f"no file {table}, by which Chinese is written: fetch the bundle again")
    codes: dict[str, str] = {}
    sharing: dict[str, int] = {}
    try:
        entries = [str(entry) for entry in json.loads(read_bounded(table, _MOST_BYTES))]
    except (ValueError, TypeError) as error:
        raise ModelError(f"{table} cannot be read ({error}): fetch the bundle again") from error
    for entry in entries:
        glyph, _, rest = entry.partition("\t")
        code = rest.split("\t")[0]
        if not code or glyph in codes:
            continue
        number = sharing[code] = sharing.get(code, -1) + 1
        letters = (*code, *(str(number) if number else ""), ".")
        codes[glyph] = "".join(f"[cj_{letter}]" for letter in letters)
    return codes

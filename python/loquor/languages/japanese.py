"""Japanese in kana: what Multilingual was trained to read."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any

from .missing import needed

__all__ = ["hiragana"]

_KANJI = re.compile("[々〆〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_PARTICLES = ("は", "へ")


def hiragana(text: str) -> str:
    """Return `text` with its kanji as they are read; kana and all else stay as they are.

    A reading that begins with は or へ has a space before it, so that it is not taken for a particle, as
    upstream has it. Raises `InvalidInputError` where there is kanji and no fugashi.
    """
    if not _KANJI.search(text):
        return text
    read = []
    for word in _tagger()(text):
        surface = str(word)
        reading = getattr(word.feature, "kana", None)
        if _KANJI.search(surface) and reading:
            surface = reading.translate(_TO_HIRAGANA)
            if surface.startswith(_PARTICLES):
                surface = " " + surface
        read.append(getattr(word, "white_space", "") + surface)
    return "".join(read)


@cache
def _tagger() -> Any:
    with needed("fugashi", "ja", "Japanese"):
        fugashi: Any = importlib.import_module("fugashi")
        importlib.import_module("unidic_lite")
        return fugashi.Tagger()

"""A text of any of the languages, from what a user wrote to what the tokenizer gets.

The rules are those of `MTLTokenizer` and `punc_norm` in Resemble's tokenizer.py and mtl_tts.py (lower case,
NFKD, then each language's own, with the language's tag in front), but where those misread:

* Greek's question mark `;` and U+037E stays one, instead of a comma;
* Turkish lowers I to dotless ı and İ to i, before any accent is taken apart;
* Japanese is read before NFKD, which takes marks off kana (食べる would be くべる);
* ؟ ۔ । 。 and their like end a sentence: no full stop is put behind them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from ..errors import InvalidInputError
from ..text.profiles import LLAMA_REPLACEMENTS, replaced
from .chinese import cangjie
from .japanese import hiragana

__all__ = ["LANGUAGES", "check_language", "prepare_language"]

LANGUAGES = {
    "ar": "Arabic", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ru": "Russian", "sv": "Swedish", "sw": "Swahili", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip
"""By their codes, which are the tags of the tokenizer as well."""

_TAG = re.compile("([A-Za-z]{2})(?:[-_][A-Za-z0-9]{1,8})*", re.ASCII)
_ALSO_CALLED = {"iw": "he", "nb": "no", "nn": "no"}

_ENDERS = (*".!?-,", *"、，。？！؟۔।…")
_GREEK_QUESTION = str.maketrans(dict.fromkeys(";\u037e", "?"))
_TURKISH_CAPITALS = str.maketrans({"I": "ı", "İ": "i"})
_NIQQUD = range(0x05B0, 0x05C8)


def check_language(language: object) -> str:
    """Return a language's code; a script or a region behind it, as in "pt-BR" or "zh-Hans", changes nothing.

    Raises `InvalidInputError` for what is none of them.
    """
    tag = _TAG.fullmatch(language) if isinstance(language, str) else None
    if tag:
        code = _ALSO_CALLED.get(tag[1].lower(), tag[1].lower())
        if code in LANGUAGES:
            return code
    known = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
    if language is None:
        raise InvalidInputError(f"this model speaks many languages: say which with language=, one of {known}")
    raise InvalidInputError(f"language must be one of {known}, not {language!r:.40}")


def prepare_language(
    text: str, language: str, folder: Path, plain: Callable[[str], str] = str
) -> tuple[str, tuple[str, ...]]:
    """Return `text` in a language as its tokenizer gets it, tag in front, and what was not as it should be.

    `plain` reads control tokens as words, which small letters may have made: `[DE]` is German's tag then.
    Chinese is written in the codes of the table that the bundle in `folder` brings. Raises `ModelError`
    without it, and `InvalidInputError` where a library is missing, with the line that installs it.
    """
    if language == "ja":
        text = hiragana(text)
    if language == "el":
        text = text.translate(_GREEK_QUESTION)
    if language == "tr":
        text = text.translate(_TURKISH_CAPITALS)
    text = replaced(" ".join(text.split()), LLAMA_REPLACEMENTS).rstrip(" ")
    text = text if text.endswith(_ENDERS) else text + "."
    text = plain(unicodedata.normalize("NFKD", text.lower()))
    if language == "zh":
        text = cangjie(text, folder)
    warning = _UNMARKED.get(language)
    return f"[{language}]{text}", (warning(text),) if warning is not None and warning(text) else ()


def _without_niqqud(text: str) -> str:
    letters = any("\u05d0" <= character <= "\u05ea" for character in text)
    if not letters or any(ord(character) in _NIQQUD for character in text):
        return ""
    return (
        "Hebrew is read without vowel points, as the model's publishers do in effect: write them to be sure"
    )


_UNMARKED: dict[str, Callable[[str], str]] = {"he": _without_niqqud}

"""Any character in ASCII, or as a sign that the rules read, or left out."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .rules import Match
from .signs import CHARACTERS
from .units import CURRENCIES

__all__ = ["TAG_PLACE", "in_ascii"]

TAG_PLACE = "\ue000"
"""Stands for a tag while the rules run."""

_OTHER = re.compile(rf"[^\x00-\x7f{''.join(CURRENCIES)}¢°{TAG_PLACE}]")
_TRANSLATION = str.maketrans(CHARACTERS)
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER = re.compile("(?<=[A-Za-z0-9)])[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_VULGAR = re.compile(r"(\d?)([¼-¾⅐-⅞])")
_ANGLE = re.compile(r"(\d+)°\s?(\d+)[′'](?:\s?(\d+(?:\.\d+)?)[″\"])?(?:\s?([NSEW])\b)?")
_SIDES = {"N": "north", "S": "south", "E": "east", "W": "west"}
_MINUS = re.compile(r"(?<=\d)−(?=\d)")
_LONG_NUMBER = re.compile(r"\d\d{23,}")  # is said digit by digit, and would cost the rules for numbers much
_SPACES = re.compile(r"[^\S\n]+")
_ODD_SPACE = re.compile(r"[^\S\n ]")


def in_ascii(text: str) -> tuple[str, tuple[str, ...]]:
    """ASCII, tag places and the signs that rules read; and what could not be written so."""
    text, left_out = _fold(text)
    if "  " in text or _ODD_SPACE.search(text):
        text = _SPACES.sub(" ", text)
    return _LONG_NUMBER.sub(lambda m: " ".join(m[0]), text), left_out


def _fold(text: str) -> tuple[str, tuple[str, ...]]:
    if "°" in text:
        text = _ANGLE.sub(_angle, text)
    if text.isascii() or _OTHER.search(text) is None:
        return text, ()
    text = _POWER.sub(lambda m: "^" + m[0].translate(_POWERS), text)
    text = _MINUS.sub("-", text).replace("−", " minus ")
    text = _VULGAR.sub(_vulgar_fraction, text.translate(_TRANSLATION))
    text = unicodedata.normalize("NFKD", text).translate(_TRANSLATION)
    left_out: dict[str, None] = {}

    def written(match: Match) -> str:
        inside, lost = _written(match[0])
        if lost:
            left_out[lost] = None
        return inside

    return _OTHER.sub(written, text), tuple(left_out)


@lru_cache(maxsize=1024)
def _written(character: str) -> tuple[str, str]:
    """What stands for a character that neither is ASCII nor read by a rule, and what is lost of it."""
    digit = unicodedata.decimal(character, None)
    category = unicodedata.category(character)
    if digit is not None:
        return str(digit), ""
    if category[0] == "M" or category == "Cf":
        return "", ""  # accents, joiners
    return " ", unicodedata.normalize("NFC", character) if category[0] in "LSN" else ""


def _vulgar_fraction(match: Match) -> str:
    written = unicodedata.normalize("NFKD", match[2]).replace("\u2044", "/")
    return f"{match[1]} {written}" if match[1] else written


def _angle(match: Match) -> str:
    degrees, minutes, seconds, side = match.groups()
    words = f"{degrees} degrees {minutes} minutes" + (f" {seconds} seconds" if seconds else "")
    return f"{words} {_SIDES[side]}" if side else words

"""Any character in ASCII, or as a sign that the rules read, or left out."""

from __future__ import annotations

import re
import unicodedata

from .rules import Match
from .signs import CHARACTERS
from .units import CURRENCIES

__all__ = ["TAG_PLACE", "in_ascii"]

TAG_PLACE = "\ue000"
"""Stands for a tag while the rules run."""

_READ_BY_RULES = frozenset((*CURRENCIES, "¢", "°", TAG_PLACE))
_TRANSLATION = str.maketrans(CHARACTERS)
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER = re.compile("(?<=[A-Za-z0-9)])[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_VULGAR = re.compile(r"(\d?)([¼-¾⅐-⅞])")
_ANGLE = re.compile(r"(\d+)°\s?(\d+)[′'](?:\s?(\d+(?:\.\d+)?)[″\"])?(?:\s?([NSEW])\b)?")
_SIDES = {"N": "north", "S": "south", "E": "east", "W": "west"}
_MINUS = re.compile(r"(?<=\d)−(?=\d)")
_LONG_NUMBER = re.compile(r"\d{24,}")  # is said digit by digit, and would cost the rules for numbers much
_SPACES = re.compile(r"[^\S\n]+")


def in_ascii(text: str) -> tuple[str, tuple[str, ...]]:
    """ASCII, tag places and the signs that rules read; and what could not be written so."""
    text, left_out = _fold(text)
    return _LONG_NUMBER.sub(lambda m: " ".join(m[0]), _SPACES.sub(" ", text)), left_out


def _fold(text: str) -> tuple[str, tuple[str, ...]]:
    if "°" in text:
        text = _ANGLE.sub(_angle, text)
    if text.isascii():
        return text, ()
    text = _POWER.sub(lambda m: "^" + m[0].translate(_POWERS), text)
    text = _MINUS.sub("-", text).replace("−", " minus ")
    text = _VULGAR.sub(_vulgar_fraction, text.translate(_TRANSLATION))
    out: list[str] = []
    left_out: dict[str, None] = {}
    for character in unicodedata.normalize("NFKD", text).translate(_TRANSLATION):
        if character.isascii() or character in _READ_BY_RULES:
            out.append(character)
            continue
        digit = unicodedata.decimal(character, None)
        category = unicodedata.category(character)
        if digit is not None:
            out.append(str(digit))
        elif category[0] == "M" or category == "Cf":
            continue  # accents, joiners
        else:
            out.append(" ")
            if category[0] in "LSN":
                left_out[unicodedata.normalize("NFC", character)] = None
    return "".join(out), tuple(left_out)


def _vulgar_fraction(match: Match) -> str:
    written = unicodedata.normalize("NFKD", match[2]).replace("\u2044", "/")
    return f"{match[1]} {written}" if match[1] else written


def _angle(match: Match) -> str:
    degrees, minutes, seconds, side = match.groups()
    words = f"{degrees} degrees {minutes} minutes" + (f" {seconds} seconds" if seconds else "")
    return f"{words} {_SIDES[side]}" if side else words

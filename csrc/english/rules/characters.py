"""The bytes of the room: ASCII as it is, the signs that rules read, and what else patterns tell apart."""

from __future__ import annotations

from .units import CURRENCIES

__all__ = ["NAMED", "OTHERS", "SIGNS", "TAG_PLACE"]

TAG_PLACE = "\ue000"
"""Stands for a tag while the rules run."""

SIGNS = "".join(sign for sign in CURRENCIES if not sign.isascii()) + "¢°" + TAG_PLACE
"""What is left beside ASCII when a text is folded: from 0x80 on."""

NAMED = {"TagPlace": TAG_PLACE, "Degree": "°", "Squared": "²", "Cubed": "³"}
"""Those that C++ names."""

CASED = "ſKİı"
"""Letters that are S, K and I to Python where case does not count."""

OTHERS = {"OtherLetter": "\u4e00", "OtherDigit": "\u0663", "OtherSpace": "\u2003", "Other": "\u2603"}
"""Kinds of characters that no pattern names, up to 0xff, and one of each: what is true of it is of all."""

"""Flags of the core's options: name, type, default and help are those of the table."""

from __future__ import annotations

import argparse
from typing import Any

from ..speech.option_table import Option

__all__ = ["add_option"]

_TYPES = {"float": float, "string": str}
_METAVARS = {"float": "X", "string": "NAME"}


def add_option(parser: argparse._ActionsContainer, option: Option, **changes: Any) -> None:
    """Add `--its-name`; it is None where nothing is given and a bundle has the default."""
    default = None if option.of_bundle else option.default
    how: dict[str, Any] = {"default": default, "help": _help_of(option)}
    if option.type == "bool":
        how["action"] = argparse.BooleanOptionalAction
    else:
        how["type"] = _TYPES.get(option.type, int)
        if "choices" not in changes:
            how["metavar"] = _METAVARS.get(option.type, "N")
    parser.add_argument(f"--{option.name.replace('_', '-')}", **(how | changes))


def _help_of(option: Option) -> str:
    """The sentence as help texts are written: no capital, unless of an abbreviation, and no full stop."""
    sentence = option.sentence.removesuffix(".")
    first = sentence[:1].lower() if sentence[1:2].islower() or sentence[1:2] == " " else sentence[:1]
    default = "" if option.of_bundle else f" (default: {option.default})"
    return (first + sentence[1:] + default).replace("%", "%%")

"""The tables of words that the core's English is built with."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

__all__ = ["table_of"]

FOLDER = Path(__file__).parents[1] / "csrc" / "english" / "rules"


def table_of(module: str) -> types.ModuleType:
    """A file of csrc/english/rules, such as "tables"."""
    if "rules_of_english" not in sys.modules:
        package = types.ModuleType("rules_of_english")
        package.__path__ = [str(FOLDER)]
        sys.modules["rules_of_english"] = package
    return importlib.import_module(f"rules_of_english.{module}")

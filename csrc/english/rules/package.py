"""What the package's python/loquor/text knows of texts, for languages besides English or at run time."""

from __future__ import annotations

import sys
import types
from importlib import import_module
from pathlib import Path

__all__ = ["module"]


def module(name: str) -> types.ModuleType:
    """A module of the package, which is not yet to be imported as a whole: its core is what is built here."""
    package = types.ModuleType("loquor")
    package.__path__ = [str(Path(__file__).resolve().parents[3] / "python" / "loquor")]
    sys.modules.setdefault("loquor", package)
    return import_module(f"loquor.text.{name}")

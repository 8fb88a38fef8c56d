"""Numbers as users give them: checked, each mistake told by the name of what was given."""

from __future__ import annotations

import math
import sys
from typing import Any

from ..errors import InvalidInputError

__all__ = ["finite", "truth"]


def finite(given: Any, name: str) -> float:
    """Return a finite number. Raises `InvalidInputError` for anything else."""
    if not _is_number(given):
        raise InvalidInputError(f"{name} must be a number, not {type(given).__name__}")
    try:
        number = float(given)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInputError(f"{name} must be a finite number, not {number}")
    return number


def truth(given: Any, name: str) -> bool:
    """Return True or False, which numpy's count as. Raises `InvalidInputError` for anything else."""
    numpy = sys.modules.get("numpy")
    if isinstance(given, bool) or (numpy is not None and isinstance(given, numpy.bool_)):
        return bool(given)
    raise InvalidInputError(f"{name} must be True or False, not {given!r:.80}")


def _is_number(given: object) -> bool:
    if isinstance(given, (int, float)):
        return not isinstance(given, bool)
    numpy = sys.modules.get("numpy")  # who has one of its numbers has imported it, which takes long
    return numpy is not None and isinstance(given, (numpy.integer, numpy.floating))

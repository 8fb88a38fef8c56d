"""Numbers as users give them: checked, each mistake told by the name of what was given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InvalidInputError

__all__ = ["finite"]


def finite(given: Any, name: str) -> float:
    """Return a finite number. Raises `InvalidInputError` for anything else."""
    if isinstance(given, bool) or not isinstance(given, (int, float, np.integer, np.floating)):
        raise InvalidInputError(f"{name} must be a number, not {type(given).__name__}")
    try:
        number = float(given)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidInputError(f"{name} must be a finite number, not {number}")
    return number

"""A text with the times of its letters, and the symbols that letters and tags are to the text encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .spell import LETTERS

LEAD = 2
"""Tokens of silence before the first phone."""
FIRST_LETTER = 20
SYMBOLS = 64
"""Text symbols: 0 padding and the end, 1..19 the tags, from FIRST_LETTER the letters, the rest unused."""
SYMBOL_OF = {letter: FIRST_LETTER + i for i, letter in enumerate(LETTERS)}


@dataclass
class Item:
    """A text and its speech. Times are in tokens from the item's first frame."""

    symbols: NDArray[np.uint8]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    phones: NDArray[np.uint8]
    """[letters, 3]: first phone, second phone, stressed."""
    first: int
    """Index of the first token among all codes."""
    tokens: int

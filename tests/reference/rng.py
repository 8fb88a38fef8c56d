"""Counter-based uniform numbers: the n-th one of a seed is known without drawing those before it."""

from __future__ import annotations

import numpy as np


def uniform(seed: int, step: int) -> float:
    """The `step`-th number in [0, 1) of `seed`, a multiple of 2**-24.

    It is the top 24 bits of the first word of Philox4x64-10 (Salmon et al., 2011) with key (seed, 0) and
    counter (step, 0, 0, 0).
    """
    # NumPy increments the 256-bit counter before it makes a block.
    block = np.random.Philox(key=seed, counter=(step - 1) % (1 << 256))
    return float(int(block.random_raw()) >> 40) * 2.0**-24

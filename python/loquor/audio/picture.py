"""A picture of sound for notebooks, as SVG in the colour of the text around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["bars", "waveform"]

_WIDTH, _HEIGHT, _BARS = 480, 64, 160


def waveform(samples: npt.NDArray[np.float32]) -> str:
    """The loudest sample of each stretch, as bars; float32 [n], not empty."""
    edges = np.linspace(0, len(samples), min(_BARS, len(samples)) + 1).astype(int)
    return bars(np.maximum.reduceat(np.abs(np.nan_to_num(samples)), edges[:-1]))


def bars(heights: npt.NDArray[np.float32]) -> str:
    """One for each of `heights`, the largest of which fills the picture."""
    top = float(heights.max(initial=0.0)) or 1.0
    step = _WIDTH / len(heights)
    lines = "".join(
        f"M{step * (number + 0.5):.1f} {(_HEIGHT - tall) / 2:.1f}v{tall:.1f}"
        for number, tall in enumerate(max(1.0, _HEIGHT * float(height) / top) for height in heights)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img">'
        f'<path d="{lines}" stroke="currentColor" stroke-width="{0.6 * step:.1f}"/></svg>'
    )

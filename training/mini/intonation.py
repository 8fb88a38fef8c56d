"""What the teacher's pitch lacks: a rise where a question ends, a fall where a statement does.

Flite's clustergen voices end every sentence alike. The pitch of the last syllables before a mark is bent
here, in the training data, so that the trained voice says `?` and `.` as a listener expects them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .align import Letter
from .teacher import FRAME_SECONDS

BENDS = {"?": 0.28, ".": -0.07, "!": -0.09, ",": 0.06, ";": -0.03, ":": -0.03}
"""Change of log f0 that is reached at each mark: 0.28 is five semitones up."""
SECONDS = 0.38
"""Before the mark, in which the change sets in."""


def bend(text: str, letters: Sequence[Letter], frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Teacher frames [n, 31] with the pitch before each of BENDS' marks changed."""
    change = np.zeros(len(frames))
    previous = 0.0
    for mark, letter in zip(text, letters, strict=True):
        if mark not in BENDS:
            continue
        end = letter.start
        start = max(previous, end - SECONDS)
        times = np.arange(round(start / FRAME_SECONDS), min(round(end / FRAME_SECONDS), len(frames)))
        if len(times):
            rise = (times * FRAME_SECONDS - (end - SECONDS)) / SECONDS
            change[times] = BENDS[mark] * np.clip(rise, 0, 1) ** 2 * (3 - 2 * np.clip(rise, 0, 1))
        previous = letter.end
    out = frames.astype(np.float32)
    out[:, 0] *= np.exp(change)
    return out

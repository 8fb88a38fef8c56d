"""The event tags as the teacher can give them: interjections, which it speaks as it speaks words.

It has no laugh and no cough of its own: "ha ha ha" is said, not laughed.
"""

# ruff: noqa: RUF001 - phonetic letters are meant

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import codes
from .items import LEAD, Item
from .melodies import leaders
from .phonemes import Phonemes
from .teacher import Teacher
from .timbres import LEADING, read_styles, single
from .tokens import TAG_SYMBOLS

SAID = {
    "laugh": "hˈɑ hˈɑ hˈɑ hˈɑ!", "chuckle": "hˈɛ hɛ hɛ.", "sigh": "ˈɑh…", "groan": "ˈʌɡ…", "gasp": "hˈʌ!",
    "cough": "kəhˈʌ, kəhˈʌ.", "clear throat": "əhˈɛm.", "sniff": "hˈɪmf.", "shush": "ʃʃˈʃʃ.",
}  # fmt: skip
"""Phonemes of each tag: one way, so that there is nothing to choose."""
_BREATHED = ("shush",)
TAIL = 3
"""Tokens of silence after an event."""


def items(work: Path) -> Iterator[tuple[Item, NDArray[np.uint8], int]]:
    """(item, codes, leader) of every event and leader; an item's one symbol is its tag's."""
    phonemes, styles = Phonemes(work / "teacher/vocab.json"), read_styles(work / "teacher/styles")
    teacher, known = Teacher(work / "teacher", parts=("predictor",)), leaders(work)
    for tag, string in SAID.items():
        tokens = phonemes.tokens(string)
        for leader, name in enumerate(LEADING):
            plan = teacher.plan(tokens, single(name).style(styles, len(tokens) - 2))
            said = codes.encode(string, plan.durations.tolist(), plan.pitch, known[name])
            if tag in _BREATHED:
                said[:, 2] = codes.UNVOICED
            spoken = np.flatnonzero(said[:, 0])
            part = said[max(spoken[0] - LEAD, 0) : spoken[-1] + 1 + TAIL]
            times = (np.array([x], np.float32) for x in (LEAD, len(part)))
            symbols, phones = np.array([TAG_SYMBOLS[tag]], np.uint8), np.zeros((1, 3), np.uint8)
            yield Item(symbols, *times, phones, 0, len(part)), part, leader

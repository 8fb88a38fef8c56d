"""Stage `time`: text, timing and pitch without sound, a twentieth of the work: `timing/NNN.npz`, TEXTS texts
a file.

Each text is timed by its leader (timbres.cast), as in the parallel corpus. A file holds `phonemes` and
`texts` (object-free
unicode), and `durations` and `pitch` of all of them in a row; `tokens` and `halves` say how many belong to
each.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from .phonemes import Phonemes
from .teacher import Teacher
from .timbres import cast, read_styles

TEXTS = 250


def run(work: Path) -> None:
    """Time all texts of texts.txt; files that are there are not made again."""
    folder = work / "timing"
    folder.mkdir(exist_ok=True)
    teacher = Teacher(work / "teacher", parts=("predictor",))
    phonemes, styles = Phonemes(work / "teacher/vocab.json"), read_styles(work / "teacher/styles")
    texts = (work / "texts.txt").read_text().splitlines()
    for first in range(0, len(texts), TEXTS):
        target = folder / f"{first // TEXTS:03d}.npz"
        if target.exists():
            continue
        part = texts[first : first + TEXTS]
        strings = [phonemes.string(text) for text in part]
        plans = []
        for index, string in enumerate(strings, first):
            tokens = phonemes.tokens(string)
            plans.append(teacher.plan(tokens, cast(index, 1)[0].style(styles, len(tokens) - 2)))
        with (aside := target.with_suffix(".part")).open("wb") as file:
            np.savez_compressed(
                file,
                texts=np.array(part),
                phonemes=np.array(strings),
                tokens=np.array([len(plan.durations) for plan in plans]),
                halves=np.array([len(plan.pitch) for plan in plans]),
                durations=np.concatenate([plan.durations for plan in plans]).astype(np.int16),
                pitch=np.concatenate([plan.pitch for plan in plans]).astype(np.float16),
            )
        aside.replace(target)
        print(f"{time.strftime('%F %T')} timing: {first + len(part)} texts", flush=True)

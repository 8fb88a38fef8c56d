"""Whose voices the corpus is spoken in: the teacher's styles and mixtures of them, and who stays out for the
tests."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LEADING = ("af_heart", "af_bella", "bf_emma", "am_michael", "am_puck", "bm_george")
"""Those whose timing and intonation the others follow. The shipped voices are chosen among them."""
TRAINED = (
    *LEADING,
    "af_alloy", "af_aoede", "af_jessica", "af_nova", "af_river", "af_sarah", "af_sky", "am_adam",
    "am_echo", "am_eric", "am_fenrir", "am_liam", "am_onyx", "bf_isabella", "bf_lily", "bm_daniel",
    "bm_fable", "ef_dora", "em_alex", "ff_siwis", "hm_omega", "im_nicola", "jf_alpha", "jm_kumo", "pm_alex",
)  # fmt: skip
"""Voices of the training corpus. Those of other languages speak English here: timbres are what they are for.

Left out: af_nicole whispers; hf_alpha and zf_xiaoxiao are misheard.
"""
HELD_OUT = (
    "af_kore", "am_santa", "bf_alice", "bm_lewis", "hf_beta", "hm_psi", "if_sara", "jf_gongitsune",
    "jf_nezumi", "jf_tebukuro", "pf_dora", "zf_xiaobei", "zf_xiaoni", "zf_xiaoyi", "zm_yunjian", "zm_yunxi",
    "zm_yunxia", "zm_yunyang",
)  # fmt: skip
"""Voices that no training data is made from or mixed from: references of the imitation test."""


@dataclass(frozen=True)
class Timbre:
    """A weighted mean of the teacher's styles; one style has one part of weight 1."""

    parts: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        if len(self.parts) == 1:
            return self.parts[0][0]
        return "+".join(f"{weight:.2f}*{name}" for name, weight in self.parts)

    def style(self, styles: dict[str, np.ndarray], tokens: int) -> np.ndarray:
        """(1, 256) float32 for a text of `tokens` tokens."""
        rows = [weight * table[min(tokens, len(table) - 1)] for table, weight in self._tables(styles)]
        return np.sum(rows, axis=0, dtype=np.float32)[None]

    def _tables(self, styles: dict[str, np.ndarray]) -> list[tuple[np.ndarray, float]]:
        return [(styles[name], weight) for name, weight in self.parts]


def single(name: str) -> Timbre:
    return Timbre(((name, 1.0),))


def cast(index: int, count: int = 3) -> list[Timbre]:
    """Who speaks text `index`: a leader, then by turns a mixture of two voices and a single voice, all
    different."""
    rng = random.Random(f"cast {index}")
    leader = LEADING[index % len(LEADING)]
    taken, timbres = {leader}, [single(leader)]
    while len(timbres) < count:
        first, second = rng.sample([name for name in TRAINED if name not in taken], 2)
        taken.add(first)
        if len(timbres) % 2:
            weight = round(rng.uniform(0.3, 0.7), 2)
            timbres.append(Timbre(((first, weight), (second, round(1 - weight, 2)))))
            taken.add(second)
        else:
            timbres.append(single(first))
    return timbres


def read_styles(folder: Path) -> dict[str, np.ndarray]:
    """{name: (510, 256) float32}, a row for each length of text, of all files NAME.bin in `folder`."""
    return {
        path.stem: np.fromfile(path, np.float32).reshape(-1, 256) for path in sorted(folder.glob("*.bin"))
    }

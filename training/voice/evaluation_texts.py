"""The sentences the voice is judged by, in four groups, and the 500 texts of the stop test."""

from __future__ import annotations

import random
from pathlib import Path

GROUPS = ("everyday", "news", "questions_lists", "numbers")
FOLDER = Path(__file__).parent / "sentences"


def sentences(group: str) -> list[str]:
    """The sentences of one group, as a user would type them."""
    lines = (FOLDER / f"{group}.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def all_sentences() -> list[str]:
    return [sentence for group in GROUPS for sentence in sentences(group)]


def stop_texts(count: int = 500, seed: int = 7) -> list[str]:
    """Varied texts from one word to 300 characters: words, sentences and runs of the sentences above."""
    rng = random.Random(seed)
    pool = all_sentences()
    words = sorted({w for s in pool for w in s.split()})
    texts: list[str] = []
    while len(texts) < count:
        kind = len(texts) % 5
        if kind == 0:
            texts.append(" ".join(rng.sample(words, rng.randint(1, 3))))
        elif kind in (1, 2):
            texts.append(rng.choice(pool))
        else:
            text, target = rng.choice(pool), rng.randint(60, 300)
            while len(text) < target - 40:
                text = f"{text} {rng.choice(pool)}"
            texts.append(text[:300].rsplit(" ", 1)[0] if len(text) > 300 else text)
    return texts

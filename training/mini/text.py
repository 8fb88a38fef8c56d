"""Stage `text`: the training texts, one a line, 1 to 300 characters, the same on every machine.

Made of our own sentence patterns and of SCOWL's words: each of the commoner words is spoken at least once,
the commonest many times. Numbers are in words; a text may hold several sentences. No evaluation sentence
comes through.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from .evaluation_texts import all_sentences
from .grammar import sentence
from .lexicon import LEXICON
from .spell import letters_only

MAX_CHARACTERS = 300
TIERS = ("10", "20", "35", "40", "50")
SHARES = {"everyday": 0.14, "news": 0.09, "questions": 0.07, "lists": 0.06, "numbers": 0.11, "talk": 0.02}
"""Share of all texts made from each group of patterns; word strings and long texts make up the rest."""


def read_scowl(folder: Path) -> dict[str, list[str]]:
    """{tier: plain lower-case words} plus 'names', sorted, from SCOWL's english and american lists."""

    def words(kind: str, tier: str) -> list[str]:
        found: set[str] = set()
        for dialect in ("english", "american"):
            path = folder / f"{dialect}-{kind}.{tier}"
            if path.is_file():
                found.update(path.read_text("latin-1").lower().split())
        return sorted(w for w in found if re.fullmatch(r"[a-z]+('[a-z]+)?", w) and 1 < len(w) < 18)

    # SCOWL lists a possessive of nearly every noun: the common ones are enough to learn them
    tiers = {
        t: sorted(
            {w for w in words("words", t) if t == "10" or not w.endswith("'s")} | {*words("contractions", t)}
        )
        for t in TIERS
    }
    return tiers | {"names": words("proper-names", "50")}


def word_string(words: list[str], rng: random.Random) -> str:
    """Words in a row with small words between, as a phrase with an end: '... of oyster, the paint?'"""
    small = ("the", "a", "of", "and", "to", "in", "for", "with", "is", "was", "my", "that", "or", "his", "on")
    out: list[str] = []
    for word in words:
        if rng.random() < 0.55:
            out.append(rng.choice(small))
        out.append(word + ("," if rng.random() < 0.12 else ""))
    text = " ".join(out).rstrip(",") + rng.choice("....?!")
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def coverage(words: list[str], rng: random.Random) -> list[str]:
    """Every word once, two to six of them a text."""
    words = rng.sample(words, len(words))
    texts = []
    while words:
        count = rng.randint(2, 6)
        texts.append(word_string(words[:count], rng))
        words = words[count:]
    return texts


def short_texts(common: list[str], rng: random.Random, count: int) -> list[str]:
    """Single letters and words, with and without an end, and names of two words."""
    texts = [c + end for c in "abcdefghijklmnopqrstuvwxyz" for end in ("", ".", "?")]
    while len(texts) < count:
        words = " ".join(rng.sample(common, rng.choice((1, 1, 1, 2))))
        texts.append(words + rng.choice(("", ".", ".", "!", "?")))
    return texts


def long_texts(rng: random.Random, count: int) -> list[str]:
    """Two to five sentences, up to MAX_CHARACTERS."""
    kinds = tuple(SHARES)
    texts = []
    while len(texts) < count:
        text = sentence(rng.choice(kinds), rng)
        target = rng.randint(90, MAX_CHARACTERS)
        while len(text) < target:
            text = f"{text} {sentence(rng.choice(kinds), rng)}"
        if len(text) <= MAX_CHARACTERS:
            texts.append(text)
    return texts


def make_texts(scowl: dict[str, list[str]], count: int, seed: int = 1) -> list[str]:
    """About `count` different texts in training order. The same arguments give the same texts."""
    rng = random.Random(seed)
    texts: list[str] = []
    for kind, share in SHARES.items():
        texts += [sentence(kind, rng) for _ in range(int(share * count))]
    common = scowl["10"] + scowl["20"]
    texts += short_texts(common, rng, int(0.05 * count))
    texts += long_texts(rng, int(0.06 * count))
    names = sorted({*LEXICON["name"], *LEXICON["surname"], *LEXICON["town"], *LEXICON["country"]})
    pool = {
        "common": coverage(scowl["10"] * 2 + scowl["20"], rng),
        "plain": coverage(scowl["35"] + scowl["40"], rng),
        "rare": coverage(scowl["50"] + scowl["names"] + names, rng),
    }
    for name, share in (("common", 0.16), ("plain", 0.19), ("rare", 0.05)):
        texts += pool[name][: int(share * count)]
    held = {" ".join(re.findall(r"[a-z']+", letters_only(s))) for s in all_sentences()}
    texts = list(dict.fromkeys(letters_only(t) for t in texts))
    texts = [t for t in texts if t and not _holds(t, held)]
    rng.shuffle(texts)
    return texts


def _holds(text: str, held: set[str]) -> bool:
    """Whether `text` holds an evaluation sentence of three words or more (or is one of any length)."""
    words = " ".join(re.findall(r"[a-z']+", text))
    return words in held or any(len(h.split()) > 2 and f" {h} " in f" {words} " for h in held)


def run(work: Path, scowl_folder: Path, count: int) -> None:
    texts = make_texts(read_scowl(scowl_folder), count)
    (work / "texts.txt").write_text("\n".join(texts) + "\n")

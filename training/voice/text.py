"""Stage `text`: what is spoken. Sentences from patterns, the same on every machine; no evaluation sentence
among them.

Text number `index` is drawn from its number alone: a corpus that is made longer keeps its beginning.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

from .evaluation_texts import all_sentences
from .grammar import PATTERNS as PLAIN
from .grammar import fill as fill_plain
from .lexicon import LEXICON
from .number_words import MONTHS
from .scowl import read_scowl
from .spell import letters_only
from .talk import PATTERNS, WORDS

SHARES = {
    "dialogue": 16, "talking": 16, "stories": 9, "asking": 11, "counting": 9, "spelling": 14, "short": 4,
    "everyday": 7, "news": 6, "numbers": 3, "lists": 3, "two": 2,
}  # fmt: skip
"""How often each kind is drawn, of 100; 'two' are two texts in a row."""
MOST_CHARACTERS = 220
_NAMES = {
    word: word.title() for kind in ("name", "surname", "country", "town", "day") for word in LEXICON[kind]
} | {month.lower(): month.capitalize() for month in MONTHS if month not in ("march", "may")}


def sentence(kind: str, rng: random.Random, words: Sequence[str]) -> str:
    """One text of a kind, with capitals as one writes them and numbers in words; {word} is one of `words`."""
    if kind == "two":
        return f"{sentence('talking', rng, words)} {sentence('asking', rng, words)}"
    pattern = rng.choice(PATTERNS[kind] if kind in PATTERNS else PLAIN[kind])
    while match := re.search(r"\{(\w+)\}", pattern):
        if match[1] == "word":
            word = rng.choice(words)
        else:
            word = rng.choice(WORDS[match[1]]) if match[1] in WORDS else fill_plain(match[0], rng)
        pattern = pattern[: match.start()] + word + pattern[match.end() :]
    pattern = re.sub(r"\b([Aa]) (?=[aeiou](?!ne?\b|uropean|ni))", r"\1n ", pattern)
    return capitals(pattern)


def capitals(text: str) -> str:
    """Capitals for the first letter of each sentence, for I, and for names."""
    text = re.sub(r"\bi\b(?=$|[ ,.!?'])", "I", text)
    text = re.sub(r"[a-z]+", lambda m: _NAMES.get(m[0], m[0]), text)
    return re.sub(r"(^\"?|[.!?] \"?|[.!?]\" \")([a-z])", lambda m: m[1] + m[2].upper(), text)


def texts(words: Sequence[str], seed: str = "voice") -> Iterator[str]:
    """Different texts without end, the same for the same `words` and seed; `words` are what people spell and
    list."""
    kinds, weights = zip(*SHARES.items(), strict=True)
    held = {_words(s) for s in all_sentences()}
    longer = tuple(f" {h} " for h in held if len(h.split()) > 2)
    seen: set[str] = set()
    for number in count():
        rng = random.Random(f"{seed} {number}")
        text = sentence(rng.choices(kinds, weights)[0], rng, words)
        plain = _words(text)
        if (
            len(text) > MOST_CHARACTERS
            or text in seen
            or plain in held
            or any(h in f" {plain} " for h in longer)
        ):
            continue
        seen.add(text)
        yield text


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", letters_only(text)))


def run(work: Path, scowl: Path, number: int) -> None:
    """Write `texts.txt`: `number` texts, one a line. `scowl` is the folder of its word lists."""
    lists = read_scowl(scowl)
    words = sorted({w for tier in ("10", "20", "35", "40") for w in lists[tier] if len(w) > 2})
    (work / "texts.txt").write_text("".join(f"{text}\n" for text in islice(texts(words), number)))

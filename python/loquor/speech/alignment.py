"""When each word of a text is said, from which of the prompt's ids each speech code says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..audio.subtitles import Mark

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["WordTimes"]

_SILENCE = 10 ** (-50 / 20)
"""RMS of 10 ms below which nothing is heard; csrc/decode/wave_tail.cpp has the same."""


class WordTimes:
    """The words of a user's `text`, with their times as its speech is handed over.

    `spoken` is the text as the tokenizer got it, which may be written otherwise (numbers in words), and
    `spans` are the characters of it that each of the prompt's ids stands for. Words are those between blanks;
    what has neither letter nor digit is none.
    """

    def __init__(
        self, text: str, spoken: str, spans: Sequence[tuple[int, int]], seconds_per_code: float
    ) -> None:
        self._text, self._step = text, seconds_per_code
        self._words = _placed(text, spoken, spans)
        self._codes = 0
        self._reached = -1  # of ids
        self._first: dict[int, int] = {}
        """The first code at or behind each id, for ids that codes reached."""
        self._done = 0
        self._silent = 0.0  # seconds before anything was heard
        self._sounding = False
        self.marks: list[Mark] = []
        """Of the words that were said whole, in order, in seconds from the start of this speech."""

    @property
    def told(self) -> bool:
        """Whether the model tells anything of where it is."""
        return self._codes > 0

    def add(self, said_ids: npt.NDArray[np.int32]) -> list[Mark]:
        """Take the ids that the next codes say, int32 [n], never falling; return the words that ended."""
        for reached in map(int, said_ids):
            for id_ in range(self._reached + 1, reached + 1):
                self._first[id_] = self._codes
            self._reached = max(self._reached, reached)
            self._codes += 1
        return self._collect()

    def listen(self, samples: npt.NDArray[np.float32], sample_rate: int) -> None:
        """Take the sound of the next codes before `add`: no word begins in the silence before the first."""
        frame = sample_rate // 100
        if self._sounding or len(samples) < frame:
            return
        frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
        heard = np.flatnonzero(np.mean(np.square(frames, dtype=np.float64), axis=1) > _SILENCE**2)
        self._sounding = heard.size > 0
        self._silent += (int(heard[0]) if self._sounding else len(frames)) * frame / sample_rate

    def finish(self) -> list[Mark]:
        """The speech is over: return the words that end with it."""
        if not self.told or not self._words:
            return []
        last = self._words[-1].last + 1
        for id_ in range(self._reached + 1, last + 1):
            self._first[id_] = self._codes
        self._reached = max(self._reached, last)
        return self._collect()

    def text_until(self, codes: float) -> str:
        """The text up to the last word that was said whole in the first so many codes."""
        whole = [word for word in self._words[: self._done] if self._first[word.last + 1] <= codes]
        return self._text[: whole[-1].end].strip() if whole else ""

    def between(self, begin: int, end: int) -> str:
        """The stretch of the text whose words the prompt's ids from `begin` to before `end` say whole."""
        inside = [word for word in self._words if begin <= word.first <= word.last < end]
        return self._text[inside[0].begin : inside[-1].end] if inside else ""

    def _collect(self) -> list[Mark]:
        new = []
        while self._done < len(self._words) and self._words[self._done].last < self._reached:
            word = self._words[self._done]
            begin, end = (self._first[id_] * self._step for id_ in (word.first, word.last + 1))
            begin = min(max(begin, self._silent), end)
            new.append(Mark(self._text[word.begin : word.end], begin, end))
            self._done += 1
        self.marks += new
        return new


class _Word:
    """A word of the user's text: its characters, and the first and last of the ids that say it."""

    __slots__ = ("begin", "end", "first", "last")

    def __init__(self, begin: int, end: int, first: int, last: int) -> None:
        self.begin, self.end, self.first, self.last = begin, end, first, last


def _placed(text: str, spoken: str, spans: Sequence[tuple[int, int]]) -> list[_Word]:
    """The words of `text` with the ids that say them, which never fall."""
    own, said = _words(text), _words(spoken)
    ranges = _ids_of(said, spoken, spans)
    words: list[_Word] = []
    following = next((first for first, _ in ranges), 0)
    for (begin, end), (low, high) in zip(own, _matched(text, own, spoken, said), strict=True):
        inside = ranges[low:high]
        first = inside[0][0] if inside else following
        last = inside[-1][1] if inside else first - 1
        words.append(_Word(begin, end, first, max(last, first - 1)))
        following = max(following, words[-1].last + 1)
    for word, after in pairwise(words):  # a word that several are said as meets its neighbours
        word.last = max(word.first - 1, min(word.last, after.first - 1))
    return words


def _words(text: str) -> list[tuple[int, int]]:
    found = re.finditer(r"\S+", text)
    return [m.span() for m in found if any(character.isalnum() for character in m.group())]


def _ids_of(
    words: Sequence[tuple[int, int]], spoken: str, spans: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The first and last id with a letter or digit of each word; the marks around it are pauses."""
    word_at = [-1] * len(spoken)
    for number, (begin, end) in enumerate(words):
        for place in range(begin, end):
            if spoken[place].isalnum():
                word_at[place] = number
    found: list[list[int]] = [[] for _ in words]
    for id_, (begin, end) in enumerate(spans):
        for number in {word_at[place] for place in range(begin, min(end, len(spoken)))} - {-1}:
            found[number].append(id_)
    ranges, reached = [], 0
    for ids in found:
        first, last = (ids[0], ids[-1]) if ids else (reached, reached - 1)
        ranges.append((first, last))
        reached = max(reached, last + 1)
    return ranges


def _matched(
    text: str, own: Sequence[tuple[int, int]], spoken: str, said: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """For each word of the text, which words say it, as a half-open range; all of them are taken."""
    one, other = (
        [_bare(of[begin:end]) for begin, end in words] for of, words in ((text, own), (spoken, said))
    )
    ranges = [(0, 0)] * len(own)
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "insert":
            if a:
                ranges[a - 1] = (ranges[a - 1][0], d)
            continue
        for number in range(a, b):
            low, high = (c + (d - c) * (number + edge - a) // (b - a) for edge in (0, 1))
            ranges[number] = (low, max(high, min(low + 1, d)))
    if ranges and said:
        ranges[0] = (0, ranges[0][1])
    return ranges


def _bare(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word).casefold()
    return "".join(character for character in folded if character.isalnum())

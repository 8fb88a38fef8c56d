"""Which letters stand for which phones: a Viterbi-trained model, so that each letter gets a time and a sound.

A letter takes none, one or two phones in order. The model starts from a small table of what English letters
usually stand for, then is re-estimated from its own best alignments (hard EM) over the corpus's words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

PHONES = """pau aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw
    v w y z zh""".split()  # noqa: SIM905
PHONE_INDEX = {phone: index for index, phone in enumerate(PHONES)}

_USUAL = {
    "a": "ae ey aa ax ao eh", "b": "b", "c": "k s ch sh", "d": "d t", "e": "eh iy ax ih er", "f": "f v",
    "g": "g jh", "h": "hh", "i": "ih ay iy ax y", "j": "jh y", "k": "k", "l": "l", "m": "m", "n": "n ng",
    "o": "aa ow ah ao uw ax aw uh", "p": "p f", "q": "k", "r": "r er", "s": "s z sh zh", "t": "t th dh ch sh",
    "u": "ah uw uh ax y w", "v": "v", "w": "w aw", "x": "k", "y": "iy ay y ih", "z": "z s",
}  # fmt: skip
_USUAL_PAIRS = (
    "x:k s", "x:g z", "u:y uw", "u:y uh", "u:y ax", "u:y ah", "o:w ah", "e:y uw", "l:ax l", "m:ax m",
    "r:ax r", "z:t s", "a:ey aa",
)  # fmt: skip
_SILENT_LETTERS = {"'": -0.1, "-": -0.1, "e": -1.2, "h": -1.2}
_UNSEEN = (-4.5, -6.0, -9.5, -14.0, -18.0, -20.0, -22.0, -24.0)
"""Log probability of a letter for which 0, 1, 2... phones in this order were never seen."""
_MOST_PHONES = 2
_MOST_PHONES_FALLBACK = 7

Table = dict[tuple[str, ...], float]


def _initial() -> Table:
    table: Table = {}
    for letter, phones in _USUAL.items():
        table.update({(letter, phone): -0.7 for phone in phones.split()})
        table[(letter,)] = -2.5
    for pair in _USUAL_PAIRS:
        letter, phones = pair.split(":")
        table[(letter, *phones.split())] = -1.5
    return table | {(letter,): value for letter, value in _SILENT_LETTERS.items()}


def align(word: str, phones: Sequence[str], table: Table, most: int = _MOST_PHONES) -> list[int] | None:
    """How many of `phones` each letter of `word` takes, in order; None if they cannot all be taken."""
    never = -1e9
    score = [0.0] + [never] * len(phones)
    taken: list[list[int]] = []
    for letter in word:
        best = [never] * len(score)
        choice = [0] * len(score)
        for start, value in enumerate(score):
            if value <= never:
                continue
            for count in range(min(most, len(phones) - start) + 1):
                found = value + table.get((letter, *phones[start : start + count]), _UNSEEN[count])
                if found > best[start + count]:
                    best[start + count], choice[start + count] = found, count
        score = best
        taken.append(choice)
    if score[-1] <= never:
        return None
    counts, at = [], len(phones)
    for choice in reversed(taken):
        counts.append(choice[at])
        at -= choice[at]
    return counts[::-1]


def learn(words: Counter[tuple[str, tuple[str, ...]]], rounds: int = 4) -> Table:
    """The table that best explains `words`, a count of (spelling, phones)."""
    table = _initial()
    for _ in range(rounds):
        seen: Counter[tuple[str, ...]] = Counter()
        for (word, phones), count in words.items():
            counts = align(word, phones, table)
            at = 0
            for letter, taken in zip(word, counts or (), strict=False):
                seen[(letter, *phones[at : at + taken])] += min(count, 20) ** 0.5
                at += taken
        totals: Counter[str] = Counter()
        for key, weight in seen.items():
            totals[key[0]] += weight
        rare_pair = {k: 1.5 for k, v in seen.items() if len(k) == 3 and v / totals[k[0]] < 0.02}
        table = {k: math.log(v / totals[k[0]]) - rare_pair.get(k, 0.0) for k, v in seen.items() if v > 1}
    return table


@dataclass
class Letter:
    """When a character of the text is spoken (seconds) and as what (phone indices; 0 is none)."""

    start: float
    end: float
    phones: tuple[int, int] = (0, 0)
    stressed: bool = False


@dataclass
class Aligner:
    table: Table
    _counts: dict[tuple[str, tuple[str, ...]], list[int] | None] = field(default_factory=dict)

    def _word(self, name: str, phones: tuple[str, ...]) -> list[int] | None:
        key = (name, phones)
        if key not in self._counts:
            counts = align(name, phones, self.table)
            self._counts[key] = counts or align(name, phones, self.table, _MOST_PHONES_FALLBACK)
        return self._counts[key]

    def letters(self, text: str, tokens: Iterable[tuple[str, list[list]]], end: float) -> list[Letter] | None:
        """One Letter a character of `text`; None if the tokens do not spell it. Pauses go to punctuation.

        `tokens`: (spelling, [phone, stress, start, end]...) as the teacher writes them; `end`: seconds of
        the whole utterance.
        """
        found: list[Letter | None] = [None] * len(text)
        position = 0
        for name, segments in tokens:
            at = text.find(name, position)
            counts = self._word(name, tuple(s[0] for s in segments))
            if at < 0 or at - position > 8 or counts is None or not segments:
                return None
            found[at : at + len(name)] = _timed(counts, segments)
            position = at + len(name)
        return _fill_gaps(found, end)


def _timed(counts: list[int], segments: list[list]) -> list[Letter]:
    letters, at, now = [], 0, segments[0][2]
    for count in counts:
        mine = segments[at : at + count]
        at += count
        if mine:
            first, second = PHONE_INDEX[mine[0][0]], PHONE_INDEX[mine[1][0]] if count > 1 else 0
            letters.append(Letter(mine[0][2], mine[-1][3], (first, second), any(s[1] for s in mine)))
            now = mine[-1][3]
        else:
            letters.append(Letter(now, now))
    return letters


def _fill_gaps(found: list[Letter | None], end: float) -> list[Letter] | None:
    """Spaces and punctuation take the time between their neighbours, the text's last all that is left."""
    spoken = [letter for letter in found if letter]
    if not spoken:
        return None
    now = spoken[0].start
    following = end
    next_start = [end] * len(found)
    for i in range(len(found) - 1, -1, -1):
        next_start[i] = following
        if (letter := found[i]) is not None:
            following = letter.start
    out = []
    for letter, limit in zip(found, next_start, strict=True):
        out.append(letter or Letter(now, max(limit, now)))
        now = max(now, out[-1].end)
    return out

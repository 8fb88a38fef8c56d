"""A sentence that is too long for one piece, in parts: broken where a reader would take breath."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from ..text.characters import TAG
from ..text.lines import CLOSERS
from .boundaries import sentences

__all__ = ["parts", "without_runs"]

_LONGEST_WORD = 60
"""Characters; a word is not cut below that, however little a piece may hold."""
_LONGEST_RUN = 500
"""Characters without a space that are no word, and no address either, but data."""
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that write no spaces."""

_GLUED = re.compile("[,;—–…|]")  # noqa: RUF001
_ATOM = re.compile(rf"(?:{TAG.pattern}|\S)+")
_STRONG, _WEAK = re.compile(rf"[;:.!?—–]{CLOSERS}*$|^[—–-]+$"), re.compile(rf"[,)]{CLOSERS}*$")  # noqa: RUF001
_STOP, _ELLIPSIS = re.compile(rf"\.{CLOSERS}*$"), re.compile(rf"(?:^\.|\.\.|…){CLOSERS}*$")
_CLOSING = re.compile(rf"(?:{CLOSERS}|[.,;:!?…])+")
_NEVER_A_STOP = re.compile(r"[(\[\"'“‘]*[A-Za-z]\.$")  # noqa: RUF001
_NEAR = 1.35
"""Times the limit: a part that seems to measure more is parted again without being measured."""
_SHORT = 2
"""Times the limit: a part of a shorter sentence may be judged by what the rest measures at least."""
_MAY_VANISH = re.compile(r"[<\[{/]")
_COST = {"strong": 1.0, "weak": 1.5, "none": 4.0, "inside": 6.0, "apart": 16.0}
"""Factors on a break's distance from the middle, by the kind of break."""


def without_runs(sentence: str) -> tuple[str, list[str]]:
    """The sentence without what is too long for a word, and what that was."""
    runs = (
        [run for run in TAG.sub(" ", sentence).split() if is_run(run)] if len(sentence) > _LONGEST_RUN else []
    )
    for run in runs:
        sentence = " ".join(sentence.replace(run, " ", 1).split())
    return sentence, runs


def is_run(text: str) -> bool:
    """Whether a text without a space is too long for a word."""
    if len(text) <= _LONGEST_RUN or _UNSPACED.search(text) or TAG.search(text):
        return False
    return max(map(len, _GLUED.split(text))) > _LONGEST_RUN


def parts(
    sentence: str, size: int, limit: int, measure: Callable[[str], int], language: str
) -> list[tuple[str, int]]:
    """A sentence that measures `size` in parts within the limit, of like length, each with what it measures.

    They are broken after punctuation. What a text measures is taken to grow evenly while it is far above the
    limit, so that each character is measured a few times at most.
    """
    if size <= limit:
        return [(sentence, size)]
    breaks = list(_breaks(sentence, limit, language))
    rate, size_of_all = size / len(sentence), size
    is_short = len(sentence) <= _SHORT * limit
    found: list[tuple[str, int]] = []
    waiting = [(0, len(sentence), 0, len(breaks))]
    while waiting:
        begin, end, low, high = waiting.pop()
        text = sentence[begin:end]
        most = size_of_all - _least(sentence[:begin] + sentence[end:]) if is_short else limit + 1
        if most <= limit:
            found.append((text, most))
            continue
        is_near = len(text) < len(sentence) and rate * len(text) <= _NEAR * limit
        if low == high or is_near:
            size = measure(text)
            if low == high or size <= limit:
                found.append((text, size))
                continue
        middle, slack = (begin + end) / 2, 0.1 * (end - begin)
        best = min(range(low, high), key=lambda at: breaks[at][2] * (abs(breaks[at][0] - middle) + slack))
        head_end, tail_begin, _ = breaks[best]
        waiting += [(tail_begin, end, best + 1, high), (begin, head_end, low, best)]
    return found


def _least(text: str) -> int:
    """What a text measures at least: its letters and digits, unless they are of markup or an address."""
    return 0 if _MAY_VANISH.search(text) else sum(map(str.isalnum, text)) if text.isascii() else 0


def _breaks(sentence: str, limit: int, language: str) -> Iterator[tuple[int, int, float]]:
    """Where the sentence may be broken: the end of the head, the begin of the tail, what it costs."""
    atoms = list(_ATOM.finditer(sentence))
    for index, atom in enumerate(atoms):
        if len(atom[0]) > max(limit, _LONGEST_WORD):
            yield from _breaks_inside(atom[0], atom.start())
        if index + 1 < len(atoms):
            before = atoms[index - 1][0] if index else ""
            kind = _kind(before, atom[0], atoms[index + 1][0], language)
            yield atom.end(), atoms[index + 1].start(), _COST[kind]


def _kind(before: str, atom: str, after: str, language: str) -> str:
    if _CLOSING.fullmatch(after):
        return "apart"
    if _ELLIPSIS.search(atom):
        return "weak"
    if _NEVER_A_STOP.match(atom):
        return "apart"
    if _STOP.search(atom):
        found = sentences(f"{before} {atom} {after}".lstrip(), language)
        return "strong" if len(found) > 1 and found[-1] == after else "apart"
    if _STRONG.search(atom):
        return "strong"
    return "weak" if _WEAK.search(atom) else "none"


def _breaks_inside(word: str, start: int) -> Iterator[tuple[int, int, float]]:
    """Breaks behind tags and signs, and between letters where nothing else is left."""
    at = 0
    while at < len(word):
        tag = TAG.match(word, at)
        at = tag.end() if tag else at + 1
        if at < len(word) and unicodedata.category(word[at])[0] not in "MC":
            kind = "none" if tag else "apart" if word[at - 1].isalnum() else "inside"
            yield start + at, start + at, _COST[kind]

"""When each letter is spoken: from the frames the teacher's tokens last, with no recogniser between.

The teacher's phoneme string has a token a character. Its words stand in the order of the text's; inside a
word
`align` says which letters stand for which phones.
"""

# ruff: noqa: RUF001 - phonetic letters are meant

from __future__ import annotations

import re
from collections.abc import Sequence

from .align import Aligner, Letter
from .teacher import FRAME, RATE

FRAME_SECONDS = FRAME / RATE
PHONE_OF = {
    "A": "ey", "I": "ay", "O": "ow", "Q": "ow", "W": "aw", "Y": "oy", "a": "aa", "b": "b", "d": "d",
    "e": "ey", "f": "f", "h": "hh", "i": "iy", "j": "y", "k": "k", "l": "l", "m": "m", "n": "n",
    "o": "ow", "p": "p", "s": "s", "t": "t", "u": "uw", "v": "v", "w": "w", "x": "k", "z": "z",
    "ŋ": "ng", "ɑ": "aa", "ɐ": "ax", "ɒ": "aa", "æ": "ae", "ɔ": "ao", "ð": "dh", "ə": "ax", "ᵊ": "ax",
    "ɚ": "er", "ɛ": "eh", "ɜ": "er", "ɡ": "g", "g": "g", "ɪ": "ih", "ᵻ": "ih", "ɹ": "r", "r": "r",
    "ɾ": "t", "T": "t", "ʔ": "t", "ʃ": "sh", "ʊ": "uh", "ʌ": "ah", "ʒ": "zh", "ʤ": "jh", "ʧ": "ch",
    "θ": "th",
}  # fmt: skip
"""misaki's symbols as align's phones."""
STRESS = "ˈˌ"
_PARTS = re.compile(r"[^\s.,;:!?…—\"“”()]+")

Segments = list[list]
"""[phone, stressed, start, end] each, in seconds, as `align` takes them."""


def words(phonemes: str, durations: Sequence[int]) -> list[tuple[str, Segments]]:
    """Each word of the string, as it is written there, with its phones and times. A stress mark's time is
    the vowel's.

    `durations` has an entry for the start, one for each character, and one for the end, in frames.
    """
    if len(durations) != len(phonemes) + 2:
        raise ValueError(f"{len(durations)} durations for {len(phonemes)} phonemes and two ends")
    starts = [0]
    for frames in durations:
        starts.append(starts[-1] + int(frames))
    found = []
    for match in _PARTS.finditer(phonemes):
        segments: Segments = []
        stressed, since = False, None
        for at in range(*match.span()):
            symbol = phonemes[at]
            start, end = starts[at + 1] * FRAME_SECONDS, starts[at + 2] * FRAME_SECONDS
            since = start if since is None else since
            if symbol in STRESS:
                stressed = True
            elif symbol in PHONE_OF:
                segments.append([PHONE_OF[symbol], stressed, since, end])
                stressed, since = False, None
            elif segments:
                segments[-1][3], since = end, None
        if segments:
            found.append((match[0], _join_r(segments)))
    return found


def _join_r(segments: Segments) -> Segments:
    """`er` and `r` are one phone where the second closes the first, as in 'bird'; so are `ax` and `r`
    ('water')."""
    joined: Segments = []
    for segment in segments:
        if segment[0] == "r" and joined and joined[-1][0] in ("er", "ax"):
            joined[-1][0], joined[-1][3] = "er", segment[3]
        else:
            joined.append(segment)
    return joined


def spellings(text: str) -> list[str]:
    """The words of a prepared text (`spell.letters_only`), as the teacher's front end parts them."""
    return re.findall(r"[a-z][a-z'-]*", text)


def pairs(text: str, phonemes: str, durations: Sequence[int]) -> list[tuple[str, Segments]] | None:
    """(spelling, segments) of each word of `text`; None where the two do not have as many words."""
    spoken, written = words(phonemes, durations), spellings(text)
    if len(spoken) != len(written):
        return None
    return [(name, segments) for name, (_, segments) in zip(written, spoken, strict=True)]


def letters(aligner: Aligner, text: str, phonemes: str, durations: Sequence[int]) -> list[Letter] | None:
    """A time and phones for each character of `text`; None if it cannot be aligned."""
    found = pairs(text, phonemes, durations)
    return None if found is None else aligner.letters(text, found, sum(map(int, durations)) * FRAME_SECONDS)

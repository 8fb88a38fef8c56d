"""When each sentence of a piece is spoken, and how long its end is silent: both from how loud it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..audio.subtitles import Mark

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..sentences.pieces import Piece

__all__ = ["Loudness", "words_up_to"]

_QUIET = 0.003
"""Root mean square below which 10 ms are silence (-50 dB of full scale)."""
_NEAR = 50
"""Frames of 10 ms within which a sentence's end is looked for, around its share of the letters."""


class Loudness:
    """Root mean square of each whole 10 ms of samples that come in chunks, float32 [n] at `rate` Hz."""

    def __init__(self, rate: int) -> None:
        self.samples = 0
        self._rate, self._frame = rate, max(1, rate // 100)
        self._parts: list[npt.NDArray[np.float32]] = []
        self._rest = np.zeros(0, np.float32)

    def add(self, chunk: npt.NDArray[np.float32]) -> None:
        self.samples += len(chunk)
        samples = np.concatenate([self._rest, chunk])
        whole = len(samples) // self._frame * self._frame
        frames, self._rest = samples[:whole].reshape(-1, self._frame), samples[whole:]
        self._parts.append(np.sqrt((frames**2).mean(1)))

    def silence_at_end(self) -> float:
        """In seconds."""
        loud = np.flatnonzero(self._all() > _QUIET)
        return (self.samples - (loud[-1] + 1 if len(loud) else 0) * self._frame) / self._rate

    def marks(self, piece: Piece, start: int) -> tuple[Mark, ...]:
        """One mark a sentence of what began at sample `start`.

        Those of one piece meet in the quietest moment near their share of letters.
        """
        letters = np.cumsum([0, *(len(sentence) + 1 for sentence in piece.sentences)])
        loudness = self._all()
        guesses = letters / letters[-1] * len(loudness)
        edges = [0.0]
        for before, guess, after in zip(guesses, guesses[1:], guesses[2:], strict=False):
            low = int(max((before + guess) / 2, guess - _NEAR))
            high = int(min((guess + after) / 2, guess + _NEAR))
            far = np.abs(np.arange(low, high) - guess)
            quietest = low + int((loudness[low:high] + 1e-4 * far).argmin()) if high > low else low
            edges.append(0.01 * quietest)
        edges.append(self.samples / self._rate)
        origin = start / self._rate
        return tuple(
            Mark(sentence, origin + begin, origin + end)
            for sentence, begin, end in zip(piece.sentences, edges, edges[1:], strict=False)
        )

    def _all(self) -> npt.NDArray[np.float32]:
        return np.concatenate(self._parts or [self._rest[:0]])


def words_up_to(text: str, share: float) -> str:
    """The words that are whole in the first `share` of the text's letters, 0 to 1."""
    end = int(len(text) * min(1.0, share))
    return text if end >= len(text) else text[: text.rfind(" ", 0, end + 1) + 1].rstrip()

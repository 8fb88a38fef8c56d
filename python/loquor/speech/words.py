"""When each word is said, as far as that can be known while speech is made."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Span", "WordClock"]


@dataclass(frozen=True)
class Span:
    """A word or a sentence, and its seconds from the start of the speech."""

    text: str
    start: float
    end: float

    def document(self, kind: str) -> dict[str, Any]:
        """As OpenAI's API tells of a word or a segment of a transcript."""
        return {kind: self.text, "start": round(self.start, 3), "end": round(self.end, 3)}


class WordClock:
    """Asks a session, after each chunk, which words that holds.

    Where the model tells them, they are the session's own. Else a session estimates, from its share of the
    speech tokens, up to which word its text was said, and the words that a chunk added share its time by
    their letters. Sentences' times come later: they meet where it is quiet.
    """

    def __init__(self, session: Session, speed: float) -> None:
        self._session, self._speed = session, speed
        self._count = self._sentences = self._told = 0
        self._at = 0.0

    def words(self) -> list[Span]:
        """The words that came with the last chunk."""
        if exact := self._session.words:
            told, self._told = exact[self._told :], len(exact)
            return [Span(word.text, word.start / self._speed, word.end / self._speed) for word in told]
        report = self._session.report
        said = report.text.split()
        new, start, end = said[self._count :], self._at, report.audio_seconds / self._speed
        if not new:
            return []
        self._count, self._at = len(said), end
        letters = [0, *accumulate(len(word) + 1 for word in new)]
        edges = [start + (end - start) * letter / letters[-1] for letter in letters]
        return [Span(*each) for each in zip(new, edges, edges[1:], strict=False)]

    @property
    def estimated(self) -> bool:
        """Whether the words so far were estimated."""
        return not self._session.words

    def sentences(self) -> list[Span]:
        """The sentences that were said whole since the last call."""
        marks = self._session.marks[self._sentences :]
        self._sentences += len(marks)
        return [Span(mark.text, mark.start / self._speed, mark.end / self._speed) for mark in marks]

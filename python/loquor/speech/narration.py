"""A text of any length on its way to speech: its pieces in order, each a request, with pauses between."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..audio.subtitles import Mark
from ..base.process import HomeLock
from ..errors import EngineClosedError, InvalidInputError, LoquorError, RequestCancelledError
from ..sentences.pieces import Splitter
from .chunk import Chunk
from .long_text import Bookmark, LongTextOptions, checked_parting, piece_seed
from .marks import Loudness, words_up_to
from .options import GenerationOptions
from .reports import SessionReport

if TYPE_CHECKING:
    from ..audio.provenance import Provenance
    from ..sentences.pieces import Piece
    from .request import Request

__all__ = ["Narration"]


@dataclass
class _Saying:
    """A piece under way."""

    piece: Piece
    request: Request
    after_silent: bool
    loudness: Loudness
    start: int = 0  # in samples, behind the pause


class Narration:
    """What `Session` and `LongSpeech` are two faces of: text goes in, `turn` says what to read next.

    Text, `cut` and `stop` may come from any thread or task; one thread or task at a time reads. `start`
    makes the request of a piece, up to two of which are under way if it looks `ahead`.
    """

    def __init__(
        self,
        start: Callable[..., Request],
        sample_rate: int,
        provenance: Provenance,
        options: GenerationOptions | None,
        long_text: LongTextOptions | None,
        limit: int,
        measure: Callable[[str], int],
        progress: Callable[[int], None] | None = None,
        *,
        ahead: bool = True,
        bookmark: Bookmark = Bookmark(0, 0, 0.0),  # noqa: B008 (frozen)
    ) -> None:
        self.sample_rate = sample_rate
        """In Hz."""
        self.provenance = provenance
        """What makes the speech."""
        self._start, self._progress = start, progress
        self._options, self._long_text = options or GenerationOptions(), checked_parting(long_text)
        self._splitter = Splitter(
            self._long_text.piece_characters or limit,
            join_below=self._long_text.join_below,
            language=self._long_text.language,
            measure=measure,
        )
        self._most = 2 if ahead else 1  # pieces under way
        self._lock = HomeLock("session")
        self._pieces: deque[Piece] = deque()
        self._under_way: deque[_Saying] = deque()
        self._waiters: list[Future[None]] = []
        self._silent: Piece | None = None  # the last one, if nothing was spoken since
        self._index = self._tokens = self._text_tokens = 0
        self._bookmark = bookmark
        self._spoken_before, self._position = self._bookmark.pieces, self._bookmark.samples
        self._pause = self._bookmark.pause
        self._marks: list[Mark] = []
        self._words: list[Mark] = []
        self._words_taken = 0
        self._warnings: dict[str, None] = {}
        self._notes: list[str] = []
        self._ended = self._finished = self._held = False
        self._error: LoquorError | None = None

    # --- Text ---

    def add(self, text: str) -> None:
        """Take text, wherever it was cut."""
        with self._lock:
            self._append(text)

    def offer(self, text: str, most: int) -> Future[None] | None:
        """Take the text, or, where more than `most` characters would wait then, return what is done when
        there may be room for it.

        Raises `RequestCancelledError` once it has failed or was stopped, `InvalidInputError` behind the end.
        """
        with self._lock:
            if self._error is not None:
                raise RequestCancelledError(f"nothing more is spoken here: {self._error}") from self._error
            if self._ended:
                raise InvalidInputError("this session was ended: open another one for more text")
            if self._waiting() + len(text) > most:
                return self._waiter()
            self._append(text)
        return None

    def cut(self, end: Literal["sentence", "paragraph"]) -> None:
        """A sentence ends here, whatever follows; or a paragraph, and no more text follows."""
        with self._lock:
            if not self._ended:
                self._ended = end == "paragraph"
                self._pieces.extend(self._splitter.flush(end))
                self._note()
                self._changed()

    @property
    def waiting(self) -> int:
        """Characters of which nothing was begun."""
        with self._lock:
            return self._waiting()

    def _append(self, text: str) -> None:
        self._pieces.extend(self._splitter.add(text))
        self._note()
        self._changed()

    def _note(self) -> None:
        notes = self._splitter.take_warnings()
        self._notes += notes
        self._warnings |= dict.fromkeys(notes)

    def _waiting(self) -> int:
        return self._splitter.waiting + sum(len(piece.text) for piece in self._pieces)

    # --- Speech ---

    def turn(self) -> Request | Future[None] | None:
        """What to read next, or what is done when there may be something, or None at the end."""
        with self._lock:
            if self._finished:
                return None
            if self._error is not None:
                raise self._error
            if not self._under_way:
                try:
                    self._advance()
                except LoquorError as error:
                    self._error = error
                    self._wake()
                    raise
            if self._under_way:
                return self._under_way[0].request
            if not self._ended:
                return self._waiter()
            self._finished = True
            return None

    def hold(self, held: bool) -> None:
        """Begin no piece, or begin what is due again."""
        with self._lock:
            self._held = held
            if not held:
                self._changed()

    def due(self) -> Future[None] | bool:
        """Whether there is something to say, False at the end; or what is done when there may be.

        Raises what `turn` does.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._under_way or any(piece.spoken for piece in self._pieces):
                return True
            if self._ended and self._index == 0 and (self._pieces or self._silent):
                return True  # text without a word, which is said all the same
            self._finished = self._finished or self._ended
            return False if self._finished else self._waiter()

    def read(self, request: Request, timeout: float | None) -> Chunk | None:
        """A chunk of what is being said, with the pause before it; None: nothing yet, or the piece's end."""
        try:
            chunk = request.read(timeout)
        except LoquorError as error:
            self.stop(error)
            raise self._error or error from None
        with self._lock:
            saying = self._under_way[0]
            if chunk is not None:
                chunk = self._heard(saying, chunk)
                self._words += chunk.words
            elif request.finished:
                self._under_way.popleft()
                self._said_whole(saying)
            self._changed()
        return chunk

    def take_piece(self) -> tuple[tuple[Mark, ...], tuple[str, ...]]:
        """The marks since the last call, and what was left out of the text and not told yet."""
        with self._lock:
            marks, self._marks = self._marks, []
            notes, self._notes = self._notes, []
            return tuple(marks), tuple(notes)

    def _advance(self) -> None:
        """Begin the next piece when the one before is made, however much of that is still to be read.

        Two of a session are never made together, so that one's tokens do not depend on the other's.
        """
        if self._held or self._error is not None or len(self._under_way) == self._most:
            return
        if self._under_way and not self._under_way[-1].request.made:
            return
        if (piece := self._next_piece()) is None:
            return
        seed = piece_seed(int(self._options.seed), self._index)
        options = dataclasses.replace(self._options, seed=seed)
        progress, before = self._progress, self._tokens
        report = None if progress is None else lambda tokens: progress(before + tokens)
        try:
            request = self._start(piece.text, options=options, progress=report)
        except BaseException:
            self._pieces.appendleft(piece)
            raise
        self._under_way.append(_Saying(piece, request, self._silent is not None, Loudness(self.sample_rate)))
        self._silent, self._index = None, self._index + 1

    def _changed(self) -> None:
        with suppress(LoquorError):  # what is wrong with a piece is told when it is its turn
            self._advance()
        self._wake()

    def _next_piece(self) -> Piece | None:
        while self._pieces:
            piece = self._pieces.popleft()
            if not piece.spoken:
                self._silent = piece
            elif self._index >= self._spoken_before:
                return piece
            else:
                self._silent, self._index = None, self._index + 1
        # text without a word: the model shall see it all the same
        return self._silent if self._ended and self._index == 0 else None

    def _heard(self, saying: _Saying, chunk: Chunk) -> Chunk:
        """The chunk, with the pause before it if it is the first of its piece."""
        if not saying.loudness.samples and self._position:
            least = self._long_text.paragraph_pause if saying.after_silent else 0.0
            silence = np.zeros(round(max(self._pause, least) * self.sample_rate), np.float32)
            heard = np.concatenate([silence, np.asarray(chunk)])
        else:
            heard = np.asarray(chunk)
        if not saying.loudness.samples:
            saying.start = self._position + len(heard) - len(chunk)
        saying.loudness.add(np.asarray(chunk))
        self._position += len(heard)
        origin = saying.start / self.sample_rate
        words = [Mark(word.text, origin + word.start, origin + word.end) for word in chunk.words]
        return Chunk.of(heard, tuple(words))

    def _said_whole(self, saying: _Saying) -> None:
        wanted: float = getattr(self._long_text, f"{saying.piece.end}_pause")
        self._pause = max(0.0, wanted - saying.loudness.silence_at_end())
        self._bookmark = Bookmark(self._bookmark.pieces + 1, self._position, self._pause)
        start = saying.start if saying.loudness.samples else self._position
        self._marks += saying.loudness.marks(saying.piece, start)
        self._warnings |= dict.fromkeys(saying.request.warnings)
        metrics = saying.request.metrics
        self._tokens += metrics.speech_tokens
        self._text_tokens += metrics.text_tokens

    # --- How far it is ---

    @property
    def report(self) -> SessionReport:
        """How far it is, now: after a `cancel`, what was delivered."""
        with self._lock:
            return SessionReport(
                audio_seconds=self._position / self.sample_rate,
                sentences=len(self._marks),
                text=self._said(self._position / self.sample_rate),
                waiting_characters=self._waiting(),
                text_tokens=self._text_tokens,
                speech_tokens=self._tokens,
                finished=self._finished,
                cancelled=isinstance(self._error, RequestCancelledError),
                watermark=self.provenance.watermark,
            )

    def said(self, seconds: float) -> str:
        """What was said in the first `seconds`, to a word's end."""
        with self._lock:
            return self._said(seconds)

    @property
    def bookmark(self) -> Bookmark:
        """Where it is, after the pieces that were handed over whole."""
        with self._lock:
            return self._bookmark

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The sentences that were handed over whole."""
        with self._lock:
            return tuple(self._marks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out of the text, and not as asked in the pieces handed over whole, each once."""
        with self._lock:
            return tuple(self._warnings)

    def take_words(self) -> tuple[Mark, ...]:
        """The words since the last call, each in seconds from the start of all."""
        with self._lock:
            words, self._words_taken = self._words[self._words_taken :], len(self._words)
            return tuple(words)

    @property
    def words(self) -> tuple[Mark, ...]:
        """The words that were handed over whole."""
        with self._lock:
            return tuple(self._words)

    def _said(self, seconds: float) -> str:
        said = []
        for mark in self._marks:
            if mark.end <= seconds:
                said.append(mark.text)
            elif mark.start < seconds and self._words:
                said += [
                    word.text for word in self._words if mark.start <= word.start and word.end <= seconds
                ]
            elif mark.start < seconds:
                said.append(words_up_to(mark.text, (seconds - mark.start) / (mark.end - mark.start)))
        now = self._under_way[0] if self._under_way else None
        if now is not None and now.loudness.samples:
            heard = (seconds * self.sample_rate - now.start) / now.loudness.samples
            said.append(now.request.said(min(max(heard, 0.0), 1.0)))
        return " ".join(filter(None, said))

    # --- The end, and who waits ---

    def stop(self, error: LoquorError) -> None:
        """Cancel what is under way; who reads is told `error`. Nothing, if it was read to its end."""
        with self._lock:
            if self._finished or self._error is not None:
                return
            self._error = error
            for saying in self._under_way:
                saying.request.cancel()
            self._wake()

    def cancel(self) -> None:
        """Cancel, as its user asked."""
        self.stop(RequestCancelledError("the session was cancelled"))

    def leave(self) -> None:
        """Nobody reads any more: cancel, and give back what waiting took."""
        if not self._lock.here:  # a forked child's parent speaks on
            return
        self.cancel()
        with self._lock:
            for saying in self._under_way:
                saying.request.leave()

    def close_engine(self) -> None:
        """Cancel, for the engine is no more."""
        self.stop(EngineClosedError("the engine was closed"))

    def _waiter(self) -> Future[None]:
        """Done at the next change; `result()` waits on a thread, `asyncio.wrap_future` on a loop."""
        waiter: Future[None] = Future()
        waiter.set_running_or_notify_cancel()  # cannot be cancelled from now on
        self._waiters.append(waiter)
        return waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.set_result(None)

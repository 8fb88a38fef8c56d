"""Text in while speech comes out: sentences are spoken as they become complete."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..base.process import HomeLock
from ..errors import BusyError, InvalidInputError, LoquorError, RequestCancelledError
from ..sentences.pieces import Splitter
from .long_text import LongTextOptions, check_part, checked_parting, piece_seed
from .marks import Loudness, words_up_to
from .options import GenerationOptions
from .stream import SessionReport

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..audio.subtitles import Mark
    from ..sentences.pieces import Piece
    from .stream import Stream

    Samples = npt.NDArray[np.float32]

__all__ = ["MAX_WAITING", "Session"]

MAX_WAITING = 20_000
"""Characters that may wait to be spoken, some twenty minutes."""


@dataclass
class _Saying:
    """A piece under way."""

    piece: Piece
    stream: Stream
    after_silent: bool
    loudness: Loudness
    start: int = 0  # in samples, behind the pause


class Session(Iterator["Samples"], AsyncIterator["Samples"]):
    """Speech of a text that is still being written: chunks, float32 [n] at `sample_rate` Hz.

    Made by `Engine.session`. `feed`, `flush`, `end` and `cancel` may come from any thread or task; one thread
    or task at a time iterates, which waits for text, and is over after `end`. A sentence is spoken once it is
    complete, and the next one is begun while what was made of it is still being read. Control characters and
    other data in the text are left out, as `warnings` tell. Leaving its `with` or
    `async with` block cancels what is not done. Iterating raises what `Stream` raises, and what
    `Engine.stream` raises for a text that cannot be spoken, behind the sentences before it.
    """

    def __init__(
        self,
        open_stream: Callable[..., Stream],
        sample_rate: int,
        options: GenerationOptions | None,
        long_text: LongTextOptions | None,
        limit: int,
        measure: Callable[[str], int],
        progress: Callable[[int], None] | None = None,
        *,
        ahead: bool = True,
    ) -> None:
        self._open, self._rate, self._progress = open_stream, sample_rate, progress
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
        self._index = self._tokens = self._position = 0
        self._pause = 0.0
        self._marks: list[Mark] = []
        self._warnings: dict[str, None] = {}
        self._notes: list[str] = []
        self._ended = self._finished = False
        self._error: LoquorError | None = None

    # --- Text ---

    def feed(self, text: str, *, timeout: float | None = 0.0) -> None:
        """Append `text`, wherever it was cut. The model is not waited for.

        No more than 20,000 characters may wait to be spoken: without room for more, after `timeout` seconds
        (None: as long as it takes), it raises `BusyError` and took nothing. Raises `InvalidInputError` for
        what is no text, and after `end`; `RequestCancelledError` once the session has failed or was
        cancelled.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (room := self._take(text)) is not None:
            try:
                room.result(None if until is None else max(0.0, until - time.monotonic()))
            except FutureTimeoutError:
                raise BusyError(
                    f"no room for {len(text):,} characters: {self.report.waiting_characters:,} wait to be "
                    f"spoken, and {MAX_WAITING:,} may. Read the session, or feed with a timeout"
                ) from None

    async def afeed(self, text: str) -> None:
        """`feed` without a timeout; the event loop goes on while there is no room."""
        while (room := self._take(text)) is not None:
            await asyncio.wrap_future(room)

    def flush(self) -> None:
        """Speak what came as it is: a sentence ends here, whatever follows."""
        self._cut("sentence")

    def end(self) -> None:
        """No more text will come: iterating is over when all of it was read."""
        self._cut("paragraph")

    def _cut(self, end: Literal["sentence", "paragraph"]) -> None:
        with self._lock:
            if not self._ended:
                self._ended = end == "paragraph"
                self._pieces.extend(self._splitter.flush(end))
                self._note()
                self._changed()

    def _take(self, text: str) -> Future[None] | None:
        """Take the text, or return what is done when there may be room for it."""
        check_part(text)
        if len(text) > MAX_WAITING:
            raise InvalidInputError(
                f"text has {len(text):,} characters, more than the {MAX_WAITING:,} that a session lets wait: "
                "feed it in parts, or use speak_long"
            )
        with self._lock:
            if self._error is not None:
                raise RequestCancelledError(f"nothing more is spoken here: {self._error}") from self._error
            if self._ended:
                raise InvalidInputError("this session was ended: open another one for more text")
            if self._waiting() + len(text) > MAX_WAITING:
                return self._waiter()
            self._append(text)
        return None

    def _append(self, text: str) -> None:
        self._pieces.extend(self._splitter.add(text))
        self._note()
        self._changed()

    def _note(self) -> None:
        notes = self._splitter.take_warnings()
        self._notes += notes
        self._warnings |= dict.fromkeys(notes)

    def _take_notes(self) -> tuple[str, ...]:
        """What was left out of the text and was not told with a piece yet."""
        notes, self._notes = self._notes, []
        return tuple(notes)

    def _waiting(self) -> int:
        return self._splitter.waiting + sum(len(piece.text) for piece in self._pieces)

    # --- Speech ---

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._rate

    def __iter__(self) -> Session:
        return self

    def __next__(self) -> Samples:
        while (turn := self._turn()) is not None:
            if isinstance(turn, Future):
                turn.result()
            elif (chunk := self._read(turn, None)) is not None:
                return chunk
        raise StopIteration

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def __aiter__(self) -> Session:
        return self

    async def __anext__(self) -> Samples:
        while (turn := self._turn()) is not None:
            if isinstance(turn, Future):
                await asyncio.wrap_future(turn)
            elif (chunk := self._read(turn, 0.0)) is not None:
                return chunk
            elif not turn._finished:
                await turn._wait()
        raise StopAsyncIteration

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def cancel(self) -> None:
        """End it within one decode step or one decoder window. What was not read is dropped.

        From any thread; returns at once, and does nothing to a session that was read to its end.
        """
        self._stop(RequestCancelledError("the session was cancelled"))

    # --- How far it is ---

    @property
    def report(self) -> SessionReport:
        """How far it is, now: after a `cancel`, what was delivered."""
        with self._lock:
            return SessionReport(
                audio_seconds=self._position / self._rate,
                sentences=len(self._marks),
                text=self._said(self._position / self._rate),
                waiting_characters=self._waiting(),
                finished=self._finished,
                cancelled=isinstance(self._error, RequestCancelledError),
            )

    def text_until(self, seconds: float) -> str:
        """What was said in the first `seconds` of the speech: for a reader that knows how much it played.

        Exact for whole sentences, an estimate up to a word's end for the last one.
        """
        with self._lock:
            return self._said(seconds)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The sentences that were handed over whole, in seconds from the start."""
        with self._lock:
            return tuple(self._marks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out of the text, and not as asked in the pieces handed over whole, each once."""
        with self._lock:
            return tuple(self._warnings)

    def _said(self, seconds: float) -> str:
        said = []
        for mark in self._marks:
            if mark.end <= seconds:
                said.append(mark.text)
            elif mark.start < seconds:
                said.append(words_up_to(mark.text, (seconds - mark.start) / (mark.end - mark.start)))
        now = self._under_way[0] if self._under_way else None
        if now is not None and now.loudness.samples:
            heard = (seconds * self._rate - now.start) / now.loudness.samples
            said.append(now.stream._said(min(max(heard, 0.0), 1.0)))
        return " ".join(filter(None, said))

    # --- Pieces, in order ---

    def _turn(self) -> Stream | Future[None] | None:
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
                return self._under_way[0].stream
            if not self._ended:
                return self._waiter()
            self._finished = True
            return None

    def _read(self, stream: Stream, timeout: float | None) -> Samples | None:
        """A chunk of what is being said, with the pause before it; None: nothing yet, or the piece's end."""
        try:
            chunk = stream._next(timeout)
        except LoquorError as error:
            self._stop(error)
            raise self._error or error from None
        with self._lock:
            saying = self._under_way[0]
            if chunk is not None:
                chunk = self._heard(saying, chunk)
            elif stream._finished:
                self._under_way.popleft()
                self._said_whole(saying)
            self._changed()
        return chunk

    def _advance(self) -> None:
        """Begin the next piece when the one before is made, however much of that is still to be read.

        Two of a session are never made together, so that one's tokens do not depend on the other's.
        """
        if self._error is not None or len(self._under_way) == self._most:
            return
        if self._under_way and not self._under_way[-1].stream._made():
            return
        if (piece := self._next_piece()) is None:
            return
        seed = piece_seed(int(self._options.seed), self._index)
        options = dataclasses.replace(self._options, seed=seed)
        progress, before = self._progress, self._tokens
        report = None if progress is None else lambda tokens: progress(before + tokens)
        try:
            stream = self._open(piece.text, options=options, progress=report)
        except BaseException:
            self._pieces.appendleft(piece)
            raise
        self._under_way.append(_Saying(piece, stream, self._silent is not None, Loudness(self._rate)))
        self._silent, self._index = None, self._index + 1

    def _changed(self) -> None:
        with suppress(LoquorError):  # what is wrong with a piece is told when it is its turn
            self._advance()
        self._wake()

    def _next_piece(self) -> Piece | None:
        while self._pieces:
            piece = self._pieces.popleft()
            if piece.spoken:
                return piece
            self._silent = piece
        # text without a word: the model shall see it all the same
        return self._silent if self._ended and self._index == 0 else None

    def _heard(self, saying: _Saying, chunk: Samples) -> Samples:
        """The chunk, with the pause before it if it is the first of its piece."""
        if not saying.loudness.samples and self._position:
            least = self._long_text.paragraph_pause if saying.after_silent else 0.0
            silence = np.zeros(round(max(self._pause, least) * self._rate), np.float32)
            saying.start = self._position + len(silence)
            heard = np.concatenate([silence, chunk])
        else:
            heard = chunk
        saying.loudness.add(chunk)
        self._position += len(heard)
        return heard

    def _said_whole(self, saying: _Saying) -> None:
        wanted: float = getattr(self._long_text, f"{saying.piece.end}_pause")
        self._pause = max(0.0, wanted - saying.loudness.silence_at_end())
        start = saying.start if saying.loudness.samples else self._position
        self._marks += saying.loudness.marks(saying.piece, start)
        self._warnings |= dict.fromkeys(saying.stream.warnings)
        self._tokens += saying.stream.metrics.speech_tokens

    # --- The end, and who waits ---

    def _stop(self, error: LoquorError) -> None:
        with self._lock:
            if self._finished or self._error is not None:
                return
            self._error = error
            for saying in self._under_way:
                saying.stream.cancel()
            self._wake()

    def _leave(self) -> None:
        if not self._lock.here:  # a forked child's parent speaks on
            return
        self.cancel()
        with self._lock:
            for saying in self._under_way:
                saying.stream._leave()

    def _close_engine(self) -> None:
        self._stop(RequestCancelledError("the engine was closed"))

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

"""What adapters share: text comes as the host gives it, and PCM goes out that always has a sound in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from ..audio.audio import pcm16
from ..errors import RequestCancelledError
from ..speech.long_text import UNSPEAKABLE_SECONDS, speakable
from ..speech.words import WordClock

if TYPE_CHECKING:
    from ..speech.engine import Engine
    from ..speech.options import GenerationOptions
    from ..speech.session import Session
    from ..speech.words import Span
    from ..voice.voice import Voice
    from ..voice.voices import VoiceSource

__all__ = ["Speaker", "Speaking", "fed"]

_FEED = 4096
"""Characters that are cut into sentences at a time, between which the event loop goes on."""
_HELD = 256
"""Characters that are kept of text in which nothing can be said yet, such as a quotation mark."""


class Speaker:
    """An engine in one voice, which is made once and off the event loop."""

    def __init__(
        self,
        engine: Engine,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        language: str | None = None,
    ) -> None:
        self.engine = engine
        self.source = voice
        self.sample_rate = engine.capabilities.sample_rate
        """In Hz, of all that it says."""
        self._options, self._language = options, language
        self._voice: Voice | None = None

    async def speaking(self) -> Speaking:
        """Begin to speak. Raises what `Engine.voice` and `Engine.session` do."""
        if self._voice is None:
            self._voice = await asyncio.to_thread(self.engine.voice, self.source)
        return Speaking(self.engine.session(self._voice, self._options, language=self._language))


class Speaking:
    """A text on its way to PCM: 16 bits, little-endian, mono. In an `async with` block, whose end cancels it.

    `feed`, `flush` and `end` come from one task, another may iterate. A text in which nothing can be said is
    a short silence, since hosts take text without sound for a failure. Raises what `Session` does.
    """

    def __init__(self, session: Session) -> None:
        self.seconds = 0.0
        """Of sound that was handed out."""
        self.cancelled = False
        """Whether its owner ended it."""
        self._session, self._clock = session, WordClock(session, 1.0)
        self._held, self._fed = "", False

    async def feed(self, text: str) -> None:
        """Take text, wherever it was cut; waits while too much of it is still to be spoken."""
        if not self._fed:
            text = self._held + text
            if not speakable(text):
                self._held = text[-_HELD:]
                return
            self._fed = True
        for start in range(0, len(text), _FEED):
            await self._session.afeed(text[start : start + _FEED])

    def flush(self) -> None:
        """A sentence ends here."""
        self._session.flush()

    def end(self) -> None:
        """No more text comes."""
        self._session.end()

    def words(self) -> list[Span]:
        """The words that came with the last chunk, by estimate."""
        return self._clock.words()

    def cancel(self) -> None:
        """End it, within a step."""
        self.cancelled = True
        self._session.cancel()

    def __aiter__(self) -> Speaking:
        return self

    async def __anext__(self) -> bytes:
        rate = self._session.sample_rate
        async for chunk in self._session:
            if len(chunk):
                self.seconds += len(chunk) / rate
                return pcm16(chunk).astype("<i2").tobytes()
        if self.seconds:
            raise StopAsyncIteration
        self.seconds = UNSPEAKABLE_SECONDS
        return bytes(2 * round(UNSPEAKABLE_SECONDS * rate))

    async def __aenter__(self) -> Speaking:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.__aexit__(kind, error, trace)


@asynccontextmanager
async def fed(speaking: Speaking, texts: AsyncIterable[str | None]) -> AsyncIterator[Speaking]:
    """Feed it beside the block, to its end; None among the texts ends a sentence. Raises what feeding did."""

    async def feed() -> None:
        try:
            async for text in texts:
                if text is None:
                    speaking.flush()
                else:
                    await speaking.feed(text)
        except RequestCancelledError:
            pass  # who listens is told why
        finally:
            speaking.end()

    async with speaking:
        feeding = asyncio.create_task(feed())
        try:
            yield speaking
            await feeding
        finally:
            feeding.cancel()
            await asyncio.wait({feeding})
            if not feeding.cancelled():
                feeding.exception()  # else asyncio would tell that nobody asked

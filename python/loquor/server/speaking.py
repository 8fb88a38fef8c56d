"""From a session's chunks to what is sent: stretched, encoded, with the words in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..audio.tempo import Tempo
from ..speech.long_text import UNSPEAKABLE_SECONDS, speakable
from ..speech.words import WordClock
from .encoders import encoder

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..speech.engine import Engine
    from ..speech.session import Session
    from ..speech.words import Span
    from .asked import Asked

    Samples = npt.NDArray[np.float32]

__all__ = ["Part", "Summary", "encoded", "opened", "parts", "summary_of"]

_T = TypeVar("_T")

_FEED = 4096
"""Characters that are cut into sentences at a time, between which the event loop goes on."""


@dataclass(frozen=True)
class Part:
    """Bytes of the format, and what they hold."""

    audio: bytes
    seconds: float
    words: tuple[Span, ...] = ()
    sentences: tuple[Span, ...] = ()
    estimated: bool = True  # the words' times: the model did not tell them


@dataclass(frozen=True)
class Summary:
    """How a request went."""

    text_tokens: int
    speech_tokens: int
    audio_seconds: float
    total_seconds: float
    warnings: tuple[str, ...]


@asynccontextmanager
async def opened(engine: Engine, asked: Asked) -> AsyncIterator[Session]:
    """A session in the voice that is asked for, cancelled at the end. Raises as `Model.voice` does."""
    uploaded = asked.voice
    if isinstance(uploaded, str) or uploaded is None:
        voice = await asked.model.voice(engine, uploaded)
    else:
        voice = uploaded.voice
    async with engine.session(voice, asked.options, language=asked.language) as session:
        yield session


async def parts(session: Session, asked: Asked) -> AsyncGenerator[Part, None]:
    """Feed it the text of the request, and give what it says."""
    if not speakable(asked.text):
        yield await _silent(session.sample_rate, asked)
        return
    for start in range(0, len(asked.text), _FEED):
        if start:  # not behind the last one: the engine has nothing to do before its end
            await asyncio.sleep(0)
        session.feed(asked.text[start : start + _FEED])
    session.end()
    async with aclosing(encoded(session, asked, session)) as made:
        async for part in made:
            yield part


async def encoded(
    session: Session, asked: Asked, chunks: AsyncIterator[Samples]
) -> AsyncGenerator[Part, None]:
    """Give the session's `chunks` at the speed and in the format that are asked for."""
    rate, clock = session.sample_rate, WordClock(session, asked.speed)
    tempo, out = Tempo(asked.speed, rate), encoder(asked.format, rate)
    heavy = tempo.heavy or out.heavy

    def made(chunk: Samples) -> tuple[bytes, float]:
        samples = tempo.add(chunk)
        return out.add(samples), len(samples) / rate

    def rest() -> tuple[bytes, float]:
        samples = tempo.finish()
        return out.add(samples) + out.finish(), len(samples) / rate

    async for chunk in chunks:
        audio, seconds = await _elsewhere(heavy, lambda: made(chunk))  # noqa: B023 (called before the next)
        yield Part(audio, seconds, tuple(clock.words()), tuple(clock.sentences()), clock.estimated)
    audio, seconds = await _elsewhere(heavy, rest)
    yield Part(audio, seconds, tuple(clock.words()), tuple(clock.sentences()), clock.estimated)


def summary_of(session: Session, asked: Asked, started: float, seconds: float) -> Summary:
    """How it went, of what began at `started` (`time.perf_counter`) and became `seconds` of sound."""
    report = session.report
    warnings = [*asked.warnings, *session.warnings]
    if asked.text and not speakable(asked.text):
        warnings.append("there is no letter and no digit in this text: it is a short silence")
    return Summary(
        report.text_tokens,
        report.speech_tokens,
        seconds,
        time.perf_counter() - started,
        tuple(dict.fromkeys(warnings)),
    )


async def _silent(rate: int, asked: Asked) -> Part:
    out = encoder(asked.format, rate)
    silence = np.zeros(round(UNSPEAKABLE_SECONDS * rate), np.float32)
    audio = await _elsewhere(out.heavy, lambda: out.add(silence) + out.finish())
    return Part(audio, UNSPEAKABLE_SECONDS)


async def _elsewhere(heavy: bool, work: Callable[[], _T]) -> _T:
    """Do what takes long on another thread, beside which the event loop serves the others."""
    return await asyncio.to_thread(work) if heavy else work()

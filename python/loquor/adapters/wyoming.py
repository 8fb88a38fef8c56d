"""Wyoming, the protocol of Home Assistant's voice services: an event handler, and a server of it.

Of the package `wyoming` (`loquor[wyoming]`). After an error the connection ends: clients that wait for the
end of the sound know no event that says there is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeTextFormat,
    SynthesizeVoice,
)

from ..errors import BusyError, InvalidInputError, LoquorError
from .speaking import Speaker, Speaking

__all__ = ["Handler", "info_of", "serve"]

_log = logging.getLogger("loquor")

_MOST_BYTES = 1 << 20
"""Of one event: text, never sound."""
_STALL_SECONDS = 120.0
"""How long a client may leave sound unread."""


def info_of(speakers: Mapping[str, Speaker], language: str) -> Info:
    """Return what a client is told that describes: the voices by name, which speak `language`."""
    from .. import __version__

    model = next(iter(speakers.values())).engine.capabilities.model
    who: dict[str, Any] = {"attribution": Attribution(name=model, url=""), "installed": True}
    voices = [
        TtsVoice(name=name, description=name, version=None, languages=[language], **who) for name in speakers
    ]
    program = TtsProgram(
        name="loquor",
        description=f"Loquor, {model}",
        version=__version__,
        voices=voices,
        supports_synthesize_streaming=True,
        **who,
    )
    return Info(tts=[program])


async def serve(host: str, port: int, speakers: Mapping[str, Speaker], language: str) -> None:
    """Serve until SIGTERM comes. `speakers` are the voices by name, the first of which is the default one."""
    server = AsyncTcpServer(host, port)
    await server.run(partial(Handler, speakers, info_of(speakers, language)))


class Handler(AsyncEventHandler):
    """One connection: text whole, or in parts while it is still being written; one text at a time."""

    def __init__(
        self,
        speakers: Mapping[str, Speaker],
        info: Info,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        super().__init__(_Bounded(reader), writer)  # type: ignore[arg-type]
        self._speakers, self._info = speakers, info
        self._streamed: Speaking | None = None  # what is fed in parts, until its end
        self._task: asyncio.Task[None] | None = None  # speaks
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Answer until the client goes, or an error ended it."""
        try:
            await super().run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # it went in the middle of something
        except Exception as error:  # of an event that is none, on which the package's reader stumbles
            _log.info("a Wyoming client sent what is no event: %s", error)

    async def disconnect(self) -> None:
        """Cancel what nobody hears any more, within a step."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def write_event(self, event: Event) -> None:
        """Send an event; one at a time waits for the client to read."""
        async with self._writing:
            await asyncio.wait_for(super().write_event(event), _STALL_SECONDS)

    async def handle_event(self, event: Event) -> bool:
        """Whether the connection goes on."""
        try:
            await self._answer(event)
        except (LoquorError, KeyError, TypeError, AttributeError) as error:
            await self._fail(error)
            return False
        return True

    async def _answer(self, event: Event) -> None:
        if Describe.is_type(event.type):
            await self.write_event(self._info.event())
        elif Ping.is_type(event.type):
            await self.write_event(Pong(text=Ping.from_event(event).text).event())
        elif SynthesizeStart.is_type(event.type):
            start = SynthesizeStart.from_event(event)
            if self._streamed is not None:
                raise InvalidInputError(
                    "a text is being written already: send synthesize-stop before another"
                )
            self._streamed = await self._begin(start.voice, start.text_format, streamed=True)
        elif SynthesizeChunk.is_type(event.type) and self._streamed is not None:
            await self._streamed.feed(_text_of(SynthesizeChunk.from_event(event).text))
        elif SynthesizeStop.is_type(event.type) and self._streamed is not None:
            self._streamed.end()
            self._streamed = None
        elif (
            Synthesize.is_type(event.type) and self._streamed is None
        ):  # else a copy, for servers that do not stream
            whole = Synthesize.from_event(event)
            text = _text_of(whole.text)
            speaking = await self._begin(whole.voice, whole.text_format, streamed=False)
            await speaking.feed(text)
            speaking.end()

    async def _begin(self, voice: SynthesizeVoice | None, text_format: object, *, streamed: bool) -> Speaking:
        if text_format == SynthesizeTextFormat.SSML:
            raise InvalidInputError("these models do not follow SSML: send plain text")
        name = voice.name if voice is not None and voice.name else next(iter(self._speakers))
        if name not in self._speakers:
            raise InvalidInputError(f"there is no voice {name!r:.80}: choose of {', '.join(self._speakers)}")
        if self._task is not None:  # one after the other
            await asyncio.wait({self._task})
        speaker = self._speakers[name]
        speaking = await speaker.speaking()
        self._task = asyncio.create_task(self._speak(speaking, speaker.sample_rate, streamed))
        return speaking

    async def _speak(self, speaking: Speaking, rate: int, streamed: bool) -> None:
        try:
            async with speaking:
                at = 0.0
                async for audio in speaking:
                    if not at:
                        await self.write_event(AudioStart(rate, 2, 1, timestamp=0).event())
                    await self.write_event(AudioChunk(rate, 2, 1, audio, timestamp=round(1000 * at)).event())
                    at = speaking.seconds
                await self.write_event(AudioStop(timestamp=round(1000 * at)).event())
                if streamed:
                    await self.write_event(SynthesizeStopped().event())
        except (ConnectionError, asyncio.TimeoutError):
            self.writer.close()  # it is gone, or does not read
        except LoquorError as error:
            await self._fail(error)

    async def _fail(self, error: Exception) -> None:
        """Say why, and end the connection."""
        if isinstance(error, LoquorError):
            code = (
                "busy" if isinstance(error, BusyError) else type(error).__name__.removesuffix("Error").lower()
            )
            text = str(error)
        else:
            code, text = (
                "invalidinput",
                f"this event lacks a field, or has one of another kind ({error!r:.80})",
            )
        with suppress(ConnectionError, asyncio.TimeoutError):  # it is gone
            await self.write_event(Error(text=text, code=code).event())
        self.writer.close()


class _Bounded:
    """The reader of a connection, from which no event takes more than `_MOST_BYTES`."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.readline, self.feed_eof, self._reader = reader.readline, reader.feed_eof, reader

    async def readexactly(self, count: int) -> bytes:
        if count > _MOST_BYTES:
            raise InvalidInputError(f"an event has {count:,} bytes, more than {_MOST_BYTES:,}")
        return await self._reader.readexactly(count)


def _text_of(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidInputError(f"text must be a string, not {type(text).__name__}")
    return text

"""Wyoming: its own client, unmodified, against the handler, and `loquor wyoming`."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.server import AsyncTcpServer
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeTextFormat,
    SynthesizeVoice,
)

from loquor import Engine, ExecutionError
from loquor.adapters import wyoming as adapter
from loquor.adapters.speaking import Speaker
from loquor.audio.audio import pcm16
from loquor.cli import main

TEXT = "Hello there. This is text that comes in parts. And it ends here"
LONG = "This sentence is one of many, and all of them take a while to say. " * 50


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(slots=2) as opened:
        yield opened


class Talk:
    """A connection, with all that came over it."""

    def __init__(self, client: AsyncTcpClient) -> None:
        self.client, self.events, self.sound = client, list[Event](), b""

    async def send(self, *events: Any) -> None:
        for event in events:
            await self.client.write_event(event.event())

    async def until(self, *kinds: str) -> Event:
        """Listen until one of these events; "" is the end of the connection."""
        while True:
            event = await asyncio.wait_for(self.client.read_event(), 30)
            if event is None:
                assert "" in kinds, self.kinds
                return Event("")
            self.events.append(event)
            if AudioChunk.is_type(event.type):
                self.sound += event.payload or b""
            if event.type in kinds:
                return event

    @property
    def kinds(self) -> list[str]:
        """Without repetitions in a row."""
        kinds = [event.type for event in self.events]
        return [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]


@asynccontextmanager
async def talking(engine: Engine, language: str = "en") -> AsyncIterator[Talk]:
    speakers = {name: Speaker(engine, name) for name in ("man", "woman")}
    server = AsyncTcpServer("127.0.0.1", 0)
    await server.start(partial(adapter.Handler, speakers, adapter.info_of(speakers, language)))
    assert server._server is not None
    port = server._server.sockets[0].getsockname()[1]
    async with AsyncTcpClient("127.0.0.1", port) as client:
        try:
            yield Talk(client)
        finally:
            await server.stop()


def talk(engine: Engine, words: Callable[[Talk], Awaitable[None]]) -> None:
    async def say() -> None:
        async with talking(engine) as talk:
            await words(talk)

    asyncio.run(say())


def spoken(engine: Engine, text: str, voice: str) -> bytes:
    with engine.session(voice) as session:
        session.feed(text)
        session.end()
        return pcm16(np.concatenate(list(session))).tobytes()


def test_it_describes_itself(engine: Engine) -> None:
    async def words(talk: Talk) -> None:
        await talk.send(Ping(text="x"), Describe())
        assert (await talk.until("pong")).data == {"text": "x"}
        (program,) = Info.from_event(await talk.until("info")).tts
        assert program.installed
        assert program.supports_synthesize_streaming
        assert [(voice.name, voice.languages) for voice in program.voices] == [
            ("man", ["en"]),
            ("woman", ["en"]),
        ]

    talk(engine, words)


def test_a_whole_text(engine: Engine) -> None:
    async def words(talk: Talk) -> None:
        for voice in ("man", "woman"):
            talk.events, talk.sound = [], b""
            await talk.send(Synthesize(TEXT, voice=SynthesizeVoice(name=voice)))
            await talk.until("audio-stop")
            assert talk.kinds == ["audio-start", "audio-chunk", "audio-stop"]
            start = AudioStart.from_event(talk.events[0])
            assert (start.rate, start.width, start.channels) == (24_000, 2, 1)
            assert talk.sound == spoken(engine, TEXT, voice)
            chunks = [AudioChunk.from_event(event) for event in talk.events[1:-1]]
            at = 0.0
            for chunk in chunks:
                assert chunk.timestamp == pytest.approx(1000 * at, abs=1)
                at += chunk.seconds
            assert AudioStop.from_event(talk.events[-1]).timestamp == pytest.approx(1000 * at, abs=1)

    talk(engine, words)


def test_text_in_parts_is_spoken_once_and_before_its_end(engine: Engine) -> None:
    """As Home Assistant sends it: with a copy of the whole, for servers that do not stream."""

    async def words(talk: Talk) -> None:
        for _ in range(2):
            talk.events, talk.sound = [], b""
            await talk.send(SynthesizeStart(voice=SynthesizeVoice(name="woman")))
            await talk.send(*(SynthesizeChunk(TEXT[at : at + 9]) for at in range(0, len(TEXT), 9)))
            await talk.until("audio-chunk")
            await talk.send(Synthesize(TEXT, voice=SynthesizeVoice(name="woman")), SynthesizeStop())
            await talk.until("synthesize-stopped")
            assert talk.kinds == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]
            assert talk.sound == spoken(engine, TEXT, "woman")
        await talk.send(Describe())  # nothing more is spoken
        assert (await talk.until("info", "audio-start")).type == "info"

    talk(engine, words)


@pytest.mark.parametrize("text", ["...", "!?", "", " \n", "\U0001f642", "\u2026 \u2014"])
def test_what_cannot_be_said_is_a_short_silence(engine: Engine, text: str) -> None:
    async def words(talk: Talk) -> None:
        await talk.send(Synthesize(text))
        await talk.until("audio-stop")
        assert talk.sound == bytes(12_000)
        await talk.send(SynthesizeStart(), SynthesizeChunk(text), SynthesizeStop())
        await talk.until("synthesize-stopped")
        assert talk.sound == bytes(24_000)

    talk(engine, words)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Synthesize("Hi.", voice=SynthesizeVoice(name="nobody")), "choose of man, woman"),
        (Synthesize("<speak/>", text_format=SynthesizeTextFormat.SSML), "do not follow SSML"),
        (Event("synthesize", {}), "lacks a field"),
        (Event("synthesize", {"text": 5}), "text must be a string"),
    ],
    ids=["voice", "ssml", "no text", "number"],
)
def test_what_cannot_be_done_is_told_and_ends_the_connection(
    engine: Engine, event: Any, sentence: str
) -> None:
    async def words(talk: Talk) -> None:
        await talk.client.write_event(event if isinstance(event, Event) else event.event())
        error = Error.from_event(await talk.until("error", "audio-stop"))
        assert sentence in error.text
        assert error.code == "invalidinput"
        await talk.until("")

    talk(engine, words)


def test_a_failure_midway_is_told_and_not_taken_for_the_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(session: Any) -> Any:
        raise ExecutionError("the graph failed")

    async def words(talk: Talk) -> None:
        await talk.send(SynthesizeStart(), SynthesizeChunk(LONG))
        await talk.until("audio-chunk")
        monkeypatch.setattr("loquor.speech.session.Session.__anext__", fail)
        error = Error.from_event(await talk.until("error"))
        assert (error.text, error.code) == ("the graph failed", "execution")
        await talk.until("")
        assert "audio-stop" not in talk.kinds

    talk(engine, words)


def test_a_client_that_goes_cancels(engine: Engine) -> None:
    async def say() -> None:
        async with talking(engine) as talk:
            await talk.send(Synthesize(LONG))
            await talk.until("audio-chunk")

    def under_way(engine: Engine) -> list[Any]:
        return [each for each in engine._under_way if hasattr(each, "made") and not each.made]

    async def gone() -> None:
        await say()
        for _ in range(200):
            if not under_way(engine):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it is still made")

    asyncio.run(gone())


def test_what_is_no_event_harms_nobody_else(engine: Engine) -> None:
    async def words(talk: Talk) -> None:
        port = talk.client.port
        for line in (b"{}\n", b"[]\n", b"\xff\n", b'{"type": "x", "data_length": 9999999999}\n', b"{"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(line)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        await talk.send(Describe())
        await talk.until("info")

    talk(engine, words)


def test_the_command_serves_and_ends(tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "loquor", "wyoming", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == (
                "loquor: serving default, emma, george, man, woman "
                f"on tcp://127.0.0.1:{port} (Ctrl-C ends it)\n"
            )

            async def say() -> int:
                for _ in range(200):
                    try:
                        async with AsyncTcpClient("127.0.0.1", port) as client:
                            talk = Talk(client)
                            await talk.send(Synthesize("Hello."))
                            await talk.until("audio-stop")
                            return len(talk.sound)
                    except ConnectionRefusedError:
                        await asyncio.sleep(0.05)
                return 0

            assert asyncio.run(say()) > 10_000
        finally:
            process.terminate()
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--port", "0"], "cannot listen on port 0"),
        (["--voice", "me"], "--voice takes NAME=FILE"),
        (["--language", "de"], "does not speak 'de', but en"),
    ],
)
def test_what_cannot_be_served_is_told(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wyoming", *arguments]) == 2
    assert what in capsys.readouterr().err

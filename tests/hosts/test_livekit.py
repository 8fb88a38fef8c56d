"""LiveKit Agents, as released: its own machinery drives the adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import (
    Agent,
    AgentSession,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    tts,
)
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.voice import io

from loquor import BusyError, Engine, ExecutionError, InvalidInputError, LoquorError
from loquor.adapters.livekit import TTS
from loquor.audio.audio import pcm16

from .conftest import example, rest

TEXT = "Hello there. This is text that comes in parts. And it ends here"
LONG = "This sentence is one of many, and all of them take a while to say. " * 50
PATIENCE = 60


def spoken(engine: Engine, text: str) -> np.ndarray[Any, Any]:
    with engine.session("man") as session:
        session.feed(text)
        session.end()
        return pcm16(np.concatenate(list(session)))


def joined(frames: list[rtc.AudioFrame]) -> np.ndarray[Any, Any]:
    return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])


class Heard:
    """All that a stream gave, and what its host was told."""

    def __init__(self, host: TTS) -> None:
        self.events: list[tts.SynthesizedAudio] = []
        self.errors: list[tts.TTSError] = []
        self.metrics: list[Any] = []
        host.on("error", self.errors.append)
        host.on("metrics_collected", self.metrics.append)

    async def all_of(self, stream: AsyncIterator[tts.SynthesizedAudio]) -> None:
        async for event in stream:
            self.events.append(event)

    @property
    def samples(self) -> np.ndarray[Any, Any]:
        return joined([event.frame for event in self.events])

    @property
    def words(self) -> list[Any]:
        return [word for each in self.events for word in each.frame.userdata[USERDATA_TIMED_TRANSCRIPT]]


async def say(engine: Engine, *texts: str, streamed: bool = True, retries: int = 0) -> Heard:
    host = TTS(engine, "man")
    heard, options = Heard(host), APIConnectOptions(max_retry=retries, retry_interval=0.01)
    if streamed:
        async with host.stream(conn_options=options) as stream:
            for text in texts:
                stream.push_text(text)
                await asyncio.sleep(0)
            stream.end_input()
            await heard.all_of(stream)
    else:
        async with host.synthesize("".join(texts), conn_options=options) as chunked:
            await heard.all_of(chunked)
    await host.aclose()
    return heard


def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


def test_it_is_one_of_theirs(engine: Engine) -> None:
    host = TTS(engine, "man")
    assert isinstance(host, tts.TTS)
    assert (host.sample_rate, host.num_channels) == (engine.capabilities.sample_rate, 1)
    assert host.capabilities == tts.TTSCapabilities(streaming=True, aligned_transcript=True)
    assert (host.model, host.provider) == ("mini", "loquor")
    host.prewarm()


@pytest.mark.parametrize("streamed", [True, False])
def test_it_says_what_a_session_says(engine: Engine, streamed: bool, at_rest: None) -> None:
    heard = run(say(engine, *(TEXT[at : at + 7] for at in range(0, len(TEXT), 7)), streamed=streamed))
    assert np.array_equal(heard.samples, spoken(engine, TEXT))
    assert {event.frame.sample_rate for event in heard.events} == {24_000}
    assert [event.is_final for event in heard.events].index(True) == len(heard.events) - 1
    assert len({event.request_id for event in heard.events}) == 1
    assert heard.errors == []
    assert "".join(heard.words).split() == TEXT.split()
    starts = [word.start_time for word in heard.words]
    assert starts == sorted(starts)
    assert 0.5 < heard.words[-1].end_time <= len(heard.samples) / 24_000  # silence may follow
    (metrics,) = heard.metrics
    assert metrics.audio_duration == pytest.approx(len(heard.samples) / 24_000, abs=0.001)
    assert not metrics.cancelled


@pytest.mark.parametrize("text", ["...", "!?", "\u2026 \u2014", "\U0001f642"])
@pytest.mark.parametrize("streamed", [True, False])
def test_what_cannot_be_said_is_a_short_silence_and_no_error(
    engine: Engine, text: str, streamed: bool
) -> None:
    heard = run(say(engine, text, streamed=streamed))
    assert len(heard.samples) == 6_000
    assert not heard.samples.any()
    assert heard.errors == []


def test_no_text_is_no_error(engine: Engine) -> None:
    assert run(say(engine)).errors == []
    assert run(say(engine, " ", streamed=True)).errors == []
    assert run(say(engine, "", streamed=False)).errors == []


def test_sound_comes_before_the_text_ends(engine: Engine, at_rest: None) -> None:
    async def talk() -> None:
        async with TTS(engine, "man").stream() as stream:
            stream.push_text("This is a whole sentence, and more is to come. ")
            stream.push_text("More of it is said. ")
            first = await anext(stream)
            assert first.frame.duration > 0
            stream.push_text("More.")
            stream.end_input()
            assert [event async for event in stream][-1].is_final

    run(talk())


@pytest.mark.parametrize("streamed", [True, False])
def test_an_interruption_ends_it_within_a_step(engine: Engine, streamed: bool) -> None:
    async def talk() -> None:
        host = TTS(engine, "man")
        if streamed:
            stream: Any = host.stream()
            stream.push_text(LONG)
            stream.end_input()
        else:
            stream = host.synthesize(LONG)
        await anext(stream)
        await stream.aclose()
        await rest(engine)

    run(talk())


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    ("error", "kind", "status", "tries"),
    [
        (ExecutionError("the graph failed"), APIError, None, 3),
        (BusyError("the queue is full"), APIStatusError, 429, 3),
        (InvalidInputError("no such voice"), APIStatusError, 400, 1),
    ],
    ids=["failure", "busy", "input"],
)
def test_errors_are_the_hosts_and_retried_before_the_first_sound(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    streamed: bool,
    error: LoquorError,
    kind: type[APIError],
    status: int | None,
    tries: int,
) -> None:
    begun = []

    async def fail(session: Any) -> Any:
        begun.append(session)
        raise error

    monkeypatch.setattr("loquor.speech.session.Session.__anext__", fail)

    async def talk() -> tuple[APIError, int]:
        host = TTS(engine, "man")
        heard, options = Heard(host), APIConnectOptions(max_retry=2, retry_interval=0.01)
        stream: Any = (
            host.stream(conn_options=options) if streamed else host.synthesize(TEXT, conn_options=options)
        )
        if streamed:
            stream.push_text(TEXT)
            stream.end_input()
        with pytest.raises(APIError) as raised:
            await heard.all_of(stream)
        await stream.aclose()
        assert [each.recoverable for each in heard.errors] == [True] * (tries - 1) + [False]
        return raised.value, len(begun)

    raised, count = run(talk())
    assert isinstance(raised, kind)
    assert str(error) in str(raised)
    assert getattr(raised, "status_code", None) == status
    assert count == tries


@pytest.mark.parametrize("streamed", [True, False])
def test_a_failure_midway_is_not_heard_twice(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    from loquor import Session

    one, chunks = Session.__anext__, 0

    async def fail_at_the_second(session: Any) -> Any:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            raise ExecutionError("the graph failed")
        return await one(session)

    monkeypatch.setattr(Session, "__anext__", fail_at_the_second)

    async def talk() -> None:
        host = TTS(engine, "man")
        heard, options = Heard(host), APIConnectOptions(max_retry=2, retry_interval=0.01)
        stream: Any = (
            host.stream(conn_options=options) if streamed else host.synthesize(LONG, conn_options=options)
        )
        if streamed:
            stream.push_text(LONG)
            stream.end_input()
        with pytest.raises(APIError, match="the graph failed"):
            await heard.all_of(stream)
        await stream.aclose()
        assert chunks == 2
        (told,) = heard.errors
        assert not told.recoverable

    run(talk())


def test_a_closed_engine_is_a_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk() -> None:
        own = Engine()
        host = TTS(own, "man")
        heard = Heard(host)
        async with host.stream(conn_options=APIConnectOptions(max_retry=2, retry_interval=0.01)) as stream:
            stream.push_text(LONG)
            stream.end_input()
            await anext(stream)
            own.close()
            with pytest.raises(APIConnectionError, match="the engine was closed"):
                await heard.all_of(stream)

    run(talk())


class Loudspeaker(io.AudioOutput):
    """Plays everything at once."""

    def __init__(self) -> None:
        super().__init__(
            label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=None
        )
        self.frames: list[rtc.AudioFrame] = []
        self.playing = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.frames.append(frame)
        self.playing = True

    def flush(self) -> None:
        super().flush()
        self._ended(interrupted=False)

    def clear_buffer(self) -> None:
        self._ended(interrupted=True)

    def _ended(self, *, interrupted: bool) -> None:
        if self.playing:
            self.playing = False
            self.on_playback_finished(playback_position=0.5, interrupted=interrupted)


def test_an_agent_speaks_with_it_and_is_interrupted(engine: Engine) -> None:
    async def talk() -> None:
        session: AgentSession[None] = AgentSession(tts=TTS(engine, "man"), use_tts_aligned_transcript=True)
        session.output.audio = loudspeaker = Loudspeaker()
        await session.start(Agent(instructions="Be kind."))
        await session.say(TEXT).wait_for_playout()
        assert np.array_equal(joined(loudspeaker.frames), spoken(engine, TEXT))
        assert {frame.sample_rate for frame in loudspeaker.frames} == {24_000}
        said = session.history.items[-1].text_content
        assert said is not None
        assert said.split() == TEXT.split()
        loudspeaker.frames.clear()
        speech = session.say(LONG)
        while not loudspeaker.frames:
            await asyncio.sleep(0.01)
        speech.interrupt()
        await speech.wait_for_playout()
        assert speech.interrupted
        await rest(engine)
        await session.aclose()

    run(talk())


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(example("livekit"), {})
    assert float(capsys.readouterr().out.split()[0]) > 1

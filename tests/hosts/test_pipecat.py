"""Pipecat, as released: its own pipeline drives the adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pipecat.frames.frames import (
    AggregatedTextFrame,
    CancelFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    TTSUpdateSettingsFrame,
)
from pipecat.pipeline.worker import PipelineParams
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.tests.utils import SleepFrame, run_test
from pipecat.utils.errors import ErrorCategory

from loquor import BusyError, Engine, ExecutionError, InvalidInputError, LoquorError, Session
from loquor.adapters.pipecat import LoquorTTSService
from loquor.audio.audio import pcm16

from .conftest import example, rest

SENTENCES = ("Hello there, everybody who is here.", "This is the second one of two.")
LONG = "This sentence is one of many, and all of them take a while to say. " * 50
PATIENCE = 60


def spoken(engine: Engine, text: str, voice: str = "man") -> np.ndarray[Any, Any]:
    with engine.session(voice) as session:
        session.feed(text)
        session.end()
        return pcm16(np.concatenate(list(session)))


class Heard:
    """What a pipeline gave, down and up."""

    def __init__(self, down: Sequence[Frame], up: Sequence[Frame]) -> None:
        self.down = down
        self.errors = [frame for frame in up if isinstance(frame, ErrorFrame)]

    def of(self, kind: type[Frame]) -> list[Any]:
        return [frame for frame in self.down if isinstance(frame, kind)]

    @property
    def samples(self) -> np.ndarray[Any, Any]:
        parts = [np.frombuffer(frame.audio, np.int16) for frame in self.of(TTSAudioRawFrame)]
        return np.concatenate([np.zeros(0, np.int16), *parts])


def reply(*texts: str) -> list[Frame]:
    """As a language model gives it: word by word."""
    words = [LLMTextFrame(f"{word} ") for text in texts for word in text.split()]
    return [LLMFullResponseStartFrame(), *words, LLMFullResponseEndFrame()]


def run(
    service: LoquorTTSService, *frames: Frame, params: PipelineParams | None = None, end: bool = True
) -> Heard:
    async def work() -> Heard:
        heard = Heard(
            *await run_test(
                service, frames_to_send=frames, pipeline_params=params, send_end_frame=end, start_timeout=10
            )
        )
        await rest(service._engine)
        return heard

    return asyncio.run(asyncio.wait_for(work(), PATIENCE))


def test_it_is_one_of_theirs(engine: Engine) -> None:
    service = LoquorTTSService(engine, "man", name="voice of the agent")
    assert isinstance(service, TTSService)
    assert service.can_generate_metrics()
    assert service.name == "voice of the agent"


def test_a_reply_is_spoken_and_told_word_by_word(engine: Engine) -> None:
    params = PipelineParams(audio_out_sample_rate=16_000, enable_metrics=True)
    heard = run(LoquorTTSService(engine, "man"), *reply(*SENTENCES), params=params)
    assert np.array_equal(heard.samples, np.concatenate([spoken(engine, each) for each in SENTENCES]))
    assert {frame.sample_rate for frame in heard.of(TTSAudioRawFrame)} == {24_000}  # whatever is asked for
    (started,), (stopped,) = heard.of(TTSStartedFrame), heard.of(TTSStoppedFrame)
    assert (
        {frame.context_id for frame in heard.of(TTSAudioRawFrame)}
        == {started.context_id}
        == {stopped.context_id}
    )
    words = heard.of(TTSTextFrame)
    assert " ".join(frame.text for frame in words).split() == " ".join(SENTENCES).split()
    times = [frame.pts for frame in words]
    assert times == sorted(times)
    seconds = (times[-1] - times[0]) / 1e9
    assert 0.5 < seconds < len(heard.samples) / 24_000  # the second sentence's are behind the first's
    assert [
        frame.text for frame in heard.of(AggregatedTextFrame) if frame.will_be_spoken and frame not in words
    ] == [*SENTENCES]
    assert heard.errors == []


def test_what_cannot_be_said_does_not_switch_it_off(engine: Engine) -> None:
    service = LoquorTTSService(engine, "man")
    silent = [TTSSpeakFrame(text) for text in ("...", "!?", "\u2026", "...")]
    heard = run(service, *silent, TTSSpeakFrame("Hello."))
    assert heard.errors == []
    assert service.is_usable
    assert np.array_equal(
        heard.samples, np.concatenate([np.zeros(24_000, np.int16), spoken(engine, "Hello.")])
    )


def test_an_interruption_ends_it_within_a_step(engine: Engine) -> None:
    service = LoquorTTSService(engine, "man")
    heard = run(service, TTSSpeakFrame(LONG), SleepFrame(0.5), InterruptionFrame(), TTSSpeakFrame("Hello."))
    assert heard.errors == []
    before, behind = [], heard.down
    for index, frame in enumerate(heard.down):
        if isinstance(frame, InterruptionFrame):
            before, behind = heard.down[:index], heard.down[index:]
    said = [frame.text for frame in before if isinstance(frame, TTSTextFrame)]
    assert LONG.startswith(" ".join(said))
    assert len(said) < 100
    assert np.array_equal(Heard(behind, ()).samples, spoken(engine, "Hello."))


def test_a_pipeline_that_is_cancelled_cancels(engine: Engine) -> None:
    heard = run(
        LoquorTTSService(engine, "man"), TTSSpeakFrame(LONG), SleepFrame(0.3), CancelFrame(), end=False
    )
    assert heard.errors == []


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (ExecutionError("the graph failed"), ErrorCategory.SERVER),
        (BusyError("the queue is full"), ErrorCategory.RATE_LIMIT),
        (InvalidInputError("what a text"), ErrorCategory.APPLICATION),
    ],
    ids=["failure", "busy", "input"],
)
@pytest.mark.parametrize("chunks", [0, 1])
def test_errors_are_the_hosts_and_the_next_text_is_spoken(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, error: LoquorError, category: ErrorCategory, chunks: int
) -> None:
    one, count = Session.__anext__, 0

    async def fail_once(session: Any) -> Any:
        nonlocal count
        count += 1
        if count == chunks + 1:
            raise error
        return await one(session)

    monkeypatch.setattr(Session, "__anext__", fail_once)
    service = LoquorTTSService(engine, "man")
    heard = run(service, TTSSpeakFrame(LONG), SleepFrame(0.2), TTSSpeakFrame("Hello."))
    first = heard.errors[0]
    assert (first.error, first.category, first.exception) == (str(error), category, error)
    assert service.is_usable
    assert np.array_equal(heard.samples[-len(spoken(engine, "Hello.")) :], spoken(engine, "Hello."))


def test_a_voice_that_is_not_there_is_permanent(engine: Engine) -> None:
    service = LoquorTTSService(engine, "nobody.wav")
    heard = run(service, TTSSpeakFrame("Hello."), SleepFrame(0.1), TTSSpeakFrame("Hello again."))
    assert heard.errors[0].category == ErrorCategory.INVALID_REQUEST
    assert "nobody.wav" in heard.errors[0].error
    assert not service.is_usable


def test_a_closed_engine_is_permanent() -> None:
    own = Engine()
    service = LoquorTTSService(own, "man")

    async def work() -> Heard:
        async def close() -> None:
            await asyncio.sleep(0.5)
            own.close()

        closing = asyncio.create_task(close())
        heard = Heard(*await run_test(service, frames_to_send=[TTSSpeakFrame(LONG)], start_timeout=10))
        await closing
        return heard

    heard = asyncio.run(asyncio.wait_for(work(), PATIENCE))
    assert heard.errors[0].error == "the engine was closed"
    assert not service.is_usable


def test_another_voice_meanwhile(engine: Engine) -> None:
    service = LoquorTTSService(engine, "man")
    change = TTSUpdateSettingsFrame(delta=TTSSettings(voice="woman", language="en-GB"))
    heard = run(service, TTSSpeakFrame("Hello."), change, TTSSpeakFrame("Hello."))
    voices = [spoken(engine, "Hello.", voice) for voice in ("man", "woman")]
    assert np.array_equal(heard.samples, np.concatenate(voices))


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(example("pipecat"), {})
    assert float(capsys.readouterr().out.split()[0]) > 1

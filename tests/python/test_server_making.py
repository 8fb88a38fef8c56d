"""What a server's requests are made of, without an engine: shared speech, formats, speed, words, a queue."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

import loquor.audio.tempo
import loquor.server.encoders
from loquor import InvalidInputError
from loquor.audio.subtitles import Mark
from loquor.audio.tempo import Tempo
from loquor.server.encoders import MEDIA_TYPES, encoder
from loquor.server.making import AHEAD, KEPT, Making
from loquor.server.metrics import Pace
from loquor.server.models import Queue
from loquor.server.refusals import RETRY_AT_MOST, RefusalError
from loquor.server.running import HeadWithBody
from loquor.server.settings import Settings
from loquor.server.speaking import Part, Summary
from loquor.speech.words import WordClock

RATE = 24_000
SUMMARY = Summary(1, 1, 1.0, 1.0, ())
Put = Callable[[Part], Awaitable[bool]]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


def making(count: int, size: int = 1000, log: list[int] | None = None) -> Making:
    async def work(put: Put) -> Summary:
        for number in range(count):
            if log is not None:
                log.append(number)
            await put(Part(bytes([number % 256]) * size, 1.0))
        return SUMMARY

    return Making(work, lambda: None)


async def heard(listener: Any) -> bytes:
    parts = []
    while (part := await listener.next()) is not None:
        parts.append(part.audio)
    return b"".join(parts)


# --- Shared speech ---


def test_all_who_listen_hear_the_same() -> None:
    async def test() -> None:
        made = making(8, AHEAD // 4)
        first = made.listen()
        await first.next()
        assert made.open  # the rest is not made before somebody takes it
        both = await asyncio.gather(heard(first), heard(made.listen()), heard(made.listen()))
        assert len(both[1]) == 2 * AHEAD
        assert both[1] == both[2]
        assert both[1][AHEAD // 4 :] == both[0]
        assert not made.open
        assert made.summary is SUMMARY

    run(test())


def test_no_more_is_made_than_the_fastest_listener_may_need() -> None:
    async def test() -> None:
        log: list[int] = []
        made = making(100, AHEAD // 4, log)
        slow, fast = made.listen(), made.listen()
        await fast.next()
        await asyncio.sleep(0.01)
        assert 5 <= len(log) <= 7
        for _ in range(30):
            await fast.next()
            await asyncio.sleep(0)
        assert made.kept_bytes <= KEPT + AHEAD
        assert not made.open  # its beginning is gone
        with pytest.raises(RefusalError, match="slower than others"):
            await slow.next()
        assert len(await heard(fast)) == 69 * (AHEAD // 4)

    run(test())


def test_the_last_who_leaves_ends_it_within_a_step() -> None:
    async def test() -> None:
        log: list[int] = []
        ended = asyncio.Event()

        async def work(put: Put) -> Summary:
            try:
                while True:
                    log.append(0)
                    await put(Part(b"a", 1.0))
                    await asyncio.sleep(0.001)
            finally:
                ended.set()

        made = Making(work, lambda: None)
        one, other = made.listen(), made.listen()
        await one.next()
        assert not one.leave()
        await other.next()
        assert other.leave()
        assert not made.open
        await ended.wait()

    run(test())


def test_a_failure_comes_behind_what_was_made() -> None:
    async def test() -> None:
        async def work(put: Put) -> Summary:
            await put(Part(b"a", 1.0))
            raise ValueError("broken")

        listener = Making(work, lambda: None).listen()
        part = await listener.next()
        assert part is not None
        with pytest.raises(ValueError, match="broken"):
            await listener.next()

    run(test())


def test_what_is_silent_yet_is_refused_and_what_plays_goes_on() -> None:
    async def test() -> None:
        async def waits(put: Put) -> Summary:
            await asyncio.sleep(100)
            return SUMMARY

        refusal = RefusalError(503, "ending", "it ends")
        silent, playing = Making(waits, lambda: None), making(3)
        one, other = silent.listen(), playing.listen()
        await other.next()
        for each in (silent, playing):
            each.refuse(refusal)
        with pytest.raises(RefusalError, match="it ends"):
            await one.next()
        assert len(await heard(other)) == 2000

    run(test())


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    async def test() -> None:
        queue = Queue(2)
        queue.took(10_000)
        async with queue.place(4), queue.place(4):
            with pytest.raises(RefusalError) as refused:
                async with queue.place(4):
                    pass
        assert queue.waiting == 0
        assert refused.value.status == 429
        assert 1 <= int(refused.value.headers["retry-after"]) <= RETRY_AT_MOST

    run(test())


# --- Formats ---


def tone(seconds: float = 2.0) -> np.ndarray[Any, Any]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


@pytest.mark.parametrize("name", MEDIA_TYPES)
@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_a_format_comes_as_it_is_made(name: str, rate: int) -> None:
    out, sizes = encoder(name, rate), []
    samples = tone()
    for start in range(0, len(samples), rate // 10):  # 100 ms each
        sizes.append(len(out.add(samples[start : start + rate // 10])))
    last = len(out.finish())
    late = {"flac": 3, "pcm": 1, "wav": 1}.get(name, 2)  # they look ahead, and FLAC has long frames
    assert sum(sizes[:late]) > 200
    assert all(sizes[late:]), sizes
    assert last < 3 * max(sizes)


def test_pages_of_opus_are_short() -> None:
    out = encoder("opus", RATE)
    content = b"".join([out.add(tone()), out.finish()])
    pages = content.split(b"OggS")[3:-1]  # behind the headers
    positions = [int.from_bytes(page[2:10], "little") for page in pages]
    spans = np.diff(positions) / 48_000
    assert len(spans) > 20
    assert spans.min() >= 0.02
    assert spans.max() <= 0.1


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_no_sound_at_all_is_a_file_too(name: str) -> None:
    out = encoder(name, RATE)
    content = out.add(np.zeros(0, np.float32)) + out.finish()
    assert len(content) == {"pcm": 0, "wav": 44}.get(name, len(content))


def test_without_pyav_there_are_wav_and_pcm(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (loquor.server.encoders, loquor.audio.tempo):
        monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    assert encoder("wav", RATE).add(tone())
    with pytest.raises(InvalidInputError, match=r"cannot write mp3, .* ask for wav or pcm"):
        encoder("mp3", RATE)
    with pytest.raises(InvalidInputError, match="changing the speed takes PyAV"):
        Tempo(1.5, RATE)
    assert len(Tempo(1.0, RATE).add(tone())) == 2 * RATE


def test_a_codec_that_ffmpeg_lacks_is_a_typed_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: Any, **__: Any) -> Any:
        raise av.FFmpegError(1, "no such encoder")

    monkeypatch.setattr(av, "open", without)
    with pytest.raises(InvalidInputError, match="FFmpeg cannot write aac"):
        encoder("aac", RATE)


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 3.0, 4.0])
def test_speed_keeps_the_pitch(speed: float) -> None:
    tempo, samples = Tempo(speed, RATE), tone()
    parts = [tempo.add(samples[start : start + 1234]) for start in range(0, len(samples), 1234)]
    made = np.concatenate([*parts, tempo.finish()])
    assert len(made) / RATE * speed == pytest.approx(2.0, rel=0.02)
    assert np.isfinite(made).all()
    assert np.abs(np.fft.rfft(made)).argmax() / len(made) * RATE == pytest.approx(220, rel=0.01)
    assert np.abs(made).max() == pytest.approx(0.3, rel=0.05)
    assert any(map(len, parts[:4])) or speed < 0.5  # it comes while it is made


# --- Words, and clocks ---


class Said:
    """What a session tells, made up."""

    def __init__(self) -> None:
        self.marks: tuple[Mark, ...] = ()
        self.words: tuple[Mark, ...] = ()  # of a model that does not tell
        self.report = SimpleNamespace(text="", audio_seconds=0.0)

    def says(self, text: str, seconds: float) -> None:
        self.report = SimpleNamespace(text=text, audio_seconds=seconds)


def test_words_share_the_time_of_their_chunk_by_their_letters() -> None:
    said = Said()
    clock = WordClock(said, 2.0)  # type: ignore[arg-type]
    assert clock.words() == []
    said.says("a abc", 3.0)
    assert [(word.text, word.start, word.end) for word in clock.words()] == [("a", 0, 0.5), ("abc", 0.5, 1.5)]
    said.says("a", 4.0)  # an estimate that went back
    assert clock.words() == []
    said.says("a abc de", 5.0)
    assert [(word.text, word.start, word.end) for word in clock.words()] == [("de", 1.5, 2.5)]
    assert clock.estimated
    said.marks = (Mark("a abc de", 0.0, 5.0),)
    assert [(each.text, each.end) for each in clock.sentences()] == [("a abc de", 2.5)]
    assert clock.sentences() == []


class Wire:
    """A transport that keeps what is sent, a segment each."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def test_a_head_is_sent_with_the_first_of_its_body() -> None:
    head, again, other = (
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 \r\n\r\n",
    )
    wire = Wire()
    transport: Any = HeadWithBody(wire)  # type: ignore[arg-type]
    transport.write(again)
    transport.write(other)
    assert wire.sent == [again, other]  # which somebody waits for
    transport.write(head)
    assert len(wire.sent) == 2
    transport.write(b"5\r\nsound\r\n")
    transport.write(b"0\r\n\r\n")
    assert wire.sent[2:] == [head + b"5\r\nsound\r\n", b"0\r\n\r\n"]
    transport.write(head)
    transport.write(b"")  # as the end of no body is
    transport.write(head)
    transport.close()
    assert wire.sent[4:] == [head, head]
    assert transport.is_closing()


def test_playback_runs_dry_when_sound_comes_late() -> None:
    pace = Pace()
    assert not pace.heard(10.0, 1.0)
    assert not pace.heard(10.9, 1.0)
    assert not pace.heard(13.0, 0.0)  # no sound
    assert pace.heard(12.5, 1.0)
    assert not pace.heard(13.4, 1.0)
    pace.held_back()
    assert not pace.heard(99.0, 1.0)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"models": {}}, "needs a model"),
        ({"queue": -1}, "queue"),
        ({"max_text": 20_001}, "max_text"),
        ({"wait_seconds": 0}, "wait_seconds"),
        ({"idle_seconds": float("nan")}, "idle_seconds"),
        ({"max_sockets": -1}, "max_sockets"),
        ({"unload_minutes": float("nan")}, "unload_minutes"),
        ({"api_keys": ("",)}, "API key"),
        ({"api_keys": ("schlüssel",)}, "API key"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        Settings(**({"models": {"a": io.BytesIO}} | settings))

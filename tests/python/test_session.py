"""Text in while speech comes out: it is what `speak_long` says, however it is fed, and may end anywhere."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bundles.breakages import broken_copy, fails_beyond
from loquor import (
    BusyError,
    Engine,
    EngineClosedError,
    ExecutionError,
    GenerationOptions,
    InvalidInputError,
    LongTextOptions,
    RequestCancelledError,
    Session,
    StreamOptions,
    Voice,
)
from loquor.speech.request import Request
from loquor.speech.session import MAX_WAITING

TEXT = """Chapter 1

It was late when Mr. Hill came home. He paid $3.50 for the cab, and [sigh] he was not in a good mood at all.

* * *

"Who is there?" he asked. "Nobody. Go to sleep." Then he went in."""
FIRST = "It was late when Mr. Hill came home, and it rained. "
OPTIONS = GenerationOptions(max_new_tokens=6, seed=11)
LONG = GenerationOptions(max_new_tokens=7000)

EngineOf = Callable[..., Engine]
BundleOf = Callable[..., Path]
Recording = NDArray[np.float32]


@pytest.fixture(scope="module", params=["concat", "gqa"])
def engine(request: pytest.FixtureRequest, engine_of: EngineOf) -> Engine:
    return engine_of(form=request.param)


@pytest.fixture(scope="module")
def voice(engine: Engine, recording: Recording) -> Voice:
    return engine.voice((recording, 24_000))


def watched(session: Session) -> list[Request]:
    """The requests that the session begins, as it begins them."""
    opened, real = [], session._narration._start

    def begin(text: str, **options: object) -> Request:
        opened.append(real(text, **options))
        return opened[-1]

    session._narration._start = begin
    return opened


def read_all(session: Session) -> NDArray[np.float32]:
    return np.concatenate([np.zeros(0, np.float32), *session])


def begun(session: Session) -> bool:
    """There is a piece of which nothing was heard."""
    return any(saying.loudness.samples == 0 for saying in session._narration._under_way)


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until
        time.sleep(0.001)


# --- What is said ---


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_how_it_is_fed_makes_no_difference(data: st.DataObject, engine: Engine, voice: Voice) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(TEXT)), max_size=30))
    taken = data.draw(st.lists(st.integers(0, 3), min_size=len(cuts) + 1, max_size=len(cuts) + 1))
    with engine.session(voice, OPTIONS) as session:
        opened, heard = watched(session), []
        for (begin, end), chunks in zip(pairwise([0, *sorted(cuts), len(TEXT)]), taken, strict=True):
            session.feed(TEXT[begin:end])
            heard += [next(session) for _ in range(chunks) if begun(session)]
        session.end()
        samples = np.concatenate([*heard, *session])
    whole = engine.session(voice, OPTIONS)
    streams = watched(whole)
    whole.feed(TEXT)
    whole.end()
    np.testing.assert_array_equal(samples, read_all(whole))
    assert [list(stream.tokens) for stream in opened] == [list(stream.tokens) for stream in streams]
    assert session.marks == whole.marks
    long = engine.speak_long(TEXT, voice, OPTIONS).collect()
    np.testing.assert_array_equal(samples, long.samples)
    assert (session.marks, session.warnings) == (long.marks, long.warnings)
    report = session.report
    assert (report.finished, report.cancelled, report.waiting_characters) == (True, False, 0)
    assert report.audio_seconds == long.seconds
    assert (
        report.text
        == " ".join(mark.text for mark in long.marks)
        == " ".join(TEXT.replace("* * *", "").split())
    )
    assert report.sentences == len(long.marks) == 6


def test_the_first_sentence_is_heard_while_the_second_is_written(engine: Engine, voice: Voice) -> None:
    with engine.session(voice, OPTIONS) as session:
        opened = watched(session)
        for character in FIRST:
            session.feed(character)
        assert opened == []  # "rained." might go on
        session.feed("N")
        assert len(opened) == 1
        assert next(session).any()
        session.feed("obody was there.")
        session.end()
        read_all(session)
    assert len(opened) == 2


def test_flush_says_what_there_is(engine: Engine, voice: Voice) -> None:
    with engine.session(voice, OPTIONS) as session:
        opened = watched(session)
        session.feed("One moment")
        session.flush()
        assert len(opened) == 1
        session.feed(", please.")
        session.end()
        session.end()
        read_all(session)
        assert [mark.text for mark in session.marks] == ["One moment", ", please."]


def test_the_next_sentence_is_begun_when_the_one_before_is_made(engine: Engine, voice: Voice) -> None:
    options = GenerationOptions(max_new_tokens=60)
    with engine.session(voice, options, chunks=StreamOptions(first_chunk=5, growth=1)) as session:
        opened = watched(session)
        session.feed(FIRST * 4)
        next(session)
        wait_for(lambda: opened[0].made)
        next(session)  # of many chunks that wait
        assert len(opened) == 2
        wait_for(lambda: opened[1].made)
        next(session)
        assert len(opened) == 2  # no further ahead
        assert not opened[0].finished


@pytest.mark.parametrize(
    ("text", "sentences"),
    [("", 0), (" \n\n \t", 0), ("[laugh]", 1), ("* * *", 1), ("?!", 1), ("Yes", 1), (" Hm. ", 1)],
)
def test_texts_with_little_to_say(engine: Engine, voice: Voice, text: str, sentences: int) -> None:
    with engine.session(voice, OPTIONS) as session:
        session.feed(text)
        session.end()
        with pytest.raises(InvalidInputError, match="this session was ended"):
            session.feed("More.")
        samples = read_all(session)
        assert len(session.marks) == sentences and bool(len(samples)) == bool(sentences)
    assert session.report.finished and not session.report.cancelled
    assert list(session) == []


# --- Threads and loops ---


def test_a_thread_feeds_while_another_reads(engine: Engine, voice: Voice) -> None:
    expected = engine.speak_long(TEXT, voice, OPTIONS).collect().samples
    session = engine.session(voice, OPTIONS)

    def write() -> None:
        for character in TEXT:
            session.feed(character)
            time.sleep(0.0005)
        session.end()

    with session, ThreadPoolExecutor(1) as pool:
        pool.submit(write)
        np.testing.assert_array_equal(read_all(session), expected)


def test_tasks_feed_and_read_on_one_loop_without_threads(engine: Engine, voice: Voice) -> None:
    expected = engine.speak_long(TEXT, voice, OPTIONS).collect().samples
    before = threading.active_count()

    async def one() -> None:
        async with engine.session(voice, OPTIONS) as session:

            async def write() -> None:
                for begin in range(0, len(TEXT), 7):
                    await session.afeed(TEXT[begin : begin + 7])
                    await asyncio.sleep(0)
                session.end()

            writer = asyncio.create_task(write())
            parts = [part async for part in session]
            await writer
        assert threading.active_count() == before
        np.testing.assert_array_equal(np.concatenate(parts), expected)

    async def work() -> None:
        await asyncio.gather(*(one() for _ in range(10)))

    asyncio.run(work())


@pytest.mark.parametrize("text", [TEXT, FIRST * 3, "", " \n", "?!", "Yes", "* * *\n\nYes. [sigh]"])
def test_within_a_slot_it_says_the_same_and_waits_outside(engine: Engine, voice: Voice, text: str) -> None:
    inside: list[bool] = []

    @asynccontextmanager
    async def slot() -> AsyncIterator[None]:
        await asyncio.sleep(0.001)  # as one that others have
        inside.append(True)
        yield
        inside.append(False)

    async def work() -> tuple[list[NDArray[np.float32]], list[bool]]:
        async with engine.session(voice, OPTIONS) as session:
            opened, begun_inside, chunks = watched(session), [], session.within(slot)
            real = session._narration._start

            def begin(*given: Any, **options: Any) -> Request:
                begun_inside.append(bool(inside) and inside[-1])
                return real(*given, **options)

            session._narration._start = begin

            async def write() -> None:
                for start in range(0, len(text), 5):
                    session.feed(text[start : start + 5])
                    if start % 35 == 0:  # the writer thinks, until all was said
                        await asyncio.sleep(0.05)
                        assert not (inside and inside[-1] and all(each.finished for each in opened))
                session.end()

            writer = asyncio.create_task(write())
            heard = [chunk async for chunk in chunks]
            await writer
            return heard, begun_inside

    heard, begun_inside = asyncio.run(work())
    with engine.session(voice, OPTIONS) as plain:
        plain.feed(text)
        plain.end()
        np.testing.assert_array_equal(np.concatenate([np.zeros(0, np.float32), *heard]), read_all(plain))
    assert all(begun_inside)
    assert bool(begun_inside) == bool(text.strip())
    assert inside == [True, False] * (len(inside) // 2)


def test_who_leaves_or_is_refused_a_slot_holds_none(engine: Engine, voice: Voice) -> None:
    inside: list[bool] = []

    @asynccontextmanager
    async def slot() -> AsyncIterator[None]:
        if len(inside) == 2:
            raise BusyError("no slot")
        inside.append(True)
        try:
            yield
        finally:
            inside.append(False)

    async def work() -> None:
        async with engine.session(voice, LONG) as session, aclosing(session.within(slot)) as chunks:
            session.feed(FIRST)
            session.flush()
            await anext(chunks)
        assert inside == [True, False]
        async with engine.session(voice, OPTIONS) as session, aclosing(session.within(slot)) as chunks:
            session.feed(FIRST)
            session.flush()
            with pytest.raises(BusyError, match="no slot"):
                await anext(chunks)

    asyncio.run(work())


def test_no_more_than_a_bounded_text_waits(engine: Engine, voice: Voice) -> None:
    unit = FIRST * 19
    with engine.session(voice, OPTIONS) as session:
        with pytest.raises(InvalidInputError, match="20,001 characters, more than the 20,000"):
            session.feed("x" * (MAX_WAITING + 1))
        with pytest.raises(BusyError, match=r"no room for .* characters: .* wait to be"):
            for _ in range(MAX_WAITING // len(unit) + 2):
                session.feed(unit)
        waiting = session.report.waiting_characters
        assert MAX_WAITING - len(unit) < waiting <= MAX_WAITING
        with pytest.raises(BusyError):
            session.feed(unit, timeout=0.01)
        assert session.report.waiting_characters == waiting
        reader = threading.Thread(target=lambda: [next(session) for _ in range(60)])
        reader.start()
        session.feed(unit, timeout=None)
        reader.join()


def test_afeed_waits_for_room_and_ends_with_the_session(engine: Engine, voice: Voice) -> None:
    async def work() -> None:
        async with engine.session(voice, OPTIONS) as session:

            async def write() -> None:
                while True:
                    await session.afeed(FIRST * 19)

            writer = asyncio.create_task(write())
            await asyncio.sleep(0.02)
            for _ in range(40):
                await anext(session)
        with pytest.raises(
            RequestCancelledError, match="nothing more is spoken here: the session was cancelled"
        ):
            await asyncio.wait_for(writer, 10)

    asyncio.run(work())


# --- Ending early ---


def test_cancel_before_the_first_word(engine: Engine, voice: Voice) -> None:
    session = engine.session(voice, OPTIONS)
    session.cancel()
    with pytest.raises(RequestCancelledError, match="the session was cancelled"):
        next(session)
    with pytest.raises(RequestCancelledError):
        session.feed("Hello.")
    session.flush()
    session.end()
    report = session.report
    assert (report.audio_seconds, report.text, report.cancelled, report.finished) == (0.0, "", True, False)


@pytest.mark.parametrize("text", ["", FIRST * 2])
def test_cancel_from_another_thread_ends_a_waiting_reader(engine: Engine, voice: Voice, text: str) -> None:
    session = engine.session(voice, LONG, chunks=StreamOptions(first_chunk=6900))
    session.feed(text)
    timer = threading.Timer(0.05, session.cancel)
    timer.start()
    with pytest.raises(RequestCancelledError, match="the session was cancelled"):
        next(session)
    timer.join()

    async def work() -> None:
        again = engine.session(voice, LONG, chunks=StreamOptions(first_chunk=6900))
        again.feed(text)
        asyncio.get_running_loop().call_later(0.05, again.cancel)
        with pytest.raises(RequestCancelledError, match="the session was cancelled"):
            await asyncio.wait_for(anext(again), 10)

    asyncio.run(work())


def test_who_leaves_early_is_told_what_was_said(engine: Engine, voice: Voice) -> None:
    options = GenerationOptions(max_new_tokens=100)
    second = "He paid for the cab and was not in a good mood at all, for it was late. "
    with engine.session(voice, options, chunks=StreamOptions(first_chunk=20, growth=1)) as session:
        session.feed(FIRST + second * 3)
        heard = []
        while session.report.sentences < 1:
            heard.append(next(session))
        heard.append(next(session))
    report = session.report
    seconds = sum(map(len, heard)) / session.sample_rate
    assert report.audio_seconds == pytest.approx(seconds)
    assert (report.cancelled, report.finished, report.sentences) == (True, False, 1)
    assert report.waiting_characters >= len(second.strip())
    first, said = FIRST.strip(), report.text
    assert said.startswith(first + " ") and len(first) + 5 < len(said) < len(first + second)
    assert second.startswith(said[len(first) + 1 :])
    assert session.text_until(0) == ""
    assert session.text_until(session.marks[0].end) == first
    half = session.text_until(session.marks[0].end / 2)
    assert first.startswith(half) and 0.3 * len(first) < len(half) < 0.6 * len(first)
    assert session.text_until(1e9) == said
    with pytest.raises(RequestCancelledError):
        next(session)


def test_closing_the_engine_ends_a_session(bundle_of: BundleOf, recording: Recording) -> None:
    engine = Engine(bundle_of(), threads=1, device="cpu", prepare=False)
    voice = engine.voice((recording, 24_000))
    idle, busy = engine.session(voice, LONG), engine.session(voice, LONG)
    busy.feed(FIRST * 2)
    next(busy)
    threading.Timer(0.05, engine.close).start()
    for session in (idle, busy):
        with pytest.raises(EngineClosedError, match="the engine was closed"):
            read_all(session)
        with pytest.raises(RequestCancelledError, match="nothing more is spoken here: the engine was closed"):
            session.feed("More.")
    with pytest.raises(InvalidInputError, match="this engine was closed"):
        engine.session(voice)


def test_a_failure_midway_comes_behind_what_was_made(
    bundle_of: BundleOf, recording: Recording, tmp_path: Path
) -> None:
    folder = broken_copy(bundle_of(), tmp_path / "bundle", fails_beyond(recording.size // 960 + 40))
    chunks = StreamOptions(first_chunk=10, growth=1.5, max_chunk=100, left_context=-1)
    with Engine(folder, threads=1, device="cpu", prepare=False) as engine:
        session = engine.session((recording, 24_000), GenerationOptions(max_new_tokens=90), chunks=chunks)
        session.feed(FIRST * 3)
        assert len(next(session)) == 10 * 960
        with pytest.raises(ExecutionError, match=r"conditional_decoder\.onnx"):
            read_all(session)
        with pytest.raises(RequestCancelledError, match=r"nothing more .*conditional_decoder\.onnx"):
            session.feed("More.")
        assert not session.report.cancelled and session.report.audio_seconds >= 0.4


def test_text_that_cannot_be_spoken(engine: Engine, voice: Voice) -> None:
    with engine.session(voice, OPTIONS) as session:
        for wrong in (b"x", None):
            with pytest.raises(InvalidInputError, match="must be a str"):
                session.feed(wrong)  # type: ignore[arg-type]
        session.feed("\u200d\f")  # invisible: half of an emoji, a new page
        session.feed(FIRST + "It is \x1b[3")
        session.feed("1mred\x1b[0m and no <|endof")
        session.feed("text|> of it.")
        session.end()
        read_all(session)
        assert [mark.text for mark in session.marks] == [FIRST.strip(), "It is red and no of it."]
        warnings = [warning for warning in session.warnings if "left out" in warning]
        assert warnings[1] == "left out a code for terminals at line 1, character 69" and len(warnings) == 3


def test_wrong_arguments_are_refused_at_once(engine: Engine, voice: Voice) -> None:
    for wrong, message in (
        ({"options": GenerationOptions(seed=-1)}, "seed must be"),
        ({"chunks": {}}, "chunks must be"),
        ({"long_text": LongTextOptions(join_below=-1)}, "join_below"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            engine.session(voice, **wrong)  # type: ignore[arg-type]


def test_an_engine_that_is_busy_is_no_reason_to_lose_text(bundle_of: BundleOf, recording: Recording) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False, slots=1, max_queue=1) as engine:
        voice = engine.voice((recording, 24_000))
        with engine.stream("Hello.", voice, LONG) as running:
            next(running)
            waiting = engine.stream("Hello.", voice, OPTIONS)
            session = engine.session(voice, OPTIONS)
            session.feed(FIRST * 2)  # what cannot be begun waits
            other = engine.session(voice, OPTIONS)
            other.feed(FIRST * 2)
            with pytest.raises(BusyError, match="max_queue"):
                next(other)  # and is refused when it is asked for
        assert sum(map(len, waiting)) == 9 * 960
        session.end()
        assert len(read_all(session)) > 2 * 9 * 960

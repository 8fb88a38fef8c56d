"""Streams on an asyncio loop: no thread for each, a loop that is not held up, tasks that are cancelled."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import BusyError, Engine, GenerationOptions, RequestCancelledError, StreamOptions, Voice

TEXT = "Hello there. How are you today?"
OPTIONS = GenerationOptions(max_new_tokens=90, seed=3)
LONG = GenerationOptions(max_new_tokens=7000)

EngineOf = Callable[..., Engine]
Recording = NDArray[np.float32]


@pytest.fixture(scope="module", params=["concat", "gqa"])
def engine(request: pytest.FixtureRequest, engine_of: EngineOf) -> Engine:
    return engine_of(form=request.param)


@pytest.fixture(scope="module")
def voice(engine: Engine, recording: Recording) -> Voice:
    return engine.voice((recording, 24_000))


def run_async(work: Callable[[], object]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


def test_async_gives_the_same(engine: Engine, voice: Voice) -> None:
    expected = engine.speak(TEXT, voice, OPTIONS).samples

    async def work() -> None:
        async with engine.stream(TEXT, voice, OPTIONS) as stream:
            parts = [part async for part in stream]
        np.testing.assert_array_equal(np.concatenate(parts), expected)
        assert stream.report.finished

    run_async(work)


def test_a_hundred_streams_on_one_loop_need_no_thread_and_do_not_block_it(
    engine: Engine, voice: Voice
) -> None:
    expected = {
        seed: engine.speak(TEXT, voice, GenerationOptions(max_new_tokens=30, seed=seed)).samples
        for seed in range(5)
    }
    threads_before = threading.active_count()
    native_before = native_threads()
    lags: list[float] = []
    threads: list[int] = []

    async def one(seed: int) -> None:
        options = GenerationOptions(max_new_tokens=30, seed=seed)
        async with engine.stream(TEXT, voice, options, chunks=StreamOptions(first_chunk=5)) as stream:
            parts = [part async for part in stream]
        np.testing.assert_array_equal(np.concatenate(parts), expected[seed])

    async def heartbeat() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - start - 0.005)
            threads.append(native_threads())

    async def work() -> None:
        beat = asyncio.create_task(heartbeat())
        streams = [asyncio.create_task(one(i % 5)) for i in range(100)]
        await asyncio.gather(*streams)
        assert threading.active_count() == threads_before
        beat.cancel()

    run_async(work)
    assert max(threads) <= native_before
    # A busy machine stops the whole process now and then; a loop that streams hold up is late often.
    assert sum(lag > 0.5 for lag in lags) < 5, "something held the loop up"
    assert sorted(lags)[len(lags) // 2] < 0.05, "something held the loop up"


def native_threads() -> int:
    task = Path("/proc/self/task")
    return len(list(task.iterdir())) if task.is_dir() else 0


def test_cancelling_a_task_cancels_its_stream(engine: Engine, voice: Voice) -> None:
    async def work() -> None:
        begun = asyncio.Event()
        streams = []

        async def listen() -> None:
            async with engine.stream(TEXT, voice, LONG, chunks=StreamOptions(max_chunk=400)) as stream:
                streams.append(stream)
                async for _ in stream:
                    begun.set()

        task = asyncio.create_task(listen())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert streams[0].report.cancelled
        with pytest.raises(RequestCancelledError):
            await streams[0].__anext__()

    run_async(work)
    assert len(engine.speak(TEXT, voice, OPTIONS).samples) == 93 * 960


def test_a_cancelled_stream_wakes_its_waiting_task(engine: Engine, voice: Voice) -> None:
    async def work() -> None:
        stream = engine.stream(TEXT, voice, LONG, chunks=StreamOptions(first_chunk=6900))
        asyncio.get_running_loop().call_later(0.05, stream.cancel)
        with pytest.raises(RequestCancelledError):
            await asyncio.wait_for(stream.__anext__(), 10)

    run_async(work)


def test_a_stream_left_by_break_gives_its_sockets_back(engine: Engine, voice: Voice) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files are counted in /proc")

    async def work() -> None:
        for _ in range(20):
            async with engine.stream(TEXT, voice, LONG) as stream:
                async for _ in stream:
                    break

    run_async(work)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    run_async(work)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def sockets() -> int:
    """How many of the process's open files are sockets."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("open files are counted in /proc")
    return sum("socket:" in str(file.readlink()) for file in folder.iterdir() if file.is_symlink())


def test_a_left_block_gives_its_sockets_back_at_once(engine: Engine, voice: Voice) -> None:
    """Without the garbage collector, also where a task is cancelled in its wait, or another still waits."""

    async def work() -> None:
        before = sockets()
        kept = []

        async def listen() -> None:
            async with engine.stream(TEXT, voice, LONG, chunks=StreamOptions(max_chunk=400)) as stream:
                kept.append(stream)
                async for _ in stream:
                    break
            assert sockets() == before

        async def wait() -> None:
            async with engine.stream(TEXT, voice, LONG, chunks=StreamOptions(first_chunk=6900)) as stream:
                kept.append(stream)
                await stream.__anext__()

        await listen()
        waiting = asyncio.create_task(wait())
        while sockets() == before:
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert sockets() == before
        stream = engine.stream(TEXT, voice, LONG, chunks=StreamOptions(first_chunk=6900))
        other = asyncio.create_task(stream.__anext__())  # type: ignore[arg-type]
        while sockets() == before:
            await asyncio.sleep(0.01)
        await stream.__aexit__(None, None, None)
        with pytest.raises(RequestCancelledError):
            await asyncio.wait_for(other, 60)
        assert sockets() == before
        async with engine.session(voice, LONG) as session:
            session.feed(TEXT)
            session.end()
            async for _ in session:
                break
            kept.append(session)  # type: ignore[arg-type]
        assert sockets() == before
        del stream

    gc.disable()
    try:
        run_async(work)
    finally:
        gc.enable()


def test_without_a_file_descriptor_a_stream_says_what_to_do_and_goes_on(engine: Engine, voice: Voice) -> None:
    resource = pytest.importorskip("resource")
    expected = engine.speak(TEXT, voice, OPTIONS).samples

    async def work() -> None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with engine.stream(TEXT, voice, OPTIONS, chunks=StreamOptions(first_chunk=80)) as stream:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # no new one; those that are open stay
            try:
                with pytest.raises(BusyError, match=r"two sockets.*ulimit -n"):
                    await stream.__anext__()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            parts = [part async for part in stream]
        np.testing.assert_array_equal(np.concatenate(parts), expected)

    run_async(work)

"""Requests as guests of one engine: cancelled, interrupted, watched, at once, and after it was closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import (
    BusyError,
    CancelToken,
    Engine,
    GenerationOptions,
    InvalidInputError,
    RequestCancelledError,
    Voice,
)

IDS = [84, 200, 39, 50256, 50256]
LONG = GenerationOptions(max_new_tokens=7000)  # seconds, if nothing ends it
SHORT = GenerationOptions(max_new_tokens=40)

BundleOf = Callable[..., Path]
EngineOf = Callable[..., Engine]
Recording = NDArray[np.float32]


class Watch:
    """A progress callback that keeps what it was told and lets others wait for the first word."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.started = threading.Event()

    def __call__(self, count: int) -> None:
        self.counts.append(count)
        self.started.set()

    def wait(self) -> None:
        assert self.started.wait(30), "the request never began"


@pytest.fixture(scope="module", params=["concat", "gqa"])
def engine(request: pytest.FixtureRequest, engine_of: EngineOf) -> Engine:
    return engine_of(form=request.param)


@pytest.fixture(scope="module")
def voice(engine: Engine, recording: Recording) -> Voice:
    return engine.voice((recording, 24_000))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def long_request(
    engine: Engine, voice: Voice, pool: ThreadPoolExecutor
) -> Iterator[tuple[Future, CancelToken]]:
    """A request that has the sessions, on another thread; it is cancelled at the end."""
    token, watch = CancelToken(), Watch()
    future = pool.submit(engine.generate_tokens, IDS, voice, LONG, cancel=token, progress=watch)
    watch.wait()
    yield future, token
    token.cancel()


# --- Cancelling ---


def test_cancel_from_another_thread(engine: Engine, voice: Voice, pool: ThreadPoolExecutor) -> None:
    expected = engine.generate_tokens(IDS, voice, SHORT)
    token, watch = CancelToken(), Watch()
    future = pool.submit(engine.generate_tokens, IDS, voice, LONG, cancel=token, progress=watch)
    watch.wait()
    token.cancel()
    with pytest.raises(RequestCancelledError, match="cancelled"):
        future.result(30)
    assert watch.counts[-1] < LONG.max_new_tokens / 2
    np.testing.assert_array_equal(engine.generate_tokens(IDS, voice, SHORT), expected)


def test_cancel_from_the_progress_callback(engine: Engine, voice: Voice) -> None:
    token, counts = CancelToken(), []

    def watch(count: int) -> None:
        counts.append(count)
        token.cancel()

    with pytest.raises(RequestCancelledError):
        engine.generate_tokens(IDS, voice, LONG, cancel=token, progress=watch)
    assert counts == [1]


def test_cancel_while_waiting_for_a_slot(
    bundle_of: BundleOf, recording: Recording, pool: ThreadPoolExecutor
) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", slots=1, max_queue=2) as engine:
        voice = engine.voice((recording, 24_000))
        running_token, running_watch = CancelToken(), Watch()
        running = pool.submit(
            engine.generate_tokens, IDS, voice, LONG, cancel=running_token, progress=running_watch
        )
        running_watch.wait()
        token, watch = CancelToken(), Watch()
        waiting = [
            pool.submit(engine.generate_tokens, IDS, voice, SHORT, cancel=cancel, progress=watch)
            for cancel in (token, None)
        ]
        threading.Event().wait(0.1)  # lets them reach the queue
        with pytest.raises(BusyError, match="2 requests wait already"):
            engine.speak("Hi.", voice, SHORT)
        token.cancel()
        with pytest.raises(RequestCancelledError):
            waiting[0].result(30)
        assert not watch.counts
        assert not running.done()
        assert not waiting[1].done()
        running_token.cancel()
        assert len(waiting[1].result(30)) == 40
        with pytest.raises(RequestCancelledError):
            running.result(30)


def test_short_requests_are_served_beside_a_long_one(
    engine: Engine, voice: Voice, long_request: tuple[Future, CancelToken]
) -> None:
    running, _ = long_request
    assert len(engine.generate_tokens(IDS, voice, SHORT)) == 40
    assert len(engine.decode([1, 2], voice)) == 960 * 5
    assert not running.done()


def test_a_raised_token_ends_every_request_before_it_starts(
    engine: Engine, voice: Voice, recording: Recording
) -> None:
    token, watch = CancelToken(), Watch()
    token.cancel()
    token.cancel()
    calls: tuple[Callable[[], object], ...] = (
        lambda: engine.generate_tokens(IDS, voice, SHORT, cancel=token, progress=watch),
        lambda: engine.speak("Hi.", voice, SHORT, cancel=token, progress=watch),
        lambda: engine.decode([1, 2, 3], voice, cancel=token),
        lambda: engine.voice((recording, 24_000), cancel=token),
    )
    for call in calls:
        with pytest.raises(RequestCancelledError):
            call()
    assert not watch.counts


def test_speak_does_not_encode_a_voice_for_a_cancelled_request(
    engine: Engine, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, made = CancelToken(), []
    init = Voice.__post_init__

    def watch(self: Voice) -> None:
        made.append(self)
        init(self)

    monkeypatch.setattr(Voice, "__post_init__", watch)
    token.cancel()
    with pytest.raises(RequestCancelledError):
        engine.speak("Hi.", (recording, 24_000), SHORT, cancel=token)
    assert not made


def test_a_token_belongs_to_one_request_at_a_time(
    engine: Engine, voice: Voice, long_request: tuple[Future, CancelToken]
) -> None:
    running, token = long_request
    with pytest.raises(InvalidInputError, match="already used by a running request"):
        engine.generate_tokens(IDS, voice, SHORT, cancel=token)
    assert not running.done()
    token.cancel()
    with pytest.raises(RequestCancelledError):
        running.result(30)


def test_a_token_that_was_not_raised_serves_again(engine: Engine, voice: Voice) -> None:
    token = CancelToken()
    runs = [engine.generate_tokens(IDS, voice, SHORT, cancel=token) for _ in range(2)]
    np.testing.assert_array_equal(*runs)


# --- Progress ---


def test_progress_counts_up_from_the_first_token(engine: Engine, voice: Voice) -> None:
    watch = Watch()
    tokens = engine.generate_tokens(IDS, voice, GenerationOptions(max_new_tokens=600), progress=watch)
    assert watch.counts[0] == 1
    assert watch.counts == sorted(set(watch.counts))
    assert 1 < len(watch.counts) < len(tokens) == 600
    assert watch.counts[-1] <= 600


@pytest.mark.parametrize("options", [LONG, GenerationOptions(max_new_tokens=1)])
def test_an_error_of_the_callback_ends_the_request(
    engine: Engine, voice: Voice, options: GenerationOptions
) -> None:
    expected = engine.generate_tokens(IDS, voice, SHORT)
    error, counts = RuntimeError("the listener left"), []

    def listen(count: int) -> None:
        counts.append(count)
        raise error

    with pytest.raises(RuntimeError) as caught:
        engine.generate_tokens(IDS, voice, options, progress=listen)
    assert caught.value is error
    assert counts == [1]
    np.testing.assert_array_equal(engine.generate_tokens(IDS, voice, SHORT), expected)


def test_the_callback_may_call_its_own_engine(engine: Engine, voice: Voice) -> None:
    made: list[int] = []
    engine.generate_tokens(IDS, voice, SHORT, progress=lambda _: made.append(len(engine.decode([1], voice))))
    options = GenerationOptions(max_new_tokens=1)
    engine.speak(
        "Hi.", voice, SHORT, progress=lambda _: made.append(len(engine.speak("Hi.", voice, options).samples))
    )
    assert set(made) == {960 * 4}


# --- Ctrl-C ---

INTERRUPTED = """
import sys
from pathlib import Path
import numpy as np
from loquor import Engine, GenerationOptions

folder, count = sys.argv[1], 0

def progress(so_far):
    global count
    count = so_far
    print("token", so_far, flush=True)

with Engine(folder, threads=1, device="cpu") as engine:
    voice = engine.voice((np.sin(np.arange(48_000) * 0.05), 24_000))
    try:
        engine.speak("Hello.", voice, GenerationOptions(max_new_tokens=8000), progress=progress)
    except KeyboardInterrupt:
        print("interrupted", count)
    print("then", len(engine.speak("Hello.", voice, GenerationOptions(max_new_tokens=5)).samples))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no way to press Ctrl-C for one process there")
def test_ctrl_c_ends_a_request(bundle_of: BundleOf) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(bundle_of())]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "token 1\n"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    lines = out.splitlines()
    told, count = lines[-2].split()
    assert told == "interrupted"
    assert int(count) < 4000
    assert lines[-1] == f"then {960 * 8}"
    assert (child.returncode, err) == (0, "")


# --- Many at once ---


def test_python_runs_on_while_the_engine_works(
    engine: Engine, voice: Voice, pool: ThreadPoolExecutor
) -> None:
    ticks, stop = [0], threading.Event()

    def tick() -> None:
        while not stop.wait(0.001):
            ticks[0] += 1

    future = pool.submit(tick)
    try:
        before = ticks[0]
        engine.generate_tokens(IDS, voice, GenerationOptions(max_new_tokens=1500))
        during = ticks[0] - before
    finally:
        stop.set()
    future.result(30)
    assert during > 30  # of some hundreds; one or two if the lock were held


def test_two_engines_work_at_once(
    engine: Engine,
    voice: Voice,
    engine_of: EngineOf,
    recording: Recording,
    pool: ThreadPoolExecutor,
    long_request: tuple[Future, CancelToken],
) -> None:
    """The second is not held up by the first one's request."""
    running, _ = long_request
    other = engine_of(form="mha", dtype="q4")
    audio = other.speak("Hello.", (recording, 24_000), SHORT)
    assert not running.done()
    assert len(audio.samples) == 960 * 43


# --- After the end ---


def test_a_closed_engine_refuses_work(bundle_of: BundleOf, recording: Recording) -> None:
    engine = Engine(bundle_of(), threads=1, device="cpu")
    voice = engine.voice((recording, 24_000))
    with engine as same:
        assert same is engine
        tokens = engine.generate_tokens(IDS, voice, SHORT)
    engine.close()
    calls: tuple[Callable[[], object], ...] = (
        lambda: engine.speak("Hi.", voice),
        lambda: engine.voice((recording, 24_000)),
        lambda: engine.generate_tokens(IDS, voice),
        lambda: engine.decode(tokens, voice),
    )
    for call in calls:
        with pytest.raises(InvalidInputError, match="this engine was closed"):
            call()
    assert engine.capabilities.layers == 2
    with Engine(bundle_of(), threads=1, device="cpu") as other:  # the voice outlives its engine
        np.testing.assert_array_equal(other.generate_tokens(IDS, voice, SHORT), tokens)


def test_closing_lets_the_running_request_finish(
    bundle_of: BundleOf, recording: Recording, pool: ThreadPoolExecutor
) -> None:
    engine, watch = Engine(bundle_of(), threads=1, device="cpu"), Watch()
    voice = engine.voice((recording, 24_000))
    options = GenerationOptions(max_new_tokens=800)
    future = pool.submit(engine.generate_tokens, IDS, voice, options, progress=watch)
    watch.wait()
    engine.close()
    assert len(future.result(60)) == 800

"""Forked children, pre-forking servers and sub-interpreters: nothing waits for threads that are not there.

Each scene is a program of its own. Its children have a minute and are then killed, it has two.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

HELPERS = '''
import asyncio, gc, os, signal, sys, threading, time, traceback
import numpy as np
import loquor

TEXT = "Hello there."
OPTIONS = loquor.GenerationOptions(seed=3, max_new_tokens=20)

def opened():
    return loquor.Engine("mini", device="cpu", threads=2)

def end_of(pid):
    """The exit status of a child; one that hangs is killed, which is -9."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def child(work):
    """Run `work` in a forked child, which ends as a Python program does; return its exit status."""
    pid = os.fork()
    if pid:
        return end_of(pid)
    try:
        work()
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    sys.exit(0)

def refused(call):
    """`call` raises that what it uses was made before the fork."""
    try:
        call()
    except loquor.InvalidInputError as error:
        assert "made before fork" in str(error) and "open one here" in str(error), error
    else:
        raise AssertionError(f"{call} was not refused")
'''


def run(scene: str) -> str:
    """What the scene prints. It fails with the scene's own words, also when it takes too long."""
    process = subprocess.Popen(
        [sys.executable, "-c", HELPERS + scene],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        pytest.fail(f"hangs: {out}{err}")
    assert process.returncode == 0, out + err
    return out


def test_a_child_ends_at_once_whatever_it_does_with_what_it_inherited() -> None:
    run("""
engine = opened()
stream = engine.stream("A longer text, to be under way. " * 5)
session = engine.session()
session.feed("And this, too. And so ")

def forget():
    global engine, stream, session
    del engine, stream, session
    gc.collect()

def leave():
    stream.__exit__(None, None, None)
    session.__exit__(None, None, None)
    engine.__exit__(None, None, None)

def end():
    os.kill(os.getpid(), signal.SIGTERM)

ends = [child(work) for work in (lambda: None, lambda: engine.close(), forget, leave, loquor.CancelToken)]
assert ends == [0] * 5, ends
assert child(end) == -signal.SIGTERM
assert sum(map(len, stream)) > 0
engine.close()
""")


def test_in_a_child_every_call_is_refused() -> None:
    run("""
engine, token = opened(), loquor.CancelToken()
voice = engine.voice()
stream, session = engine.stream(TEXT, voice), engine.session(voice)
tone = (0.1 * np.sin(np.arange(48_000) / 20)).astype(np.float32)
ids = engine.tokenize(TEXT)

async def later(call):
    return await call()

def work():
    for call in (
        lambda: engine.speak(TEXT),
        lambda: engine.speak(TEXT, voice),
        lambda: list(engine.speak_long(TEXT)),
        lambda: engine.stream(TEXT, voice),
        lambda: engine.session(),
        lambda: engine.voice((tone, 24_000)),
        lambda: engine.voice(prefix=True),
        lambda: engine.generate_tokens(ids, voice),
        lambda: engine.decode([1, 2, 3], voice),
        lambda: engine.memory(),
        lambda: engine.warmup(),
        lambda: engine.unload_encoder(),
        lambda: next(stream),
        lambda: asyncio.run(later(stream.__anext__)),
        stream.cancel,
        lambda: stream.report,
        lambda: stream.tokens,
        lambda: stream.metrics,
        lambda: stream.warnings,
        lambda: next(session),
        lambda: asyncio.run(later(session.__anext__)),
        lambda: session.feed("Hi."),
        session.flush,
        session.end,
        session.cancel,
        lambda: session.report,
        lambda: session.marks,
        lambda: session.warnings,
        lambda: session.text_until(1.0),
        token.cancel,
        lambda: opened().speak(TEXT, cancel=token),
    ):
        refused(call)
assert child(work) == 0
assert sum(map(len, stream)) > 0
""")


def test_a_child_has_an_engine_of_its_own_and_says_the_same() -> None:
    run("""
engine = opened()
voice = engine.voice()
expected = engine.speak(TEXT, voice, OPTIONS).samples
def work():
    own = opened()
    np.testing.assert_array_equal(own.speak(TEXT, voice, OPTIONS).samples, expected)
    assert child(lambda: refused(own.memory)) == 0
    assert child(lambda: opened().speak(TEXT, voice, OPTIONS)) == 0
    own.close()
assert child(work) == 0
np.testing.assert_array_equal(engine.speak(TEXT, voice, OPTIONS).samples, expected)
""")


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork there")
def test_multiprocessing_with_fork() -> None:
    run("""
import multiprocessing
engine = opened()
expected = engine.speak(TEXT, options=OPTIONS).samples
own = None

def begin():
    global own
    refused(engine.memory)
    own = opened()

def say(text):
    return own.speak(text, options=OPTIONS).samples

with multiprocessing.get_context("fork").Pool(2, begin) as pool:
    for samples in pool.map_async(say, [TEXT] * 4).get(60):
        np.testing.assert_array_equal(samples, expected)
    pool.close()
    pool.join()
process = multiprocessing.get_context("fork").Process(target=engine.close)
process.start()
process.join(60)
assert process.exitcode == 0, process.exitcode
""")


def test_a_server_that_forks_its_workers_ahead() -> None:
    """The parent opened an engine, to check the model say; workers serve, and are asked to end."""
    run("""
import socket
engine = opened()
engine.warmup()
listener = socket.create_server(("127.0.0.1", 0))

def serve():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    own = opened()
    while True:
        connection, _ = listener.accept()
        with connection:
            text = connection.recv(100).decode()
            connection.sendall(b"%d" % len(own.speak(text, options=OPTIONS).samples))

workers = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        serve()
    workers.append(pid)
expected = len(engine.speak(TEXT, options=OPTIONS).samples)
for _ in range(4):
    with socket.create_connection(listener.getsockname(), timeout=60) as connection:
        connection.sendall(TEXT.encode())
        assert int(connection.recv(100)) == expected
for pid in workers:
    os.kill(pid, signal.SIGTERM)
print([end_of(pid) for pid in workers])
assert engine.speak(TEXT, options=OPTIONS).samples.size == expected
""")


def test_forks_while_threads_and_tasks_are_in_calls() -> None:
    """A fork may come while any lock is held: nothing in the child takes one of its parent's."""
    run("""
engine = opened()
voice = engine.voice()
long = "A text that takes a while to say. " * 3
stop = threading.Event()

def speak():
    while not stop.is_set():
        with engine.stream(long, voice) as stream:
            for _ in stream:
                stream.report
        engine.memory()

async def listen():
    async with engine.session(voice) as session:
        session.feed(long * 2)
        session.end()
        async for _ in session:
            session.report

def work():
    stream = engine.stream
    refused(lambda: engine.speak(TEXT, voice))
    engine.close()

threads = [threading.Thread(target=speak) for _ in range(3)]
threads.append(threading.Thread(target=lambda: asyncio.run(listen())))
for thread in threads:
    thread.start()
ends = [child(work) for _ in range(20)]
stop.set()
for thread in threads:
    thread.join()
assert ends == [0] * 20, ends
""")


def test_a_fork_within_progress_ends_the_childs_call() -> None:
    run("""
engine = opened()
forked = []
def progress(tokens):
    if not forked:
        forked.append(os.fork())
try:
    audio = engine.speak("A longer text, to be under way. " * 2, progress=progress)
except loquor.InvalidInputError as error:
    assert forked == [0] and "made before fork" in str(error), error
    sys.exit(0)
assert end_of(forked[0]) == 0
""")


def test_a_fork_while_an_engine_opens_is_an_error_at_worst() -> None:
    out = run("""
opened().close()
def work():
    try:
        opened().speak(TEXT, options=OPTIONS)
    except loquor.RuntimeMissingError as error:
        assert "forked while another thread was loading" in str(error), error
        sys.exit(7)
going = threading.Event()
def open_on():
    while not going.is_set():
        opened().close()
thread = threading.Thread(target=open_on)
thread.start()
ends = [child(work) for _ in range(10)]
going.set()
thread.join()
print(ends)
assert set(ends) <= {0, 7}, ends
""")
    assert out


SUBINTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
program = '''
try:
    import loquor
except ImportError as error:
    assert "sub-interpreter" in str(error) or "subinterpreters" in str(error), error
else:
    raise AssertionError("imported")
'''
def refused():
    for given, named in KINDS:
        result = interpreters.run_string(interpreters.create(*given, **named), program)
        assert result is None, result
refused()
import loquor
engine = loquor.Engine("mini")
engine.speak("Hi.")
refused()
engine.speak("Hi.")
"""


def test_a_sub_interpreter_cannot_import_it() -> None:
    """It says so, where it used to wait for ever, shared or isolated; all else goes on."""
    if sys.version_info < (3, 13):
        kinds = "[((), {'isolated': True}), ((), {'isolated': False})]"
    else:
        kinds = "[((), {}), (('legacy',), {})]"
    process = subprocess.run(
        [sys.executable, "-c", SUBINTERPRETER.replace("KINDS", kinds)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr

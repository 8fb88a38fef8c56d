"""Signals that end the command line: what was spoken is kept, and the exit code says which it was."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tinyhub import TINY, WEIGHTS, environment, serving_tiny

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")

ENDS = [
    ("SIGINT", 130, "interrupted"),
    ("SIGTERM", 143, "ended by SIGTERM"),
    ("SIGHUP", 129, "ended by SIGHUP"),
]
each_end = pytest.mark.parametrize(("name", "code", "words"), ENDS, ids=[name for name, _, _ in ENDS])

SENTENCES = b"This is the first sentence of many.\n\nAnd the second one.\n\n"


def heed_signals() -> None:
    """As in a terminal, though the tests themselves may run under nohup."""
    for name, _, _ in ENDS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start the command line as its script does; what still runs in the end is killed."""
    started = []

    def begin(*argv: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            "import sys; from loquor_command import main; sys.exit(main())",
        ]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        usual = {"env": environment(), "preexec_fn": heed_signals, **pipes}
        process = subprocess.Popen([*command, *argv], **{**usual, **options})
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def said(process: subprocess.Popen[bytes]) -> str:
    """All that the process says on stderr until it ends, killed behind two minutes; its stdin stays open."""
    assert process.stderr is not None
    limit = threading.Timer(120, process.kill)
    limit.start()
    try:
        text = process.stderr.read().decode()
        process.wait(timeout=60)
    finally:
        limit.cancel()
    return text


def speaking(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Give it the beginning of a text, and wait until some of it is spoken; the rest never comes."""
    assert process.stdin is not None
    process.stdin.write(SENTENCES)
    process.stdin.flush()
    wait_for(lambda: any(path.stat().st_size > 1000 for path in folder.glob(".*.tmp")))


@each_end
def test_a_book_that_is_ended_leaves_what_was_spoken(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, name: str, code: int, words: str
) -> None:
    flags = ["--srt", str(tmp_path / "book.srt"), "-q"]
    process = start("say", "-", "-o", str(tmp_path / "book.wav"), *flags)
    speaking(process, tmp_path)
    for _ in range(3):  # a terminal that closes sends more than one
        process.send_signal(getattr(signal, name))
    err = said(process)
    assert re.fullmatch(
        rf"loquor: warning: kept the [\d.]+ s .*: .*book\.partial\.wav\nloquor: error: {words}\n", err
    )
    assert process.returncode == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.partial.srt", "book.partial.wav"]
    assert soundfile.info(tmp_path / "book.partial.wav").duration > 1


def test_what_streams_into_a_file_is_kept_and_told(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    out = tmp_path / "book.wav"
    out.write_bytes(b"what was there")
    process = start("say", "-", "-o", str(out), "--stream", "-q")
    assert process.stdin is not None
    process.stdin.write(SENTENCES)
    process.stdin.flush()
    wait_for(lambda: out.stat().st_size > 1000)
    process.send_signal(signal.SIGHUP)
    err = said(process)
    assert (
        err
        == f"loquor: warning: what was spoken before the end is kept: {out}\nloquor: error: ended by SIGHUP\n"
    )
    assert process.returncode == 129 and soundfile.info(out).frames > 0


@pytest.mark.parametrize("streamed", [False, True])
def test_a_reader_that_takes_nothing_does_not_hold_it(
    start: Callable[..., subprocess.Popen[bytes]], streamed: bool
) -> None:
    text = "Hello there, how are you today? " * 40
    process = start("say", text, "-o", "-", "-q", *(["--stream"] if streamed else []))
    assert process.stdout is not None
    process.stdout.read(44)
    time.sleep(2)  # meanwhile the pipe gets full, most likely
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    assert process.returncode == 143 and said(process) == "loquor: error: ended by SIGTERM\n"


def test_what_is_ignored_stays_ignored(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """As under nohup, or in the background of a script."""

    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)

    process = start("say", "-", "-o", str(tmp_path / "book.wav"), "-q", preexec_fn=ignore)
    speaking(process, tmp_path)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGINT)
    assert process.stdin is not None
    process.stdin.close()
    assert said(process) == "" and process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["book.wav"]


@each_end
def test_an_end_while_packages_are_imported(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, name: str, code: int, words: str
) -> None:
    slow = "import sys, time\nprint('importing', file=sys.stderr, flush=True)\ntime.sleep(100)\n"
    (tmp_path / "numpy.py").write_text(slow)
    given = environment()
    process = start("say", "--help", env={**given, "PYTHONPATH": f"{tmp_path}:{given['PYTHONPATH']}"})
    assert process.stderr is not None and process.stderr.readline() == b"importing\n"
    process.send_signal(getattr(signal, name))
    assert said(process) == "" and process.returncode == code


@each_end
def test_a_download_that_is_ended(
    start: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
    words: str,
) -> None:
    with serving_tiny(tmp_path / "home", monkeypatch) as hub:
        hub.fault(WEIGHTS, "stall")
        process = start("download", TINY)
        hub.wait_for("GET", WEIGHTS)
        process.send_signal(getattr(signal, name))
        assert said(process) == f"loquor: error: {words}\n" and process.returncode == code
    assert [path for path in (tmp_path / "home").rglob("*") if path.name == Path(WEIGHTS).name] == []

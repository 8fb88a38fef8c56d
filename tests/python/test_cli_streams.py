"""The command line where standard streams are closed, full, or lose their reader."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tinyhub import environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="descriptors as on POSIX")

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


def run(*argv: str, closed: tuple[int, ...] = (), **options: Any) -> tuple[int, bytes, str]:
    """Status, stdout and stderr of a command that was started without some of its descriptors."""

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-W", "error", "-m", "loquor", *argv]
    done = subprocess.run(command, env=environment(), preexec_fn=close, timeout=100, **{**pipes, **options})
    return done.returncode, done.stdout or b"", (done.stderr or b"").decode()


@pytest.mark.parametrize(
    ("closed", "streamed"), [((2,), False), ((0, 1), False), ((0, 1, 2), False), ((0, 1, 2), True)]
)
def test_speech_into_a_file_needs_no_stream(tmp_path: Path, closed: tuple[int, ...], streamed: bool) -> None:
    out = tmp_path / "out.wav"
    flags = ["--stream"] if streamed else []
    status, stdout, err = run("say", "Hello.", "-o", str(out), *flags, closed=closed)
    assert (status, stdout) == (0, b"") and soundfile.info(out).frames > 0
    assert ("s of speech" in err) is (2 not in closed) and "Traceback" not in err


@pytest.mark.parametrize("flags", [(), ("--stream",)])
def test_no_note_gets_into_the_wav(flags: tuple[str, ...]) -> None:
    status, out, _ = run("say", "Hello.", "-o", "-", *flags, closed=(2,))
    assert status == 0 and out[:4] == b"RIFF" and b"loquor" not in out


@pytest.mark.parametrize(
    ("argv", "closed", "code", "words"),
    [
        (("say", "Hello.", "-o", "-"), (1,), 2, "stdout is closed"),
        (("say", "-", "-o", "out.wav"), (0,), 2, "stdin, which is closed"),
        (("models",), (1,), 1, "stdout is closed"),
        (("cmake-dir",), (0, 1), 1, "stdout is closed"),
        (("sing",), (0, 1), 2, "invalid choice: 'sing'"),
        (("--version",), (1,), 0, "loquor "),
        (("say", "--help"), (1,), 0, "usage: loquor say"),
    ],
)
def test_a_stream_that_is_needed_is_named(
    tmp_path: Path, argv: tuple[str, ...], closed: tuple[int, ...], code: int, words: str
) -> None:
    status, out, err = run(*argv, closed=closed, cwd=tmp_path)
    assert (status, out) == (code, b"") and words in err and "Traceback" not in err
    assert code == 0 or re.search(r"^loquor: error: .*\n\Z", err, re.M)
    assert run(*argv, closed=(*closed, 2), cwd=tmp_path) == (code, b"", "")
    assert list(tmp_path.iterdir()) == []


@needs_full
def test_what_stderr_does_not_take_stops_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with FULL.open("wb") as full:
        assert run("say", "Hello.", "-o", str(out), "-v", stderr=full)[0] == 0
        assert run("sing", stderr=full)[0] == 2
    assert soundfile.info(out).frames > 0


@needs_full
@pytest.mark.parametrize(
    "argv", [("say", "Hello.", "-o", "-"), ("say", "Hello.", "-o", "-", "--stream"), ("models",)]
)
def test_a_full_disk_under_stdout_is_a_sentence(argv: tuple[str, ...]) -> None:
    with FULL.open("wb") as full:
        status, _, err = run(*argv, stdout=full)
    assert status == 1
    assert err.splitlines()[-1].startswith("loquor: error: cannot write to stdout: the disk is full (")


@pytest.mark.parametrize("flags", [(), ("--stream",)])
def test_a_listener_that_leaves_ends_the_speech(flags: tuple[str, ...]) -> None:
    text = "Hello there, how are you today? " * 100
    command = [sys.executable, "-W", "error", "-m", "loquor", "say", text, "-o", "-", "-q", *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), **pipes) as process:  # type: ignore[call-overload]
        process.stdout.read(44)
        process.stdout.close()
        assert process.wait(timeout=100) == 1 and process.stderr.read() == b""

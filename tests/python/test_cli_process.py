"""The command line as a process of its own: signals, pipes, terminals, and what it loads."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hubserver import HubServer
from loquor.cli import main
from tinyhub import TINY, WEIGHTS, environment, serving_tiny

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and terminals as on POSIX")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving_tiny(tmp_path / "home", monkeypatch) as running:
        yield running


def loquor_process(*argv: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "error", "-m", "loquor", *argv]
    return subprocess.Popen(command, env=environment(), **{"stderr": subprocess.PIPE, **options})


def finished(process: subprocess.Popen[bytes]) -> tuple[int, bytes, str]:
    with process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, (err or b"").decode()


def test_say_writes_wav_to_stdout(tmp_path: Path) -> None:
    status, out, err = finished(loquor_process("say", "Hello.", "-o", "-", stdout=subprocess.PIPE))
    assert status == 0 and err.endswith(": stdout\n")
    assert main(["say", "Hello.", "-o", str(tmp_path / "out.wav"), "-q"]) == 0
    samples, expected = (soundfile.read(file)[0] for file in (io.BytesIO(out), tmp_path / "out.wav"))
    assert len(samples) == len(expected)
    assert np.corrcoef(samples, expected)[0, 1] > 0.99  # the decoder's noise differs from run to run


def test_say_streams_to_stdout_while_it_is_made() -> None:
    text = "Hello there, how are you today? " * 10
    process = loquor_process("say", text, "-o", "-", "--stream", "-q", stdout=subprocess.PIPE)
    assert process.stdout is not None
    head = process.stdout.read(44 + 2 * 960)
    assert head[:4] == b"RIFF" and head[40:44] == b"\xff\xff\xff\xff"
    assert process.poll() is None  # there is more to come
    rest = process.stdout.read()  # not by communicate(), which knows nothing of what was read ahead
    status, _, err = finished(process)
    assert (status, err) == (0, "")
    assert len(rest) % (2 * 960) == 0 and len(rest) > 20 * 2 * 960


def test_say_streams_while_the_text_comes() -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = loquor_process("say", "-", "-o", "-", "--stream", "-q", **pipes)
    assert process.stdin is not None and process.stdout is not None
    begun, rest = b"This is the first sentence of all that are to come. And this", b" is the second.\n\nThe "
    process.stdin.write(begun)
    process.stdin.flush()
    head = process.stdout.read(44 + 2 * 960)  # of the first sentence, while the second is unfinished
    assert head[:4] == b"RIFF" and len(head) == 44 + 2 * 960
    process.stdin.write(rest + b"\xff end.")
    process.stdin.close()
    process.stdin = None
    assert len(process.stdout.read()) % 2 == 0
    status, _, err = finished(process)
    assert status == 2
    assert f"stdin is not UTF-8 (byte 0xff at offset {len(begun + rest)})" in err


@needs_posix
def test_ctrl_c_ends_speech_at_once(tmp_path: Path) -> None:
    text = "Hello there, how are you today? " * 100  # tens of seconds of work
    process = loquor_process("say", text, "-o", str(tmp_path / "out.wav"), "--max-new-tokens", "5000", "-v")
    assert process.stderr is not None
    while b"KV cache" not in (line := process.stderr.readline()):
        assert line, "the process ended before it was interrupted"
    time.sleep(0.5)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    status, _, err = finished(process)
    assert status == 130 and time.monotonic() - start < 10
    assert err.splitlines()[-1] == "loquor: error: interrupted"
    # what was spoken till then has a name that says so
    assert {path.name for path in tmp_path.iterdir()} <= {"out.partial.wav"}


@needs_posix
def test_a_long_text_that_is_interrupted_leaves_what_was_spoken(tmp_path: Path) -> None:
    process = loquor_process("say", "-", "-o", str(tmp_path / "out.wav"), "-q", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"This is the first sentence of many.\n\nAnd the second one.\n\n")
    process.stdin.flush()  # the rest of the text never comes
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 1000 for path in tmp_path.glob(".*.tmp")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # until it is noticed: a read that waits must come back first
    with contextlib.suppress(BrokenPipeError):  # it has gone
        process.stdin.write(b"And a third one.\n\n")
        process.stdin.close()
    process.stdin = None
    status, _, err = finished(process)
    assert status == 130
    assert re.fullmatch(
        r"loquor: warning: kept the [\d.]+ s .*: .*out\.partial\.wav\nloquor: error: interrupted\n", err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial.wav"]
    assert soundfile.info(tmp_path / "out.partial.wav").duration > 1


def test_long_text_goes_to_stdout_as_it_is_spoken(tmp_path: Path) -> None:
    text = "This is the first sentence of three.\n\nAnd the second one.\n\nAnd the third, which ends it."
    status, out, _ = finished(loquor_process("say", text, "-o", "-", "-q", stdout=subprocess.PIPE))
    assert status == 0
    assert main(["say", text, "-o", str(tmp_path / "out.wav"), "-q"]) == 0
    expected, rate = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert out[:4] == b"RIFF" and out[8:16] == b"WAVEfmt "
    assert out[4:8] == b"\xff" * 4  # the length is not known yet
    samples, same_rate = soundfile.read(io.BytesIO(out), dtype="int16")
    assert len(samples) == (len(out) - 44) / 2 and rate == same_rate
    assert abs(len(samples) - len(expected)) < 0.2 * rate  # pauses by the decoder's noise
    assert np.corrcoef(samples[:rate], expected[:rate])[0, 1] > 0.95


@needs_posix
def test_ctrl_c_ends_a_download(tmp_path: Path, hub: HubServer) -> None:
    hub.fault(WEIGHTS, "stall")
    process = loquor_process("download", TINY)
    hub.wait_for("GET", WEIGHTS)
    process.send_signal(signal.SIGINT)
    status, _, err = finished(process)
    assert status == 130
    assert err == "loquor: error: interrupted\n"
    assert [path for path in (tmp_path / "home").rglob("*") if path.name == Path(WEIGHTS).name] == []


@needs_posix
def test_a_reader_that_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    process = loquor_process("models", "--json", stdout=write)
    os.close(write)
    assert finished(process) == (1, None, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_on_stdout_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        status, _, err = finished(loquor_process("models", "--json", stdout=full))
    assert status == 1
    assert re.fullmatch(r"loquor: error: .*No space left on device\n", err)


@needs_posix
@pytest.mark.parametrize("quiet", [False, True])
def test_the_bar_is_for_terminals(tmp_path: Path, quiet: bool) -> None:
    import fcntl
    import termios

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # no bar fits into 0 rows
    argv = ["say", "Hello there. " * 20, "-o", str(tmp_path / "out.wav"), *(["-q"] if quiet else [])]
    process = loquor_process(*argv, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 4096):
            shown += data
    except OSError:  # how Linux tells that the other side is closed
        pass
    os.close(ours)
    assert finished(process)[0] == 0
    assert (re.search(rb"speaking: .*[1-9]\d* tokens", shown) is not None) is not quiet
    assert not (quiet and shown)


def test_help_and_usage_errors_load_nothing_heavy() -> None:
    heavy = "{'onnxruntime','tokenizers','soundfile','soxr','huggingface_hub','tqdm','safetensors','scipy'}"
    code = (
        "import sys\nfrom loquor.cli import main\n"
        "assert main(['--help']) == 0 and main(['say', '--help']) == 0 and main(['say']) == 2\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, stdout=subprocess.DEVNULL)


def test_an_utterance_of_the_built_in_voice_imports_only_what_it_needs() -> None:
    heavy = "{'asyncio','email','huggingface_hub','importlib.metadata','scipy','socket','tqdm'}"
    code = (
        "import sys, loquor\nloquor.Engine(prepare=False).speak('Hi.')\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)


@pytest.mark.parametrize(
    ("package", "argv"),
    [
        ("numpy", ["say", "Hello."]),
        ("tokenizers", ["say", "Hello.", "-o", "a.wav", "--model", "mini"]),
        ("numpy", ["voice", "a.wav", "-o", "a.safetensors"]),
    ],
)
def test_a_package_that_is_missing_is_told_in_one_sentence(
    package: str, argv: list[str], tmp_path: Path
) -> None:
    """As in an environment where loquor was installed without what it needs."""
    code = (
        f"import sys\nsys.modules[{package!r}] = None\nfrom loquor.cli import main\nsys.exit(main({argv!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"loquor: error: {package} cannot be imported (")
    assert done.stderr.endswith("): install loquor and its packages again\n") and done.stderr.count("\n") == 1

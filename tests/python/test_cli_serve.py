"""`loquor serve`: from the command to speech, and to an end in order."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

import loquor
from loquor.cli import main

VOICE = Path(loquor.__file__).with_name("mini") / "voices" / "man.safetensors"


@contextmanager
def served(*arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    import os

    command = [sys.executable, "-m", "loquor", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            found = re.search(r"serving .* on (http://\S+)", line)
            assert found is not None, line + process.stderr.read()
            yield found[1], process
        finally:
            process.terminate()


def test_one_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("first\n\nsecond\n", encoding="utf-8")
    with served("--voice", f"me={VOICE}", "--api-key-file", str(keys), LOQUOR_API_KEY="third") as (
        url,
        process,
    ):
        assert url.startswith("http://127.0.0.1:")
        assert httpx2.get(f"{url}/v1/models").status_code == 401
        headers = {"authorization": "Bearer second"}
        for voice in ("me", "man"):
            body = {"input": "Hi.", "voice": voice, "response_format": "wav"}
            response = httpx2.post(f"{url}/v1/audio/speech", json=body, headers=headers, timeout=60)
            assert response.content[:4] == b"RIFF"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--voice", "me"], "--voice takes NAME=FILE"),
        (["--voice", "me=nowhere.wav"], "cannot read the voice nowhere.wav"),
        (["--api-key-file", "nowhere"], "cannot read the API keys nowhere"),
        (["--max-text", "20001"], "max_text"),
        (["--slots", "65"], "slots"),
        (["--port", "99999"], "cannot listen on port 99999"),
        (["nowhere/at/all"], "nowhere"),
    ],
)
def test_what_cannot_be_served_is_told_at_once(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) in (2, 4)
    assert what in capsys.readouterr().err


def test_options_reach_the_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: loquor.Engine, *_: object, **given: object) -> None:
        raise loquor.ModelError(f"{given['slots']} slots, realtime {given['realtime']}")

    monkeypatch.setattr(loquor.Engine, "__init__", refuse)
    assert main(["serve", "--port", "0", "--slots", "3", "--realtime"]) == 4
    assert "3 slots, realtime True" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "choose another one" in capsys.readouterr().err


def test_without_its_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert main(["serve"]) == 2
    assert "pip install 'loquor[server]'" in capsys.readouterr().err

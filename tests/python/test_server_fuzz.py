"""Requests that nobody thought of: those of the server's own description, and uploads of any bytes."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving import Serving, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(max_text=60, max_upload=200_000) as running:
        yield running


CONFIG = """
[[operations]]
include-name = "POST /v1/audio/voices"
# A file is a recording or not, which no schema says.
checks.positive_data_acceptance.enabled = false
"""


def test_the_server_is_as_it_describes_itself(server: Serving, tmp_path: Path) -> None:
    """By the command: the plugin of schemathesis 4.32 fails on pytest 9.2."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    options = ["--max-examples=8", "--seed=1", "--request-timeout=60", "--no-color"]
    ran = subprocess.run(
        [*command, f"{server.url}/openapi.json", *options],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert "Tested: 9" in ran.stdout


def flac(recording: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, recording[:36_000], 24_000, format="FLAC")
    return file.getvalue()


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_upload_is_a_voice_or_a_sentence(server: Serving, recording: Any, data: st.DataObject) -> None:
    sound = flac(recording)
    bytes_of_it = st.one_of(
        st.binary(max_size=300),
        st.tuples(st.integers(0, len(sound)), st.binary(max_size=20)).map(
            lambda cut: sound[: cut[0]] + cut[1] + sound[cut[0] + len(cut[1]) :]
        ),
        st.sampled_from([b"RIFF", b"OggS", b"fLaC", b"\x1a\x45\xdf\xa3", b"ID3", b"\0\0\0 ftypM4A "]).flatmap(
            lambda head: st.binary(max_size=200).map(lambda rest: head + rest)
        ),
    )
    name = data.draw(st.one_of(st.just("me"), st.text(max_size=120)))
    files = {"audio_sample": (data.draw(st.text(max_size=20)), data.draw(bytes_of_it))}
    response = httpx2.post(f"{server.url}/v1/audio/voices", data={"name": name}, files=files, timeout=60)
    if response.status_code == 201:
        assert httpx2.delete(f"{server.url}/v1/audio/voices/{response.json()['id']}").status_code == 200
    else:
        assert response.status_code in (400, 409, 413), response.text
        assert response.json()["error"]["message"]


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=400), boundary=st.text("ab-", max_size=5))
def test_any_form_is_refused_with_a_sentence(server: Serving, body: bytes, boundary: str) -> None:
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    body = body.replace(b"a", f"--{boundary}\r\n".encode())
    response = httpx2.post(f"{server.url}/v1/audio/voices", content=body, headers=headers, timeout=60)
    assert 400 <= response.status_code < 500
    assert response.json()["error"]["message"]

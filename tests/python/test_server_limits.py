"""Who may ask a server, how much, and how it ends: keys, names, origins, the queue, idle models, the end."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import soundfile

import loquor.server.service
from loquor import Engine, ModelError
from loquor.server.speaking import Part
from serving import Serving, eventually, serving

LONG = "This sentence is one of many, and all of them take a while to say. " * 50


def post(server: Serving, text: str = "Hi.", **how: Any) -> httpx2.Response:
    body = {"input": text, "response_format": "pcm", **how.pop("body", {})}
    return httpx2.post(f"{server.url}/v1/audio/speech", json=body, timeout=60, **how)


_watching: list[list[str]] = []


def _opened(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in ("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir"):
        _watching[-1].append(str(arguments[0]))


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """The files that this process, which serves too, opens meanwhile."""
    if not _watching:
        sys.addaudithook(_opened)  # which cannot be taken away
    _watching.append([])
    try:
        yield _watching[-1]
    finally:
        _watching.append([])


# --- Who may ask ---


@pytest.fixture(scope="module")
def kept() -> Iterator[Serving]:
    """With a key, and another site that may ask."""
    with serving(api_keys=("secret key", "other"), origins=("https://friend.example",)) as running:
        yield running


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", "Basic other", "other", "Bearer other x"])
def test_without_the_key_nothing_is_told(kept: Serving, given: str | None) -> None:
    headers = {} if given is None else {"authorization": given}
    for path in ("/v1/models", "/v1/audio/voices", "/metrics", "/openapi.json", "/v1/nothing"):
        response = httpx2.get(kept.url + path, headers=headers)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
        assert response.json()["error"]["code"] == "invalid_api_key"
    assert post(kept, headers=headers).status_code == 401


def test_with_a_key_all_is(kept: Serving) -> None:
    for key in ("secret key", "other"):
        headers = {"authorization": f"Bearer {key}"}
        assert httpx2.get(f"{kept.url}/metrics", headers=headers).status_code == 200
    assert httpx2.get(f"{kept.url}/healthz").json() == {"status": "ok"}


def test_how_long_a_key_is_compared_tells_nothing(kept: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr("loquor.server.guard.hmac.compare_digest", compare)
    for key in ("secret key", "other", "wrong", "w" * 1000):
        compared.clear()
        httpx2.get(f"{kept.url}/v1/models", headers={"authorization": f"Bearer {key}"})
        assert compared == [(32, 32), (32, 32)]  # digests of one length, and all of them


def test_no_name_in_a_request_is_a_path(server: Serving, recording: Any, tmp_path: Path) -> None:
    secret = tmp_path / "kept-from-clients.wav"
    soundfile.write(secret, recording, 24_000)
    names = [str(secret), f"file://{secret}", f"../../../../../../../..{secret}", secret.name]
    with opened_files() as files:
        for name in names:
            assert post(server, body={"voice": name}).status_code == 404
            assert post(server, body={"voice": {"id": name}}).status_code == 404
            assert post(server, body={"model": name}).status_code == 404
            post(server, body={"instructions": name, "language": name, "file": name})
            form = {"name": name, "audio_sample": name}
            assert httpx2.post(f"{server.url}/v1/audio/voices", data=form).status_code in (400, 415)
            made = httpx2.post(
                f"{server.url}/v1/audio/voices", data={"name": name}, files={"audio_sample": (name, b"RIFF")}
            )
            assert made.status_code == 400
            for path in ("/v1/audio/voices/", "/v1/models/", "/"):
                quoted = quote(name, safe="")
                assert httpx2.get(f"{server.url}{path}{quoted}").status_code in (404, 405)
                assert httpx2.delete(f"{server.url}{path}{quoted}").status_code in (404, 405)
    assert not [file for file in files if secret.name in file]
    assert secret.exists()


def test_only_sites_that_are_allowed_may_ask(kept: Serving) -> None:
    headers = {"authorization": "Bearer other"}
    friend, foe = {"origin": "https://friend.example"}, {"origin": "https://foe.example"}
    response = httpx2.get(f"{kept.url}/v1/models", headers=headers | friend)
    assert response.headers["access-control-allow-origin"] == "https://friend.example"
    response = httpx2.get(f"{kept.url}/v1/models", headers=headers | foe)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    assert httpx2.options(f"{kept.url}/v1/audio/speech", headers=friend | asks).status_code == 200
    assert httpx2.options(f"{kept.url}/v1/audio/speech", headers=foe | asks).status_code == 400


# --- A server that is as it is without options ---


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(
        lambda: Engine(slots=2), queue=1, wait_seconds=30.0, max_voices=1, max_upload=600_000
    ) as running:
        yield running


def test_no_site_may_ask_unless_told(server: Serving) -> None:
    assert httpx2.get(f"{server.url}/v1/models", headers={"origin": "http://evil.example"}).status_code == 403
    own = httpx2.get(f"{server.url}/v1/models", headers={"origin": server.url})
    assert own.status_code == 200
    assert "access-control-allow-origin" not in own.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:1", 200), ("[::1]:8000", 200), ("127.0.0.1", 200), ("evil.example", 421), ("", 421)],
)
def test_a_name_that_leads_here_is_not_enough(server: Serving, host: str, status: int) -> None:
    assert status_of(server, "/v1/models", host) == status
    assert status_of(server, "/healthz", host) == 200, "an orchestrator asks by the address of the moment"


def status_of(server: Serving, path: str, host: str) -> int:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    return int(answer.split()[1])


def test_a_full_queue_refuses_and_the_queue_is_served_in_order(server: Serving) -> None:
    model = server.service.models["mini"]
    streams: list[Any] = []
    chunks: list[Any] = []  # which close their stream when nobody has them
    waits: list[httpx2.Response] = []
    try:
        for number in range(model.slots):
            body = {"input": LONG, "seed": number}
            stream = httpx2.stream("POST", f"{server.url}/v1/audio/speech", json=body, timeout=120)
            streams.append(stream)
            chunks.append(stream.__enter__().iter_raw())
            next(chunks[-1])
        assert model.busy == model.slots
        thread = threading.Thread(target=lambda: waits.append(post(server)))
        thread.start()
        eventually(lambda: server.service.queue.waiting == 1)
        refused = post(server, "Hello.")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert refused.json()["error"]["code"] == "queue_full"
        assert server.total("loquor_queue") == 1
        assert server.total("loquor_slots_busy", model="mini") == model.slots
    finally:
        for stream in streams:
            stream.__exit__(None, None, None)
    thread.join(60)
    assert waits[0].status_code == 200
    eventually(lambda: model.busy == 0)


def test_who_waits_too_long_is_sent_away(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    model = server.service.models["mini"]
    post(server)  # there is a semaphore now
    monkeypatch.setattr(model, "_wait_seconds", 0.05)
    taken = 0
    with pytest.MonkeyPatch.context() as patch:
        semaphore = model._semaphore
        assert semaphore is not None
        taken = semaphore.value
        patch.setattr(semaphore, "_value", 0)
        response = post(server)
    assert taken == model.slots
    assert (response.status_code, response.json()["error"]["code"]) == (503, "no_slot")
    assert post(server).status_code == 200


# --- Time ---


async def _endless(*_: object) -> AsyncIterator[Part]:
    while True:
        yield Part(b"\0" * 100_000, 1.0)
        await asyncio.sleep(0.001)


async def _silent(*_: object) -> AsyncIterator[Part]:
    await asyncio.sleep(60)
    yield Part(b"", 1.0)


def test_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(speech_seconds=0.4, stall_seconds=0.2) as server:
        monkeypatch.setattr(loquor.server.service, "parts", _silent)
        refused = post(server)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "too_long")
        monkeypatch.setattr(loquor.server.service, "parts", _endless)
        with pytest.raises(httpx2.RemoteProtocolError):
            post(server)
        monkeypatch.setattr(
            server.service, "settings", dataclasses.replace(server.service.settings, speech_seconds=60)
        )
        failed = server.total("loquor_requests_total", outcome="cancelled")
        with httpx2.stream("POST", f"{server.url}/v1/audio/speech", json={"input": "Hi."}):  # and never reads
            eventually(lambda: server.total("loquor_requests_total", outcome="cancelled") == failed + 1)
        assert server.service.models["mini"].busy == 0


# --- Uploads ---


def upload(server: Serving, content: bytes, name: str = "me", **fields: str) -> httpx2.Response:
    files = {"audio_sample": ("../../etc/passwd", content, "audio/wav")}
    return httpx2.post(
        f"{server.url}/v1/audio/voices", data={"name": name, **fields}, files=files, timeout=60
    )


def test_uploads_are_bounded(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Path(loquor.__file__).with_name("mini").joinpath("default_voice.wav").read_bytes()
    assert len(recording) < 600_000
    for fields, status in (
        ({"name": ""}, 400),
        ({"name": "a\nb"}, 400),
        ({"name": "man"}, 409),
        ({"model": "gpt"}, 404),
        ({"type": "prompt"}, 400),
    ):
        assert upload(server, recording, **fields).status_code == status  # type: ignore[arg-type]
    assert upload(server, b"no recording").json()["error"]["code"] == "invalid_input"
    assert upload(server, b"\0" * 600_001).status_code == 413
    assert upload(server, b"\0" * 2_000_000).status_code == 413
    with monkeypatch.context() as patch:
        patch.setattr(server.service, "uploading", 4)
        assert upload(server, recording).status_code == 429
    made = upload(server, recording)
    assert made.status_code == 201
    assert upload(server, recording).json()["error"]["code"] == "voices_full"
    assert httpx2.delete(f"{server.url}/v1/audio/voices/{made.json()['id']}").status_code == 200
    assert httpx2.post(f"{server.url}/v1/audio/voices", json={"name": "a"}).status_code == 415
    assert httpx2.post(f"{server.url}/v1/audio/voices", files={"name": (None, "a")}).status_code == 400


# --- Models ---


def test_models_are_opened_when_asked_for_and_closed_when_idle() -> None:
    opened: list[str] = []

    def opens(name: str) -> Any:
        def open_engine() -> Engine:
            opened.append(name)
            if name == "broken":
                raise ModelError("its files are damaged")
            return Engine(slots=2)

        return open_engine

    names = ("one", "two", "broken")
    with serving(models={name: opens(name) for name in names}, unload_minutes=0.3 / 60) as server:
        assert opened == ["one"]
        response = post(server, body={"model": "broken"})
        assert (response.status_code, response.json()["error"]["code"]) == (500, "speech_failed")
        first = post(server, body={"model": "two", "voice": "man"}).content
        models = server.service.models
        eventually(lambda: not (models["one"].loaded or models["two"].loaded))
        assert post(server, body={"model": "two", "voice": "man"}).content == first
        assert opened == ["one", "broken", "two", "two"]
        listed = httpx2.get(f"{server.url}/v1/models").json()["data"]
        assert [model["id"] for model in listed] == list(names)
        assert listed[1]["voices"] == ["default", "emma", "george", "man", "woman"]


# --- The end ---


def test_what_plays_is_finished_and_nothing_is_begun() -> None:
    with serving() as server:
        body = {"input": LONG[:240], "response_format": "pcm"}
        with httpx2.stream("POST", f"{server.url}/v1/audio/speech", json=body, timeout=60) as response:
            chunks = response.iter_raw()
            size = len(next(chunks))
            with httpx2.Client() as other:
                assert other.get(f"{server.url}/healthz").status_code == 200
                server.server.should_exit = True
                eventually(lambda: server.service.draining)
                assert other.get(f"{server.url}/healthz").status_code == 503
                refused = other.post(f"{server.url}/v1/audio/speech", json=body)
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ending")
            size += sum(map(len, chunks))
        server.thread.join(60)
        assert size > 10 * 48_000
        assert not server.thread.is_alive()
        assert not server.service.models["mini"].loaded


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_an_application_that_was_made_before_a_fork_serves_after_it() -> None:
    script = (
        "import asyncio, os, sys\n"
        "from loquor import Engine\n"
        "from loquor.server.app import create_app\n"
        "from loquor.server.running import bind, serve\n"
        "from loquor.server.settings import Settings\n"
        "settings = Settings(models={'mini': Engine})\n"
        "app, listener = create_app(settings), bind('127.0.0.1', 0)\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "if child := os.fork():\n"
        "    print(child, flush=True)\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) not in (0, -15))\n"
        "asyncio.run(serve(app, listener, settings))\n"
    )
    import subprocess

    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port, child = int(parent.stdout.readline()), int(parent.stdout.readline())
        try:
            url = f"http://127.0.0.1:{port}/v1/audio/speech"
            assert (
                len(httpx2.post(url, json={"input": "Hi.", "response_format": "wav"}, timeout=60).content)
                > 9000
            )
        finally:
            os.kill(child, signal.SIGTERM)
        assert parent.wait(60) == 0

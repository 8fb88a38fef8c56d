"""`/v1/audio/speech`: OpenAI's own client drives it; sound leaves while it is made; what fails is told."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import av
import httpx2
import numpy as np
import openai
import pytest
import soundfile

import loquor.server.service
from loquor import Engine, ExecutionError
from loquor.audio.audio import pcm16
from loquor.server.encoders import MEDIA_TYPES
from loquor.watermark.graphs import encoder_graph
from serving import Serving, eventually, serving
from watermarks import random_tensors

TEXT = "Hello there. This is a small robot voice, and it says two sentences."
LONG = "This sentence is one of many, and all of them take a while to say. " * 50


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def spoken() -> np.ndarray[Any, Any]:
    """What the engine says to `TEXT`, int16 [n]."""
    with Engine() as engine, engine.session() as session:
        session.feed(TEXT)
        session.end()
        return pcm16(np.concatenate(list(session)))


def post(server: Serving, **body: Any) -> httpx2.Response:
    return httpx2.post(f"{server.url}/v1/audio/speech", json=body, timeout=60)


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line]


def decoded(content: bytes) -> tuple[np.ndarray[Any, Any], int]:
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=24_000)
        frames = [made for frame in container.decode(stream) for made in resampler.resample(frame)]
        frames += resampler.resample(None)
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]), stream.rate


# --- OpenAI's client, unmodified ---


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_the_official_client_gets_each_format(
    client: openai.OpenAI, spoken: np.ndarray[Any, Any], name: Any
) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="mini", voice="default", input=TEXT, response_format=name
    ) as response:
        assert response.headers["content-type"] == MEDIA_TYPES[name]
        content = b"".join(response.iter_bytes())
    if name == "pcm":
        assert content == spoken.tobytes()
        return
    if name == "wav":
        assert content[44:] == spoken.tobytes()
        assert soundfile.info(io.BytesIO(content[:4] + content[4:])).samplerate == 24_000
    samples, rate = decoded(content)
    assert rate == (48_000 if name == "opus" else 24_000)
    assert len(samples) == pytest.approx(len(spoken), abs=3000)
    whole = np.correlate(samples[:24_000], spoken[4800:12_000].astype(np.float32), "valid")
    own = np.linalg.norm(spoken[4800:12_000].astype(np.float32))
    shift = int(whole.argmax())
    assert abs(shift - 4800) < 2400  # an encoder's delay
    assert whole[shift] / own / np.linalg.norm(samples[shift : shift + 7200]) > 0.95


def test_the_official_client_needs_no_more_than_it_always_sent(client: openai.OpenAI) -> None:
    response = client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.", instructions="Be kind.")
    assert response.response.headers["content-type"] == "audio/mpeg"
    assert response.response.headers["loquor-watermark"] == "none"
    warnings = response.response.headers.get_list("loquor-warning")
    assert any("instructions are ignored" in warning for warning in warnings)
    assert any("alloy" in warning for warning in warnings)


def test_marked_speech_is_the_engines_and_is_said_to_be(spoken: np.ndarray[Any, Any], tmp_path: Path) -> None:
    graph = tmp_path / "encoder.onnx"
    graph.write_bytes(encoder_graph(random_tensors()))
    with Engine(watermark=str(graph)) as engine, engine.session() as session:
        session.feed(TEXT)
        session.end()
        marked = pcm16(np.concatenate(list(session))).tobytes()
    assert marked != spoken.tobytes()
    asked = {"model": "mini", "input": TEXT, "response_format": "pcm"}
    with serving(lambda: Engine(watermark=str(graph))) as marking:
        whole = post(marking, **asked)
        in_events = post(marking, **asked, stream_format="sse")
    for response in (whole, in_events):
        assert response.headers["loquor-watermark"] == "perth"
    deltas = [event for event in events_of(in_events.text) if event["type"] == "speech.audio.delta"]
    assert len(deltas) > 1
    assert whole.content == b"".join(base64.b64decode(event["audio"]) for event in deltas) == marked


def test_models_and_voices_by_the_official_client(client: openai.OpenAI, recording: Any) -> None:
    assert [model.id for model in client.models.list()] == ["mini"]
    assert client.models.retrieve("mini").owned_by == "loquor"
    file = io.BytesIO()
    soundfile.write(file, recording, 24_000, format="WAV")
    made = client.audio.voices.create(name="me", consent="none", audio_sample=("me.wav", file.getvalue()))
    assert made.name == "me"
    for voice in (made.id, "me", {"id": made.id}):
        assert client.audio.speech.create(model="mini", voice=voice, input="Hi.").content
    listed = client.get("/audio/voices", cast_to=object)
    assert [voice["id"] for voice in listed["data"]][:5] == ["default", "emma", "george", "man", "woman"]
    assert listed["data"][-1]["id"] == made.id
    assert client.audio.voices.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.audio.voices.delete(made.id)
    with pytest.raises(openai.NotFoundError, match="there is no voice"):
        client.audio.speech.create(model="mini", voice=made.id, input="Hi.")


# --- What it says ---


def test_sound_leaves_while_it_is_made(server: Serving) -> None:
    eventually(lambda: not server.service.models["mini"].busy)
    body = {"input": LONG, "response_format": "mp3"}
    with httpx2.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response:
        chunks = response.iter_raw()  # which ends the response where nobody holds it
        next(chunks)
        assert server.service.models["mini"].busy == 1
    eventually(lambda: not server.service.models["mini"].busy)


def test_events_bring_the_sound_and_the_times_of_words(server: Serving, spoken: np.ndarray[Any, Any]) -> None:
    response = post(
        server,
        input=TEXT,
        response_format="pcm",
        stream_format="sse",
        timestamp_granularities=["word", "segment"],
    )
    assert response.headers["content-type"] == "text/event-stream"
    events = events_of(response.text)
    sound = b"".join(base64.b64decode(e["audio"]) for e in events if e["type"] == "speech.audio.delta")
    assert sound == spoken.tobytes()
    words = [word for e in events if e["type"] == "speech.words" for word in e["words"]]
    assert [word["word"] for word in words] == TEXT.split()
    assert not any(e["estimated"] for e in events if e["type"] == "speech.words")  # the voice tells them
    assert all(word["start"] <= word["end"] for word in words)
    assert all(a["end"] <= b["start"] + 1e-6 for a, b in itertools.pairwise(words))
    assert len(spoken) / 24_000 - 0.5 < words[-1]["end"] <= len(spoken) / 24_000  # silence may follow
    segments = [segment for e in events if e["type"] == "speech.segments" for segment in e["segments"]]
    assert " ".join(segment["text"] for segment in segments) == TEXT
    done = events[-1]
    assert done["type"] == "speech.audio.done"
    usage = done["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 50


def test_events_have_only_what_clients_know_unless_more_is_asked_for(server: Serving) -> None:
    events = events_of(post(server, input="Hi.", stream_format="sse").text)
    assert {event["type"] for event in events} == {"speech.audio.delta", "speech.audio.done"}


@pytest.mark.parametrize("speed", [0.25, 0.7, 1.5, 4.0])
def test_speed_changes_the_length(server: Serving, spoken: np.ndarray[Any, Any], speed: float) -> None:
    content = post(server, input=TEXT, response_format="pcm", speed=speed).content
    assert len(content) / 2 * speed == pytest.approx(len(spoken), rel=0.03)


def test_options_of_generation_are_heeded(server: Serving) -> None:
    def said(**options: Any) -> bytes:
        return post(server, input="Say it.", response_format="pcm", temperature=0.9, **options).content

    assert said(seed=1) == said(seed=1) != said(seed=2)


@pytest.mark.parametrize("text", ["...", "!?", " 🙂 "])
def test_text_without_a_word_is_a_short_silence(server: Serving, text: str) -> None:
    content = post(server, input=text, response_format="pcm").content
    assert len(content) == 2 * 6000
    assert not any(content)


# --- Refusals ---


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": 3}, 400, "input"),
        ({"input": " \n"}, 400, "input"),
        ({"input": "a" * 4097}, 400, "input"),
        ({"input": "a", "model": "gpt"}, 404, "model"),
        ({"input": "a", "model": 3}, 400, "model"),
        ({"input": "a", "voice": "nobody"}, 404, "voice"),
        ({"input": "a", "voice": "/etc/passwd"}, 404, "voice"),
        ({"input": "a", "voice": {}}, 400, "voice"),
        ({"input": "a", "response_format": "ogg"}, 400, "response_format"),
        ({"input": "a", "response_format": ["mp3"]}, 400, "response_format"),
        ({"input": "a", "speed": 0.2}, 400, "speed"),
        ({"input": "a", "speed": True}, 400, "speed"),
        ({"input": "a", "stream_format": "chunks"}, 400, "stream_format"),
        ({"input": "a", "seed": -1}, 400, "seed"),
        ({"input": "a", "temperature": 11}, 400, "temperature"),
        ({"input": "a", "timestamp_granularities": "word"}, 400, "timestamp_granularities"),
        ({"input": "a", "timestamp_granularities": [["word"]]}, 400, "timestamp_granularities"),
        ({"input": "a", "instructions": 5}, 400, "instructions"),
    ],
)
def test_what_cannot_be_said_names_its_field(
    server: Serving, body: dict[str, Any], status: int, param: str
) -> None:
    response = post(server, **body)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert error["message"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"input": "a", "speed": NaN}', b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused(server: Serving, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = httpx2.post(f"{server.url}/v1/audio/speech", content=content, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json"


def test_other_media_types_and_long_bodies_are_refused(server: Serving) -> None:
    url = f"{server.url}/v1/audio/speech"
    assert httpx2.post(url, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    headers = {"content-type": "application/json"}
    assert httpx2.post(url, content=b" " * (2 << 20), headers=headers).status_code == 413
    stream = (b" " * (1 << 19) for _ in range(4))
    assert httpx2.post(url, content=stream, headers=headers).status_code == 413


def test_fields_that_are_not_known_are_told(server: Serving) -> None:
    response = post(server, input="Hi.", colour="blue", **{"é\n": 1})
    assert response.status_code == 200
    assert "colour" in response.headers["loquor-warning"]


def test_no_path_no_method(server: Serving) -> None:
    response = httpx2.get(f"{server.url}/v1/audio/speech")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["error"]["code"] == "wrong_method"
    assert httpx2.get(f"{server.url}/../../etc/passwd").json()["error"]["code"] == "not_found"


# --- The way of a request ---


def test_a_client_that_leaves_cancels_its_request(server: Serving) -> None:
    before = server.total("loquor_cancels_total")
    with httpx2.stream("POST", f"{server.url}/v1/audio/speech", json={"input": LONG}) as response:
        next(response.iter_raw())
    eventually(lambda: server.total("loquor_cancels_total") == before + 1, 2)
    assert server.service.models["mini"].busy == 0


def test_a_client_that_leaves_before_the_first_sound_cancels_too(server: Serving) -> None:
    before = server.total("loquor_cancels_total")
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(
            f"{server.url}/v1/audio/speech",
            json={"input": LONG, "stream_format": "sse"},
            timeout=httpx2.Timeout(5, read=0.001),
        )
    eventually(lambda: server.total("loquor_cancels_total") == before + 1, 5)


def test_an_equal_request_is_served_from_what_is_being_made(server: Serving) -> None:
    shared, spoken = (
        server.total("loquor_shared_total"),
        server.total("loquor_requests_total", outcome="spoken"),
    )
    body = {"input": LONG[:280], "response_format": "pcm"}
    with httpx2.stream("POST", f"{server.url}/v1/audio/speech", json=body, timeout=60) as first:
        chunks = first.iter_raw()
        start = next(chunks)
        second = post(server, **body, stream_format="sse")
        whole = start + b"".join(chunks)
    sound = b"".join(base64.b64decode(event["audio"]) for event in events_of(second.text) if "audio" in event)
    assert sound == whole
    assert server.total("loquor_shared_total") == shared + 1
    assert server.total("loquor_requests_total", outcome="spoken") == spoken + 1


def test_prometheus_is_told_how_it_goes(server: Serving) -> None:
    names = ("loquor_first_sound_seconds_count", "loquor_real_time_factor_count")
    before = [server.total(name) for name in names]
    post(server, input=TEXT, seed=91)
    assert [server.total(name) for name in names] == [count + 1 for count in before]
    told = httpx2.get(f"{server.url}/metrics").text
    for name in ("queue", "slots", "slots_busy", "cancels_total", "underruns_total", "requests_total"):
        assert re.search(rf"^loquor_{name}(\{{.*\}})? \d", told, re.MULTILINE), name
    assert server.total("loquor_slots", model="mini") == server.service.models["mini"].slots


async def _broken(parts: Any, session: Any, asked: Any) -> AsyncIterator[Any]:
    async for part in parts(session, asked):
        yield part
        raise ExecutionError("a graph failed")


def test_a_failure_on_the_way_breaks_the_body_off(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = loquor.server.service.parts
    monkeypatch.setattr(loquor.server.service, "parts", lambda *given: _broken(parts, *given))
    with pytest.raises(httpx2.RemoteProtocolError):
        post(server, input=TEXT)
    with (
        pytest.raises(httpx2.RemoteProtocolError),
        httpx2.stream(
            "POST", f"{server.url}/v1/audio/speech", json={"input": TEXT, "stream_format": "sse"}
        ) as response,
    ):
        text = ""
        for line in response.iter_lines():
            text = line or text
            error = json.loads(text[6:])
    assert (error["type"], error["error"]["code"]) == ("error", "speech_failed")


def test_a_failure_before_the_first_sound_has_a_status(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> AsyncIterator[Any]:
        raise ExecutionError("a graph failed")
        yield

    monkeypatch.setattr(loquor.server.service, "parts", fails)
    response = post(server, input=TEXT)
    assert (response.status_code, response.json()["error"]["code"]) == (500, "speech_failed")
    monkeypatch.setattr(loquor.server.service, "parts", None)  # a defect of ours
    response = post(server, input=TEXT)
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert "NoneType" not in response.text

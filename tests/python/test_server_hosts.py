"""Open WebUI and SillyTavern: the requests that they send, by their sources; and the language of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import soundfile

from loquor import Engine
from serving import Serving, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(api_keys=("secret",)) as running:
        yield running


def post(server: Serving, key: str = "secret", **body: Any) -> httpx2.Response:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}".strip()}
    return httpx2.post(f"{server.url}/v1/audio/speech", json=body, headers=headers, timeout=60)


def is_mp3(response: httpx2.Response) -> bool:
    return response.status_code == 200 and response.content[:2] in (b"\xff\xf3", b"\xff\xfb")


# --- Open WebUI: the settings of audio, engine OpenAI, URL .../v1 ---


@pytest.mark.parametrize("text", ["Hello there.", "...", "\U0001f642", "1."])
def test_open_webui_is_read_aloud_to(server: Serving, text: str) -> None:
    """A part of an answer, in any of which may be nothing to say; the file is kept as mp3."""
    assert is_mp3(post(server, model="tts-1", input=text, voice="alloy"))
    assert is_mp3(post(server, model="mini", input=text, voice="woman"))


def test_open_webui_finds_voices_and_models() -> None:
    """Without a key: it sends none with these two."""
    with serving() as server:
        voices = httpx2.get(f"{server.url}/v1/audio/voices").json().get("voices", [])
        assert {voice["id"]: voice["name"] for voice in voices} == {
            name: name for name in ("default", "emma", "george", "man", "woman")
        }
        assert httpx2.get(f"{server.url}/v1/audio/models").json()["models"] == [
            {"id": "mini", "name": "mini"}
        ]


def test_open_webui_is_told_what_is_wrong(server: Serving) -> None:
    response = post(server, model="mini", input="Hello.", voice="nobody")
    assert response.status_code == 404
    assert "there is no voice" in response.json()["error"]["message"]


# --- SillyTavern: "OpenAI Compatible", whose endpoint is .../v1/audio/speech ---


def test_sillytavern_is_read_aloud_to(server: Serving) -> None:
    body = {
        "input": "*She smiles.* Hello.",
        "response_format": "mp3",
        "voice": "woman",
        "speed": 1,
        "model": "tts-1",
    }
    assert is_mp3(post(server, **body))
    assert is_mp3(post(server, **(body | {"speed": 1.25})))


def test_sillytavern_without_a_key_sends_an_empty_one() -> None:
    with serving() as server:
        body = {"response_format": "mp3", "voice": "man", "speed": 1, "model": "tts-1"}
        assert is_mp3(post(server, key="", input="Hello.", **body))
        empty = post(server, key="", input="", **body)
        assert empty.status_code == 400
        assert "give some text" in empty.text  # which it logs


# --- The language of a text ---


def test_a_text_has_a_language(llama_bundle_of: Callable[..., Path], recording: Any, tmp_path: Path) -> None:
    folder = llama_bundle_of(variant="multilingual")
    soundfile.write(tmp_path / "me.wav", recording, 24_000)
    options = {"max_new_tokens": 4, "response_format": "pcm", "voice": "me", "input": "Guten Tag."}
    with serving(lambda: Engine(folder, prepare=False), voices={"me": tmp_path / "me.wav"}) as server:
        said = {language: post(server, **options, language=language).content for language in ("de", "it")}
        assert said["de"] and said["it"]
        assert said["de"] != said["it"]
        untold = post(server, **options)
        assert untold.status_code == 400
        assert "language" in untold.json()["error"]["message"]
        schema = httpx2.get(f"{server.url}/openapi.json").json()["components"]["schemas"]["Speech"]
        assert len(schema["properties"]["language"]["anyOf"][0]["enum"]) == 23


def test_a_language_that_is_none_and_one_that_is_not_spoken(server: Serving) -> None:
    for language, sentence in (("tlh", "language must be one of"), ("de", "speaks English only, not German")):
        response = post(server, model="mini", input="Hello.", voice="man", language=language)
        assert response.status_code == 400
        assert sentence in response.json()["error"]["message"]
    assert is_mp3(post(server, model="mini", input="Hello.", voice="man", language="en"))

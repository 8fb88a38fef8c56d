"""The WebSocket: text that is still being written, and what its client may and may not say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from loquor import Engine
from loquor.audio.audio import pcm16
from serving import Serving, eventually, serving

TEXT = "Hello there. This is text that comes in parts. And it ends here"
LONG = "This sentence is one of many, and all of them take a while to say. " * 50


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(lambda: Engine(slots=2)) as running:
        yield running


@pytest.fixture(scope="module")
def impatient() -> Iterator[Serving]:
    with serving(idle_seconds=1.0) as running:
        yield running


class Talk:
    """A client, with what it heard."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.sound = b""
        self.messages: list[dict[str, Any]] = []

    def send(self, kind: str, **fields: Any) -> None:
        self.connection.send(json.dumps({"type": kind, **fields}))

    def until(self, *kinds: str) -> dict[str, Any]:
        """Listen until one of these messages; "sound" is some."""
        while True:
            message = self.connection.recv(30)
            if isinstance(message, bytes):
                self.sound += message
                if "sound" in kinds:
                    return {}
                continue
            self.messages.append(json.loads(message))
            if self.messages[-1]["type"] in kinds:
                return self.messages[-1]

    def code(self) -> str:
        """The code of the next error."""
        return str(self.until("error")["error"]["code"])


@contextmanager
def talking(server: Serving) -> Iterator[Talk]:
    with connect(server.socket_url) as connection:
        yield Talk(connection)


def test_text_in_parts_is_spoken_as_a_session_speaks_it(server: Serving) -> None:
    with Engine() as engine, engine.session("man") as session:
        session.feed(TEXT)
        session.end()
        spoken = pcm16(np.concatenate(list(session))).tobytes()
    with talking(server) as talk:
        for _ in range(2):  # one after the other
            talk.sound, talk.messages = b"", []
            talk.send("start", voice="man", instructions="slowly")
            for start in range(0, len(TEXT), 7):
                talk.send("feed", text=TEXT[start : start + 7])
            talk.send("end")
            done = talk.until("done")
            assert talk.sound == spoken
            assert done["text"] == TEXT
            assert done["audio_seconds"] == pytest.approx(len(spoken) / 48_000, abs=0.001)
            started = talk.messages[0]
            assert (started["type"], started["sample_rate"], started["format"]) == ("started", 24_000, "pcm")
            assert "instructions are ignored" in started["warnings"][0]
            words = [word["word"] for each in talk.messages for word in each.get("words", ())]
            assert words == TEXT.split()
            segments = [each["text"] for message in talk.messages for each in message.get("segments", ())]
            assert " ".join(segments) == TEXT


def test_sound_comes_before_the_text_ends(server: Serving) -> None:
    with talking(server) as talk:
        talk.send("start", response_format="mp3", speed=1.5)
        talk.send("feed", text="This is a whole sentence, and more is to come. ")
        talk.send("flush")
        talk.until("sound")
        talk.send("feed", text="More.")
        talk.send("end")
        talk.until("done")
        assert talk.sound[:2] in (b"\xff\xf3", b"\xff\xfb")


def test_cancel_says_what_was_said(server: Serving) -> None:
    with talking(server) as talk:
        talk.send("start")
        talk.send("feed", text=LONG[:3000])
        talk.until("speech.words")
        talk.send("cancel")
        cancelled = talk.until("cancelled")
        assert LONG.startswith(cancelled["text"])
        assert 0 < cancelled["audio_seconds"] < 60
        eventually(lambda: server.service.models["mini"].busy == 0, 2)
        talk.send("cancel")  # again, too late
        talk.send("start")
        talk.send("feed", text="Go on.")
        talk.send("end")
        assert talk.until("done")["text"] == "Go on."


def test_a_client_that_leaves_cancels(server: Serving) -> None:
    before = server.total("loquor_cancels_total")
    with talking(server) as talk:
        talk.send("start")
        talk.send("feed", text=LONG)
        talk.until("sound")
    eventually(lambda: server.total("loquor_cancels_total") == before + 1, 5)
    assert server.service.models["mini"].busy == 0
    assert server.service.under_way == 0


def test_what_is_said_out_of_turn_is_an_error_and_no_end(server: Serving) -> None:
    with talking(server) as talk:
        for message in ("{", "[]", '{"type": 3}', '{"type": "sing"}'):
            talk.connection.send(message)
            assert talk.code() in ("invalid_json", "invalid_message")
        talk.connection.send(b"bytes")
        assert talk.code() == "invalid_message"
        for kind in ("feed", "flush", "end", "cancel"):
            talk.send(kind, text="a")
            assert talk.code() == "not_started"
        talk.send("start", model="gpt")
        assert talk.code() == "model_not_found"
        talk.send("start", voice="nobody")
        assert talk.code() == "voice_not_found"
        talk.send("start")
        talk.send("start")
        assert talk.code() == "not_over"
        talk.send("feed", text=3)
        assert talk.code() == "invalid_value"
        talk.send("feed", text="a" * 20_001)
        assert talk.code() in ("busy", "invalid_input")
        talk.send("feed", text="Hi.")
        talk.send("end")
        talk.send("feed", text="more")
        assert talk.code() == "not_started"
        assert talk.until("done")["text"] == "Hi."


def test_text_that_does_not_come_ends_it(impatient: Serving) -> None:
    with talking(impatient) as talk:
        talk.send("start")
        assert talk.code() == "no_text"
        talk.send("start")
        talk.send("feed", text="It goes on.")
        talk.send("flush")
        talk.until("sound")
        assert talk.code() == "no_text"
    eventually(lambda: impatient.service.under_way == 0, 5)


def test_a_client_that_says_nothing_is_let_go(impatient: Serving) -> None:
    with talking(impatient) as talk:
        assert talk.code() == "no_text"
        with pytest.raises(ConnectionClosed) as closed:
            talk.connection.recv(5)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
    eventually(lambda: impatient.service.sockets == 0, 5)


def test_who_waits_for_text_holds_no_slot() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(serving(lambda: Engine(slots=2)))
        model = server.service.models["mini"]
        waiting = [stack.enter_context(talking(server)) for _ in range(3 * model.slots)]
        for number, talk in enumerate(waiting):
            talk.send("start")
            talk.until("started")
            if number % 3 == 1:
                talk.send("feed", text="This sentence has no end")
            elif number % 3 == 2:
                talk.send("feed", text="This one is said. And then")
                talk.send("flush")
                talk.until("sound")
        eventually(lambda: model.busy == 0 and server.service.queue.waiting == 0, 5)
        assert server.service.under_way == len(waiting)
        with talking(server) as talk:  # who has something to say is not kept waiting
            talk.send("start")
            talk.send("feed", text="At once.")
            talk.send("end")
            assert talk.until("done")["text"] == "At once."
        texts = ["Now.", "This sentence has no end Now.", "This one is said. And then Now."]
        for talk in waiting:
            talk.send("feed", text=" Now.")
            talk.send("end")
        said = [talk.until("done", "error").get("text") for talk in waiting]
        assert said == texts * model.slots


def test_so_many_may_be_open() -> None:
    with serving(max_sockets=2) as server, talking(server), talking(server) as second:
        with pytest.raises(InvalidStatus) as refused:
            connect(server.socket_url)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["retry-after"] == "5"
        assert json.loads(refused.value.response.body)["error"]["code"] == "sockets_full"
        second.connection.close()
        eventually(lambda: server.service.sockets == 1, 5)
        with talking(server) as talk:
            talk.send("start")
            talk.until("started")


def test_who_was_heard_goes_on_where_the_queue_is_full() -> None:
    with serving(lambda: Engine(slots=1), queue=0) as server, talking(server) as talk:
        talk.send("start")
        talk.send("feed", text="This is the first sentence.")
        talk.send("flush")
        talk.until("sound")
        eventually(lambda: server.service.models["mini"].busy == 0, 10)
        with talking(server) as other, talking(server) as third:
            other.send("start")
            other.send("feed", text=LONG)
            other.until("sound")
            third.send("start")
            third.send("feed", text="No room.")
            third.send("flush")
            assert third.code() == "queue_full"
            talk.send("feed", text="And this is another.")
            talk.send("end")
            eventually(lambda: server.service.queue.waiting == 1)
            other.send("cancel")
            assert talk.until("done", "error").get("text", "").endswith("another.")


def test_an_empty_text_is_no_sound(server: Serving) -> None:
    with talking(server) as talk:
        talk.send("start")
        talk.send("end")
        assert talk.until("done")["audio_seconds"] == 0
        assert talk.sound == b""


def test_what_waits_for_a_slot_keeps_its_text_and_its_end(server: Serving) -> None:
    model = server.service.models["mini"]
    with ExitStack() as stack:
        talks = [stack.enter_context(talking(server)) for _ in range(model.slots)]
        for talk in talks:
            talk.send("start")
            talk.send("feed", text=LONG)
            talk.until("sound")
        late = stack.enter_context(talking(server))
        late.send("start")
        late.send("feed", text="At last.")
        late.send("end")
        eventually(lambda: server.service.queue.waiting == 1)
        talks[0].send("cancel")
        assert late.until("done", "error").get("text") == "At last."
    eventually(lambda: model.busy == 0)


def test_without_a_key_nobody_talks() -> None:
    with serving(api_keys=("key",)) as server:
        with pytest.raises(InvalidStatus) as refused:
            connect(server.socket_url)
        assert refused.value.response.status_code == 401
        with connect(server.socket_url, additional_headers={"authorization": "Bearer key"}) as connection:
            talk = Talk(connection)
            talk.send("start")
            talk.send("feed", text="Hello.")
            talk.send("end")
            talk.until("done")


def test_the_end_of_the_server_lets_what_is_heard_be_finished() -> None:
    with serving() as server, talking(server) as talk, talking(server) as other:
        talk.send("start")
        talk.send("feed", text=LONG[:200])
        talk.send("end")
        talk.until("sound")
        server.server.should_exit = True
        eventually(lambda: server.service.draining)
        other.send("start")
        assert other.code() == "ending"
        waiter = threading.Thread(target=talk.until, args=("done",))
        waiter.start()
        waiter.join(60)
        assert talk.messages[-1]["type"] == "done"

"""`POST /v1/audio/speech`: sound that leaves while it is made, as a file's bytes or as events."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import Request
from starlette.responses import Response

from .asked import json_of
from .bodies import whole_body
from .encoders import MEDIA_TYPES
from .refusals import RefusalError, error_body, refusal_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .asked import Asked
    from .making import Listener
    from .service import Service
    from .speaking import Part, Summary

__all__ = ["event", "speech", "warning_headers"]

_log = logging.getLogger("loquor")

_JSON_BYTES = 1 << 20


async def speech(request: Request) -> Response:
    """Check the request, and answer while it is spoken."""
    service: Service = request.app.state.service
    service.check_open()
    asked = service.catalogue.speech(json_of(await whole_body(request, _JSON_BYTES, "application/json")))
    return _Speech(service, asked)


class _Speech(Response):
    """Waits for the first sound, so that what fails before it has a status; then sends what comes.

    What fails later breaks the body off: its end is missing, and a client notices.
    """

    def __init__(self, service: Service, asked: Asked) -> None:
        super().__init__(status_code=200)
        self._service, self._asked = service, asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        listener = self._service.listen(self._asked)
        async with self._service.counted():
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._answer, listener, scope, receive, send, group.cancel_scope)
                    await _gone(receive)
                    group.cancel_scope.cancel()
            finally:
                listener.leave()

    async def _answer(
        self, listener: Listener, scope: Scope, receive: Receive, send: Send, scope_of_all: anyio.CancelScope
    ) -> None:
        try:
            part = await listener.next()
        except Exception as error:
            await refusal_of(error).response()(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": self._sent_headers()})
            try:
                await self._send_all(listener, part, send)
            except Exception as error:
                _log.warning("a response was broken off: %s", refusal_of(error).message)
        scope_of_all.cancel()

    async def _send_all(self, listener: Listener, part: Part | None, send: Send) -> None:
        events = _Events(self._asked) if self._asked.sse else None
        while part is not None:
            await self._send(send, events.of(part) if events else part.audio)
            try:
                part = await listener.next()
            except Exception as error:
                if events:
                    await self._send(send, event("error", **error_body(refusal_of(error))))
                raise
        last = events.done(listener.making.summary) if events else b""
        await self._send(send, last, more=False)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        if not body and more:
            return
        seconds = self._service.settings.stall_seconds
        with anyio.move_on_after(seconds) as stall:
            await send({"type": "http.response.body", "body": body, "more_body": more})
        if stall.cancelled_caught:
            raise RefusalError(408, "client_stalled", f"its client took nothing for {seconds:g} s")

    def _sent_headers(self) -> list[tuple[bytes, bytes]]:
        kind = "text/event-stream" if self._asked.sse else MEDIA_TYPES[self._asked.format]
        return [
            (b"content-type", kind.encode()),
            (b"loquor-sample-rate", str(self._asked.model.sample_rate).encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would collect it
            (b"loquor-watermark", self._asked.model.watermark.encode("ascii")),
            *warning_headers(self._asked.warnings),
        ]


class _Events:
    """The events of OpenAI's API, and ours for the times of words and sentences."""

    def __init__(self, asked: Asked) -> None:
        self._times = asked.times

    def of(self, part: Part) -> bytes:
        found = []
        if part.audio:
            found.append(event("speech.audio.delta", audio=base64.b64encode(part.audio).decode()))
        if part.words and "word" in self._times:
            words = [word.document("word") for word in part.words]
            found.append(event("speech.words", words=words, estimated=part.estimated))
        if part.sentences and "segment" in self._times:
            segments = [sentence.document("text") for sentence in part.sentences]
            found.append(event("speech.segments", segments=segments))
        return b"".join(found)

    def done(self, summary: Summary | None) -> bytes:
        if summary is None:  # which a making has behind its last part
            return event("speech.audio.done")
        inputs, outputs = summary.text_tokens, summary.speech_tokens
        return event(
            "speech.audio.done",
            usage={"input_tokens": inputs, "output_tokens": outputs, "total_tokens": inputs + outputs},
            audio_seconds=round(summary.audio_seconds, 3),
            total_seconds=round(summary.total_seconds, 3),
            warnings=list(summary.warnings),
        )


def event(kind: str, **fields: Any) -> bytes:
    """One server-sent event; its JSON is ASCII, and has no line break."""
    return b"data: " + json.dumps({"type": kind, **fields}).encode() + b"\n\n"


def warning_headers(warnings: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """A header for each warning, in printable ASCII."""
    texts = ("".join(each if " " <= each <= "~" else "?" for each in text) for text in warnings)
    return [(b"loquor-warning", text.encode("ascii")) for text in texts]


async def _gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass

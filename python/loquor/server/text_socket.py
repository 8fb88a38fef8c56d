"""`/v1/audio/speech/stream`, a WebSocket: text while it is being written, speech while it is being made.

Messages are JSON objects with a `type`; sound comes in binary ones. A client sends `start` (with the fields
of a request for speech, but its text), then `feed`, `flush`, `end` or `cancel`; it gets `started`, sound,
`speech.words`, `speech.segments`, and at last `done`, `cancelled` or `error`. Then it may start again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ..errors import BusyError, LoquorError
from ..speech.session import MAX_WAITING
from .asked import json_of
from .refusals import RefusalError, error_body, refusal_of
from .speaking import encoded, opened, summary_of

if TYPE_CHECKING:
    from ..speech.session import Session
    from .asked import Asked
    from .service import Service
    from .speaking import Part

__all__ = ["text_socket"]

_log = logging.getLogger("loquor")

_GOING_AWAY = 1001


async def text_socket(socket: WebSocket) -> None:
    """Talk with one client, one text after the other."""
    service: Service = socket.app.state.service
    try:
        with service.socket():
            await _talk(service, socket)
    except RefusalError as refusal:
        await socket.send_denial_response(refusal.response())


async def _talk(service: Service, socket: WebSocket) -> None:
    await socket.accept()
    turn: _Turn | None = None
    last, idle_seconds = time.monotonic(), service.settings.idle_seconds
    try:
        while True:
            heard = last if turn is None else max(last, turn.last)
            with anyio.move_on_after(heard + idle_seconds - time.monotonic()) as wait:
                message = await socket.receive()
            if wait.cancelled_caught:
                if turn is not None and not turn.over:
                    turn.check_idle()
                elif turn is None or turn.last <= heard:
                    await _tell(socket, "error", **error_body(_idle("nothing was asked", idle_seconds)))
                    await socket.close(_GOING_AWAY)
                    return
                continue
            last = time.monotonic()
            if message["type"] == "websocket.disconnect":
                return
            try:
                turn = _handle(service, socket, message, turn)
            except Exception as error:
                await _tell(socket, "error", **error_body(refusal_of(error)))
    except WebSocketDisconnect:
        pass
    finally:
        if turn is not None:
            await turn.leave()


def _handle(service: Service, socket: WebSocket, message: Any, turn: _Turn | None) -> _Turn | None:
    """Do what a message asks. Raises `RefusalError`, and what feeding a session does."""
    if message.get("text") is None:
        raise RefusalError(
            400, "invalid_message", "messages must be text, with a JSON object: see the documentation"
        )
    body = json_of(message["text"])
    kind = body.get("type")
    if kind == "start":
        if turn is not None and not turn.over:
            raise RefusalError(409, "not_over", "what was started before is not over: end or cancel it")
        service.check_open()
        return _Turn(service, socket, service.catalogue.speech(body, streamed=True))
    if kind not in ("feed", "flush", "end", "cancel"):
        raise RefusalError(
            400, "invalid_message", "type must be start, feed, flush, end or cancel", param="type"
        )
    if turn is None or (turn.over and kind != "cancel"):
        raise RefusalError(409, "not_started", f"{kind} belongs to a text that was started: send start")
    if kind == "feed":
        turn.feed(body.get("text"))
    elif kind == "cancel":
        turn.cancel()
    else:
        turn.cut(kind)
    return turn


class _Turn:
    """One text on its way to speech, in a slot while there is something to say.

    What is fed before its model is open waits here.
    """

    def __init__(self, service: Service, socket: WebSocket, asked: Asked) -> None:
        self._service, self._socket, self._asked = service, socket, asked
        self._session: Session | None = None
        self._early: list[tuple[str, str]] = []
        self._last = time.monotonic()
        self._audible = self._ended = self._cancelled = self._due = False
        self._seconds = 0.0
        self._error: RefusalError | None = None
        self._task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        """Whether all of it was said, or it failed."""
        return self._task.done()

    @property
    def last(self) -> float:
        """When text or sound last came; now, while there is something to say."""
        return time.monotonic() if self._due else self._last

    # --- What the client says ---

    def feed(self, text: Any) -> None:
        """Take more text. Raises `BusyError` where too much waits, and takes nothing then."""
        if not isinstance(text, str):
            raise RefusalError(400, "invalid_value", "text must be a string", param="text")
        if self._ended:
            raise RefusalError(409, "not_started", "this text was ended: start another")
        self._last = time.monotonic()
        if self._session is not None:
            self._session.feed(text)
            return
        if (
            sum(len(early) for _, early in self._early) + len(text) > MAX_WAITING
            or len(self._early) > MAX_WAITING
        ):
            raise BusyError(f"more than {MAX_WAITING:,} characters would wait to be spoken: send it later")
        self._early.append(("feed", text))

    def cut(self, kind: str) -> None:
        """A sentence ends here ("flush"), or the text ("end")."""
        self._last = time.monotonic()
        if self._session is None:
            self._early.append((kind, ""))
        else:
            _cut(self._session, kind)
        self._ended = self._ended or kind == "end"

    def cancel(self) -> None:
        """Stop speaking, within a step."""
        self._cancelled = True
        self._task.cancel()

    def refuse(self, error: RefusalError) -> None:
        """End it, unless what can be heard already is not all there is to say."""
        if not self._audible or not (self._due or self._ended):
            self._end(error)

    def check_idle(self) -> None:
        """End it if neither text nor sound has come for long."""
        seconds = self._service.settings.idle_seconds
        if not self._ended and time.monotonic() - self.last >= seconds:
            self._end(_idle("no text came", seconds))

    async def leave(self) -> None:
        """The client has gone."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    def _end(self, error: RefusalError) -> None:
        self._error, self._last = error, time.monotonic()
        self._task.cancel()

    # --- What it hears ---

    async def _run(self) -> None:
        service, outcome, started = self._service, "failed", time.perf_counter()
        try:
            with service.begun(self):
                async with service.counted():
                    with anyio.move_on_after(service.settings.speech_seconds) as limit:
                        await self._speak(started)
            if limit.cancelled_caught:
                raise service.too_long()
            outcome = "spoken"
        except asyncio.CancelledError:
            outcome = "cancelled" if self._error is None else "refused"
            await self._tell_end(self._error)
        except WebSocketDisconnect:
            outcome = "cancelled"
        except Exception as error:
            if not isinstance(error, (LoquorError, RefusalError)):
                _log.exception("a text failed, which is a defect")
            await self._tell_end(refusal_of(error))
        finally:
            service.metrics.requests.labels(outcome).inc()
            service.metrics.audio_seconds.inc(self._seconds)
            if outcome == "cancelled":
                service.metrics.cancels.inc()

    async def _speak(self, started: float) -> None:
        async with self._asked.model.used() as engine, opened(engine, self._asked) as session:
            await _tell(
                self._socket,
                "started",
                sample_rate=session.sample_rate,
                format=self._asked.format,
                warnings=list(self._asked.warnings),
            )
            chunks = session.within(self._slot)
            self._session, early, self._early = session, self._early, []
            for kind, text in early:
                if kind == "feed":
                    session.feed(text)
                else:
                    _cut(session, kind)
            async with aclosing(chunks), aclosing(encoded(session, self._asked, chunks)) as made:
                async for part in made:
                    await self._send(part)
            summary = summary_of(session, self._asked, started, self._seconds)
            await _tell(
                self._socket,
                "done",
                text=session.report.text,
                audio_seconds=round(summary.audio_seconds, 3),
                total_seconds=round(summary.total_seconds, 3),
                warnings=list(summary.warnings),
            )

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self._due = True
        try:
            async with self._asked.model.slot(again=self._audible):
                yield
        finally:
            self._due, self._last = False, time.monotonic()

    async def _send(self, part: Part) -> None:
        self._last = time.monotonic()
        self._audible = True
        self._seconds += part.seconds
        seconds = self._service.settings.stall_seconds
        with anyio.move_on_after(seconds) as stall:
            if part.audio:
                await self._socket.send_bytes(part.audio)
            if part.words:
                words = [word.document("word") for word in part.words]
                await _tell(self._socket, "speech.words", words=words, estimated=part.estimated)
            if part.sentences:
                segments = [sentence.document("text") for sentence in part.sentences]
                await _tell(self._socket, "speech.segments", segments=segments)
        if stall.cancelled_caught:
            raise RefusalError(408, "client_stalled", f"its client took nothing for {seconds:g} s")

    async def _tell_end(self, error: RefusalError | None) -> None:
        if error is not None:
            await _tell(self._socket, "error", **error_body(error))
        elif self._cancelled:
            said = self._session.report.text if self._session is not None else ""
            await _tell(self._socket, "cancelled", text=said, audio_seconds=round(self._seconds, 3))


def _idle(what: str, seconds: float) -> RefusalError:
    return RefusalError(408, "no_text", f"{what} for {seconds:g} s: start again when there is some text")


def _cut(session: Session, kind: str) -> None:
    if kind == "flush":
        session.flush()
    else:
        session.end()


async def _tell(socket: WebSocket, kind: str, **fields: Any) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        await socket.send_json({"type": kind, **fields})

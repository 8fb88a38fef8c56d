"""`/v1/audio/speech/stream`, a WebSocket: text while it is being written, speech while it is being made.

Messages are JSON objects with a `type`; sound comes in binary ones. A client sends `start` (with the fields
of a request for speech, but its text), then `feed`, `flush`, `end` or `cancel`; it gets `started`, sound,
`speech.words`, `speech.segments`, and at last `done`, `cancelled` or `error`. Then it may start again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ..errors import BusyError, LoquorError
from ..speech.session import MAX_WAITING
from .asked import json_of
from .refusals import RefusalError, error_body, refusal_of
from .speaking import opened, parts, summary_of

if TYPE_CHECKING:
    from ..speech.session import Session
    from .asked import Asked
    from .service import Service
    from .speaking import Part

__all__ = ["text_socket"]

_log = logging.getLogger("loquor")


async def text_socket(socket: WebSocket) -> None:
    """Talk with one client, one text after the other."""
    service: Service = socket.app.state.service
    await socket.accept()
    turn: _Turn | None = None
    try:
        while True:
            with anyio.move_on_after(service.settings.wait_seconds) as wait:
                message = await socket.receive()
            if wait.cancelled_caught:
                if turn is not None:
                    turn.check_idle()
                continue
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
    """One text on its way to speech. What is fed before it has a slot waits here."""

    def __init__(self, service: Service, socket: WebSocket, asked: Asked) -> None:
        self._service, self._socket, self._asked = service, socket, asked
        self._session: Session | None = None
        self._early: list[tuple[str, str]] = []
        self._last = time.monotonic()
        self._audible = self._ended = self._cancelled = False
        self._seconds = 0.0
        self._error: RefusalError | None = None
        self._task = asyncio.create_task(self._run())

    @property
    def over(self) -> bool:
        """Whether all of it was said, or it failed."""
        return self._task.done()

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
        """End it, unless it can be heard already."""
        if not self._audible:
            self._end(error)

    def check_idle(self) -> None:
        """End it if neither text nor sound has come for long."""
        seconds = self._service.settings.wait_seconds
        if not self._ended and time.monotonic() - self._last >= seconds:
            self._end(
                RefusalError(
                    408, "no_text", f"no text came for {seconds:g} s: start again when there is some"
                )
            )

    async def leave(self) -> None:
        """The client has gone."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    def _end(self, error: RefusalError) -> None:
        self._error = error
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
        async with self._asked.model.slot() as engine, opened(engine, self._asked) as session:
            await _tell(
                self._socket,
                "started",
                sample_rate=session.sample_rate,
                format=self._asked.format,
                warnings=list(self._asked.warnings),
            )
            self._session, early, self._early = session, self._early, []
            for kind, text in early:
                if kind == "feed":
                    session.feed(text)
                else:
                    _cut(session, kind)
            async for part in parts(session, self._asked):
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
                await _tell(self._socket, "speech.words", words=words, estimated=True)
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


def _cut(session: Session, kind: str) -> None:
    if kind == "flush":
        session.flush()
    else:
        session.end()


async def _tell(socket: WebSocket, kind: str, **fields: Any) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        await socket.send_json({"type": kind, **fields})

"""A server on a socket: what listens, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from .service import Service
    from .settings import Settings

__all__ = ["HeadWithBody", "Server", "bind", "serve", "server_of"]


_CONNECTIONS = 1024
"""Beyond which a request is answered 503 at once."""
_MESSAGE_BYTES = 1 << 20


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises `InvalidInputError` where the system lets it not."""
    if not 0 <= port <= 65_535:
        raise InvalidInputError(f"cannot listen on port {port}: ports are 0 (a free one) to 65535")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        raise InvalidInputError(
            f"cannot listen on {host} port {port} ({error}): choose another one"
        ) from error


async def serve(app: Starlette, listener: socket.socket, settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM comes, then finish what plays; a second signal ends it at once."""
    await server_of(app, settings).serve(sockets=[listener])


def server_of(app: Starlette, settings: Settings) -> Server:
    """Return the server of an application by `create_app`, which `serve` runs."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="websockets-sansio",
        ws_max_size=_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        lifespan="on",
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=round(settings.drain_seconds) or 1,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    return Server(config, app.state.service)


class HeadWithBody:
    """A transport that sends the head of a response with the first bytes of its body.

    Uvicorn (0.54) writes a head by itself: where all cores are busy, its client is woken for that, and
    waits for them once more before the first sound.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head = transport, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it behind the head that waits, or let it wait if it is one."""
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1") and not self._head:
            self._head = data
        else:
            head, self._head = self._head, b""
            self._transport.write(head + data)

    def close(self) -> None:
        """Send what waits, then close."""
        if self._head:
            self.write(b"")
        self._transport.close()


class _Protocol(H11Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, HeadWithBody(transport)))


class Server(uvicorn.Server):
    """Uvicorn's, which lets what plays be heard before it ends."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let what plays be heard, then end as uvicorn does: it closes WebSockets at once."""
        for server in self.servers:
            server.close()
        self._service.drain()
        for _ in range(round(20 * self._service.settings.drain_seconds)):
            if self.force_exit or not self._service.under_way:
                break
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)

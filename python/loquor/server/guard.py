"""Who may ask: API keys, the names a server is called by, and pages of other sites."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from .page import PAGE_PATHS
from .refusals import RefusalError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .settings import Settings

__all__ = ["Guard"]

_OPEN = frozenset((*PAGE_PATHS, "/healthz"))
"""Paths that need no key: they tell nothing of anybody."""


class Guard:
    """Stands before the application.

    A page of another site can reach a server on its visitor's machine: under the page's own name, if that
    leads here (DNS rebinding), which the `Host` header shows; or as another origin, which browsers tell.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._keys = [_digest(key) for key in settings.api_keys]
        self._hosts = {host.lower() for host in settings.hosts}
        self._origins = {origin.lower() for origin in settings.origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            if scope["path"] != "/healthz":  # which orchestrators ask by the address of the moment
                self._check_host(headers)
            self._check_origin(headers)
            asks_only = (
                scope["type"] == "http" and scope["method"] == "OPTIONS"
            )  # a browser, before its page does
            if self._keys and scope["path"] not in _OPEN and not asks_only:
                self._check_key(headers)
        except RefusalError as refusal:
            await refusal.response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if "*" not in self._hosts and name not in self._hosts:
            raise RefusalError(
                421,
                "wrong_host",
                f"this server is not called {name!r:.80}: allow it with --host-name, if it should be",
            )

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin", "").lower()
        if not origin or "*" in self._origins or origin in self._origins:
            return
        if origin.partition("://")[2] != headers.get("host", "").lower():
            raise RefusalError(
                403, "foreign_origin", f"pages of {origin!r:.80} may not ask: allow them with --allow-origin"
            )

    def _check_key(self, headers: Headers) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Digests are of one length, and all are compared: the time tells nothing of a key.
        digest = _digest(given.strip()) if scheme.lower() == "bearer" else b""
        if not any([hmac.compare_digest(digest, key) for key in self._keys]):  # noqa: C419
            raise RefusalError(
                401,
                "invalid_api_key",
                "this server asks for an API key: send it as Authorization: Bearer KEY",
                headers={"www-authenticate": "Bearer"},
            )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()

"""The page at `/`: three files of the package, which need nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["PAGE_PATHS", "page"]

PAGE_PATHS = ("/", "/page.css", "/page.js")
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


async def page(request: Request) -> Response:
    """Return the file of a path, which is one of `PAGE_PATHS`."""
    content, kind = _file(request.scope["path"])
    return Response(content, headers=_HEADERS, media_type=kind)


@cache
def _file(path: str) -> tuple[bytes, str]:
    file = Path(__file__).with_name(path.strip("/") or "index.html")
    return file.read_bytes(), _KINDS[file.suffix]

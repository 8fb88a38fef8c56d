"""The application: routes, errors, and the life of what it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from ..errors import LoquorError
from . import openapi
from .guard import Guard
from .metrics import CONTENT_TYPE
from .page import PAGE_PATHS, page
from .refusals import RefusalError, refusal_of
from .service import Service
from .speech_endpoint import speech
from .text_socket import text_socket
from .voices_endpoint import delete_voice, model, model_names, models, voices

if TYPE_CHECKING:
    from .settings import Settings

__all__ = ["create_app"]


def create_app(settings: Settings) -> Starlette:
    """Return an ASGI application; `app.state.service` is what its requests share.

    Nothing is loaded before it runs, so that a pre-forking server may make it before it forks.
    """
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with service.running():
            yield

    middleware = [Middleware(Guard, settings=settings)]
    if settings.origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["loquor-warning", "loquor-sample-rate", "loquor-watermark"],
        )
        middleware.insert(0, cors)
    app = Starlette(
        routes=_ROUTES,
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers={
            RefusalError: _refused,
            LoquorError: _refused,
            HTTPException: _not_routed,
            Exception: _refused,
        },
    )
    app.state.service = service
    return app


async def _health(request: Request) -> Response:
    service: Service = request.app.state.service
    return JSONResponse({"status": "ending"}, 503) if service.draining else JSONResponse({"status": "ok"})


async def _metrics(request: Request) -> Response:
    service: Service = request.app.state.service
    return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})


async def _openapi(request: Request) -> Response:
    return JSONResponse(openapi.document(request.app.state.service))


_ROUTES = [
    *(Route(path, page, methods=["GET"]) for path in PAGE_PATHS),
    Route("/v1/audio/speech", speech, methods=["POST"]),
    WebSocketRoute("/v1/audio/speech/stream", text_socket),
    Route("/v1/audio/models", model_names, methods=["GET"]),
    Route("/v1/models", models, methods=["GET"]),
    Route("/v1/models/{model}", model, methods=["GET"]),
    Route("/v1/audio/voices", voices, methods=["GET", "POST"]),
    Route("/v1/audio/voices/{voice_id}", delete_voice, methods=["DELETE"]),
    Route("/healthz", _health, methods=["GET"]),
    Route("/metrics", _metrics, methods=["GET"]),
    Route("/openapi.json", _openapi, methods=["GET"]),
]


async def _refused(_: Request, error: Exception) -> Response:
    return refusal_of(error).response()


async def _not_routed(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    what = "there is no such path here" if status == 404 else "this path does not take that method"
    return RefusalError(
        status, "not_found" if status == 404 else "wrong_method", what, headers=headers
    ).response()

"""`/v1/audio/voices` and `/v1/models`: what there is to speak with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..base.pipes import Piped
from .bodies import form_of
from .refusals import RefusalError

if TYPE_CHECKING:
    from .models import Model
    from .service import Service

__all__ = ["delete_voice", "model", "model_names", "models", "voices"]

_MOST_NAME = 100
_AT_ONCE = 4
"""Recordings that are read or wait for it: each may take seconds."""


async def models(request: Request) -> Response:
    """Return the models, the default one first."""
    service: Service = request.app.state.service
    return JSONResponse({"object": "list", "data": [_document(each) for each in service.models.values()]})


async def model(request: Request) -> Response:
    """Return one model. Raises `RefusalError` (404)."""
    service: Service = request.app.state.service
    return JSONResponse(_document(service.catalogue.model(request.path_params["model"])))


async def model_names(request: Request) -> Response:
    """Return the models by name, where Open WebUI looks for them."""
    service: Service = request.app.state.service
    return JSONResponse({"models": [{"id": name, "name": name} for name in service.models]})


def _document(each: Model) -> dict[str, Any]:
    return {
        "id": each.name,
        "object": "model",
        "created": each.created,
        "owned_by": "loquor",
        "loaded": each.loaded,
        "sample_rate": each.sample_rate,
        "voices": list(each.voice_names),
        "tags": list(each.tags),
    }


async def voices(request: Request) -> Response:
    """Return the voices of all models, then the uploaded ones; or make another one."""
    service: Service = request.app.state.service
    return await _create(request, service) if request.method == "POST" else _list(service)


def _list(service: Service) -> Response:
    own = [
        {
            "id": name,
            "object": "audio.voice",
            "type": "built_in",
            "name": name,
            "created_at": each.created,
            "model": each.name,
            "warnings": [],
        }
        for each in service.models.values()
        for name in each.voice_names
    ]
    data = [*own, *(voice.document() for voice in service.shelf.all())]
    names = [{"id": each["id"], "name": each["name"]} for each in data]  # as Open WebUI reads them
    return JSONResponse({"object": "list", "data": data, "voices": names, "has_more": False})


async def _create(request: Request, service: Service) -> Response:
    """Make a voice of an uploaded recording, and keep it. Raises also `RefusalError`."""
    service.check_open()
    service.shelf.check_room()
    form = await form_of(request, service.settings.max_upload)
    if form.fields.get("type", "audio_sample") != "audio_sample":
        raise RefusalError(400, "invalid_value", "type must be audio_sample: give a recording", param="type")
    name = form.fields.get("name", "").strip()
    if not name or len(name) > _MOST_NAME or not name.isprintable():
        raise RefusalError(
            400, "invalid_value", f"name must be 1 to {_MOST_NAME} printable characters", param="name"
        )
    sample = form.files.get("audio_sample")
    if sample is None:
        raise RefusalError(
            400, "missing_file", "audio_sample must be a file: a recording of 5 to 15 s", param="audio_sample"
        )
    asked = service.catalogue.model(form.fields.get("model") or None)
    if name in asked.voice_names:
        raise RefusalError(
            409,
            "voice_exists",
            f"{asked.name} has a voice {name!r} already: choose another name",
            param="name",
        )
    if service.uploading >= _AT_ONCE:
        raise RefusalError.later(429, "busy", f"{_AT_ONCE} recordings are being read: try again later", 2)
    service.uploading += 1
    try:
        async with service.counted(), asked.used() as engine:
            voice = await asyncio.to_thread(engine.voice, Piped(sample, "the recording"))
    finally:
        service.uploading -= 1
    return JSONResponse(service.shelf.add(name, asked.name, voice).document(), 201)


async def delete_voice(request: Request) -> Response:
    """Forget an uploaded voice. Raises `RefusalError` (404)."""
    service: Service = request.app.state.service
    voice_id = request.path_params["voice_id"]
    service.shelf.delete(voice_id)
    return JSONResponse({"id": voice_id, "object": "audio.voice.deleted", "deleted": True})

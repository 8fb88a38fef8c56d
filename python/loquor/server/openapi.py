"""The server's description of itself, as OpenAPI 3.1: written from what the checks go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core
from ..audio.tempo import MAX_SPEED, MIN_SPEED
from ..errors import InvalidInputError
from .asked import CHOICES, OPENAI_MODELS, OPTIONS, TIMES
from .encoders import MEDIA_TYPES, encoder

if TYPE_CHECKING:
    from ..speech.option_table import Option
    from .service import Service

__all__ = ["document"]

_ERRORS = {
    "400": "What was asked cannot be done as asked",
    "401": "No API key, or another",
    "403": "A page of another site",
    "404": "No such model, voice or path",
    "408": "The client took too long",
    "409": "There is one already, or no room for another",
    "413": "Too many bytes",
    "415": "Another media type",
    "421": "Another server's name",
    "429": "The queue is full: see Retry-After",
    "500": "The server failed",
    "503": "No slot, no model, or the end of the server: see Retry-After",
}


def document(service: Service) -> dict[str, Any]:
    """Return it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Loquor", "version": _core.version(), "license": {"name": "MIT"}},
        "components": {
            "schemas": {"Error": _ERROR, "Voice": _VOICE, "Model": _MODEL, "Speech": _speech(service)},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}] if service.settings.api_keys else [],
        "paths": {
            "/v1/audio/speech": {"post": _speech_operation()},
            "/v1/audio/models": {
                "get": _operation("The models' names", {"200": _json(_object(models=_NAMES))})
            },
            "/v1/models": {"get": _operation("List the models", {"200": _list_of("Model")})},
            "/v1/models/{model}": {
                "get": _operation("One model", {"200": _json(_ref("Model"))}, ["404"], _path("model"))
            },
            "/v1/audio/voices": {
                "get": _operation("List the voices", {"200": _list_of("Voice", voices=_NAMES)}),
                "post": _upload_operation(),
            },
            "/v1/audio/voices/{voice_id}": {
                "delete": _operation(
                    "Forget an uploaded voice", {"200": _json(_DELETED)}, ["404"], _path("voice_id")
                )
            },
            "/healthz": {
                "get": {
                    **_operation("Whether it takes requests", {"200": _json(_HEALTH)}, ["503"]),
                    "security": [],
                }
            },
            "/metrics": {
                "get": _operation(
                    "For Prometheus",
                    {
                        "200": {
                            "description": "Its text format",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        }
                    },
                )
            },
        },
    }


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required or properties)}


_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_WHOLE = {"type": "integer"}
_NAMES = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": _TEXT, "name": _TEXT}, "required": ["id", "name"]},
}
_ERROR = _object(error=_object(message=_TEXT, type=_TEXT, code=_TEXT, param={"type": ["string", "null"]}))
_VOICE = _object(
    id=_TEXT,
    object={"const": "audio.voice"},
    type={"enum": ["built_in", "audio_sample"]},
    name=_TEXT,
    created_at=_WHOLE,
    model=_TEXT,
    warnings=_TEXTS,
)
_MODEL = _object(
    id=_TEXT,
    object={"const": "model"},
    created=_WHOLE,
    owned_by=_TEXT,
    loaded={"type": "boolean"},
    sample_rate=_WHOLE,
    voices=_TEXTS,
    tags=_TEXTS,
)
_DELETED = _object(id=_TEXT, object={"const": "audio.voice.deleted"}, deleted={"const": True})
_HEALTH = _object(status={"enum": ["ok", "ending"]})


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any], description: str = "Done") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _list_of(name: str, **more: Any) -> dict[str, Any]:
    data = {"type": "array", "items": _ref(name)}
    return _json(_object(("object", "data", *more), object={"const": "list"}, data=data, **more))


def _path(name: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]


def _operation(
    summary: str,
    responses: dict[str, Any],
    errors: list[str] | None = None,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    statuses = sorted({"401", "403", "421", "500", *(errors or ())})
    told = {status: _json(_ref("Error"), _ERRORS[status]) for status in statuses}
    found: dict[str, Any] = {"summary": summary, "responses": {**responses, **told}}
    if parameters:
        found["parameters"] = parameters
    return found


def _speech_operation() -> dict[str, Any]:
    kinds = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()}
    sound = {
        "description": "Speech, while it is made; a body without its end is of speech that failed on the way",
        "headers": {
            "loquor-warning": {"description": "What was not heeded", "schema": _TEXT},
            "loquor-watermark": {"description": "Whether the speech is marked: none, perth", "schema": _TEXT},
        },
        "content": {**kinds, "text/event-stream": {}},
    }
    return {
        **_operation("Speak a text", {"200": sound}, ["400", "404", "408", "413", "415", "429", "503"]),
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Speech")}}},
    }


def _upload_operation() -> dict[str, Any]:
    form = _object(
        ("name", "audio_sample"),
        name={"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9_. -]*[A-Za-z0-9]$"},
        audio_sample={
            "type": "string",
            "format": "binary",
            "description": "A recording of 5 to 15 s of one speaker",
        },
        model=_TEXT,
        consent={**_TEXT, "description": "As OpenAI's API has it; not looked at"},
        type={"const": "audio_sample"},
    )
    statuses = ["400", "404", "408", "409", "413", "415", "429", "503"]
    return {
        **_operation("Make a voice of a recording", {"201": _json(_ref("Voice"))}, statuses),
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
    }


def _speech(service: Service) -> dict[str, Any]:
    formats = [name for name in CHOICES["response_format"] if _writable(name)]
    voice = {"anyOf": [_TEXT, _object(id=_TEXT), {"type": "null"}]}
    properties: dict[str, Any] = {
        "model": _maybe({"enum": [*service.models, *OPENAI_MODELS]}, None),
        "input": {
            "type": "string",
            "minLength": 1,
            "maxLength": service.settings.max_text,
            "pattern": r"\S",
        },
        "voice": {
            **voice,
            "description": "A name, the id of an uploaded voice, or none for the model's default",
        },
        "instructions": {"type": ["string", "null"], "description": "Ignored, with a warning"},
        "language": {
            **_maybe({"enum": _languages(service)}, None),
            "description": "The text's, which a model that speaks many must be told",
        },
        "response_format": _maybe({"enum": formats}, "mp3"),
        "speed": _maybe({"type": "number", "minimum": MIN_SPEED, "maximum": MAX_SPEED}, 1.0),
        "stream_format": _maybe({"enum": list(CHOICES["stream_format"])}, "audio"),
        "timestamp_granularities": {
            "type": ["array", "null"],
            "items": {"enum": list(TIMES)},
            "description": "With stream_format sse: events with the times of words (estimates) and sentences",
        },
    }
    properties |= {name: _maybe(_of_option(option), None) for name, option in OPTIONS.items()}
    return {"type": "object", "properties": properties, "required": ["input"]}


def _languages(service: Service) -> list[str]:
    """Those of its models; as long as one was never opened, all that there are."""
    known = [each.languages for each in service.models.values()]
    return sorted({code for codes in known for code in codes}) if all(known) else list(CHOICES["language"])


def _maybe(schema: dict[str, Any], default: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"anyOf": [schema, {"type": "null"}]}
    return found if default is None else {**found, "default": default}


def _of_option(option: Option) -> dict[str, Any]:
    if option.type == "bool":
        return {"type": "boolean", "description": option.sentence}
    least, most = option.bounds
    schema = {
        "type": "number" if option.type == "float" else "integer",
        "description": option.sentence,
        "minimum": 1e-30 if option.minimum_excluded else least,  # in float32 a still smaller one is 0
    }
    # Where there is only the type's bound, what rounds to the largest float32 is that.
    return schema if option.type == "float" and option.maximum is None else {**schema, "maximum": most}


def _writable(name: str) -> bool:
    try:
        encoder(name, 24_000)
    except InvalidInputError:
        return False
    return True

"""What a request for speech asks: its JSON fields, checked one by one."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..audio.tempo import MAX_SPEED, MIN_SPEED
from ..errors import InvalidInputError
from ..languages.profile import LANGUAGES
from ..speech.option_table import GENERATION
from ..speech.options import GenerationOptions
from .encoders import MEDIA_TYPES
from .refusals import RefusalError

if TYPE_CHECKING:
    from .models import Model
    from .shelf import Shelf, Uploaded

__all__ = ["CHOICES", "OPENAI_MODELS", "OPTIONS", "STREAM_FORMATS", "TIMES", "Asked", "Catalogue", "json_of"]

OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
"""Names that clients have built in: the default model stands for them."""
_OPENAI_VOICES = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()  # noqa: SIM905
)

STREAM_FORMATS = ("audio", "sse")
TIMES = ("word", "segment")
OPTIONS = {name: option for name, option in GENERATION.items() if name != "guards"}
"""Options of generation that a request may set, beyond OpenAI's fields."""
_KNOWN = {
    "model", "input", "voice", "instructions", "language", "response_format", "speed", "stream_format",
    "timestamp_granularities", *OPTIONS,
}  # fmt: skip
CHOICES = {
    "language": tuple(LANGUAGES),
    "response_format": tuple(MEDIA_TYPES),
    "stream_format": STREAM_FORMATS,
}


@dataclass(frozen=True)
class Asked:
    """A request that may be tried. Two that are equal get the same speech."""

    model: Model
    text: str
    voice: str | Uploaded | None
    """The name of one of the model's, an uploaded one, or None for the model's default."""
    language: str | None
    """The text's, for a model that speaks many."""
    options: GenerationOptions
    format: str
    speed: float
    warnings: tuple[str, ...]
    """What was not heeded, a sentence each."""
    sse: bool = dataclasses.field(default=False, compare=False)
    times: frozenset[str] = dataclasses.field(default=frozenset(), compare=False)
    """Which of `TIMES` the events tell."""


class Catalogue:
    """The models and voices that requests name."""

    def __init__(self, models: Mapping[str, Model], shelf: Shelf, max_text: int) -> None:
        self.models, self.shelf, self.max_text = models, shelf, max_text

    def speech(self, body: Mapping[str, Any], *, streamed: bool = False) -> Asked:
        """Check the fields of a request; a `streamed` one's text comes later, and it is PCM unless told.

        Raises `RefusalError` that names the field.
        """
        model = self.model(body.get("model"))
        text = "" if streamed else self._text(body.get("input"))
        warnings = []
        if (instructions := body.get("instructions")) is not None and not isinstance(instructions, str):
            raise _bad("instructions", "a string", instructions)
        if instructions:
            warnings.append("instructions are ignored: this model has no such control, but tags in the text")
        voice, told = self._voice(body.get("voice"), model)
        warnings += told
        unknown = sorted(name for name in body if name not in _KNOWN and not (streamed and name == "type"))
        if unknown:
            warnings.append(f"fields that this server does not know are ignored: {', '.join(unknown)[:200]}")
        times = body.get("timestamp_granularities")
        if not isinstance(times, (list, type(None))) or any(each not in TIMES for each in times or ()):
            raise _bad("timestamp_granularities", f"a list of {' and '.join(TIMES)}", times)
        return Asked(
            model,
            text,
            voice,
            _choice(body, "language"),
            _options(body),
            _choice(body, "response_format") or ("pcm" if streamed else "mp3"),
            _speed(body.get("speed")),
            tuple(warnings),
            _choice(body, "stream_format") == "sse",
            frozenset(times or ()),
        )

    def model(self, name: Any) -> Model:
        """The model that a request names; for None, and for OpenAI's names, the default one."""
        if name is not None and not isinstance(name, str):
            raise _bad("model", "a string", name)
        default = next(iter(self.models.values()))
        found = self.models.get(name) if name else default
        if found is None and name in OPENAI_MODELS:
            found = default
        if found is None:
            known = ", ".join(self.models)
            raise RefusalError(
                404,
                "model_not_found",
                f"there is no model {name!r:.80} here: choose of {known}",
                param="model",
            )
        return found

    def _text(self, text: Any) -> str:
        if not isinstance(text, str):
            raise _bad("input", "a string", text)
        if not text.strip():
            raise RefusalError(
                400, "input_empty", "input is empty or white space: give some text to speak", param="input"
            )
        if len(text) > self.max_text:
            raise RefusalError(
                400,
                "input_too_long",
                f"input has {len(text):,} characters, more than {self.max_text:,}: send it in parts",
                param="input",
            )
        return text

    def _voice(self, given: Any, model: Model) -> tuple[str | Uploaded | None, list[str]]:
        name = given.get("id") if isinstance(given, dict) else given
        if name is None and not isinstance(given, dict):
            return None, []
        if not isinstance(name, str):
            raise _bad("voice", 'a name, or {"id": "voice_..."}', given)
        if name in model.voice_names:
            return name, []
        if (uploaded := self.shelf.find(name)) is not None:
            if uploaded.model != model.name:
                raise RefusalError(
                    400,
                    "voice_of_another_model",
                    f"voice {name!r:.80} is of {uploaded.model}: upload its recording for {model.name}",
                    param="voice",
                )
            return uploaded, []
        if name in _OPENAI_VOICES:
            return None, [f"{name} is a voice of OpenAI's: the model's default one speaks"]
        return name, []  # which the model may know once it is open


def json_of(content: bytes | str) -> dict[str, Any]:
    """Return the object in a request's JSON. Raises `RefusalError` for anything else."""
    try:
        body = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise RefusalError(
            400, "invalid_json", f"the request is no JSON ({error!s:.120}): send an object"
        ) from error
    if not isinstance(body, dict):
        raise RefusalError(400, "invalid_json", f"the request must be a JSON object, not {_kind(body)}")
    return body


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _speed(given: Any) -> float:
    if given is None:
        return 1.0
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not number or math.isnan(given) or not MIN_SPEED <= given <= MAX_SPEED:
        raise _bad("speed", f"a number from {MIN_SPEED} to {MAX_SPEED:g}", given)
    return float(given)


def _options(body: Mapping[str, Any]) -> GenerationOptions:
    given = {name: body[name] for name in OPTIONS if body.get(name) is not None}
    for name, value in given.items():
        try:
            given[name] = OPTIONS[name].checked(value)
        except InvalidInputError as error:
            raise RefusalError(400, "invalid_value", str(error), param=name) from error
    return GenerationOptions(**given)


def _choice(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and value not in CHOICES[name]:
        raise _bad(name, f"one of {', '.join(CHOICES[name])}", value)
    return value


def _bad(name: str, wanted: str, seen: Any) -> RefusalError:
    shown = repr(seen)[:60] if isinstance(seen, (str, int, float, type(None))) else _kind(seen)
    return RefusalError(400, "invalid_value", f"{name} must be {wanted}, not {shown}", param=name)


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return kinds.get(type(value), "null" if value is None else "a number")

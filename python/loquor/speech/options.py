"""How to choose speech tokens: one frozen dataclass, with the names that chatterbox-tts uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..base.numbers import finite
from ..errors import InvalidInputError
from .guards import Guards, guard_bits

__all__ = [
    "GenerationOptions",
    "StreamOptions",
    "resolve_options",
    "resolve_stream_options",
    "unused_option_warnings",
]

_UNUSED_BY_TURBO = ("exaggeration", "cfg_weight")
_UNUSED_BY_GREEDY = ("top_k", "top_p", "min_p")


@dataclass(frozen=True)
class GenerationOptions:
    """Options of one request. None takes the model's own default (Turbo: as in Resemble's `generate`).

    Values out of range raise `InvalidInputError` when the request starts.
    """

    temperature: float | None = None
    """[0, 10]. 0 is greedy: the penalty, then the likeliest token."""
    top_k: int | None = None
    """>= 0. Keeps the k likeliest tokens and ties with the last of them; 0 turns it off."""
    top_p: float | None = None
    """(0, 1]. Keeps the smallest set of tokens with this probability; 1 turns it off."""
    min_p: float | None = None
    """[0, 1]. Drops tokens less likely than this share of the likeliest; 0 turns it off."""
    repetition_penalty: float | None = None
    """> 0, finite. Makes tokens that were already said less likely; 1 turns it off."""
    seed: int = 0
    """0 to 2**64 - 1. The same seed gives the same tokens."""
    max_new_tokens: int | None = None
    """>= 1. Speech tokens at most; a second of speech has 25."""
    exaggeration: float | None = None
    """For models that have it (English, Multilingual). Turbo and Nano ignore it, with a warning."""
    cfg_weight: float | None = None
    """For models that have it (English, Multilingual). Turbo and Nano ignore it, with a warning."""
    guards: Guards | None = None
    """What looks after speech that runs away; None: what the model's bundle asks for, usually all."""


@dataclass(frozen=True)
class StreamOptions:
    """How speech is cut into chunks while it is made. None takes what suits the model.

    Counts are of speech tokens, 1,048,576 at most; a second of speech has 25. Values out of range raise
    `InvalidInputError` when the stream is opened.
    """

    first_chunk: int | None = None
    """>= 1. The first chunk: shorter is heard sooner."""
    growth: float | None = None
    """[1, 100]. Each chunk is so many times as long as the one before: longer ones cost less."""
    max_chunk: int | None = None
    """>= 1. The longest chunk."""
    left_context: int | None = None
    """>= 0, or -1 for all. What the decoder hears again before each chunk."""
    look_ahead: int | None = None
    """>= 0. What it hears beyond each chunk, and so has to be made before the chunk is heard."""
    fade_samples: int | None = None
    """[0, 65536]. Cross-fade at a join, in samples, where windows of the decoder do not agree exactly."""
    adaptive: bool | None = None
    """Make chunks as long as playback allows without running dry, instead of by `growth`."""


def resolve_stream_options(options: StreamOptions | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's `defaults`, overridden by what the options set, in the core's types.

    Raises `InvalidInputError` as `resolve_options` does.
    """
    if not isinstance(options, (StreamOptions, type(None))):
        raise InvalidInputError(
            f"chunks must be a loquor.StreamOptions, not {type(options).__name__}: "
            "write StreamOptions(first_chunk=5)"
        )
    resolved = dict(defaults)
    for name in (field.name for field in fields(StreamOptions)):
        given = getattr(options, name, None)
        if given is None:
            continue
        if name == "adaptive":
            resolved[name] = bool(given)
            continue
        number = finite(given, name)
        if name != "growth" and (int(given) != given or not -1 <= given < 2**31):
            raise InvalidInputError(f"{name} must be a whole number, not {given!r}")
        resolved[name] = number if name == "growth" else int(given)
    if options is not None and options.first_chunk is not None and resolved["first_chunk"] < 1:
        raise InvalidInputError(f"first_chunk must be 1 or more, not {options.first_chunk!r}")
    return resolved


def unused_option_warnings(
    options: GenerationOptions | None, family: str, resolved: Mapping[str, Any]
) -> list[str]:
    """Return a sentence for each option that models like Turbo have no use for, and one for all that choose
    among likely tokens where the model, as `resolved`, takes the likeliest.
    """
    if options is None:
        return []
    given = [name for name in _UNUSED_BY_TURBO if getattr(options, name) is not None]
    warnings = [f"{name} is ignored: the {family} family has no such control" for name in given]
    idle = [name for name in _UNUSED_BY_GREEDY if getattr(options, name) is not None]
    idle += ["seed"] if options.seed != GenerationOptions.seed else []
    if options.temperature is None and resolved["temperature"] == 0 and idle:  # else it was asked for
        verb = "changes" if len(idle) == 1 else "change"
        warnings.append(
            f"{' and '.join(idle)} {verb} no token: this model takes the likeliest, unless a temperature is "
            "given; 0.8, for one, varies the speech"
        )
    return warnings


def resolve_options(options: GenerationOptions | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's `defaults`, overridden by what the options set, in the core's types.

    Raises `InvalidInputError` if `options` is something else, or holds what is no finite number or, where
    one is needed, no whole number. The core checks the ranges.
    """
    if not isinstance(options, (GenerationOptions, type(None))):
        raise InvalidInputError(
            f"options must be a loquor.GenerationOptions, not {type(options).__name__}: "
            "write GenerationOptions(temperature=0.5)"
        )
    resolved = dict(defaults)
    for name in (field.name for field in fields(GenerationOptions)):
        given = getattr(options, name, None)
        if given is None:
            continue
        if name == "guards":
            resolved[name] = guard_bits(given)
            continue
        number = finite(given, name)
        if isinstance(defaults.get(name), float):
            resolved[name] = number
        elif name in defaults:
            most = 2**64 - 1 if name == "seed" else 2**31 - 1
            if int(given) != given or not 0 <= given <= most:
                raise InvalidInputError(f"{name} must be a whole number from 0 to {most}, not {given!r}")
            resolved[name] = int(given)
    return resolved

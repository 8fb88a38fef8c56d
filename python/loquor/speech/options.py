"""How to choose speech tokens: one frozen dataclass, with the names that chatterbox-tts uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInputError
from .guards import Guards, guard_bits
from .option_table import GENERATION, STREAM, resolved

__all__ = [
    "DerivedSeed",
    "GenerationOptions",
    "StreamOptions",
    "resolve_options",
    "resolve_stream_options",
    "unused_option_warnings",
]

_GUIDANCE = ("exaggeration", "cfg_weight")
_HEEDED_BY_GREEDY = (
    "temperature",
    "repetition_penalty",
    "max_new_tokens",
    "guards",
    "text_guard",
    *_GUIDANCE,
)


@dataclass(frozen=True)
class GenerationOptions:
    """Options of one request. None takes the model's own default (as in Resemble's `generate`).

    Values out of range raise `InvalidInputError` when the request starts.
    """

    # scripts/options: generation fields
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
    """[0, 2**64 - 1]. The same seed gives the same tokens."""
    max_new_tokens: int | None = None
    """>= 1. Speech tokens at most; a second of speech has 25."""
    guards: Guards | None = None
    """What looks after speech that runs away; tokens alone have no guard."""
    exaggeration: float | None = None
    """[0, 2]. How strongly feelings are shown; 0.5 is neutral. Of models that have it."""
    cfg_weight: float | None = None
    """[0, 10]. How far speech is led away from what would be said without the text (classifier-free guidance,
    which takes a second row); 0 turns it off. Of models that have it."""
    text_guard: int | None = None
    """[0, 3]. What is done about speech that skips or repeats text, or goes on behind its end, by what the
    model attends to: 1 tells, 2 ends it there too, 3 makes it again besides. Of models that tell word
    times."""
    # scripts/options: end


@dataclass(frozen=True)
class StreamOptions:
    """How speech is cut into chunks while it is made. None takes what suits the model.

    A second of speech has 25 speech tokens. Values out of range raise `InvalidInputError` when the stream is
    opened.
    """

    # scripts/options: stream fields
    first_chunk: int | None = None
    """[0, 1048576]. Speech tokens of the first chunk: a shorter one is heard sooner; 0 makes the whole speech
    one chunk, at the end."""
    growth: float | None = None
    """[1, 100]. Each chunk is so many times as long as the one before: longer ones cost less."""
    max_chunk: int | None = None
    """[1, 1048576]. Speech tokens of the longest chunk."""
    left_context: int | None = None
    """[-1, 1048576]. Speech tokens that the decoder hears again before each chunk; -1: from the first one
    on."""
    look_ahead: int | None = None
    """[0, 1048576]. Speech tokens that it hears beyond each chunk, which have to be made before the chunk is
    heard."""
    fade_samples: int | None = None
    """[0, 65536]. Cross-fade at a join, where windows of the decoder do not agree exactly."""
    adaptive: bool | None = None
    """Makes chunks as long as playback allows without running dry, instead of by growth."""
    watermark_early: bool | None = None
    """Where speech is marked, marks the end of the first chunk by what was heard till then, so that it comes
    40 ms later and not 219; without it the samples are those of the whole."""
    max_wait: float | None = None
    """[0, 3600]. Seconds that the first chunk of an adaptive stream may come later, and be longer, where
    speech is made slower than it is played: so that playback does not run dry behind it."""
    # scripts/options: end


def resolve_stream_options(options: StreamOptions | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's `defaults`, overridden by what the options set, in the core's types.

    Raises `InvalidInputError` as `resolve_options` does.
    """
    if not isinstance(options, (StreamOptions, type(None))):
        raise InvalidInputError(
            f"chunks must be a loquor.StreamOptions, not {type(options).__name__}: "
            "write StreamOptions(first_chunk=5)"
        )
    return resolved(STREAM, {} if options is None else vars(options), defaults)


class DerivedSeed(int):
    """A seed that nobody gave: no warning tells that it is of no use."""


def unused_option_warnings(
    options: GenerationOptions | None, family: Mapping[str, Any], used: Mapping[str, Any]
) -> list[str]:
    """Return a sentence for each option that models without guidance have no use for, and one for all that
    choose among likely tokens where the model, as these are `used`, takes the likeliest.
    """
    if options is None:
        return []
    given = [name for name in _GUIDANCE if getattr(options, name) is not None]
    ignored = given if family["rows_per_sequence"] == 1 else []
    warnings = [f"{name} is ignored: the {family['name']} family has no such control" for name in ignored]
    derived = {"seed"} if isinstance(options.seed, DerivedSeed) else set()
    choosing = [name for name in GENERATION if name not in {*_HEEDED_BY_GREEDY, *derived}]
    idle = [name for name in choosing if getattr(options, name) != getattr(GenerationOptions, name)]
    if options.temperature is None and used["temperature"] == 0 and idle:  # else it was asked for
        verb = "changes" if len(idle) == 1 else "change"
        warnings.append(
            f"{' and '.join(idle)} {verb} no token: this model takes the likeliest, unless a temperature is "
            "given; 0.8, for one, varies the speech"
        )
    return warnings


def resolve_options(options: GenerationOptions | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's `defaults`, overridden by what the options set, in the core's types.

    Raises `InvalidInputError` if `options` is something else, or holds a value out of its range.
    """
    if not isinstance(options, (GenerationOptions, type(None))):
        raise InvalidInputError(
            f"options must be a loquor.GenerationOptions, not {type(options).__name__}: "
            "write GenerationOptions(temperature=0.5)"
        )
    given = {} if options is None else dict(vars(options))
    if given.get("guards") is not None:
        given["guards"] = guard_bits(given["guards"])
    return resolved(GENERATION, given, defaults)

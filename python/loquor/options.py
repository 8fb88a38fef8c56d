"""How to choose speech tokens: one frozen dataclass, with the names that chatterbox-tts uses."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GenerationOptions"]


@dataclass(frozen=True)
class GenerationOptions:
    """Options of one request. None takes the model's own default (Turbo: as in Resemble's `generate`).

    Values out of range raise `InvalidInputError` when the request starts.
    """

    temperature: float | None = None
    """>= 0. 0 is greedy: the penalty, then the likeliest token."""
    top_k: int | None = None
    """>= 0. Keeps the k likeliest tokens and ties with the last of them; 0 turns it off."""
    top_p: float | None = None
    """(0, 1]. Keeps the smallest set of tokens with this probability; 1 turns it off."""
    min_p: float | None = None
    """[0, 1]. Drops tokens less likely than this share of the likeliest; 0 turns it off."""
    repetition_penalty: float | None = None
    """> 0. Makes tokens that were already said less likely; 1 turns it off."""
    seed: int = 0
    """0 to 2**64 - 1. The same seed gives the same tokens."""
    max_new_tokens: int | None = None
    """>= 1. Speech tokens at most; a second of speech has 25."""
    exaggeration: float | None = None
    """For models that have it (English, Multilingual). Turbo and Nano ignore it, with a warning."""
    cfg_weight: float | None = None
    """For models that have it (English, Multilingual). Turbo and Nano ignore it, with a warning."""

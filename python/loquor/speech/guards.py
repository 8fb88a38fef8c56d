"""Guards against speech that runs away: a switch for each, and what is said when one tripped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..errors import InvalidInputError

__all__ = ["Guards", "guard_bits", "guard_warnings", "text_faults", "text_warnings"]


@dataclass(frozen=True)
class Guards:
    """What looks after speech that runs away; healthy speech is the same with and without.

    A guard that trips ends the attempt. While nothing was handed out yet, and unless `temperature` is 0, the
    text is spoken once more, with a seed derived from the request's; otherwise, or if that runs away as well,
    the speech is cut where it was still good. `warnings` of the result say so.
    """

    length: bool = True
    """More speech tokens than the text can need (three times the usual and more)."""
    loop: bool = True
    """The same up to 2.6 seconds three times in a row."""
    silence: bool = True
    """Silence tokens for longer than any pause."""
    tail: bool = True
    """The sound goes on as silence, hiss or a tone when the words are over."""


_BITS = {"length": 1, "loop": 2, "silence": 4, "tail": 8}
_SEEN = {
    "length": "it became far longer than its text",
    "loop": "it repeated itself",
    "silence": "it fell silent without an end",
    "tail": "it went on as silence, noise or a tone",
}


def guard_bits(guards: object) -> int:
    """Return the core's bits of `guards`. Raises `InvalidInputError` if it is no `Guards` of booleans."""
    if not isinstance(guards, Guards):
        raise InvalidInputError(
            f"guards must be a loquor.Guards, not {type(guards).__name__}: write Guards(loop=False)"
        )
    bits = 0
    for name in (field.name for field in fields(Guards)):
        on = getattr(guards, name)
        if not isinstance(on, bool):
            raise InvalidInputError(f"the guard {name} must be True or False, not {on!r}")
        bits |= _BITS[name] if on else 0
    return bits


def guard_warnings(info: Mapping[str, Any], seconds: float) -> list[str]:
    """Return a sentence if a guard tripped for the stream with these facts and so many seconds of sound."""
    seen = " and ".join(text for name, text in _SEEN.items() if info["guards"] & _BITS[name])
    if not seen:
        return []
    if info["finish_reason"] != "guard":
        return [f"the speech ran away ({seen}) and was made again with seed {info['seed']}"]
    attempts = ", in two attempts" if info["attempts"] > 1 else ""
    return [f"the speech ran away ({seen}{attempts}) and was cut after {seconds:.2f} s: try another seed"]


_TEXT = 16  # LOQUOR_GUARD_TEXT
_FAULTS = {"skipped": 1, "repeated": 2, "past_end": 4}


def text_faults(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of what is wrong with the speech with these facts, as its model's attention tells."""
    return tuple(name for name, bit in _FAULTS.items() if info["text_faults"] & bit)


def text_warnings(info: Mapping[str, Any], words_between: Callable[[int, int], str]) -> list[str]:
    """Return a sentence for each of them, and one if the speech was made again for them.

    `words_between` gives the words of the text that ids of the prompt, from one to another, say.
    """
    faults, acted = text_faults(info), bool(info["guards"] & _TEXT)
    warnings = []
    if acted and info["attempts"] > 1 and info["finish_reason"] != "guard":
        warnings.append(
            f"the speech did not say its text as it is and was made again; heard is seed {info['seed']}"
        )
    if "skipped" in faults:
        words = words_between(info["skipped_from"], info["skipped_to"])
        named = f" ({words!r:.80})" if words else ""
        warnings.append(f"the speech skipped some of its text{named}: try another seed")
    if "repeated" in faults:
        warnings.append("the speech said some of its text again: try another seed")
    if "past_end" in faults:
        what = "and was ended there" if acted else "(text_guard=2 ends it there)"
        warnings.append(f"the speech went on behind the end of its text {what}")
    return warnings

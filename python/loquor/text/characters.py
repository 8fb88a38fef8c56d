"""The characters of a text: what may not be spoken, and what looks like a tag."""

from __future__ import annotations

import re
import unicodedata

from ..errors import InvalidInputError

__all__ = ["END_OF_TEXT", "FORBIDDEN", "MAX_CHARACTERS", "TAG", "check_text"]

END_OF_TEXT = "<|endoftext|>"
"""The token that closes a prompt. Inside it, it would end the text early, so users may not write it."""

MAX_CHARACTERS = 5000
"""Default limit of one call. Plain English costs at most one token a character, so even the worst such text
leaves room in the 8,196 learned positions for a 376-position voice and the longest generation (about 1,000
tokens). Other scripts may cost up to four tokens a character: the engine checks the prompt itself as well.
Speech already becomes unsteady after some 300 characters, so texts should be split long before this."""

TAG = re.compile(r"\[ *[A-Za-z][A-Za-z ]*\]")
"""What looks like a tag, such as `[laugh]`. A model's tokenizer says which ones it knows."""
FORBIDDEN = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters, but for those that are white space to Python and so to upstream; lone surrogates."""


def check_text(text: str, *, max_characters: int = MAX_CHARACTERS) -> None:
    """Raise `InvalidInputError` if `text` from a user cannot be spoken.

    That is if it is not a `str`, is longer than `max_characters`, shows nothing (only white space or
    invisible characters), or holds a control character that is no white space, a lone surrogate, or
    `<|endoftext|>`. Punctuation or emoji alone is accepted.
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"text must be a str, not {type(text).__name__}: decode or convert it first")
    if found := FORBIDDEN.search(text):
        kind = "lone surrogate" if found[0] >= "\ud800" else "control character"
        raise InvalidInputError(
            f"text holds the {kind} U+{ord(found[0]):04X} at index {found.start()}: remove it, decode the "
            "text again from its bytes, or use speak_long, which leaves it out"
        )
    if END_OF_TEXT in text:
        raise InvalidInputError(
            f"text holds {END_OF_TEXT} at index {text.index(END_OF_TEXT)}, which marks the end of a prompt: "
            "remove it"
        )
    if len(text) > max_characters:
        raise InvalidInputError(
            f"text has {len(text):,} characters, more than the limit of {max_characters:,} for one call: "
            "split it into sentences and speak them one after another"
        )
    if all(character.isspace() or unicodedata.category(character) == "Cf" for character in text):
        raise InvalidInputError("text is empty or only white space: give it at least one word to speak")

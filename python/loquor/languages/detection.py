"""Which of the languages a text is in, by py3langid."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from .missing import needed
from .profile import LANGUAGES

__all__ = ["AUTO", "detected"]

AUTO = "auto"
"""Stands for a language that is to be guessed."""

_SURE = 0.9  # below lie all wrong guesses that were seen (docs/adr/0169-detection.md)
_WRITTEN = {"nn": "no"}  # the other way to write Norwegian
_SHOWN = 40


@cache
def _identifier() -> Any:
    with needed("py3langid", "detect", "a text whose language is not told"):
        langid: Any = importlib.import_module("py3langid.langid")
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages([*LANGUAGES, *_WRITTEN])
    return identifier


def detected(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a language's code, and a warning where the guess is not sure.

    Raises `InvalidInputError` where py3langid is missing, with the line that installs it.
    """
    found, share = _identifier().classify(text)
    code = _WRITTEN.get(found, found)
    if share >= _SURE:
        return code, ()
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return code, (
        f"taken for {LANGUAGES[code]}, which is not sure ({share:.0%}): {shown!r}; say the language with "
        f"language=",
    )

"""An engine for a model, or what else can speak it when asked."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from ..errors import DownloadError, InvalidInputError, ModelError
from .engine import Engine
from .torch_engine import TorchEngine

__all__ = ["open_engine"]

_log = logging.getLogger("loquor")


def open_engine(
    model: str | os.PathLike[str] = "mini",
    *,
    fallback: str = "none",
    variant: str = "english",
    python: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Engine | TorchEngine:
    """Open an `Engine`, or with `fallback="torch"` an installed chatterbox-tts in a process of its own.

    The second where the model is no ONNX bundle, or one that this version cannot run; a warning in the log
    says so. `variant`, a key of `torch_engine.VARIANTS`, is the form of the model then, loaded from the
    folder `model`, else as that form is published; `python` is the interpreter that has chatterbox-tts.
    `options` are `Engine`'s. Both have `speak`, which takes the same text, recordings and options.

    Raises what `Engine` does, and `ModelError` where chatterbox-tts cannot either.
    """
    if fallback not in ("none", "torch"):
        raise InvalidInputError(f"fallback must be none or torch, not {fallback!r}")
    try:
        return Engine(model, **options)
    except ModelError as error:
        if fallback == "none" or isinstance(error, DownloadError):
            raise
        _log.warning("%s is spoken by chatterbox-tts, in a process of its own: %s", model, error)
        place = os.fspath(model)
        opened = TorchEngine(place, variant=variant, python=python)
        if not Path(place).is_dir():
            _log.warning("chatterbox-tts loads its own published %s model for %s", variant, place)
        return opened

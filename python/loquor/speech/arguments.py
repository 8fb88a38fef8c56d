"""Checks of what the engine is given: every mistake is an `InvalidInputError` that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import _core
from ..bundle.catalog import check_dtype
from ..errors import InvalidInputError
from .option_table import ENGINE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "check_progress",
    "check_provider_options",
    "checked_engine_options",
    "checked_ids",
    "checked_token",
]


def checked_ids(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    import numpy as np  # not for what a command checks

    try:
        array = np.asarray(values)
    except Exception as error:  # ragged lists, and whatever a foreign array type raises
        raise InvalidInputError(f"{name} must be integers of shape [n] ({error})") from error
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidInputError(
            f"{name} must be integers of shape [n], not {array.dtype} of shape {list(array.shape)}"
        )
    return np.ascontiguousarray(array, dtype=np.int64)


def checked_token(cancel: object) -> _core.CancelToken | None:
    if cancel is None or isinstance(cancel, _core.CancelToken):
        return cancel
    raise InvalidInputError(f"cancel must be a loquor.CancelToken, not {type(cancel).__name__}")


def checked_engine_options(**given: object) -> dict[str, Any]:
    """Return the core's options of an engine, all of them, in its types."""
    options = {name: option.checked(given[name]) for name, option in ENGINE.items()}
    check_dtype(options["dtype"])
    return options


def check_provider_options(given: object) -> None:
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInputError(
            f"provider_options must map names to values, not be of type {type(given).__name__}"
        )


def check_progress(progress: object) -> None:
    if progress is not None and not callable(progress):
        raise InvalidInputError(f"progress must be a function, not {type(progress).__name__}")

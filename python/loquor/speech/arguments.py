"""Checks of what the engine is given: every mistake is an `InvalidInputError` that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from ..bundle.catalog import check_dtype
from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "MOST_THREADS",
    "check_count",
    "check_engine_arguments",
    "check_progress",
    "checked_ids",
    "checked_token",
]

MOST_THREADS = 1024


def checked_ids(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
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


def check_count(name: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidInputError(
            f"{name} must be a whole number from 0 (automatic) to {most}, not {value!r:.80}"
        )


def check_engine_arguments(
    device: object,
    dtype: object,
    sampling: object,
    provider_options: object,
    threads: object,
    slots: object,
    max_queue: object,
    prefix_cache_bytes: object,
) -> None:
    counts = {"threads": (threads, MOST_THREADS), "slots": (slots, 64), "max_queue": (max_queue, 2**20)}
    for count, (value, most) in counts.items():
        check_count(count, value, most)
    if (
        isinstance(prefix_cache_bytes, bool)
        or not isinstance(prefix_cache_bytes, int)
        or not 0 <= prefix_cache_bytes < 2**62
    ):
        raise InvalidInputError(
            f"prefix_cache_bytes must be a number of bytes, 0 for none, not {prefix_cache_bytes!r}"
        )
    check_dtype(dtype)
    for name, value in (("device", device), ("sampling", sampling)):
        if not isinstance(value, str):
            raise InvalidInputError(f"{name} must be a str, such as 'auto', not {type(value).__name__}")
    if provider_options is not None and not isinstance(provider_options, Mapping):
        raise InvalidInputError(
            f"provider_options must map names to values, not be of type {type(provider_options).__name__}"
        )


def check_progress(progress: object) -> None:
    if progress is not None and not callable(progress):
        raise InvalidInputError(f"progress must be a function, not {type(progress).__name__}")

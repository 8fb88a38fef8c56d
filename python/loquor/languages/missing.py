"""Libraries that some languages need, and what is said where they are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InvalidInputError

__all__ = ["needed"]


@contextmanager
def needed(library: str, extra: str, language: str) -> Iterator[None]:
    """What is imported inside raises `InvalidInputError` with the line that installs it."""
    try:
        yield
    except ImportError as error:
        raise InvalidInputError(
            f"{language} is written for the model by {library}, which is not installed ({error}): "
            f'pip install "loquor[{extra}]"'
        ) from error

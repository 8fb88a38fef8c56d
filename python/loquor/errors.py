"""The error tree: one root, few kinds, one per thing a caller can do about it."""

from __future__ import annotations

__all__ = [
    "BusyError",
    "DownloadError",
    "EngineClosedError",
    "ExecutionError",
    "InvalidInputError",
    "LoquorError",
    "ModelError",
    "RequestCancelledError",
    "RuntimeMissingError",
]


class LoquorError(Exception):
    """Root of every error that Loquor raises; itself where memory ran out, or for a defect of ours."""


class RuntimeMissingError(LoquorError):
    """ONNX Runtime is not installed, cannot be loaded, or is too old."""


class ModelError(LoquorError):
    """A bundle is incomplete, damaged, or does not keep the four-graph contract."""


class DownloadError(ModelError):
    """A bundle's files could not be fetched, or arrived other than as published."""


class InvalidInputError(LoquorError, ValueError):
    """Text, audio, a voice, tokens or an option that cannot be used as given."""


class RequestCancelledError(LoquorError):
    """The request was cancelled before it finished."""


class EngineClosedError(RequestCancelledError):
    """Not its caller ended the request: the engine was closed, or the process ends."""


class BusyError(LoquorError):
    """As many requests wait as the engine takes, or the system has no thread or socket left: try again later,
    or give the engine a larger `max_queue`, the process more room."""


class ExecutionError(LoquorError):
    """A graph failed while it ran."""

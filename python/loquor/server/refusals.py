"""Errors as clients get them: a status, and OpenAI's JSON with one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from ..errors import (
    BusyError,
    DownloadError,
    InvalidInputError,
    LoquorError,
    RequestCancelledError,
    RuntimeMissingError,
)

__all__ = ["RETRY_AT_MOST", "RefusalError", "error_body", "refusal_of"]

RETRY_AT_MOST = 120
"""Seconds of Retry-After: the official client gives up at once where it is told more."""


class RefusalError(Exception):
    """What a client asked is not done: an HTTP `status`, a machine's `code`, and the field to blame."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param
        self.headers = dict(headers or {})

    @classmethod
    def later(cls, status: int, code: str, message: str, seconds: float) -> RefusalError:
        """One that may be tried again after some `seconds`."""
        wait = str(max(1, min(RETRY_AT_MOST, round(seconds))))
        return cls(status, code, message, headers={"retry-after": wait})

    def response(self) -> JSONResponse:
        """As an HTTP response."""
        return JSONResponse(error_body(self), self.status, self.headers)


def refusal_of(error: BaseException) -> RefusalError:
    """What a client is told of an error of ours; of any other no more than that there was one."""
    message = " ".join(str(error).split())
    if isinstance(error, RefusalError):
        return error
    if isinstance(error, InvalidInputError):
        return RefusalError(400, "invalid_input", message)
    if isinstance(error, BusyError):
        return RefusalError.later(429, "busy", message, 1)
    if isinstance(error, RequestCancelledError):
        return RefusalError.later(503, "cancelled", message, 1)
    if isinstance(error, (DownloadError, RuntimeMissingError)):
        return RefusalError.later(503, "model_unavailable", message, 30)
    if isinstance(error, LoquorError):
        return RefusalError(500, "speech_failed", message)
    return RefusalError(500, "internal_error", "the server failed, and its log says how: report it")


def error_body(refusal: RefusalError) -> dict[str, Any]:
    """The JSON of OpenAI's API."""
    kind = "invalid_request_error" if refusal.status < 429 else "server_error"
    if refusal.status == 429:
        kind = "rate_limit_error"
    return {"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.code}}

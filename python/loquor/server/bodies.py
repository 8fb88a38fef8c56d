"""The bodies of requests: so many bytes, within so much time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from .refusals import RefusalError

__all__ = ["Form", "form_of", "whole_body"]

_READ_SECONDS = 60.0
_FIELDS = 16
_FIELD_BYTES = 4096
_FORM_BYTES = 64 << 10
"""Of a form, beside its file."""


async def whole_body(request: Request, most: int, kind: str) -> bytes:
    """Return the body, of that media type.

    Raises `RefusalError` for another type, and for more than `most` bytes. A page of another site may send
    some types without asking, but not JSON.
    """
    _check_type(request, kind)
    parts = [part async for part in _bounded(request, most)]
    return b"".join(parts)


@dataclass(frozen=True)
class Form:
    """The texts of a form, and its one file."""

    fields: dict[str, str]
    files: dict[str, bytes]


async def form_of(request: Request, most: int) -> Form:
    """Return a multipart form, kept in memory, whose file has no more than `most` bytes.

    Raises `RefusalError`.
    """
    _check_type(request, "multipart/form-data")
    parser = MultiPartParser(
        request.headers,
        _bounded(request, most + _FORM_BYTES),
        max_files=1,
        max_fields=_FIELDS,
        max_part_size=_FIELD_BYTES,
    )
    parser.spool_max_size = most + _FORM_BYTES + 1  # nothing is written to a disk
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RefusalError(
            400, "invalid_form", f"the form cannot be read ({error.message:.120}): send another"
        ) from error
    except (HTTPException, ValueError, LookupError) as error:
        raise RefusalError(
            400, "invalid_form", f"the form cannot be read ({error!s:.120}): send another"
        ) from error
    fields, files = {}, {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name] = await value.read()
            await value.close()
        else:
            fields[name] = value
    for name, file in files.items():
        if len(file) > most:
            raise _too_large(most, name)
    return Form(fields, files)


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    promised = request.headers.get("content-length", "0")
    if promised.isdecimal() and int(promised[:20]) > most:
        raise _too_large(most)
    size = 0
    stream = _in_time(request.stream())
    async for part in stream:
        size += len(part)
        if size > most:
            raise _too_large(most)
        yield part


async def _in_time(stream: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    deadline = anyio.current_time() + _READ_SECONDS
    while True:
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                part = await anext(stream, None)
        except TimeoutError:
            raise RefusalError(
                408,
                "body_too_slow",
                f"the request's body did not come within {_READ_SECONDS:g} s: send it faster",
            ) from None
        except ClientDisconnect as error:
            raise RefusalError(
                400, "client_left", "the client went away before its request was whole"
            ) from error
        if part is None:
            return
        yield part


def _check_type(request: Request, kind: str) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != kind:
        raise RefusalError(415, "wrong_media_type", f"the content-type must be {kind}, not {given!r:.80}")


def _too_large(most: int, param: str | None = None) -> RefusalError:
    return RefusalError(413, "too_large", f"the request has more than {most:,} bytes: send less", param=param)

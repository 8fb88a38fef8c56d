"""Talking to the hub: where it is, one request, and what its failures mean to a user."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from .. import _core
from ..errors import DownloadError, LoquorError
from .catalog import BundleFile
from .hub_cache import cache_folder

__all__ = [
    "RETRY_DELAY",
    "TIMEOUT",
    "Answer",
    "Source",
    "ask",
    "endpoint",
    "explained",
    "get",
    "is_offline",
    "may_pass",
    "status_of",
]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

TIMEOUT = 10.0  # seconds for the hub to answer, and between two parts of an answer
RETRY_DELAY = 1.0  # seconds
_QUICK = 2.0  # seconds: what fails sooner may be a short fault, what takes longer was waited for already
_CHUNK = 1 << 16  # bytes


@dataclass(frozen=True)
class Source:
    """A bundle on the hub; `files` is known beforehand only at a pinned revision."""

    model: str
    repo: str
    revision: str
    files: tuple[BundleFile, ...] | None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer whose body is still to come."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"


def is_offline() -> bool:
    """Whether the environment forbids requests to the hub."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in {"1", "ON", "YES", "TRUE"}


@contextmanager
def get(url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
    """Ask for `url` by the hub's own session, with the user's token; redirects are followed.

    The session is of requests up to huggingface_hub 0.36 and of httpx since 1.0; both keep the token from
    other hosts. Raises what these do, and `HfHubHTTPError` for a refusal.
    """
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    session: Any = get_session()
    # A compressed answer has other offsets than the file.
    own = build_hf_headers(library_name="loquor", library_version=_core.version())
    sent = {**own, "Accept-Encoding": "identity", **(headers or {})}
    if callable(session.stream):  # in requests it is an option
        opened = session.stream("GET", url, headers=sent, timeout=TIMEOUT, follow_redirects=True)
    else:
        opened = session.get(url, headers=sent, timeout=TIMEOUT, stream=True)
    with opened as response:
        hf_raise_for_status(response)
        chunks = response.iter_bytes() if hasattr(response, "iter_bytes") else response.iter_content(_CHUNK)
        yield Answer(response.status_code, response.headers, chunks)


# --- Failures ---


def ask(call: Callable[[], _T], what: str, source: Source) -> _T:
    """Run a short request, once more after a short fault; every failure becomes a `DownloadError`."""
    with explained(what, source):
        began = time.monotonic()
        try:
            return call()
        except Exception as error:
            if not may_pass(error) or time.monotonic() - began > _QUICK:
                raise
            _log.info("asking again for %s of %s: %s", what, source.model, error)
        time.sleep(RETRY_DELAY)
        return call()


@contextmanager
def explained(what: str, source: Source) -> Iterator[None]:
    """Turn every failure into a `DownloadError`; network errors differ by the hub library's version."""
    try:
        yield
    except LoquorError:
        raise
    except Exception as error:
        raise DownloadError(f"could not get {what} of {source.model}: {_explain(error, source)}") from error


def status_of(error: Exception) -> int:
    """The HTTP status of an answer, 0 where there was none."""
    return int(getattr(getattr(error, "response", None), "status_code", None) or 0)


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a little later: neither a refusal nor a fault of this machine."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if status := status_of(error):
        return status >= 500 or status in (408, 429)
    local = isinstance(error, OSError) and error.errno is not None
    return not local and not isinstance(error, (OfflineModeIsEnabled, LoquorError))


def _explain(error: Exception, source: Source) -> str:
    """What went wrong and what to do about it."""
    from huggingface_hub import errors as hub

    status = status_of(error)
    symbol = errno.errorcode.get(error.errno or 0) if isinstance(error, OSError) else None
    if symbol in {"ENOSPC", "EDQUOT"}:
        return f"the disk of {cache_folder()} is full; free some space or point HF_HOME at another disk"
    if symbol in {"EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"}:
        return f"cannot write to the cache ({error}); point HF_HOME at a folder you may write to"
    if isinstance(error, hub.GatedRepoError):
        return f"{source.repo} asks to accept its terms; do so on its page, then set HF_TOKEN"
    if isinstance(error, hub.RepositoryNotFoundError) or status in (401, 403):
        return f"{source.repo} does not exist or is private (HTTP {status}); check the name, or set HF_TOKEN"
    if isinstance(error, hub.RevisionNotFoundError):
        return f"{source.repo} has no revision {source.revision}; check the branch, tag or commit"
    if status == 404:
        return (
            f"revision {source.revision} of {source.repo} has no such file (HTTP 404); try another revision"
        )
    if isinstance(error, hub.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE was set when this process began; unset it and start anew"
    detail = f"HTTP {status}" if status else f"{type(error).__name__}: {error}".splitlines()[0]
    return (
        f"{endpoint()} did not deliver ({detail}); check the network and HF_ENDPOINT, then try again: "
        "what came is kept (with HF_HUB_OFFLINE=1 only the cache is used)"
    )

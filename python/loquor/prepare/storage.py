"""The folder of rewritten graphs: private to its user, without what killed processes and old versions left.

The graphs are loaded into the process together with operators of our own, so they are taken only from where
nobody else could have put them: folder and files belong to this user or to root, and others cannot write to
them. Windows keeps a user's own folders from others by itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LoquorError

__all__ = [
    "CACHE_VARIABLE",
    "cache_folder",
    "check_private",
    "clear_unused",
    "make_folder",
    "mark_used",
    "temporary",
    "write_private",
]

CACHE_VARIABLE = "LOQUOR_CACHE"
"""Environment variable: the folder for what Loquor makes for itself, instead of the platform's."""

_log = logging.getLogger("loquor.prepare")

_DAY = 86_400.0  # seconds
_SUPERSEDED = _DAY
"""How long a temporary file, or what another entry replaces, must lie still: somebody may be at work."""
_UNUSED = 30 * _DAY
"""How long an entry must lie still that nothing replaces."""

_ENTRY = re.compile(r"\w+-[0-9a-f]{32}\.(?:onnx|json)")
_TEMPORARY = re.compile(r"\..+\.(?:tmp|onnx)")


def cache_folder() -> Path:
    """Where rewritten graphs are kept: `$LOQUOR_CACHE/prepared`, or in the platform's cache."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).expanduser().absolute() / "prepared"
    home = Path.home()
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = home / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return root / "loquor" / "prepared"


def make_folder() -> Path:
    """Return the folder, made if need be. Raises `LoquorError`, also for one that others can write to."""
    folder = cache_folder()
    try:
        for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError("it is not a folder")
        facts, above = folder.stat(), folder.parent.stat()
    except OSError as error:
        raise LoquorError(
            f"cannot make the folder {folder} ({error}); {CACHE_VARIABLE} names another"
        ) from error
    if problem := _strangers(facts):
        raise LoquorError(_refusal(folder, problem))
    # Who may write to the folder above may put another in its place, unless only owners may move things.
    if not above.st_mode & stat.S_ISVTX and (problem := _strangers(above)):
        raise LoquorError(_refusal(folder.parent, problem))
    return folder


# --- Trust ---


def _strangers(facts: os.stat_result) -> str:
    """Who besides this user and root could have written a file or folder, and what to do; "" if nobody."""
    if os.name == "nt":
        return ""
    if facts.st_uid not in (os.geteuid(), 0):
        return f"it belongs to the user {facts.st_uid}; remove it"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = f"{stat.S_IMODE(facts.st_mode):04o}"
        return f"others may write to it (mode {mode}); take that right away (chmod go-w), remove it"
    return ""


def _refusal(place: Path, problem: str) -> str:
    return (
        f"{place} is not trusted with prepared graphs, which run in this process: {problem}, "
        f"or name another folder by {CACHE_VARIABLE}"
    )


def check_private(path: Path) -> None:
    """Raise `LoquorError` if somebody else may have written a file, `OSError`."""
    if problem := _strangers(path.stat()):
        raise LoquorError(_refusal(path, problem))


# --- Files ---


def write_private(path: Path, content: bytes) -> None:
    """Write a file of the folder, whole or not at all, for this user only. Raises `LoquorError`."""
    with temporary(content) as file:
        try:
            file.replace(path)
        except OSError as error:
            raise LoquorError(_unwritable(path, error)) from error


def _unwritable(place: Path, error: OSError) -> str:
    return f"cannot write to {place} ({error}): free some space, or name another folder by {CACHE_VARIABLE}"


@contextmanager
def temporary(content: bytes) -> Iterator[Path]:
    """A file with that content in the folder meanwhile. Raises `LoquorError` if it cannot be written."""
    path = None
    try:
        try:
            descriptor, name = tempfile.mkstemp(dir=make_folder(), prefix=".", suffix=".tmp")  # of mode 0600
            path = Path(name)
            with open(descriptor, "wb") as file:  # noqa: PTH123 (no path)
                file.write(content)
        except OSError as error:
            raise LoquorError(_unwritable(cache_folder(), error)) from error
        yield path
    finally:
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


# --- What nobody needs any more ---


def mark_used(note: Path) -> None:
    """Remember that an entry serves: the time of its note is that of its last use."""
    with contextlib.suppress(OSError):  # of root's, which this user may read only
        os.utime(note)


def clear_unused(kept: Path) -> None:
    """Remove what killed processes left, entries that the one with the note `kept` replaces, and old ones.

    Only what has lain still for a day, or for a month where nothing replaces it: another process, perhaps of
    another version of Loquor, marks what it uses.
    """
    with contextlib.suppress(OSError):
        folder = kept.parent
        source = _made_from(kept)
        for path in list(folder.iterdir()):
            if _TEMPORARY.fullmatch(path.name):
                _remove_if_still(path, _SUPERSEDED)
            elif _ENTRY.fullmatch(path.name) and path.stem != kept.stem:
                note = path.with_suffix(".json")
                replaced = not note.exists() or (source is not None and _made_from(note) == source)
                _remove_if_still(path, _SUPERSEDED if replaced else _UNUSED, note)


def _made_from(note: Path) -> tuple[str, str] | None:
    """The source of an entry, and for what use it was made; None where the note does not say."""
    try:
        content = json.loads(note.read_bytes())
        source, use = content["source"], content["use"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (source, use) if isinstance(source, str) and isinstance(use, str) else None


def _remove_if_still(path: Path, seconds: float, note: Path | None = None) -> None:
    """Remove a file if neither it nor its note was written or marked for so long."""
    with contextlib.suppress(OSError):
        times = [each.stat().st_mtime for each in (path, note) if each is not None and each.exists()]
        if time.time() - max(times) >= seconds:
            path.unlink()
            _log.info("removed %s, which nothing used", path)

"""Whether ONNX Runtime's library is whole, found out before it is opened in this process."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import signal
import subprocess
import sys
from pathlib import Path

from ..errors import RuntimeMissingError

__all__ = ["check_opening", "check_record", "runtime_packages"]

_OPEN = "import sys; from loquor._core import Runtime; Runtime(sys.argv[1])"
_PATIENCE = 120.0  # seconds, to open a library from a slow disk


def runtime_packages() -> dict[str, str]:
    """Installed packages that bring a folder `onnxruntime`, with their versions."""
    names = importlib.metadata.packages_distributions().get("onnxruntime", [])
    return {name: importlib.metadata.version(name) for name in sorted(set(names))}


def check_record(library: Path) -> str:
    """Compare a library with what the package that installed it recorded, and say how that went.

    Raises `RuntimeMissingError` where it has changed since, as when another flavour was installed over it.
    """
    hashes = _recorded(library)
    if not hashes:
        return "no package that is installed has a record of it"
    try:
        found = _digest(library)
    except OSError as error:
        raise RuntimeMissingError(
            f"the library {library} cannot be read ({error}): {_reinstall()}"
        ) from error
    mine = [name for name, value in hashes.items() if value == found]
    if not mine:
        raise RuntimeMissingError(
            f"the library {library} is not the file that {' or '.join(hashes)} installed: {_reinstall()}"
        )
    return f"as {mine[0]} installed it"


def check_opening(library: Path) -> None:
    """Open a library in a process of its own: a damaged one may end the process, or never come back.

    Raises `RuntimeMissingError` if it does; what else goes wrong is told better by opening it here.
    """
    if not sys.executable:
        return
    try:
        done = subprocess.run(
            [sys.executable, "-c", _OPEN, os.fspath(library)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:
        what = f"does not come back within {_PATIENCE:.0f} s"
    except OSError:  # no process can be had: then it is opened here at once
        return
    else:
        if done.returncode in (0, 1):  # 1: an exception, in Python
            return
        what = f"ends the process ({_ending(done.returncode)})"
    raise RuntimeMissingError(f"opening the library {library} {what}: it is damaged, {_reinstall()}")


def _recorded(library: Path) -> dict[str, str]:
    """The sha256 of a library by the records of the packages that have it, by name and version."""
    found = {}
    for name, version in runtime_packages().items():
        for file in importlib.metadata.files(name) or ():
            if file.name != library.name or file.hash is None or file.hash.mode != "sha256":
                continue
            if Path(str(file.locate())).resolve() == library.resolve():
                found[f"{name} {version}"] = file.hash.value
    return found


def _digest(path: Path) -> str:
    """The sha256 of a file as records have it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")


def _reinstall() -> str:
    packages = runtime_packages()
    if len(packages) == 1:
        ((name, version),) = packages.items()
        return f"pip install --force-reinstall --no-deps {name}=={version}"
    if not packages:
        return "install the package again that it comes from"
    return f"pip uninstall {' '.join(packages)}, then install the one you want"


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"

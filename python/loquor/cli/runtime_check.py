"""Whether ONNX Runtime's library is whole, found out before it is opened in this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from ..base.installed import digest_of, hashes_of, runtime_packages
from ..base.runtime import LIBRARY_VARIABLE
from ..errors import RuntimeMissingError

__all__ = ["check_opening", "check_record"]

_OPEN = "import sys; from loquor._core import Runtime; Runtime(sys.argv[1])"
_PATIENCE = 120.0  # seconds, to open a library from a slow disk


def check_record(library: Path) -> str:
    """Compare a library with what the package that installed it recorded, and say how that went.

    Raises `RuntimeMissingError` where it has changed since, as when another flavour was installed over it.
    """
    hashes = hashes_of(library)
    if not hashes:
        return "no package that is installed has a record of it"
    try:
        found = digest_of(library)
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


def _reinstall() -> str:
    if os.environ.get(LIBRARY_VARIABLE):
        return f"name another by {LIBRARY_VARIABLE}, or unset it to use the installed package's"
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

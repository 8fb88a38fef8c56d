"""What the script `loquor` starts: it can be interrupted before the package behind it is imported.

It lies outside that package, whose own import comes before anything inside.
"""

from __future__ import annotations

import os
import signal

__all__ = ["main"]

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def main() -> int:
    """Run the command line with the arguments of the process and return its exit code."""
    for name in _ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as nohup leaves SIGHUP
            signal.signal(number, _leave)
    from loquor.__main__ import main as command

    return command()


def _leave(number: int, _: object) -> None:
    """End the process while there is nothing to clear up: an exception might be lost in somebody's import."""
    os._exit(128 + number)

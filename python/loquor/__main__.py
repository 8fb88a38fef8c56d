"""`python -m loquor`: the command line."""

from __future__ import annotations

import os

from .cli import main as run_command

__all__ = ["main"]


def main() -> int:
    """Run the command line with the arguments of the process and return its exit code."""
    status = run_command()
    if status > 128:  # ended by a signal: nobody waits for threads that are still at work
        os._exit(status)
    return status


if __name__ == "__main__":
    raise SystemExit(main())

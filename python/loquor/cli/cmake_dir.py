"""`loquor cmake-dir`: where a C++ project finds the library."""

from __future__ import annotations

import argparse
from pathlib import Path

import loquor

from ..errors import LoquorError
from .console import emit

__all__ = ["add", "run"]


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = commands.add_parser(
        "cmake-dir",
        parents=[common],
        help="print the folder for CMake's find_package",
        description='Print the folder for C++ projects: cmake -Dloquor_DIR="$(loquor cmake-dir)"',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    folders = [Path(folder) / "lib" / "cmake" / "loquor" for folder in loquor.__path__]
    found = next((folder for folder in folders if (folder / "loquorConfig.cmake").is_file()), None)
    if found is None:
        raise LoquorError(
            f"there is no loquorConfig.cmake in {folders[0]}: this Loquor runs from its sources, "
            "the files come with the wheel (pip install loquor)"
        )
    emit(str(found))
    return 0

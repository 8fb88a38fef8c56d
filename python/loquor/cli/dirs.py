"""`loquor cmake-dir` and `pkgconfig-dir`: where C and C++ projects find the library."""

from __future__ import annotations

import argparse
from pathlib import Path

import loquor

from ..errors import LoquorError
from .console import emit

__all__ = ["add", "run"]


_DIRS = {
    "cmake-dir": ("cmake/loquor", "loquorConfig.cmake", 'cmake -Dloquor_DIR="$(loquor cmake-dir)"'),
    "pkgconfig-dir": (
        "pkgconfig",
        "loquor.pc",
        'PKG_CONFIG_PATH="$(loquor pkgconfig-dir)" pkg-config --cflags --libs loquor',
    ),
}
"""By command: the folder, the file that lies in it, and how it is used."""


def add(parser: argparse.ArgumentParser) -> None:
    folder, file, example = _DIRS[parser.get_default("command")]
    parser.description = f"Print the folder for C and C++ projects: {example}"
    parser.set_defaults(run=run, folder=folder, file=file)


def run(args: argparse.Namespace) -> int:
    folders = [Path(folder) / "lib" / args.folder for folder in loquor.__path__]
    found = next((folder for folder in folders if (folder / args.file).is_file()), None)
    if found is None:
        raise LoquorError(
            f"there is no {args.file} in {folders[0]}: this Loquor runs from its sources, "
            "the files come with the wheel (pip install loquor)"
        )
    emit(str(found))
    return 0

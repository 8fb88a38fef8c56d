"""What the records of installed packages say of ONNX Runtime's library: whose it is, and in which state."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path

__all__ = ["digest_of", "hashes_of", "newest", "recorded", "runtime_packages"]

_IDENTITY = "build_and_package_info.py"
"""Beside the library: the flavour and version of ONNX Runtime that was installed last."""


def recorded(folder: Path, libraries: Iterable[Path]) -> list[Path]:
    """Return those of `libraries` in a package's subfolder that the record of an installed package names.

    A failed or forced installation leaves libraries of other versions behind. Flavours of ONNX Runtime
    share the folder: where several are installed, the one counts that wrote it last.
    """
    site = folder.parent.parent
    wanted = {path.name: path for path in libraries}
    found = []
    for package in distributions(path=[str(site)]):
        files = {file.name: file for file in _files_in(package, folder.relative_to(site))}
        if mine := wanted.keys() & files.keys():
            found.append((_is_as_recorded(folder / _IDENTITY, files.get(_IDENTITY)), mine))
    last = max((is_last for is_last, _ in found), default=False)
    return [wanted[name] for is_last, names in found if is_last == last for name in names]


def newest(libraries: Iterable[Path]) -> Path:
    """Return the one with the highest version in its name."""
    return max(libraries, key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)])


def runtime_packages() -> dict[str, str]:
    """Installed packages that bring a folder `onnxruntime`, with their versions."""
    names = importlib.metadata.packages_distributions().get("onnxruntime", [])
    return {name: importlib.metadata.version(name) for name in sorted(set(names))}


def hashes_of(library: Path) -> dict[str, str]:
    """Return the sha256 of a library by the records of the packages that have it, by name and version."""
    found = {}
    for name, version in runtime_packages().items():
        for file in importlib.metadata.files(name) or ():
            if file.name != library.name or file.hash is None or file.hash.mode != "sha256":
                continue
            if Path(str(file.locate())).resolve() == library.resolve():
                found[f"{name} {version}"] = file.hash.value
    return found


def digest_of(path: Path) -> str:
    """Return the sha256 of a file as records have it. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")


def _files_in(package: Distribution, folder: Path) -> Iterator[PackagePath]:
    return (file for file in package.files or () if file.parent.as_posix() == folder.as_posix())


def _is_as_recorded(path: Path, record: PackagePath | None) -> bool:
    if record is None or record.hash is None or record.hash.mode != "sha256":
        return False
    try:
        return digest_of(path) == record.hash.value
    except OSError:
        return False

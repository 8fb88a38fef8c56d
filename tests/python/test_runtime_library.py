"""The library of ONNX Runtime that is opened, where a folder holds several."""

from __future__ import annotations

import base64
import hashlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

from loquor.base.runtime import LIBRARY_VARIABLE, find_library

CAPI = Path("onnxruntime") / "capi"
IDENTITY = CAPI / "build_and_package_info.py"


class Site:
    """A folder of installed packages, with flavours of a runtime that is no real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, version: str) -> None:
        identity = f"package_name = {name!r}\n__version__ = {version!r}\n"
        files = {IDENTITY: identity.encode(), CAPI / f"libonnxruntime.so.{version}": version.encode()}
        lines = []
        for path, content in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            lines.append(f"{path.as_posix()},sha256={digest},{len(content)}\n")
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("".join(lines))

    def leave(self, name: str) -> None:
        """A file that no record names."""
        (self.folder / CAPI).mkdir(parents=True, exist_ok=True)
        (self.folder / CAPI / name).write_bytes(b"left")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    spec = importlib.machinery.ModuleSpec("onnxruntime", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "onnxruntime")]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    return Site(tmp_path)


def test_what_an_installation_left_behind_is_passed_over(site: Site) -> None:
    site.install("onnxruntime", "1.31.0")
    site.leave("libonnxruntime.so.1.32.0")
    site.leave("libonnxruntime_providers_shared.so")
    assert find_library().name == "libonnxruntime.so.1.31.0"


@pytest.mark.parametrize("last", ["1.30.0", "1.31.0"])
def test_of_two_flavours_the_one_that_was_installed_last(site: Site, last: str) -> None:
    versions = {"1.30.0": "onnxruntime-gpu", "1.31.0": "onnxruntime"}
    for version in sorted(versions, key=lambda version: version == last):
        site.install(versions[version], version)
    assert find_library().name == f"libonnxruntime.so.{last}"


def test_without_a_record_the_newest(site: Site) -> None:
    for version in ("1.9.1", "1.10.0", "1.9.0"):
        site.leave(f"libonnxruntime.so.{version}")
    assert find_library().name == "libonnxruntime.so.1.10.0"


def test_a_record_that_names_no_library_is_passed_over(site: Site) -> None:
    site.install("onnxruntime", "1.31.0")
    (site.folder / CAPI / "libonnxruntime.so.1.31.0").unlink()
    site.leave("libonnxruntime.so.1.32.0")
    site.leave("libonnxruntime.so")
    assert find_library().name == "libonnxruntime.so.1.32.0"

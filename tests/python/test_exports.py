"""libloquor shows what the C headers declare and nothing else; it links neither ONNX Runtime nor Python."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INCLUDES = ROOT / "csrc" / "include" / "loquor"
HEADERS = sorted(INCLUDES.glob("*.h"))


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} (of binutils) is not installed")
    return path


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def abi() -> str:
    found = re.search(
        r"^#define LOQUOR_ABI_VERSION (\d+)$", (INCLUDES / "loquor.h").read_text(), re.MULTILINE
    )
    assert found is not None
    return found[1]


def soname() -> str:
    return f"libloquor.so.{abi()}"


@pytest.fixture(scope="module")
def library() -> Path:
    """libloquor of the installed package, or else of the development build."""
    if sys.platform != "linux":
        pytest.skip("the symbols are read from an ELF library")
    package = importlib.util.find_spec("loquor")
    folders = [Path(folder) / "lib" for folder in package.submodule_search_locations or ()] if package else []
    for folder in (*folders, ROOT / "build" / "dev"):
        if (folder / soname()).is_file():
            return folder / soname()
    pytest.skip(f"there is no {soname()}: install the wheel, or build in build/dev")


def declarations() -> str:
    """The headers' text without comments and directives."""
    text = "\n".join(header.read_text(encoding="utf-8") for header in HEADERS)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"^#.*$", "", text, flags=re.MULTILINE)


def declared_functions() -> set[str]:
    """What the headers mark with LOQUOR_EXPORT."""
    text = declarations()
    return set(re.findall(r"\bLOQUOR_EXPORT\b[^;(]*?(\w+)\s*\(", text))


def exported_symbols(library: Path) -> set[str]:
    lines = run(tool("nm"), "--dynamic", "--defined-only", "--format=posix", library).splitlines()
    return {line.split()[0] for line in lines}


def test_every_declaration_is_marked_for_export() -> None:
    named = set(re.findall(r"(?<!\*)\b(loquor_\w+|RegisterCustomOps)\s*\(", declarations()))
    assert named == declared_functions()
    assert len(named) > 20


def test_the_library_exports_what_the_header_declares(library: Path) -> None:
    assert exported_symbols(library) == declared_functions()


def test_the_library_links_neither_the_runtime_nor_python(library: Path) -> None:
    dynamic = run(tool("readelf"), "--dynamic", "--wide", library)
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)
    assert any(name.startswith("libc.") for name in needed)  # the list was read
    assert [name for name in needed if "onnx" in name.lower() or "python" in name.lower()] == []
    assert re.findall(r"\(SONAME\).*\[(.+)\]", dynamic) == [soname()]
    assert "RUNPATH" not in dynamic and "RPATH" not in dynamic


def test_the_module_finds_the_library_beside_it(library: Path) -> None:
    modules = list(library.parent.parent.glob("_core.*.so"))
    if not modules or library.parent.name != "lib":
        pytest.skip("loquor is not an installed wheel")
    dynamic = run(tool("readelf"), "--dynamic", "--wide", modules[0])
    assert re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", dynamic) == ["$ORIGIN/lib"]
    assert f"[{soname()}]" in dynamic and "libpython" not in dynamic and "onnxruntime" not in dynamic
    assert exported_symbols(modules[0]) == {"PyInit__core"}


def test_macos_is_told_the_same_names() -> None:
    lines = {}
    for name in ("exports.map", "exports.txt"):
        text = re.sub(r"/\*.*?\*/|#[^\n]*", "", (ROOT / "csrc/capi" / name).read_text(), flags=re.DOTALL)
        lines[name] = sorted(re.findall(r"\b_?(loquor_\*|Register\w+)", text))
    assert lines["exports.map"] == lines["exports.txt"] == ["RegisterCustomOps", "loquor_*"]


def test_the_wheel_holds_the_library_once_and_no_links(library: Path) -> None:
    if library.parent.name != "lib":
        pytest.skip("loquor is not an installed wheel")
    files = {path.name: path for path in library.parent.glob("libloquor*")}
    assert set(files) == {"libloquor.so", soname()}
    assert not any(path.is_symlink() for path in files.values())
    assert files["libloquor.so"].read_text(encoding="ascii") == f"INPUT({soname()})\n"


def test_the_cpp_header_is_of_the_same_abi() -> None:
    """Objects of two programs' halves, compiled against different headers, are not taken for each other."""
    assert f"inline namespace v{abi()} {{" in (INCLUDES / "loquor.hpp").read_text(encoding="utf-8")

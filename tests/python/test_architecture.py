"""The house rules that a compiler does not hold: who includes whom, who names what, how long files are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
LADDER = ("base", "audio", "english", "text", "kernels", "ort", "model", "decode", "engine", "capi")
ROOMS = (*LADDER, "bindings")
MOST_LINES = 600
GENERATED = CSRC / "ort" / "abi.hpp"

STANDARD = r"[a-z_]+"
# Rooms that also need headers of the system, or of a library.
SYSTEM_HEADERS = {
    "base": rf"{STANDARD}|pthread\.h|sys/stat\.h|unistd\.h",
    "audio": rf"{STANDARD}|dlfcn\.h|windows\.h|soxr\.h|sndfile\.h",
    "kernels": rf"{STANDARD}|cpuid\.h|immintrin\.h|sys/syscall\.h|unistd\.h",
    "ort": rf"{STANDARD}|windows\.h|dlfcn\.h|elf\.h",
    "bindings": rf"{STANDARD}|nanobind/(stl/)?\w+\.h|sys/socket\.h|winsock2\.h",
}
# Promises of the public header, and who may read them.
PUBLIC_HEADERS = {"capi": {"loquor/loquor.h"}, "bindings": {"loquor/loquor.hpp"}}


def files_of(room: str) -> list[Path]:
    return sorted(path for path in (CSRC / room).rglob("*") if path.suffix in {".hpp", ".cpp", ".h"})


@cache
def code_of(path: Path) -> str:
    """A C++ file with comments and the contents of string literals blanked, line by line as before."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)

    def blank(found: re.Match[str]) -> str:
        text = found.group()
        return '""' if text[0] == '"' else re.sub(r"[^\n]", " ", text)

    # Includes and linkage are no strings.
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line if re.match(r'\s*(#\s*include|extern "C")', line) else None for line in lines]
    blanked = token.sub(
        blank, "\n".join("" if keep else line for line, keep in zip(lines, kept, strict=True))
    )
    return "\n".join(keep or line for line, keep in zip(blanked.split("\n"), kept, strict=True))


def mentions(pattern: str, rooms: tuple[str, ...], but_not: tuple[Path, ...] = ()) -> list[str]:
    """Where the code of these rooms matches, as "csrc/room/file:line: text"."""
    found = []
    for path in (file for room in rooms for file in files_of(room) if file not in but_not):
        for number, line in enumerate(code_of(path).splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


def others(*rooms: str) -> tuple[str, ...]:
    return tuple(room for room in ROOMS if room not in rooms)


def includes(room: str) -> Iterator[tuple[str, str, str]]:
    """File, kind of quote, and header of each include."""
    for path in files_of(room):
        for quote, header in re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', code_of(path), re.MULTILINE):
            yield str(path.relative_to(ROOT)), quote, header


def test_csrc_has_the_known_rooms_and_no_other() -> None:
    assert {path.name for path in CSRC.iterdir()} == {*ROOMS, "include", "cmake"}
    assert all(files_of(room) for room in ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_includes_go_down_the_ladder(room: str) -> None:
    below = set(LADDER[: LADDER.index(room) + 1]) if room in LADDER else {room}
    seen = 0
    for file, quote, header in includes(room):
        seen += 1
        if quote == '"':
            allowed = header.split("/")[0] in below or header in PUBLIC_HEADERS.get(room, set())
        else:
            allowed = re.fullmatch(SYSTEM_HEADERS.get(room, STANDARD), header) is not None
        assert allowed, f"{file} must not include {header}"
    assert seen > 0


def test_the_public_headers_stand_alone() -> None:
    """They are all that is installed: nothing of ours but each other, nothing beyond the standard library."""
    parts = {
        "bundle.h",
        "memory.h",
        "options.h",
        "prefix.h",
        "recording.h",
        "stream.h",
        "text.h",
        "tools.h",
        "voice.h",
    }
    allowed = {
        "loquor.h": {"stddef.h", "stdint.h", *(f"loquor/{part}" for part in parts)},
        "loquor.hpp": {"loquor/loquor.h"},
        **{part: {"loquor/loquor.h"} for part in parts},
    }
    assert {path.name for path in files_of("include")} == allowed.keys()
    for file, _, header in includes("include"):
        ours = allowed[Path(file).name]
        standard = file.endswith(".hpp") and re.fullmatch(STANDARD, header) is not None
        assert header in ours or standard, f"{file} must not include {header}"


def test_only_ort_names_the_runtimes_types() -> None:
    names = r"\babi::|\bOrt[A-Z]\w*|\bORT_\w+|\bONNX_?[A-Z]\w*"
    assert mentions(names, ("ort",), but_not=(GENERATED,))
    assert mentions(names, others("ort")) == []


def test_only_capi_speaks_c() -> None:
    assert mentions(r'extern "C"', ("capi",))
    assert mentions(r'extern "C"', others("capi")) == []
    assert mentions(r"\bloquor_[a-z]\w*|\bLOQUOR_(OK|ERROR_)", others("capi", "bindings")) == []
    # What it catches becomes a status; nobody else stops an exception that could be anything.
    assert len(mentions(r"catch \(\.\.\.\)", ("capi",))) > 0


def test_only_bindings_know_python() -> None:
    names = r"(?i:nanobind|python)|\bPy[A-Z_]\w*|\bnb::"
    assert mentions(names, ("bindings",))
    assert mentions(names, (*LADDER, "include")) == []


def test_the_core_never_prints_or_ends_the_process() -> None:
    banned = (
        r"\bstd::(cout|cerr|clog|terminate)\b|<iostream>|\b(printf|fprintf|puts|fputs|putchar|perror)\s*\("
        r"|\b(exit|_exit|quick_exit|abort|assert)\s*\("
    )
    assert mentions(banned, (*ROOMS, "include")) == []


def test_what_the_runtime_made_is_released_in_one_place() -> None:
    """A call of the table's release slots; the list of provider names is an array, with a call of its own."""
    home = CSRC / "ort" / "api.hpp"
    slots = set(re.findall(r"\b(Release\w+)\)\(", GENERATED.read_text(encoding="utf-8")))
    slots -= {"ReleaseAvailableProviders"}
    assert {"ReleaseStatus", "ReleaseSession", "ReleaseEnv"} <= slots
    pattern = rf"\b({'|'.join(sorted(slots))})\b"
    assert mentions(pattern, ("ort",), but_not=(GENERATED,))
    assert mentions(pattern, ROOMS, but_not=(GENERATED, home)) == []


SOURCES = sorted(
    path
    for folder in ("csrc", "python/loquor", "tests", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".pyi", ".hpp", ".cpp", ".h", ".c", ".cmake"} and path != GENERATED
)


def test_no_file_is_too_long() -> None:
    assert len(SOURCES) > 100
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES
    }
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


PACKAGE = ROOT / "python" / "loquor"
FLOORS = (
    "errors", "base", "text", "english", "languages", "sentences", "audio", "bundle", "voice", "prepare",
    "watermark", "speech", "loquor", "bench", "server", "adapters", "book", "cli", "__main__",
)  # fmt: skip
"""Rooms of the package, the lowest first; "loquor" is its own `__init__`, with the public names."""


def name_of(path: Path) -> str:
    """A module's name without the package's, "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.split(".")[0] or "loquor"


def imports(module: str, source: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and target of each import from the package, inside functions and for type checkers too."""
    here = ["loquor", *filter(None, module.split("."))]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = node.level - is_package
            base = ".".join(
                [*(here[: len(here) - above] if node.level else []), *filter(None, [node.module])]
            )
            inner = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("loquor.") in {*MODULES, "_core"} else base for name in inner]
        else:
            continue
        yield from (
            (node.lineno, name.removeprefix("loquor").removeprefix("."))
            for name in names
            if name == "loquor" or name.startswith("loquor.")
        )


def imports_of(module: str) -> list[tuple[int, str]]:
    path = MODULES[module]
    found = imports(module, path.read_text(encoding="utf-8"), path.name == "__init__.py")
    return [(line, target) for line, target in found if target not in ("_core", module)]


def test_the_package_has_the_known_rooms_and_no_other() -> None:
    assert {room_of(module) for module in MODULES} == set(FLOORS)


@pytest.mark.parametrize("room", FLOORS)
def test_imports_go_down_the_floors(room: str) -> None:
    below = FLOORS[: FLOORS.index(room) + 1]
    for module in (module for module in MODULES if room_of(module) == room):
        for line, target in imports_of(module):
            assert target in MODULES, f"{MODULES[module]}:{line}: there is no {target}"
            assert room_of(target) in below, f"{MODULES[module]}:{line} must not import {target}"


def test_no_import_goes_in_a_circle() -> None:
    """Modules leave one after the other, each when all that it imports has left: all leave."""
    left = {module: {target for _, target in imports_of(module)} for module in MODULES}
    while free := [module for module, targets in left.items() if not targets & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}


def test_each_way_to_import_is_noticed() -> None:
    source = (
        "import numpy, loquor.bundle.hub\nfrom . import options\nfrom .. import _core, voice\n"
        "from ..voice.voice import Voice\nfrom loquor import Engine\nfrom loquor.text import lines\n"
        "def f():\n    from ..english import spell\n"
    )
    assert sorted(imports("speech.stream", source, is_package=False)) == [
        (1, "bundle.hub"), (2, "speech.options"), (3, "_core"), (3, "voice"), (4, "voice.voice"), (5, ""),
        (6, "text.lines"), (8, "english"),
    ]  # fmt: skip
    assert list(imports("prepare", "from .work import make\n", is_package=True)) == [(1, "prepare.work")]
    assert list(imports("", "from .speech.engine import Engine\n", is_package=True)) == [(1, "speech.engine")]


LIBRARY = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).with_suffix("").parts[0] not in {"cli", "__main__"}  # the command line
)


PRIVATE_BUT_NEEDED = {
    "argparse._ActionsContainer",  # a parser or a group of one, which have no other type in common
    "os._exit",  # documented
}


def reaches(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Private attributes of others: of what is not `self`, `cls`, `super()`, nor a class of this module.

    What is annotated with a class of the module counts as of that class.
    """
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    arguments = (node for node in ast.walk(tree) if isinstance(node, ast.arg) and node.annotation)
    own = {argument.arg for argument in arguments if ast.unparse(argument.annotation) in classes}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_(?!_)", node.attr):
            ours = ast.unparse(node.value) in {"self", "cls", "super()", *classes, *own}
            if not ours and ast.unparse(node) not in PRIVATE_BUT_NEEDED:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("loquor")):
            private = (alias.name for alias in node.names if re.match("_(?!_|core$)", alias.name))
            yield from ((node.lineno, f"from {node.module} import {name}") for name in private)


@pytest.mark.parametrize("path", MODULES.values(), ids=MODULES.keys())
def test_no_module_reaches_into_another(path: Path) -> None:
    found = list(reaches(ast.parse(path.read_text(encoding="utf-8"))))
    assert found == [], f"{path.relative_to(ROOT)}: give what is needed a name without an underscore"


def test_each_reach_is_noticed() -> None:
    source = (
        "import os\nfrom . import _core\nfrom .stream import _next\nclass A:\n"
        "    def f(self, other, mine: A):\n        self._x = mine._y\n        self.stream._next()\n"
        "        other._z\n        os._exit(1)\n        self.__class__\nA._cache\nB()._w\n"
    )
    assert [line for line, _ in sorted(reaches(ast.parse(source)))] == [3, 7, 8, 12]


def offences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node.lineno, "assert"
        elif isinstance(node, ast.Name) and node.id in {"print", "exit", "quit", "SystemExit"}:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in {"sys.exit", "os._exit", "os.abort"}:
                yield node.lineno, name
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            yield node.lineno, "from sys import ..."


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.name)
def test_the_library_never_prints_exits_or_asserts(path: Path) -> None:
    found = list(offences(ast.parse(path.read_text(encoding="utf-8"))))
    assert found == [], f"{path.relative_to(ROOT)}: raise an error of loquor.errors, or log"


def test_each_offence_is_noticed() -> None:
    source = (
        "import sys\nprint(1)\nsys.exit(2)\nassert 3\nraise SystemExit\nfrom sys import exit\nprintable = 1\n"
    )
    assert [line for line, _ in sorted(offences(ast.parse(source)))] == [2, 3, 4, 5, 6]


def test_a_family_is_named_by_its_record_its_text_and_the_catalogue_alone() -> None:
    """Whoever else needs what sets a family apart asks for the fact (docs/adr/0114-family.md)."""
    named = {
        "csrc/model/family.cpp",
        "csrc/text/punctuation.cpp",
        "python/loquor/text/profiles.py",
        "python/loquor/bundle/catalog.py",
        "python/loquor/bundle/catalog.json",
        "python/loquor/speech/torch_engine.py",  # classes of chatterbox-tts
    }
    kinds = {".py", ".pyi", ".json", ".hpp", ".cpp", ".h", ".in", ".tsv"}
    sources = (path for folder in ("csrc", "python") for path in (ROOT / folder).rglob("*"))
    found = {
        str(path.relative_to(ROOT))
        for path in sources
        if path.suffix in kinds and "turbo" in path.read_text(encoding="utf-8").lower()
    }
    assert found == named


def test_one_place_writes_safetensors() -> None:
    """Its writer takes strided arrays for contiguous ones; `Voice` holds none, and the recipe goes by it."""
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
    folders = [ROOT / "python", ROOT / "training", ROOT / "benchmarks"]
    code = [*scripts, *(path for folder in folders for path in folder.rglob("*.py"))]
    writer = re.compile(r"safetensors(\.\w+)* import [^\n]*\bsave|\bserialize(_file)?\b")
    found = {str(path.relative_to(ROOT)) for path in code if writer.search(path.read_text(encoding="utf-8"))}
    assert found == {"python/loquor/voice/voice.py"}

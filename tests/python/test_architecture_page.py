"""docs/architecture.md names files and functions that exist: what it says of them is for readers to check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
QUOTED = sorted(set(re.findall(r"`([^`\s]+)`", PAGE)))
SOURCES = [
    path
    for folder in ("csrc", "python/loquor", "tests", "docs", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
]
FILES = [*(path.relative_to(ROOT).as_posix() for path in SOURCES), *(path.name for path in ROOT.iterdir())]
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in SOURCES
    if path.suffix in {".hpp", ".cpp", ".h", ".def", ".py"}
)


def alternatives(text: str) -> Iterator[str]:
    """As a shell expands braces: "a.{hpp,cpp}" is two names."""
    found = re.search(r"\{([^}]*)\}", text)
    if found is None:
        yield text
        return
    for each in found[1].split(","):
        yield from alternatives(text[: found.start()] + each + text[found.end() :])


def is_there(name: str) -> bool:
    """A file by the end of its path, with or without its suffix, or a folder."""
    if name.endswith("/"):
        return any(f"/{file}".find(f"/{name}") >= 0 for file in FILES)
    patterns = (f"*/{name}", f"*/{name}.*")
    return any(fnmatch(f"/{file}", pattern) for file in FILES for pattern in patterns)


PATH = r"[\w./{},*-]*(?:/[\w./{},*-]*|\w\.(?:hpp|cpp|h|def|py|md|txt|json))"
PATHS = {
    name
    for quoted in QUOTED
    if re.fullmatch(PATH, quoted)
    for name in alternatives(quoted)
    if not re.search(r"NAME|\bx(_body)?\.", name)  # which stand for any
}
NAME = r"(?:\w+::)+~?\w+|\w+(?=\(\))|_?[A-Z][A-Z_]{3,}|[A-Z][a-z]+[A-Z]\w+"
NAMES = {
    name
    for quoted in QUOTED
    for found in re.findall(rf"^(?:{NAME})", quoted)
    if "/" not in quoted and "NAME" not in quoted
    for name in re.findall(r"\w+", found)
}


def test_files_are_there() -> None:
    assert sorted(name for name in PATHS if not is_there(name)) == [], "are they called otherwise now?"


def test_names_are_in_the_code() -> None:
    missing = sorted(name for name in NAMES if not re.search(rf"\b{name}\b", CODE))
    assert missing == [], "are they called otherwise now?"


def test_the_page_names_many_and_what_is_missing_is_noticed() -> None:
    assert len(PATHS) > 100 and len(NAMES) > 40
    assert is_there("engine/worker") and is_there("prepare/") and is_there("kernels/attention*")
    assert not is_there("engine/warker") and not is_there("prepara/")

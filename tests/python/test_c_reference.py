"""The site's pages on C say something of everything that the headers declare (scripts/c_reference.py)."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADERS = sorted((ROOT / "csrc" / "include" / "loquor").glob("*.h"))


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    path = ROOT / "scripts" / "c_reference.py"
    spec = importlib.util.spec_from_file_location("c_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["c_reference"] = module  # which dataclasses look for
    spec.loader.exec_module(module)
    return module


def code_of(header: Path) -> str:
    """Without comments, and on one line each declaration."""
    text = re.sub(r"/\*.*?\*/", " ", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(line for line in text.splitlines() if not line.startswith("#"))


def declared(header: Path) -> list[str]:
    return re.findall(r"LOQUOR_EXPORT [\w\s*]*?[\s*](\w+)\s*\(", code_of(header))


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.name)
def test_every_function_of_a_header_has_its_place_on_its_page(reference: ModuleType, header: Path) -> None:
    names = declared(header)
    assert len(names) == code_of(header).count("LOQUOR_EXPORT ")
    page = reference.pages()[f"{header.name}.md"]
    for name in names:
        place = page[page.index(f"### `{name}` {{#{name.lower()}}}") :]
        place = place[: place.find("\n### ", 1)]
        assert f"{name}(" in re.search(r"```c\n(.*?)```", place, re.DOTALL)[1], name  # type: ignore[index]
        assert "*Waits for: " in place, name
        assert place.count("LOQUOR_EXPORT") == 0
    assert [each.name for each in reference.headers_by_name()[header.name].functions()] == names


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.name)
def test_every_type_of_a_header_and_every_comment_is_on_its_page(reference: ModuleType, header: Path) -> None:
    page = reference.pages()[f"{header.name}.md"] + reference.pages()["index.md"]
    types = set(re.findall(r"typedef [^;{]*?(?:\{[^}]*\}\s*)?(loquor_\w+);", code_of(header)))
    assert all(f"### `{name}`" in page for name in types), types
    lines = header.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    said = re.sub(r"[^a-z]", "", page.lower())
    for comment in re.findall(r"/\*(.*?)\*/", text, re.DOTALL):
        if "scripts/options" in comment:
            continue
        words = re.sub(r"[^a-z]", "", comment.lower())
        assert words in said, comment


def test_what_a_call_waits_for_names_functions_that_there_are(reference: ModuleType) -> None:
    names = {name for header in HEADERS for name in declared(header)}
    waits = reference.waits()
    assert set(waits) <= names
    assert waits["loquor_engine_open"] == "the load of a library or of graphs (up to seconds)"
    assert waits["loquor_graph_close"] == "memory of graphs to be given back"
    assert waits["loquor_engine_release"].startswith("where it was the last of a released engine: calls and")
    assert waits["loquor_stream_destroy"].endswith("; a function of the caller's that is being called")
    assert "loquor_stream_cancel" not in waits


def test_the_site_has_every_page_on_c(reference: ModuleType) -> None:
    yaml = pytest.importorskip("yaml")
    nav = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert set(re.findall(r"c/([\w.-]+\.md)", nav)) == set(reference.pages())

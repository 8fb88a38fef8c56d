"""An engine by the C ABI alone: it finds ONNX Runtime and the prepared graphs, and tells what it found."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import loquor
from loquor.base.runtime import LIBRARY_VARIABLE, find_library
from loquor.prepare import PREPARED_GRAPHS, operators_library, prepare_bundle
from loquor.prepare.storage import CACHE_VARIABLE

MINI = Path(loquor.__file__).parent / "mini"
RUNTIME_MISSING = 3


class _GraphInfo(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("name", ctypes.c_char_p),
        ("file", ctypes.c_char_p),
        ("dtype", ctypes.c_char_p),
        ("optimization_level", ctypes.c_char_p),
        ("placement", ctypes.c_char_p),
        ("prepared", ctypes.c_char_p),
        ("vocoder", ctypes.c_char_p),
    )


_LogFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)


@pytest.fixture
def library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(operators_library()))
    library.loquor_last_error.restype = ctypes.c_char_p
    library.loquor_runtime_path.restype = ctypes.c_char_p
    return library


@contextmanager
def logged(library: ctypes.CDLL, least: int) -> Iterator[list[str]]:
    """The lines that are logged meanwhile; Python's own sink is back behind it."""
    lines: list[str] = []
    sink = _LogFunction(lambda _user, _level, message: lines.append(message.decode()))
    library.loquor_set_log(sink, None, least)
    try:
        yield lines
    finally:
        library.loquor_set_log(None, None, 3)


def graphs(library: ctypes.CDLL) -> dict[str, tuple[str | None, str | None]]:
    """Prepared file and vocoder of each graph of an engine that C opens on mini, by name."""
    runtime, engine = ctypes.c_void_p(), ctypes.c_void_p()
    assert library.loquor_runtime_open(str(find_library()).encode(), ctypes.byref(runtime)) == 0
    status = library.loquor_engine_open(runtime, str(MINI).encode(), None, ctypes.byref(engine))
    assert status == 0, library.loquor_last_error()
    found = {}
    info = _GraphInfo(struct_size=ctypes.sizeof(_GraphInfo))
    for index in range(4):
        assert library.loquor_engine_get_graph(engine, index, ctypes.byref(info)) == 0
        prepared, vocoder = info.prepared, info.vocoder
        found[info.name.decode()] = (prepared and prepared.decode(), vocoder and vocoder.decode())
    library.loquor_engine_close(engine)
    library.loquor_runtime_close(runtime)
    return found


def test_graphs_that_python_prepared_are_found(library: ctypes.CDLL) -> None:
    made = prepare_bundle(MINI)
    with logged(library, 2) as lines:
        found = graphs(library)
    assert lines == []
    for graph in PREPARED_GRAPHS:
        file, vocoder = made[graph].file, made[graph].vocoder
        assert found[graph] == (file and str(file), vocoder and str(vocoder))
    assert found["embed_tokens"] == (None, None)
    assert found["language_model"][0] is not None  # there was something to find


def test_graphs_that_nobody_prepared_are_named(
    library: ctypes.CDLL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "empty"))
    with logged(library, 2) as lines:
        assert set(graphs(library).values()) == {(None, None)}
    assert len(lines) == 1
    assert "language_model, conditional_decoder, speech_encoder run as published" in lines[0]
    assert f"`loquor prepare {MINI}`" in lines[0]


def test_a_damaged_graph_is_not_taken(
    library: ctypes.CDLL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    made = prepare_bundle(MINI)
    file = made["language_model"].file
    assert file is not None
    file.write_bytes(file.read_bytes()[:-1])
    with logged(library, 2) as lines:
        found = graphs(library)
    assert set(found.values()) == {(None, None)}
    assert "is damaged" in lines[0] and "language_model run as published" in lines[1]


@pytest.mark.skipif(os.name != "posix", reason="by permissions")
def test_graphs_that_others_could_have_written_are_not_taken(
    library: ctypes.CDLL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    prepare_bundle(MINI)
    (tmp_path / "prepared").chmod(0o777)
    with logged(library, 2) as lines:
        assert set(graphs(library).values()) == {(None, None)}
    assert "not trusted" in lines[0] and "others may write to it" in lines[0]


def test_the_runtime_is_found_where_pip_put_it(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    runtime = ctypes.c_void_p()
    with logged(library, 1) as lines:
        assert library.loquor_runtime_find(ctypes.byref(runtime)) == 0, library.loquor_last_error()
    assert Path(library.loquor_runtime_path(runtime).decode()).samefile(find_library())
    assert any("found: " in line and "holds none" in line for line in lines)
    library.loquor_runtime_close(runtime)


def test_the_runtime_that_a_variable_names_is_taken_or_none(
    library: ctypes.CDLL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "libonnxruntime.so"))
    runtime = ctypes.c_void_p()
    assert library.loquor_runtime_find(ctypes.byref(runtime)) == RUNTIME_MISSING
    assert str(tmp_path) in library.loquor_last_error().decode()

"""Where rewritten graphs are kept, and where their weights lie."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loquor import Engine, GenerationOptions, Voice
from loquor.cli import main
from loquor.errors import ExecutionError, LoquorError, ModelError
from loquor.prepare import PreparedGraph, prepare_bundle, storage, work
from tinyhub import environment

IDS = [84, 200, 39, 68, 75, 75, 78, 50271, 13, 50256, 50256]

BundleOf = Callable[..., Path]


@pytest.fixture
def copy(bundle_of: BundleOf, tmp_path: Path) -> Path:
    """A bundle that a test may change."""
    return Path(shutil.copytree(bundle_of(dtype="q4"), tmp_path / "copy"))


def prepare(bundle: Path, dtype: str, **options: bool) -> PreparedGraph:
    return prepare_bundle(bundle, dtype, threads=1, **options)["language_model"]


# --- Where weights lie ---


def test_a_hub_cache_of_links(bundle_of: BundleOf, fresh_cache: Path, tmp_path: Path) -> None:
    """Snapshot files are links into a folder of blobs, each named by its hash."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "main"
    blobs.mkdir()
    for file in sorted(bundle_of(dtype="q4").rglob("*")):
        if file.is_file():
            link = snapshot / file.relative_to(bundle_of(dtype="q4"))
            blob = blobs / hashlib.sha256(file.read_bytes()).hexdigest()
            shutil.copy(file, blob)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    with Engine(snapshot, threads=1) as engine, Engine(bundle_of(dtype="q4"), threads=1) as other:
        assert engine.capabilities.prepared["language_model"] == "prepared"
        samples = np.sin(np.arange(48_000) * 0.05).astype(np.float32)
        options = GenerationOptions(seed=1, max_new_tokens=30)
        voices: list[Voice] = [each.voice((samples, 24_000)) for each in (engine, other)]
        np.testing.assert_array_equal(
            engine.generate_tokens(IDS, voices[0], options), other.generate_tokens(IDS, voices[1], options)
        )


def test_weights_are_not_copied(bundle_of: BundleOf, fresh_cache: Path) -> None:
    result = prepare(bundle_of(dtype="q4"), "q4")
    weights = result.source.with_suffix(".onnx_data").stat().st_size
    assert sum(file.stat().st_size for file in fresh_cache.iterdir()) < 40_000 < weights


# --- The cache ---


def test_the_second_time_nothing_is_made(bundle_of: BundleOf, fresh_cache: Path) -> None:
    first, second = prepare(bundle_of(), "fp32"), prepare(bundle_of(), "fp32")
    assert (first.cached, second.cached) == (False, True)
    assert second.file == first.file and second.changes == first.changes
    before = first.file.stat().st_mtime_ns if first.file else 0
    assert not prepare(bundle_of(), "fp32", force=True).cached
    assert first.file and first.file.stat().st_mtime_ns > before


@pytest.mark.parametrize("ending", [".onnx", ".json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "emptied", "removed"])
def test_damage_is_noticed_and_mended(
    bundle_of: BundleOf, fresh_cache: Path, caplog: pytest.LogCaptureFixture, ending: str, damage: str
) -> None:
    good = prepare(bundle_of(), "fp32")
    assert good.file is not None
    content = good.file.read_bytes()
    file = good.file.with_suffix(ending)
    data = file.read_bytes()
    if damage == "removed":
        file.unlink()
    else:
        at = data.find(b'"sha256": "') + 11 if ending == ".json" else 20
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        file.write_bytes({"cut": data[: len(data) // 2], "changed": changed, "emptied": b""}[damage])
    with caplog.at_level(logging.WARNING, "loquor"):
        again = prepare(bundle_of(), "fp32")
    assert not again.cached
    assert again.state == "prepared" and again.file == good.file
    assert good.file.read_bytes() == content
    if damage != "removed":
        assert any("preparing again" in record.getMessage() for record in caplog.records)


def test_other_weights_are_noticed(copy: Path, fresh_cache: Path) -> None:
    prepare(copy, "q4")
    data = copy / "onnx" / "language_model_q4.onnx_data"
    weights = bytearray(data.read_bytes())
    weights[100:200] = bytes(100)
    data.write_bytes(weights)
    assert not prepare(copy, "q4").cached
    assert prepare(copy, "q4").cached


def test_another_runtime_or_version_prepares_anew(
    bundle_of: BundleOf, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare(bundle_of(), "fp32").file
    monkeypatch.setattr("loquor.prepare.VERSION", 1_000_000)
    assert prepare(bundle_of(), "fp32").file != first


def test_two_processes_at_once(bundle_of: BundleOf, fresh_cache: Path) -> None:
    code = (
        "import sys, loquor\n"
        "with loquor.Engine(sys.argv[1], dtype='q4', threads=1) as engine:\n"
        "    print(engine.capabilities.prepared['language_model'], engine.capabilities.kv_mode)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(bundle_of(dtype="q4"))]
    running = [
        subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out.strip()) == (0, "prepared in_place"), err
    files = sorted(file.name for file in fresh_cache.iterdir())
    # The decoder's note says that there was nothing to do; nothing half-written is left.
    assert [name.partition("_")[0] + name[-5:] for name in files] == [
        "conditional.json",
        "language.json",
        "language.onnx",
        "speech.json",
    ]
    assert prepare(bundle_of(dtype="q4"), "q4").cached


def test_a_cache_that_cannot_be_written(
    bundle_of: BundleOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LOQUOR_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING, "loquor"), Engine(bundle_of(), threads=1) as engine:
        assert engine.capabilities.prepared["language_model"] == "refused"
    assert "LOQUOR_CACHE" in caplog.text


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/loquor/prepared"),
        ("linux", {}, "/home/me/.cache/loquor/prepared"),
        ("darwin", {}, "/home/me/Library/Caches/loquor/prepared"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/loquor/prepared"),
        ("linux", {"LOQUOR_CACHE": "~/own"}, "/home/me/own/prepared"),
    ],
)
def test_the_cache_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("LOQUOR_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert storage.cache_folder() == Path(expected)


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOQUOR_CACHE", "own")
    assert storage.cache_folder() == tmp_path / "own" / "prepared"


# --- A fault that passes ---


def test_missing_weights_are_looked_for_again(
    copy: Path, fresh_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy / "onnx" / "language_model_q4.onnx_data"
    data.rename(data.with_suffix(".away"))
    refused = prepare(copy, "q4")
    assert (refused.state, refused.cached) == ("refused", False) and data.name in refused.reason
    assert not list(fresh_cache.glob("language_model*"))
    assert main(["prepare", str(copy), "--dtype", "q4"]) == 1
    assert data.name in capsys.readouterr().err

    data.with_suffix(".away").rename(data)
    assert prepare(copy, "q4").state == "prepared"
    assert main(["prepare", str(copy), "--dtype", "q4"]) == 0


@pytest.mark.parametrize(
    ("when", "error", "remembered"),
    [
        ("load", ModelError("loading the graph: std::bad_alloc"), False),
        ("load", ModelError("loading the graph: Failed to allocate memory for a buffer"), False),
        ("load", ModelError("loading the graph: there is no kernel for such an operator"), True),
        ("run", ExecutionError("running the graph: Failed to allocate memory for a buffer"), False),
        ("run", ExecutionError("running the graph: invalid dimensions"), True),
    ],
)
def test_only_what_follows_from_the_graph_is_remembered(
    bundle_of: BundleOf,
    fresh_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    error: LoquorError,
    remembered: bool,
) -> None:
    real = work._core.Graph

    class Graph:
        """Fails where a rewritten graph is loaded or run."""

        def __init__(self, *args: object, prepared: str = "", **options: object) -> None:
            self._prepared = prepared
            if prepared and when == "load":
                raise error
            self._graph = real(*args, prepared=prepared, **options)  # type: ignore[arg-type]

        def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            if self._prepared and when == "run":
                raise error
            return self._graph.run(feeds)

    with monkeypatch.context() as patch:
        patch.setattr(work._core, "Graph", Graph)
        first = prepare(bundle_of(), "fp32")
        assert first.state == "refused" and str(error) in first.reason
        assert prepare(bundle_of(), "fp32").cached == remembered
    assert prepare(bundle_of(), "fp32").state == ("refused" if remembered else "prepared")


def test_a_rewrite_that_fails_because_of_damaged_weights_is_not_remembered(
    copy: Path, fresh_cache: Path
) -> None:
    data = copy / "onnx" / "language_model_q4.onnx_data"
    good = data.read_bytes()
    data.write_bytes(good[: len(good) // 2])
    assert prepare(copy, "q4").state == "refused"
    data.write_bytes(good)
    assert prepare(copy, "q4").state == "prepared"

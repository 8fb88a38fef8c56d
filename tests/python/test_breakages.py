"""Damaged bundles are damaged: where every session still loads, an edge or a JSON file is off."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from bundles import GRAPHS, make_bundle
from bundles.breakages import BREAKAGES, HARMLESS, broken_copy
from reference import PlainLoop


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("sound") / "bundle")


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakages_break(sound: Path, tmp_path: Path, name: str) -> None:
    broken = broken_copy(sound, tmp_path / "broken", BREAKAGES[name])
    try:
        edges, settings = edges_of(broken), settings_of(broken)
    except Exception as error:
        from_runtime = type(error).__module__.startswith("onnxruntime")
        assert from_runtime or isinstance(error, (OSError, ValueError))
    else:
        assert settings == settings_of(sound)
        assert edges != edges_of(sound)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_changes_keep_the_result(sound: Path, tmp_path: Path, name: str) -> None:
    changed = broken_copy(sound, tmp_path / "changed", HARMLESS[name])
    assert contents_of(changed) != contents_of(sound)
    results = []
    for bundle in (sound, changed):
        plain = PlainLoop(bundle)
        voice = plain.encode(np.linspace(-0.5, 0.5, 24_000, dtype=np.float32))
        tokens = plain.generate([7, 50256, 50256], voice, max_new_tokens=5)
        results.append((voice, tokens))
    assert results[0][1] == results[1][1]
    for array_name, array in results[0][0].items():
        np.testing.assert_array_equal(array, results[1][0][array_name])


def edges_of(bundle: Path) -> list[list[tuple[str, str, str]]]:
    sessions = [
        ort.InferenceSession(bundle / "onnx" / f"{graph}.onnx", providers=["CPUExecutionProvider"])
        for graph in GRAPHS
    ]
    return [
        [(edge.name, edge.type, str(edge.shape)) for edge in [*session.get_inputs(), *session.get_outputs()]]
        for session in sessions
    ]


def settings_of(bundle: Path) -> list[object]:
    files = ("config.json", "tokenizer.json")
    return [json.loads((bundle / file).read_text(encoding="utf-8")) for file in files]


def contents_of(bundle: Path) -> dict[str, bytes]:
    return {str(path.relative_to(bundle)): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}

"""Relative paths mean what they meant when they were given, whatever the working folder is later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import make_bundle
from loquor import Engine
from loquor.bundle.hub_cache import cache_folder as hub_folder
from loquor.prepare.cache import cache_folder


def test_an_engine_outlives_a_change_of_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: np.ndarray
) -> None:
    make_bundle(tmp_path / "bundle")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOQUOR_CACHE", "own")
    with Engine("bundle", threads=1, device="cpu") as engine:
        assert engine.capabilities.prepared["language_model"] == "prepared"
        monkeypatch.chdir(tmp_path / "elsewhere")
        engine.unload_encoder()
        assert engine.voice((recording, 24_000), prefix=True).prefix is not None
        assert engine.capabilities.folder == tmp_path / "bundle"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_caches_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOQUOR_CACHE", "own")
    monkeypatch.setenv("HF_HUB_CACHE", "hub")
    assert cache_folder() == tmp_path / "own" / "prepared" and hub_folder() == tmp_path / "hub"

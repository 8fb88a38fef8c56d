"""From the hub to speech: a bundle is downloaded, and the engine runs it through the cache's links."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import make_bundle
from hubserver import Repo
from loquor import DownloadError, Engine, GenerationOptions
from tinyhub import COMMIT, contents, serving_tiny

REPO = "someone/speaks-ONNX"


def test_the_engine_speaks_from_the_cache_online_and_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(tmp_path / "bundle", dtype="q4")
    options = GenerationOptions(max_new_tokens=20)
    tone = (0.1 * np.sin(np.arange(48_000) * 0.05)).astype(np.float32)
    with serving_tiny(tmp_path / "home", monkeypatch) as server:
        server.repos[REPO] = Repo(contents(bundle), COMMIT)
        with Engine(f"{REPO}@{COMMIT}", device="cpu", threads=1) as engine:
            weights = engine.capabilities.folder / "onnx" / "language_model_q4.onnx_data"
            assert weights.is_symlink()
            assert set(engine.capabilities.dtypes.values()) == {"q4"}
            online = engine.speak("Hello.", (tone, 24_000), options)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # and the server is gone
    with Engine(f"{REPO}@{COMMIT}", device="cpu", threads=1) as engine:
        offline = engine.speak("Hello.", (tone, 24_000), options)
    with Engine(bundle, device="cpu", threads=1) as engine:
        local = engine.speak("Hello.", (tone, 24_000), options)
    np.testing.assert_array_equal(online.samples, offline.samples)
    np.testing.assert_array_equal(online.samples, local.samples)


def test_damaged_weights_are_a_download_error_not_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = contents(make_bundle(tmp_path / "bundle", dtype="q4"))
    with serving_tiny(tmp_path / "home", monkeypatch) as server:
        server.repos[REPO] = Repo(files, COMMIT)
        server.fault("onnx/language_model_q4.onnx_data", "corrupt", times=100)
        with pytest.raises(DownloadError, match=r"language_model_q4\.onnx_data"):
            Engine(f"{REPO}@{COMMIT}", device="cpu")

"""From the hub to speech: a bundle is downloaded, and the engine runs it through the cache's links."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bundles import make_bundle
from hubserver import Repo
from loquor import DownloadError, Engine, GenerationOptions, ModelError
from loquor.bundle.hub import download, inspect
from loquor.cli import main
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


def test_a_bundle_is_looked_at_before_its_weights_are_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = contents(make_bundle(tmp_path / "bundle", dtype="q4"))
    files["README.md"] = b"---\nlicense: apache-2.0\n---\n"
    with serving_tiny(tmp_path / "home", monkeypatch) as server:
        server.repos[REPO] = Repo(files, COMMIT)
        seen = inspect(REPO)
        assert main(["models", REPO, "--json"]) == 0
        about = json.loads(capsys.readouterr().out)
        assert about["licence"] == "apache-2.0" and about["cached"] is False
        assert about["download_bytes"] == sum(map(len, files.values())) - len(files["README.md"])
        asked = [path for path in files if server.requests("GET", path)]
        assert asked and not [path for path in asked if path.endswith("_data")]
        assert (seen.repo, seen.commit, seen.facts["family"]["name"]) == (REPO, COMMIT, "turbo")
        assert {file.path for file in seen.files} == files.keys()
    local = inspect(tmp_path / "bundle")
    assert local.facts["family"] == seen.facts["family"] and local.repo is None


def test_what_cannot_be_run_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A config that contradicts the graphs, and graphs of a family that nobody knows."""
    files = contents(make_bundle(tmp_path / "bundle", dtype="q4"))
    contradicts = {**files, "config.json": b'{"text_config": {"model_type": "llama"}}'}
    unknown = {**files, "onnx/embed_tokens_q4.onnx": files["onnx/language_model_q4.onnx"]}
    for content, words in ((contradicts, "model_type is 'llama'"), (unknown, "no family that is known")):
        with serving_tiny(tmp_path / f"home{len(words)}", monkeypatch) as server:
            server.repos[REPO] = Repo(content, COMMIT)
            for ask in (lambda: Engine(REPO, device="cpu"), lambda: download(REPO, inspected=True)):
                with pytest.raises(ModelError, match=f"weights are not downloaded.*{words}"):
                    ask()
            assert not [path for path in files if path.endswith("_data") and server.requests("GET", path)]

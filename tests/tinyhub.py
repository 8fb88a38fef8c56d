"""A hub with one small invented bundle, which the catalogue knows as "tiny"."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from hubserver import HubServer, Repo
from loquor.bundle import catalog

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TINY = "someone/tiny-ONNX"
WEIGHTS = "onnx/language_model_q4.onnx_data"


def bundle() -> dict[str, bytes]:
    """Invented files under the names of a bundle: all graphs in q4 and fp32, and what nobody asked for."""
    noise = random.Random(1)
    files = {name: f'{{"{name}": 1}}'.encode() for name in ("config.json", "tokenizer.json")}
    for graph in catalog.GRAPHS:
        for suffix in ("_q4", ""):
            files[f"onnx/{graph}{suffix}.onnx"] = noise.randbytes(300)
            files[f"onnx/{graph}{suffix}.onnx_data"] = noise.randbytes(5000)
        if graph == "embed_tokens":  # what a bundle is looked at by, before its weights are downloaded
            files |= {f"onnx/{graph}{suffix}.onnx": _table(noise) for suffix in ("_q4", "")}
    return {**files, "README.md": b"read me", "extra/more.json": b"{}"}


def _table(noise: random.Random) -> bytes:
    """A graph that takes what Turbo's table does."""
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])
    same = helper.make_tensor_value_info("inputs_embeds", TensorProto.INT64, [1, "n"])
    node = helper.make_node("Identity", ["input_ids"], ["inputs_embeds"])
    graph = helper.make_graph([node], noise.randbytes(8).hex(), [ids], [same])
    return helper.make_model(graph).SerializeToString()


def wanted(files: dict[str, bytes], suffix: str = "_q4") -> set[str]:
    return {path for path in files if f"{suffix}.onnx" in path or path in ("config.json", "tokenizer.json")}


def entry(files: dict[str, bytes]) -> catalog.CatalogEntry:
    listed = tuple(
        catalog.BundleFile(path, len(content), sha256(content).hexdigest()) for path, content in files.items()
    )
    return catalog.CatalogEntry("tiny", "an invented bundle", "MIT", True, "hub", TINY, COMMIT, listed)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def environment() -> dict[str, str]:
    """For a child process that imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@contextmanager
def serving_tiny(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Run the hub, and point this process and its children at it and at an empty cache below `home`."""
    for name in (
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    files = bundle()
    with HubServer({TINY: Repo(files, COMMIT)}) as running:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)  # read when imported
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")  # for child processes
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HOME", str(home))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setitem(catalog.CATALOG, "tiny", entry(files))
        yield running

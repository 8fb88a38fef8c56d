"""Bundles as the hub's library lays them into its cache are loaded and prepared, on every runtime."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hublayout import COMMIT, LAYOUTS, lay_out, share
from loquor import Engine, ModelError, _core
from loquor.prepare import PreparedGraph, prepare_bundle
from tinyhub import environment

BundleOf = Callable[..., Path]

OLDEST = next((Path(__file__).parents[2] / "build" / "oldest-runtime").rglob("libonnxruntime.*1.23.*"), None)
"""The oldest runtime that we support, where scripts/oldest-runtime has put it."""

SPEAK = """
import json, sys
import numpy as np
import loquor
from loquor.base.runtime import open_runtime
voice = (np.sin(np.arange(48_000) * 0.05).astype(np.float32), 24_000)
told = []
for bundle in sys.argv[1:]:
    for prepare in (True, False):
        with loquor.Engine(bundle, threads=1, device="cpu", prepare=prepare) as engine:
            audio = engine.speak("Hello.", voice, loquor.GenerationOptions(seed=1, max_new_tokens=12))
            told.append([engine.capabilities.prepared["language_model"], audio.samples.tolist()])
print(json.dumps([open_runtime().version, told]))
"""


def prepare(bundle: Path) -> PreparedGraph:
    return prepare_bundle(bundle, "q4", threads=1)["language_model"]


def own_blobs(snapshot: Path) -> list[Path]:
    return sorted((snapshot.parents[1] / "blobs").iterdir())


@pytest.mark.parametrize("runtime", ["installed", "oldest"])
def test_every_layout_speaks_as_the_plain_folder(bundle_of: BundleOf, tmp_path: Path, runtime: str) -> None:
    """As published too, which loads all four graphs where they lie."""
    plain = bundle_of(dtype="q4")
    folders = [plain, *(lay_out(plain, tmp_path / layout, layout) for layout in LAYOUTS)]
    variables = environment()
    if runtime == "oldest":
        if OLDEST is None:
            pytest.skip("there is no build/oldest-runtime: run scripts/oldest-runtime")
        variables["LOQUOR_ORT_LIBRARY"] = str(OLDEST)
    done = subprocess.run(
        [sys.executable, "-c", SPEAK, *map(str, folders)], env=variables, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    version, told = json.loads(done.stdout)
    assert runtime == "installed" or version.startswith("1.23.")
    assert [state for state, _ in told] == ["prepared", "as published"] * len(folders)
    for state in (0, 1):
        assert all(samples == told[state][1] for _, samples in told[state::2])


def test_a_moved_blob_costs_no_second_preparation(
    bundle_of: BundleOf, tmp_path: Path, fresh_cache: Path
) -> None:
    """Nor does the same bundle in another place."""
    snapshot = lay_out(bundle_of(dtype="q4"), tmp_path, "own")
    first = prepare(snapshot)
    for blob in own_blobs(snapshot):
        share(blob, tmp_path)
    assert (first.state, first.cached, prepare(snapshot).cached) == ("prepared", False, True)
    assert prepare(bundle_of(dtype="q4")).file == first.file


def test_repositories_that_share_a_graph_keep_their_weights_apart(
    bundle_of: BundleOf, tmp_path: Path, fresh_cache: Path
) -> None:
    """As a model and another that was trained further from it."""
    other = Path(shutil.copytree(bundle_of(dtype="q4"), tmp_path / "other"))
    weights = other / "onnx" / "language_model_q4.onnx_data"
    weights.write_bytes(weights.read_bytes()[::-1])
    snapshots = [
        lay_out(bundle, tmp_path / "hub", "all shared", f"models--some--{bundle.name}")
        for bundle in (bundle_of(dtype="q4"), other)
    ]
    graphs = {(snapshot / "onnx" / "language_model_q4.onnx").resolve() for snapshot in snapshots}
    assert len(graphs) == 1
    assert [prepare(snapshot).cached for snapshot in [*snapshots, *snapshots]] == [False, False, True, True]


def test_missing_weights_are_no_refusal_to_remember(bundle_of: BundleOf, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(bundle_of(dtype="q4"), tmp_path / "bundle"))
    weights = bundle / "onnx" / "language_model_q4.onnx_data"
    weights.rename(tmp_path / "away")
    assert "are missing" in prepare(bundle).reason
    (tmp_path / "away").rename(weights)
    assert prepare(bundle).state == "prepared"


# --- Where weights may lie ---


@pytest.fixture
def graph(bundle_of: BundleOf, tmp_path: Path) -> Path:
    """A language model in a bundle that a test may change, with other people's files around it."""
    (tmp_path / "secret").write_bytes(b"not yours")
    bundle = Path(shutil.copytree(bundle_of(), tmp_path / "bundle"))
    return bundle / "onnx" / "language_model.onnx"


def weights_of(graph: Path) -> Path:
    return graph.with_suffix(".onnx_data")


def link_out(graph: Path) -> None:
    weights_of(graph).unlink()
    weights_of(graph).symlink_to("../../secret")


def link_out_absolutely(graph: Path) -> None:
    weights_of(graph).unlink()
    weights_of(graph).symlink_to(graph.parents[2] / "secret")


def link_out_by_folder(graph: Path) -> None:
    (graph.parent / "sub").symlink_to(graph.parents[2])
    name_weights(graph, "sub/secret")


def name_weights(graph: Path, name: str) -> None:
    graph.write_bytes(renamed(graph, name))


def renamed(graph: Path, name: str) -> bytes:
    model = onnx.load(str(graph), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = name
    return bytes(model.SerializeToString())


OUTSIDE = {
    "link": link_out,
    "absolute link": link_out_absolutely,
    "link to a folder": link_out_by_folder,
    "parents": lambda graph: name_weights(graph, "../../secret"),
    "parents within": lambda graph: name_weights(graph, "x/../../../secret"),
    "absolute": lambda graph: name_weights(graph, str(graph.parents[2] / "secret")),
}


@pytest.mark.parametrize("way", OUTSIDE)
def test_weights_outside_the_bundle_are_refused(graph: Path, way: str) -> None:
    OUTSIDE[way](graph)
    for call in (
        lambda: _core.weight_files(str(graph)),
        lambda: Engine(graph.parents[1], threads=1, prepare=False),
        lambda: Engine(graph.parents[1], threads=1),
    ):
        with pytest.raises(
            ModelError, match=r"the weights '.*' of .*language_model\.onnx.*(outside|relative)"
        ):
            call()


def test_a_prepared_graph_may_name_no_other_weights(graph: Path, tmp_path: Path) -> None:
    from loquor.base.runtime import open_runtime

    changed = tmp_path / "prepared.onnx"
    changed.write_bytes(renamed(graph, "../../secret"))
    with pytest.raises(ModelError, match="outside the bundle"):
        _core.Graph(open_runtime(), str(graph), prepared=str(changed), threads=1)


def test_weights_that_are_no_file_are_refused(graph: Path) -> None:
    weights_of(graph).unlink()
    with pytest.raises(ModelError, match="are missing: fetch the bundle again"):
        _core.weight_files(str(graph))
    weights_of(graph).mkdir()
    with pytest.raises(ModelError, match="are no regular file"):
        _core.weight_files(str(graph))
    if hasattr(os, "mkfifo"):
        weights_of(graph).rmdir()
        os.mkfifo(weights_of(graph))
        with pytest.raises(ModelError, match="are no regular file"):
            _core.weight_files(str(graph))


def test_weights_anywhere_in_the_bundle_are_loaded(graph: Path) -> None:
    """Also where links lead to them, or to graph and weights alike."""
    bundle = graph.parents[1]
    (bundle / "data").mkdir()
    moved = weights_of(graph).rename(bundle / "data" / "weights")
    name_weights(graph, "./../data/weights")
    assert _core.weight_files(str(graph)) == {"./../data/weights": str(moved.resolve())}
    Engine(bundle, threads=1, prepare=False).close()
    (bundle / "onnx" / "linked").symlink_to("../data/weights")
    name_weights(graph, "linked")
    Engine(bundle, threads=1, prepare=False).close()

    links = bundle.parent / "links"
    for file in bundle.rglob("*"):
        if file.is_file():
            (links / file.relative_to(bundle)).parent.mkdir(parents=True, exist_ok=True)
            (links / file.relative_to(bundle)).symlink_to(file)
    name_weights(graph, "embed_tokens.onnx_data")
    assert list(_core.weight_files(str(links / "onnx" / "language_model.onnx"))) == ["embed_tokens.onnx_data"]


@pytest.mark.parametrize("name", ["language_model.onnx", "language_model.onnx_data"])
def test_a_cached_file_stays_in_its_repository_or_the_shared_store(
    bundle_of: BundleOf, tmp_path: Path, name: str
) -> None:
    snapshot = lay_out(bundle_of(), tmp_path / "hub", "all shared")
    foreign = lay_out(bundle_of(), tmp_path / "hub", "own", "models--some--other")
    link = snapshot / "onnx" / name
    graph = snapshot / "onnx" / "language_model.onnx"
    for target in (own_blobs(foreign)[0], foreign / "onnx" / name, tmp_path / "hub" / "secret"):
        (tmp_path / "hub" / "secret").write_bytes(b"not yours")
        link.unlink()
        link.symlink_to(target)
        with pytest.raises(ModelError, match="outside the blobs of its repository and of the cache"):
            _core.weight_files(str(graph))
    link.unlink()
    shutil.copyfile(foreign / "onnx" / name, link)  # as on systems without links
    assert len(_core.weight_files(str(graph))) == 1
    assert snapshot.name == COMMIT


SEGMENTS = ("..", ".", "onnx", "inward", "outward", "out", "weights", "", "\\", "secret", "é", "a" * 300)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(segments=st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=6), rooted=st.booleans())
def test_whatever_a_location_says_it_ends_in_the_bundle_or_in_an_error(
    tmp_path: Path, segments: list[str], rooted: bool
) -> None:
    bundle = tmp_path / "bundle"
    graph = bundle / "onnx" / "a.onnx"
    if not graph.parent.exists():
        graph.parent.mkdir(parents=True)
        for name in ("secret", "bundle/weights", "bundle/onnx/weights"):
            (tmp_path / name).write_bytes(b"")
        (graph.parent / "inward").symlink_to("..")
        (graph.parent / "outward").symlink_to("../..")
        (graph.parent / "out").symlink_to("../../secret")
    location = "/".join(["", *segments] if rooted else segments)
    tensor = onnx.TensorProto(name="w", data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    model = onnx.ModelProto(graph=onnx.GraphProto(initializer=[tensor]))
    graph.write_bytes(model.SerializeToString())
    try:
        found = _core.weight_files(str(graph))
    except ModelError as error:
        assert str(graph) in str(error) or str(graph.parent) in str(error)
    else:
        assert found == {location: str((graph.parent / location).resolve())}
        assert Path(found[location]).is_relative_to(bundle.resolve())
        assert not location.startswith("/")

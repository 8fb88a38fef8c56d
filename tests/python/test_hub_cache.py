"""The cache of downloaded bundles, work offline, and what a model's name may be."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hublayout import share
from hubserver import HubServer
from loquor.bundle import catalog, hub
from loquor.bundle.hub_cache import cache_folder, remove_cached
from loquor.errors import DownloadError, InvalidInputError, ModelError
from tinyhub import TINY, WEIGHTS, entry, environment, serving_tiny, wanted


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving_tiny(tmp_path / "home", monkeypatch) as running:
        yield running


# --- The cache ---


@pytest.mark.parametrize("way", ["argument", "variable"])
def test_offline_uses_a_warm_cache_and_names_what_a_cold_one_lacks(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "variable":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DownloadError, match=f"offline.*tokenizer.json.*{WEIGHTS}.*HF_HUB_OFFLINE"):
        hub.resolve("tiny", local_files_only=way == "argument")
    with pytest.raises(DownloadError, match=r"offline.*never downloaded here"):
        hub.resolve(f"{TINY}@main", local_files_only=way == "argument")
    assert server.log == []

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    folder = hub.download("tiny")
    server.log.clear()
    if way == "variable":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub.resolve("tiny", local_files_only=way == "argument") == folder
    assert server.log == []


def test_what_another_program_fetched_is_used_offline(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the hub's own command: blobs, snapshot and reference, and no listing of ours."""
    folder = hub.download(f"{TINY}@main")
    shutil.rmtree(cache_folder().parent / "loquor" / "listings")
    reference = folder.parents[1] / "refs" / "main"
    reference.parent.mkdir(exist_ok=True)
    reference.write_text(folder.name, encoding="ascii")
    server.log.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub.resolve(f"{TINY}@main") == folder
    with pytest.raises(DownloadError, match="never downloaded here"):
        hub.resolve(f"{TINY}@another")
    assert server.log == []


def test_force_and_offline_contradict(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(InvalidInputError, match="force needs the network"):
        hub.download("tiny", force=True)


def test_damage_in_the_cache_is_found_offline_and_healed_online(server: HubServer) -> None:
    folder = hub.download("tiny")
    good = server.repos[TINY].files[WEIGHTS]
    (folder / WEIGHTS).resolve().write_bytes(bytes(len(good)))

    with pytest.raises(DownloadError, match=f"{WEIGHTS}.*damaged.*sha256"):
        hub.resolve("tiny", local_files_only=True)
    assert hub.resolve("tiny") == folder
    assert (folder / WEIGHTS).read_bytes() == good


def own_blob(folder: Path, path: str) -> Path:
    """The repository's own blob behind a file of a snapshot; it may be a link itself."""
    link = folder / path
    return link.parent / link.readlink()


def test_damage_in_a_shared_blob_is_healed_and_the_blob_left_to_the_others(server: HubServer) -> None:
    folder = hub.download("tiny")
    cache = folder.parents[2]
    good = server.repos[TINY].files[WEIGHTS]
    shared = share(own_blob(folder, WEIGHTS), cache)
    other = cache / "models--some--other" / "blobs" / "weights"
    other.parent.mkdir(parents=True)
    shutil.copyfile(shared, other)
    assert share(other, cache) == shared
    shared.chmod(0o600)
    shared.write_bytes(bytes(len(good)))

    with pytest.raises(DownloadError, match=f"{WEIGHTS}.*damaged.*sha256"):
        hub.resolve("tiny", local_files_only=True)
    assert hub.resolve("tiny") == folder
    assert (folder / WEIGHTS).read_bytes() == good
    assert other.resolve() == shared  # by Xet, which this server lacks, it gets the good bytes as well
    assert hub.resolve("tiny", local_files_only=True) == folder


def test_a_shared_bundle_needs_no_network(server: HubServer) -> None:
    folder = hub.download("tiny")
    for path in wanted(server.repos[TINY].files):
        share(own_blob(folder, path), folder.parents[2])
    server.log.clear()
    assert hub.resolve("tiny") == hub.resolve("tiny", local_files_only=True) == folder
    assert server.log == []


def test_a_shared_blob_is_removed_with_its_last_link(server: HubServer) -> None:
    folder = hub.download("tiny")
    cache = folder.parents[2]
    shared = share(own_blob(folder, WEIGHTS), cache)
    other = cache / "models--some--other" / "snapshots" / "x" / "weights"
    blob = other.parents[2] / "blobs" / "weights"
    for path in (other, blob):
        path.parent.mkdir(parents=True)
    shutil.copyfile(shared, blob)
    share(blob, cache)
    other.symlink_to("../../blobs/weights")

    mine = own_blob(folder, WEIGHTS)
    remove_cached(folder / WEIGHTS)
    assert not (folder / WEIGHTS).is_symlink() and not mine.is_symlink()
    assert other.read_bytes() == server.repos[TINY].files[WEIGHTS]
    remove_cached(other)
    assert not blob.is_symlink() and not shared.exists()


@pytest.mark.parametrize("place", ["other repository", "outside"])
def test_a_link_that_leads_elsewhere_is_refused_and_what_it_leads_to_is_left(
    server: HubServer, tmp_path: Path, place: str
) -> None:
    folder = hub.download("tiny")
    good = server.repos[TINY].files[WEIGHTS]
    foreign = (
        folder.parents[2] / "models--some--other" / "blobs" / "x" if place != "outside" else tmp_path / "x"
    )
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_bytes(good)  # the right bytes today; nobody vouches for tomorrow's
    for link in (folder / WEIGHTS, own_blob(folder, WEIGHTS)):
        blob = own_blob(folder, WEIGHTS)
        link.unlink()
        link.symlink_to(foreign)
        with pytest.raises(DownloadError, match=r"is a link to .*, outside the blobs of its repository"):
            hub.resolve("tiny", local_files_only=True)
        assert hub.resolve("tiny") == folder
        assert foreign.read_bytes() == good
        assert own_blob(folder, WEIGHTS) == blob and not blob.is_symlink()


def test_a_damaged_note_costs_only_a_second_look(server: HubServer, tmp_path: Path) -> None:
    folder = hub.download("tiny")
    note = tmp_path / "home/loquor/verified.json"
    noted = json.loads(note.read_text())
    assert set(noted) == {str((folder / path).resolve()) for path in wanted(server.repos[TINY].files)}
    for broken in ("", "[1]", '{"cut": '):
        note.write_text(broken)
        server.log.clear()
        assert hub.resolve("tiny") == folder
        assert server.log == [] and json.loads(note.read_text()) == noted


def test_a_cache_that_cannot_be_written_says_so(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file" / "home"))

    with pytest.raises(DownloadError, match=r"cannot use the cache .*point HF_HOME"):
        hub.download("tiny")
    assert server.log == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_says_so(server: HubServer, tmp_path: Path) -> None:
    (tmp_path / "home/hub").mkdir(parents=True)
    (tmp_path / "home/hub").chmod(0o500)

    with pytest.raises(DownloadError, match="point HF_HOME"):
        hub.download("tiny")


def test_notes_that_cannot_be_written_do_no_harm(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "home").write_bytes(b"")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))

    folder = hub.download("tiny")
    assert hub.resolve("tiny", local_files_only=True) == folder


def test_too_little_room_is_found_before_the_download(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 21_000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)

    with pytest.raises(DownloadError, match=r"needs 0 MB more.*free some space"):
        hub.download("tiny")
    assert server.log == []


@pytest.mark.parametrize(
    ("code", "remedy"),
    [(errno.ENOSPC, "is full; free some space"), (errno.EACCES, "cannot write to the cache")],
)
def test_a_disk_that_refuses_in_the_middle(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("loquor.bundle.hub_fetch.get", refuse)

    with pytest.raises(DownloadError, match=f"{remedy}.*HF_HOME"):
        hub.download("tiny")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CACHE_HOME": "/x/cache"},
        {"HF_HOME": "~/hf"},
        {"HF_HOME": "/x/hf", "HF_HUB_CACHE": "$HOME/hub"},
        {"HUGGINGFACE_HUB_CACHE": "/x/old", "HF_HOME": "/x/hf"},
    ],
)
def test_the_cache_is_where_the_hub_library_keeps_it(variables: dict[str, str]) -> None:
    program = (
        "from huggingface_hub.constants import HF_HUB_CACHE\n"
        "from loquor.bundle.hub_cache import cache_folder\n"
        "print(HF_HUB_CACHE, cache_folder(), sep='\\n')"
    )
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "XDG"))
    }
    environment = {**clean, **variables, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    theirs, ours = subprocess.check_output(
        [sys.executable, "-c", program], text=True, env=environment
    ).split()
    assert Path(ours) == Path(theirs)


def test_importing_is_light() -> None:
    program = "import sys, loquor.bundle.hub; print(*({'huggingface_hub', 'tqdm'} & set(sys.modules)))"
    assert (
        subprocess.check_output([sys.executable, "-c", program], text=True, env=environment()).split() == []
    )


# --- Names ---


def test_a_folder_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundle/onnx").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert hub.resolve(tmp_path / "bundle") == tmp_path / "bundle"
    assert hub.resolve("bundle") == Path("bundle")
    assert hub.download("./bundle") == Path("bundle")


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("bundle/onnx", "contains no onnx/.*give the folder above it"),
        ("empty", "contains no onnx/.*give the folder that contains onnx/"),
        ("bundle/onnx/language_model.onnx", "is a file"),
        ("nowhere/at/all", "there is no folder"),
        ("./nowhere", "there is no folder"),
    ],
)
def test_a_path_that_is_no_bundle_says_what_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, seen: str
) -> None:
    (tmp_path / "bundle/onnx").mkdir(parents=True)
    (tmp_path / "bundle/onnx/language_model.onnx").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ModelError, match=seen):
        hub.resolve(path)


def test_the_built_in_model_needs_no_hub(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "loquor"
    monkeypatch.setattr(hub, "__file__", str(package / "bundle" / "hub.py"))
    with pytest.raises(ModelError, match="mini is not there"):
        hub.resolve("mini")

    (package / "mini/onnx").mkdir(parents=True)
    assert hub.resolve("mini") == hub.download("mini") == package / "mini"
    assert server.log == []
    with pytest.raises(InvalidInputError, match="no revision"):
        hub.resolve("mini@main")


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("trubo", "did you mean turbo"),
        ("Turbo", "did you mean turbo"),
        ("", "give one of"),
        ("zzz", "give one of"),
    ],
)
def test_an_unknown_name_brings_close_ones_and_the_list(name: str, guess: str) -> None:
    with pytest.raises(InvalidInputError, match=f"there is no model '{name}'.*{guess}") as caught:
        hub.resolve(name)
    assert all(known in str(caught.value) for known in catalog.CATALOG)


def test_a_revision_is_given_once_and_only_to_the_hub(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    with pytest.raises(InvalidInputError, match="disagree"):
        hub.resolve("turbo@main", revision="v2")
    with pytest.raises(InvalidInputError, match="has no revision"):
        hub.resolve(tmp_path, revision="main")


def test_a_precision_that_is_not_on_offer_is_refused_before_any_request(server: HubServer) -> None:
    with pytest.raises(
        InvalidInputError, match=r"tiny has no speech_encoder of dtype fp16.*speech_encoder: q4 fp32"
    ):
        hub.download("tiny", dtype="fp16")
    assert server.log == []


def test_a_repository_without_the_four_graphs_is_no_bundle(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(catalog.CATALOG, "tiny")
    files = server.repos[TINY].files
    for path in [path for path in files if "conditional_decoder" in path]:
        del files[path]

    with pytest.raises(ModelError, match=r"not a four-graph bundle.*onnx/conditional_decoder"):
        hub.download(TINY)


# --- ONNX Runtime on the cache's links ---


def test_onnx_runtime_reads_external_weights_through_the_links(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer runtimes refuse weights outside the model's folder; the cache's are links to blobs elsewhere."""
    numpy, onnx, runtime = (pytest.importorskip(name) for name in ("numpy", "onnx", "onnxruntime"))
    weights = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [value("x", onnx.TensorProto.FLOAT, [1, 2])],
        [value("y", onnx.TensorProto.FLOAT, [1, 3])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    made = tmp_path / "made/language_model_q4.onnx"
    made.parent.mkdir()
    onnx.save(model, made, save_as_external_data=True, location=f"{made.name}_data", size_threshold=0)
    files = server.repos[TINY].files
    for path in made.parent.iterdir():
        files[f"onnx/{path.name}"] = path.read_bytes()
    monkeypatch.setitem(catalog.CATALOG, "tiny", entry(files))

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).is_symlink() and len(files[WEIGHTS]) >= weights.nbytes
    session = runtime.InferenceSession(
        str(folder / "onnx/language_model_q4.onnx"), providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {"x": numpy.ones((1, 2), numpy.float32)})
    assert (result == weights.sum(axis=0)).all()

"""Downloading bundles from a real HTTP server on this machine, also when it fails."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from hubserver import HubServer
from loquor.bundle import catalog, hub, hub_cache
from loquor.errors import DownloadError
from tinyhub import COMMIT, TINY, WEIGHTS, contents, serving_tiny, wanted


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving_tiny(tmp_path / "home", monkeypatch) as running:
        yield running


@pytest.fixture
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: the pauses between retries are not what these tests are about."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


# --- A download that goes well ---


def test_only_the_asked_files_are_fetched_and_each_once(server: HubServer) -> None:
    folder = hub.download("tiny")

    files = server.repos[TINY].files
    assert contents(folder) == {path: files[path] for path in wanted(files)}
    assert sorted(one.path for one in server.requests("GET")) == sorted(wanted(files))


def test_the_folder_is_a_snapshot_of_links_into_blobs(server: HubServer, tmp_path: Path) -> None:
    folder = hub.download("tiny")

    repo = tmp_path / "home/hub/models--someone--tiny-ONNX"
    assert folder == repo / "snapshots" / COMMIT
    weights = folder / WEIGHTS
    assert weights.is_symlink()
    assert weights.resolve() == repo / "blobs" / sha256(server.repos[TINY].files[WEIGHTS]).hexdigest()


def test_a_second_call_makes_no_request_and_hashes_nothing(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hub.download("tiny")
    server.log.clear()
    monkeypatch.setattr(hub_cache, "sha256_of", lambda path: pytest.fail(f"{path} was hashed again"))

    assert hub.resolve("tiny") == folder
    assert hub.resolve(TINY) == folder
    assert hub.resolve(f"tiny@{COMMIT}", local_files_only=True) == folder
    assert server.log == []


def test_another_precision_adds_only_its_own_graphs(server: HubServer) -> None:
    hub.download("tiny")
    server.log.clear()

    hub.download("tiny", dtype="language_model=q4,conditional_decoder=fp32")

    new = {"onnx/conditional_decoder.onnx", "onnx/conditional_decoder.onnx_data"}
    assert {one.path for one in server.log} == new


def test_force_fetches_everything_again(server: HubServer) -> None:
    folder = hub.download("tiny")
    server.log.clear()

    assert hub.download("tiny", force=True) == folder
    assert {one.path for one in server.requests("GET")} == wanted(server.repos[TINY].files)


@pytest.mark.parametrize("progress", [True, False])
def test_the_bar_appears_only_when_asked_for(
    server: HubServer, capsys: pytest.CaptureFixture[str], progress: bool
) -> None:
    hub.download("tiny", progress=progress)

    shown = capsys.readouterr()
    assert shown.out == ""
    if progress:
        files = server.repos[TINY].files
        total = sum(len(files[path]) for path in wanted(files)) / 1000
        assert re.search(rf"tiny: 100%.*{total:.1f}k/{total:.1f}k", shown.err)
    else:
        assert shown.err == ""


def test_an_uncatalogued_repository_is_listed_then_fetched(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(catalog.CATALOG, "tiny")
    files = server.repos[TINY].files

    folder = hub.download(TINY, dtype="fp32")

    assert set(contents(folder)) == wanted(files, suffix="_fp32") | {
        path for path in files if path.startswith("onnx/") and "_q4" not in path
    }
    server.log.clear()
    assert hub.resolve(TINY, dtype="fp32") == folder
    moved = f"/api/models/{TINY}/revision/main"  # has main moved?
    server.wait_for("GET", moved)
    assert [one.path for one in server.log] == [moved]
    server.log.clear()
    assert hub.resolve(TINY, dtype="fp32", local_files_only=True) == folder
    assert server.log == []


def test_a_commit_of_an_uncatalogued_repository_is_asked_about_once(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(catalog.CATALOG, "tiny")
    folder = hub.download(f"{TINY}@{COMMIT}")
    server.log.clear()

    assert hub.resolve(TINY, revision=COMMIT) == folder
    assert server.log == []


# --- Faults of the network and the server ---


def test_a_corrupted_file_is_thrown_away_and_fetched_again(server: HubServer) -> None:
    server.fault(WEIGHTS, "corrupt")

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).read_bytes() == server.repos[TINY].files[WEIGHTS]
    assert len(server.requests("GET", WEIGHTS)) == 2


def test_a_file_that_stays_corrupted_is_an_error_and_leaves_nothing(
    server: HubServer, tmp_path: Path
) -> None:
    server.fault(WEIGHTS, "corrupt", times=99)
    good = server.repos[TINY].files[WEIGHTS]
    bad = good[:-1] + bytes([good[-1] ^ 1])

    with pytest.raises(DownloadError) as caught:
        hub.download("tiny")

    text = str(caught.value)
    assert WEIGHTS in text and sha256(good).hexdigest() in text and sha256(bad).hexdigest() in text
    assert len(server.requests("GET", WEIGHTS)) == 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == bad]
    assert Path(WEIGHTS).name not in {path.name for path in tmp_path.rglob("*")}
    with pytest.raises(DownloadError, match=re.escape(WEIGHTS)):
        hub.resolve("tiny", local_files_only=True)


def test_a_file_of_the_wrong_size_is_refused_before_it_is_hashed(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = server.repos[TINY].files[WEIGHTS]
    server.repos[TINY].files[WEIGHTS] = good + b"!"  # consistent with itself, but not what was published
    hashed: list[bytes] = []
    sha = hub_cache.sha256_of
    monkeypatch.setattr(hub_cache, "sha256_of", lambda path: [hashed.append(path.read_bytes()), sha(path)][1])

    with pytest.raises(DownloadError, match="expected 5000 bytes, got 5001"):
        hub.download("tiny")

    assert hashed and good + b"!" not in hashed


def test_a_truncated_file_is_fetched_again(server: HubServer, no_delays: None) -> None:
    server.fault(WEIGHTS, "short")

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).read_bytes() == server.repos[TINY].files[WEIGHTS]


def test_a_file_that_stays_truncated_is_an_error(server: HubServer, no_delays: None) -> None:
    server.fault(WEIGHTS, "short", times=99)

    with pytest.raises(DownloadError, match=f"{WEIGHTS}.*did not deliver.*5000.*2500"):
        hub.download("tiny")
    with pytest.raises(DownloadError, match="offline"):
        hub.resolve("tiny", local_files_only=True)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_server_that_stumbles_once_is_asked_again(server: HubServer, no_delays: None, method: str) -> None:
    server.fault(WEIGHTS, "error", method=method)

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).read_bytes() == server.repos[TINY].files[WEIGHTS]
    assert [one.status for one in server.requests(method, WEIGHTS)].count(500) == 1


def test_a_listing_that_fails_once_is_asked_again(
    server: HubServer, no_delays: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(catalog.CATALOG, "tiny")
    listing = f"/api/models/{TINY}/revision/main"
    server.fault(listing, "error")

    hub.download(TINY)

    assert [one.status for one in server.requests("GET", listing)] == [500, 200]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_broken_server_is_an_error_with_a_remedy(server: HubServer, no_delays: None, method: str) -> None:
    server.fault(WEIGHTS, "error", times=99, method=method)

    with pytest.raises(DownloadError, match=f"{WEIGHTS} of tiny.*HTTP 500.*HF_ENDPOINT"):
        hub.download("tiny")


def test_no_server_is_an_error_with_a_remedy(
    server: HubServer, no_delays: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens

    with pytest.raises(
        DownloadError, match=r"127\.0\.0\.1:9 did not deliver \(Connect\w*Error.*HF_HUB_OFFLINE"
    ):
        hub.download("tiny")


def test_a_file_missing_on_the_hub_is_named(server: HubServer) -> None:
    del server.repos[TINY].files[WEIGHTS]

    with pytest.raises(DownloadError, match=f"{WEIGHTS} of tiny: .*no such file.*404"):
        hub.download("tiny")


@pytest.mark.parametrize("pinned", [True, False])
def test_an_unknown_revision_is_named(server: HubServer, pinned: bool) -> None:
    server.repos[TINY].commit = "f" * 40
    wrong = "tiny" if pinned else f"{TINY}@v9"

    with pytest.raises(DownloadError, match=f"has no revision {COMMIT if pinned else 'v9'}"):
        hub.download(wrong)


def test_an_answer_for_another_commit_is_not_taken(server: HubServer) -> None:
    server.repos[TINY].commit = "f" * 40
    server.repos[TINY].branches = (COMMIT,)

    with pytest.raises(DownloadError, match=f"another commit than {COMMIT}"):
        hub.download("tiny")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("RepoNotFound", "is private.*HF_TOKEN"), ("GatedRepo", "accept its terms.*HF_TOKEN")],
)
@pytest.mark.parametrize("model", ["tiny", f"{TINY}@main"])
def test_a_repository_behind_a_door_says_how_to_enter(
    server: HubServer, model: str, code: str, remedy: str
) -> None:
    server.repos[TINY].denied = code

    with pytest.raises(DownloadError, match=remedy):
        hub.download(model)

"""What a hub lists: believed only if it can be a list of files, and held against what arrives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hubserver import HubServer
from loquor.bundle import catalog, hub
from loquor.errors import DownloadError, InvalidInputError
from tinyhub import COMMIT, TINY, WEIGHTS, serving_tiny

Listing = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The hub with a repository that the catalogue does not know."""
    with serving_tiny(tmp_path / "home", monkeypatch) as running:
        monkeypatch.delitem(catalog.CATALOG, "tiny")
        yield running


def listing(files: dict[str, bytes]) -> Listing:
    """The least that a listing has."""
    return {"sha": COMMIT, "siblings": [{"rfilename": path, "size": len(files[path])} for path in files]}


def change(key: str, value: object) -> Callable[[Listing], object]:
    return lambda made: made["siblings"][3].__setitem__(key, value)


MALFORMED: dict[str, Callable[[Listing], object]] = {
    "no siblings": lambda made: made.pop("siblings"),
    "siblings null": lambda made: made.__setitem__("siblings", None),
    "siblings a number": lambda made: made.__setitem__("siblings", 7),
    "siblings an object": lambda made: made.__setitem__("siblings", {"a": 1}),
    "siblings of text": lambda made: made.__setitem__("siblings", ["config.json"]),
    "sha a number": lambda made: made.__setitem__("sha", 7),
    "sha a path": lambda made: made.__setitem__("sha", "../../elsewhere"),
    "sha a list": lambda made: made.__setitem__("sha", [[]]),
    "no name": lambda made: made["siblings"][3].pop("rfilename"),
    "name a number": change("rfilename", 3),
    "name empty": change("rfilename", ""),
    "name upwards": change("rfilename", "../config.json"),
    "name upwards inside": change("rfilename", "onnx/../../config.json"),
    "name absolute": change("rfilename", "/config.json"),
    "name of a drive": change("rfilename", "C:config.json"),
    "name with a backslash": change("rfilename", "..\\config.json"),
    "name with a null": change("rfilename", "con\0fig.json"),
    "name long": change("rfilename", "a" * 2000),
    "name twice": change("rfilename", "config.json"),
    "size text": change("size", "12"),
    "size negative": change("size", -1),
    "size a fraction": change("size", 1.5),
    "size true": change("size", True),
    "size endless": change("size", 10**30),
    "hash a number": change("blobId", 7),
    "hash short": change("blobId", "abc"),
    "hash a path": change("blobId", "../" * 13 + "a"),
    "lfs text": change("lfs", "yes"),
    "lfs hash a list": change("lfs", {"sha256": [], "size": 3}),
    "lfs hash upper case": change("lfs", {"sha256": "A" * 64, "size": 3}),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_listing_is_an_error_and_not_remembered(
    server: HubServer, tmp_path: Path, kind: str
) -> None:
    repo = server.repos[TINY]
    made = listing(repo.files)
    MALFORMED[kind](made)
    repo.listing = json.dumps(made).encode()

    with pytest.raises(
        DownloadError, match=f"list of files of {TINY}.* cannot be used: .*HF_ENDPOINT"
    ) as caught:
        hub.download(TINY)

    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    repo.listing = None
    hub.download(TINY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'{"sha": ',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b" " * (17 << 20),
    ],
    ids=["empty", "null", "list", "number", "cut", "no text", "deep", "deeper", "long"],
)
def test_what_is_no_listing_at_all(server: HubServer, content: bytes) -> None:
    server.repos[TINY].listing = content
    with pytest.raises(DownloadError, match=r"list of files.*cannot be used"):
        hub.download(TINY)


def test_a_listing_without_sizes_and_hashes_will_do(server: HubServer) -> None:
    repo = server.repos[TINY]
    made = listing(repo.files)
    for sibling in made["siblings"]:
        del sibling["size"]
    repo.listing = json.dumps(made).encode()
    folder = hub.download(TINY)
    assert (folder / WEIGHTS).read_bytes() == repo.files[WEIGHTS]


def test_a_listing_of_another_commit_is_refused(server: HubServer) -> None:
    server.repos[TINY].listing = json.dumps({**listing(server.repos[TINY].files), "sha": "f" * 40}).encode()
    with pytest.raises(DownloadError, match=f"another commit, {'f' * 40}"):
        hub.download(f"{TINY}@{COMMIT}")


@pytest.mark.parametrize("broken", ["", "[]", '{"commit": 7}', '{"commit": "x", "files": [7]}'])
def test_a_damaged_note_of_a_listing_is_asked_for_again(
    server: HubServer, tmp_path: Path, broken: str
) -> None:
    folder = hub.download(f"{TINY}@{COMMIT}")
    (note,) = (tmp_path / "home/loquor/listings").iterdir()
    kept = note.read_text()
    note.write_text(broken)
    assert hub.resolve(f"{TINY}@{COMMIT}", local_files_only=True) == folder  # what is there must do
    assert note.read_text() == broken
    assert hub.resolve(f"{TINY}@{COMMIT}") == folder
    assert note.read_text() == kept


# --- Held against what arrives ---


def test_a_small_file_is_held_against_the_listing(server: HubServer) -> None:
    server.fault("tokenizer.json", "corrupt")
    folder = hub.download(TINY)
    assert (folder / "tokenizer.json").read_bytes() == server.repos[TINY].files["tokenizer.json"]
    assert len(server.requests("GET", "tokenizer.json")) == 2


def test_a_small_file_that_stays_wrong_is_an_error(server: HubServer, tmp_path: Path) -> None:
    server.fault("tokenizer.json", "corrupt", times=99)
    with pytest.raises(DownloadError, match=r"tokenizer\.json.*other than published, twice \(.* Git id"):
        hub.download(TINY)
    assert not list(tmp_path.rglob("tokenizer.json"))


@pytest.mark.parametrize("known", [True, False])
def test_a_small_file_that_was_damaged_in_the_cache_is_noticed(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Also where the catalogue knows no hash: the hub names the blob by one."""
    if known:
        facts = catalog.BundleFile
        files = tuple(facts(path, len(content)) for path, content in server.repos[TINY].files.items())
        monkeypatch.setitem(
            catalog.CATALOG, "tiny", catalog.CatalogEntry("tiny", "", "MIT", True, "hub", TINY, COMMIT, files)
        )
    folder = hub.download(TINY)
    good = server.repos[TINY].files["config.json"]
    (folder / "config.json").resolve().write_bytes(good[:-1] + b" ")
    with pytest.raises(DownloadError, match=r"config\.json.*damaged in the cache.*expected Git id"):
        hub.resolve(TINY, local_files_only=True)
    assert hub.resolve(TINY) == folder
    assert (folder / "config.json").read_bytes() == good


@pytest.mark.parametrize("tag", ["../../outside", "", "a/b"])
def test_an_etag_that_is_no_file_name_is_refused(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    monkeypatch.setattr("hubserver._git_id", lambda content: tag)
    server.repos[TINY].listing = json.dumps(listing(server.repos[TINY].files)).encode()
    with pytest.raises(DownloadError, match="without a usable ETag"):
        hub.download(TINY)


# --- Precision ---


@pytest.mark.parametrize("dtype", ["fp33", "q4,decoder=fp32", "q4;q8", "language_model="])
def test_a_precision_that_cannot_be_meant_makes_no_request(server: HubServer, dtype: str) -> None:
    with pytest.raises(InvalidInputError, match="dtype"):
        hub.download(TINY, dtype=dtype)
    assert server.log == []


def test_a_precision_that_is_not_on_offer_fetches_nothing(server: HubServer) -> None:
    with pytest.raises(InvalidInputError, match="has no speech_encoder of dtype fp16"):
        hub.download(TINY, dtype="fp16")
    assert [one.path for one in server.log] == [f"/api/models/{TINY}/revision/main"]

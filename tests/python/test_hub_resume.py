"""Downloads that are interrupted go on where they were; processes share them; nothing is left behind."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from hubserver import HubServer
from loquor.bundle import catalog, hub
from loquor.errors import DownloadError
from tinyhub import COMMIT, TINY, WEIGHTS, contents, entry, environment, serving_tiny, wanted

_HALF = 3 << 19  # bytes of the weights that come before a fault


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The tiny hub, with weights of 3 MiB."""
    with serving_tiny(tmp_path / "home", monkeypatch) as running:
        files = running.repos[TINY].files
        files[WEIGHTS] = random.Random(2).randbytes(2 * _HALF)
        monkeypatch.setitem(catalog.CATALOG, "tiny", entry(files))
        yield running


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    return tmp_path / "home/hub/models--someone--tiny-ONNX/blobs"


@pytest.fixture
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: the pauses between retries are not what these tests are about."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def _partial(server: HubServer, blobs: Path) -> Path:
    return blobs / f"{sha256(server.repos[TINY].files[WEIGHTS]).hexdigest()}.incomplete"


def _wait_for_size(path: Path, size: int) -> None:
    for _ in range(2000):
        if path.exists() and path.stat().st_size >= size:
            return
        time.sleep(0.01)
    raise TimeoutError(f"{path} did not grow to {size} bytes")


def _child(action: str, known: catalog.CatalogEntry) -> subprocess.Popen[str]:
    """Another process that knows the catalogue entry "tiny" and runs `action`."""
    facts = json.dumps([[file.path, file.size, file.sha256] for file in known.files])
    program = f"""
import json, sys
from loquor.bundle import catalog, hub
files = tuple(catalog.BundleFile(*facts) for facts in json.loads(sys.argv[1]))
catalog.CATALOG["tiny"] = catalog.CatalogEntry("tiny", "", "MIT", True, "hub", {TINY!r}, {COMMIT!r}, files)
{action}
"""
    return subprocess.Popen(
        [sys.executable, "-c", program, facts],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


# --- Ended in the middle ---


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_download_goes_on_where_it_was(
    server: HubServer, blobs: Path, blow: signal.Signals
) -> None:
    server.fault(WEIGHTS, "stall")
    with _child('hub.download("tiny")', catalog.CATALOG["tiny"]) as child:
        server.wait_for("GET", WEIGHTS)
        _wait_for_size(_partial(server, blobs), _HALF)
        child.send_signal(blow)
        child.communicate(timeout=20)
        assert child.returncode != 0
    server.released.set()

    with pytest.raises(DownloadError, match=re.escape(WEIGHTS)):
        hub.resolve("tiny", local_files_only=True)

    before = {one.path for one in server.requests("GET")} - {WEIGHTS}
    assert before
    folder = hub.download("tiny")
    files = server.repos[TINY].files
    assert contents(folder) == {path: files[path] for path in wanted(files)}
    assert all(len(server.requests("GET", path)) == 1 for path in before)
    assert [one.range for one in server.requests("GET", WEIGHTS)] == [None, f"bytes={_HALF}-"]
    assert not list(blobs.glob("*.incomplete"))


def test_a_cut_connection_resumes_where_it_broke(server: HubServer, no_delays: None) -> None:
    server.fault(WEIGHTS, "cut")

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).read_bytes() == server.repos[TINY].files[WEIGHTS]
    assert [one.range for one in server.requests("GET", WEIGHTS)] == [None, f"bytes={_HALF}-"]


def test_a_connection_that_brings_nothing_is_given_up_and_what_came_kept(
    server: HubServer, blobs: Path, no_delays: None
) -> None:
    server.fault(WEIGHTS, "cut")
    server.fault(WEIGHTS, "error", times=99)

    with pytest.raises(DownloadError, match=f"{WEIGHTS} of tiny.*HTTP 500"):
        hub.download("tiny")

    assert _partial(server, blobs).stat().st_size == _HALF
    assert len(server.requests("GET", WEIGHTS)) == 1 + 5


@pytest.mark.parametrize("kind", ["another", "too much", "all of it", "none of it"])
def test_what_lies_there_is_believed_only_when_it_is_right(
    server: HubServer, blobs: Path, kind: str, no_delays: None
) -> None:
    good = server.repos[TINY].files[WEIGHTS]
    there = {"another": bytes(1000), "too much": good + b"!", "all of it": good, "none of it": b""}[kind]
    blobs.mkdir(parents=True)
    _partial(server, blobs).write_bytes(there)

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).read_bytes() == good
    assert [one.range for one in server.requests("GET", WEIGHTS)] == {
        "another": ["bytes=1000-", None],
        "too much": [None],
        "all of it": [],
        "none of it": [None],
    }[kind]
    assert not list(blobs.glob("*.incomplete"))


@pytest.mark.parametrize("kind", ["no ranges", "unsatisfiable"])
def test_a_server_that_does_not_go_on_is_taken_from_the_beginning(
    server: HubServer, blobs: Path, kind: str
) -> None:
    good = server.repos[TINY].files[WEIGHTS]
    blobs.mkdir(parents=True)
    _partial(server, blobs).write_bytes(good[:1000])
    server.fault(WEIGHTS, kind)

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).read_bytes() == good


def test_the_bar_counts_what_was_there(
    server: HubServer, blobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = server.repos[TINY].files
    blobs.mkdir(parents=True)
    _partial(server, blobs).write_bytes(files[WEIGHTS][:_HALF])

    hub.download("tiny", progress=True)

    total = sum(len(files[path]) for path in wanted(files)) / 1e6
    assert re.search(rf"tiny: 100%.*{total:.2f}M/{total:.2f}M", capsys.readouterr().err)


def test_space_is_needed_only_for_the_rest(
    server: HubServer, blobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = _HALF + 50_000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(DownloadError, match="free some space"):
        hub.download("tiny")
    blobs.mkdir(parents=True)
    _partial(server, blobs).write_bytes(server.repos[TINY].files[WEIGHTS][:_HALF])
    hub.download("tiny")


def test_what_nobody_goes_on_with_is_cleared(server: HubServer, blobs: Path) -> None:
    blobs.mkdir(parents=True)
    ages = {  # days
        f"{'a' * 64}.0123abcd.incomplete": 1.1,  # of the hub's library, for one process
        f"{'b' * 64}.0123abcd.incomplete": 0.9,
        f"{'c' * 64}.incomplete": 31,
        f"{'d' * 64}.incomplete": 29,
    }
    for name, age in ages.items():
        (blobs / name).write_bytes(b"half")
        os.utime(blobs / name, (time.time() - 86_400 * age,) * 2)

    hub.download("tiny")

    assert {path.name[0] for path in blobs.glob("*.incomplete")} == {"b", "d"}


# --- Company ---


def test_two_processes_at_once_share_one_download(server: HubServer) -> None:
    server.fault(WEIGHTS, "stall")
    tiny = catalog.CATALOG["tiny"]
    action = 'print(hub.download("tiny"))'
    with _child(action, tiny) as one, _child(action, tiny) as other:
        server.wait_for("GET", WEIGHTS)
        server.wait_for("HEAD", WEIGHTS, count=2)
        server.released.set()
        outputs = [child.communicate(timeout=20) for child in (one, other)]
        assert [one.returncode, other.returncode] == [0, 0], outputs

    (folder,) = {Path(output.strip()) for output, _ in outputs}
    files = server.repos[TINY].files
    assert contents(folder) == {path: files[path] for path in wanted(files)}
    assert len(server.requests("GET", WEIGHTS)) == 1


def test_a_blob_that_another_revision_brought_is_not_fetched_again(server: HubServer) -> None:
    hub.download("tiny")
    repo = server.repos[TINY]
    repo.commit = "f" * 40
    repo.files["config.json"] = b'{"changed": 1}'
    server.log.clear()

    folder = hub.download(f"{TINY}@main")

    assert folder.name == "f" * 40
    assert [one.path for one in server.requests("GET")][1:] == ["config.json"]
    assert (folder / WEIGHTS).read_bytes() == repo.files[WEIGHTS]


def test_the_hub_library_finds_what_we_fetched_and_we_what_it_did(server: HubServer) -> None:
    from huggingface_hub import hf_hub_download

    options = {"revision": COMMIT, "cache_dir": f"{os.environ['HF_HOME']}/hub", "endpoint": server.url}
    theirs = Path(hf_hub_download(TINY, "config.json", **options))
    folder = hub.download("tiny")
    assert theirs == folder / "config.json"
    assert len(server.requests("GET", "config.json")) == 1
    server.log.clear()
    found = hf_hub_download(TINY, WEIGHTS, **options)
    assert Path(found) == folder / WEIGHTS and server.log == []


@pytest.mark.parametrize("damaged", [False, True])
def test_what_the_shared_store_holds_is_linked_to(server: HubServer, tmp_path: Path, damaged: bool) -> None:
    """Whoever downloaded the same content for another repository, by Xet."""
    shared = pytest.importorskip("huggingface_hub.utils._shared_blobs", reason="huggingface_hub < 2.0")
    cache, xet_hash = tmp_path / "home/hub", "5" * 64
    content = server.repos[TINY].files[WEIGHTS]
    theirs = cache / "models--another--repository/blobs" / sha256(content).hexdigest()
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(bytes(len(content)) if damaged else content)
    assert shared.publish_blob_to_shared_store(
        blob_path=str(theirs), xet_hash=xet_hash, cache_dir=cache, expected_size=len(content)
    )
    server.repos[TINY].xet[WEIGHTS] = xet_hash

    folder = hub.download("tiny")

    assert (folder / WEIGHTS).read_bytes() == content
    if damaged:
        assert len(server.requests("GET", WEIGHTS)) == 1
    else:
        assert server.requests("GET", WEIGHTS) == []
        assert (folder / WEIGHTS).resolve() == cache / "blobs" / xet_hash[:2] / xet_hash
    server.log.clear()
    assert hub.resolve("tiny") == folder and server.log == []


def test_a_file_system_without_links(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = hub.download("tiny")

    files = server.repos[TINY].files
    assert contents(folder) == {path: files[path] for path in wanted(files)}
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    server.log.clear()
    assert hub.resolve("tiny") == folder and server.log == []


def test_the_token_goes_to_the_hub_only(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")

    hub.download("tiny")

    asked = [one for one in server.log if one.path == WEIGHTS]
    assert [(one.method, one.status, one.token) for one in sorted(asked, key=lambda one: -one.status)] == [
        ("HEAD", 302, "Bearer hf_secret"),
        ("GET", 302, "Bearer hf_secret"),
        ("GET", 200, None),
    ]


# --- No network ---


def test_without_a_network_the_error_comes_alone_and_soon(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A door that is shut at once, counted: the hub's library would knock seven times in half a minute."""
    knocks = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def shut() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                with connection:
                    knocks.append(connection)

        threading.Thread(target=shut, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{door.getsockname()[1]}")
        command = [sys.executable, "-m", "loquor", "download", "turbo"]
        ended = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120)
    assert ended.returncode == 4 and ended.stdout == ""
    assert re.fullmatch(r"loquor: error: could not get [^\n]* did not deliver [^\n]*\n", ended.stderr)
    assert len(knocks) == 2

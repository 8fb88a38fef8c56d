"""Ray, as released, on this machine: a table on two workers of which one is killed, and Serve's replicas."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import ray
import ray.data
import soundfile
from ray import serve
from ray.exceptions import RayError

from loquor import Engine, GenerationOptions, InvalidInputError
from loquor.adapters.ray_data import speak_table
from loquor.adapters.ray_serve import speech_app

from .conftest import example

ROWS, BATCH = 32, 8
SENTENCE = "This sentence is one of many, and all of them take a while to say. "
PATIENCE = 90


@pytest.fixture(scope="session", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of this machine, with room for two workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOQUOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        for side in ("REPLICA", "HANDLE"):
            patch.setenv(f"RAY_SERVE_{side}_AUTOSCALING_METRIC_PUSH_INTERVAL_S", "0.2")
        ray.init(
            num_cpus=2,
            object_store_memory=100 << 20,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
        serve.shutdown()
        ray.shutdown()


def eventually(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    until = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > until:
            raise TimeoutError("it did not become true")
        time.sleep(0.005)
    return found


def processes(title: str) -> list[int]:
    """Workers of this cluster that call themselves so."""
    parents, titles = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            titles[int(folder.name)] = (folder / "cmdline").read_text()
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
        except OSError:  # it is gone
            continue

    def ours(process: int) -> bool:
        return process == os.getpid() or (process in parents and ours(parents[process]))

    return [process for process, text in titles.items() if re.match(title, text) and ours(process)]


# --- Ray Data ---


def table(rows: int = ROWS) -> ray.data.Dataset:
    """One block, which is cut in order."""
    items: list[dict[str, Any]] = [{"id": each, "text": f"Row {each}. {SENTENCE}"} for each in range(rows)]
    items[3]["text"] = "..."
    items[5]["text"] = None
    return ray.data.from_items(items, override_num_blocks=1)


class Watch:
    """Looks at a folder until the end: each file as it was named, and by how many inodes that name went."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inodes: dict[str, set[int]] = defaultdict(set)
        self.killed = 0
        self.there = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.005):
            for entry in os.scandir(self.folder):
                if not entry.name.startswith("."):
                    self.inodes[entry.name].add(entry.inode())
            if not self.killed and self._both_are_in_the_middle():
                self.there = len(self.inodes)
                self.killed = processes(r"ray::.*_Worker")[0]
                os.kill(self.killed, signal.SIGKILL)

    def _both_are_in_the_middle(self) -> bool:
        batches: dict[int, int] = defaultdict(int)
        for name in self.inodes:
            batches[int(name.partition(".")[0]) // BATCH] += 1
        whole = {0: BATCH - 2}  # two rows of the first are not spoken
        begun = [n for batch, n in batches.items() if n < whole.get(batch, BATCH)]
        return len(begun) == 2 and all(2 <= n <= 4 for n in begun)


def test_a_worker_that_is_killed_loses_nothing_and_nothing_is_written_twice(tmp_path: Path) -> None:
    def run() -> list[dict[str, Any]]:
        made = speak_table(
            table(), tmp_path, voice="man", engine={"slots": 1}, workers=2, rows=BATCH, cpus=0.5
        )
        return sorted(made.take_all(), key=lambda row: row["id"])

    with Watch(tmp_path) as watch:
        rows = run()
        time.sleep(0.05)  # for a last look
    assert watch.killed and watch.there < ROWS - 4
    assert [row["id"] for row in rows] == list(range(ROWS))
    assert [row["id"] for row in rows if row["error"]] == [3, 5]
    spoken = [row for row in rows if not row["error"]]
    files = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert {Path(row["path"]).name for row in spoken} == files and len(files) == ROWS - 2
    assert {name for name, inodes in watch.inodes.items() if len(inodes) > 1} == set()
    # What the killed one had written of its last rows was found by who said the rest.
    assert 2 <= sum(not row["made"] for row in spoken) <= BATCH
    for row in spoken:
        assert soundfile.info(row["path"]).duration == pytest.approx(row["seconds"])

    with Watch(tmp_path) as watch:
        watch.killed = -1
        again = run()
        time.sleep(0.05)
    assert [row["path"] for row in again] == [row["path"] for row in rows]
    assert not any(row["made"] for row in again)
    assert all(len(inodes) == 1 for inodes in watch.inodes.values())


def test_voices_by_speaker_and_an_edited_row(engine: Engine, tmp_path: Path) -> None:
    recording = tmp_path / "clip.wav"
    engine.speak("This is the voice of somebody. " * 3, "woman").save(recording)
    engine.voice("man").save(tmp_path / "him.safetensors")
    texts = [
        {"id": "a/../b", "text": "It is late.", "speaker": "her"},
        {"id": "c", "text": "It is late.", "speaker": "him"},
        {"id": "c", "text": "It is late.", "speaker": "nobody"},
    ]
    voices = {"her": recording, "him": str(tmp_path / "him.safetensors")}

    def run() -> list[dict[str, Any]]:
        made = speak_table(
            ray.data.from_items(texts, override_num_blocks=1),
            tmp_path / "speech",
            voice=voices,
            options=GenerationOptions(seed=5),
            format="flac",
            engine={"batching": False},  # else speech differs in its last bit by what is spoken beside it
        )
        return sorted(made.take_all(), key=lambda row: (row["id"], row["error"] or ""))

    her, him, nobody = run()
    assert re.fullmatch(r"a_b\.[0-9a-f]{16}\.flac", Path(her["path"]).name)
    assert "'nobody': choose of her, him" in nobody["error"] and nobody["path"] is None
    with Engine(threads=1, batching=False) as alone:
        alone.speak_long("It is late.", "man", GenerationOptions(seed=5)).save(tmp_path / "alone.flac")
    samples, expected = (
        soundfile.read(file, dtype="int16")[0] for file in (him["path"], tmp_path / "alone.flac")
    )
    np.testing.assert_array_equal(samples, expected)
    assert [row["made"] for row in run()] == [False, False, False]
    texts[1]["text"] = "It is very late."
    Path(her["path"]).write_bytes(b"")  # as a power cut may leave it
    assert [row["made"] for row in run()] == [True, True, False]


def test_the_example_of_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(example("ray_data", "cluster.md"), {})
    assert len(list((tmp_path / "speech").glob("*.wav"))) == 2


def test_what_a_worker_cannot_do_is_an_error_of_the_whole(tmp_path: Path) -> None:
    few = ray.data.from_items([{"id": 1, "text": "Hello."}])
    late = speak_table(few, tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(RayError, match=r"there is no folder .*gone"):
        late.take_all()
    with pytest.raises(RayError, match="no-such-model"):
        speak_table(few, tmp_path, model="no-such-model").take_all()


def test_what_is_wrong_before_the_first_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    few = ray.data.from_items([{"id": 1, "text": "Hello.", "path": "a"}])
    speak_table(few, tmp_path, workers=2)
    assert "2 workers with 1 CPUs each take all 2 of this cluster" in caplog.text
    for wrong, sentence in (
        ({"text": "words"}, "the table has no column 'words': it has id, text, path"),
        ({"name": "path"}, "the result has a column 'path' of its own"),
        ({"format": "opus"}, "choose one of wav, flac"),
        ({"voice": "nowhere.wav"}, "cannot read the voice nowhere.wav"),
        ({"voice": 3}, "a voice must be a loquor.Voice, a file or a name"),
        ({"workers": (2, 1)}, "workers must be a number from 1 on"),
        ({"options": {"seed": 1}}, "options must be a loquor.GenerationOptions"),
    ):
        with pytest.raises(InvalidInputError, match=re.escape(sentence)):
            speak_table(few, tmp_path, **wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="give a folder that all workers have mounted"):
        speak_table(few, "s3://bucket/speech")
    (tmp_path / "noise.wav").write_bytes(b"no sound")
    with pytest.raises(InvalidInputError, match="cannot read"):  # as the task in the cluster says
        speak_table(few, tmp_path, voice=tmp_path / "noise.wav")


# --- Ray Serve ---


@pytest.fixture(scope="session")
def served(cluster: None) -> str:
    """The address of one replica, which becomes two when four requests are under way."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    quick = {"upscale_delay_s": 0.1, "look_back_period_s": 1.0, "metrics_interval_s": 0.2}
    serve.run(speech_app(slots=2, autoscaling=quick, voices={"me": "man"}))
    return f"http://127.0.0.1:{port}/v1/audio/speech"


def asked(url: str, **fields: Any) -> Any:
    body = json.dumps({"model": "mini", "response_format": "pcm", "seed": 7} | fields).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    return urllib.request.urlopen(request, timeout=PATIENCE)


def test_speech_leaves_while_it_is_made(served: str) -> None:
    with asked(served, input=SENTENCE * 3, voice="me") as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        parts = list(iter(lambda: answer.read1(1 << 20), b""))
    assert len(parts) > 3
    with Engine(slots=2, threads=1) as alone, alone.session("man", GenerationOptions(seed=7)) as session:
        session.feed(SENTENCE * 3)
        session.end()
        assert b"".join(parts) == b"".join(session.pcm16())


def test_who_goes_away_ends_the_speech(served: str) -> None:
    def metric(name: str) -> float:
        with urllib.request.urlopen(served.replace("v1/audio/speech", "metrics")) as page:
            return float(re.search(rf"^{name} (\S+)$", page.read().decode(), re.MULTILINE)[1])  # type: ignore[index]

    with asked(served, input=SENTENCE * 50) as answer:
        answer.read1(1 << 20)
    eventually(lambda: metric("loquor_cancels_total") == 1 and metric("loquor_requests_under_way") == 0)


def test_refusals_are_the_servers(served: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        asked(served, input="Hello.", voice="nobody")
    assert refused.value.code == 404
    assert json.loads(refused.value.read())["error"]["code"] == "voice_not_found"


def test_the_example_of_a_service(served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(example("ray_serve", "cluster.md", urlsplit(served).port or 0), {})
    assert len(soundfile.read("evening.wav")[0]) > 10_000
    serve.delete("speech")


def test_replicas_come_with_the_requests_and_one_that_is_killed_is_replaced(served: str) -> None:
    def replicas() -> list[int]:
        return processes(r"ray::ServeReplica:default:speech")

    assert len(replicas()) == 1

    def say(seed: int) -> int:
        with asked(served, input=SENTENCE * 4, seed=seed) as answer:
            return len(answer.read())

    def say_until_there_are_two(seed: int) -> int:
        while length := say(seed):
            if enough.is_set():
                break
        return length

    enough = threading.Event()
    with ThreadPoolExecutor(4) as clients:
        speech = clients.map(say_until_there_are_two, range(4))
        try:
            before = eventually(lambda: len(replicas()) == 2 and replicas())
        finally:
            enough.set()
    assert min(speech) > 0
    os.kill(before[0], signal.SIGKILL)
    after = eventually(lambda: len(replicas()) == 2 and before[0] not in replicas() and replicas())
    assert before[1] in after
    assert say(99) > 0

"""Under limits of the system an engine gives errors and goes on; it does not end the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from onnx import TensorProto, helper

import loquor

SCENE = """
import resource, sys, threading
import loquor

engine = loquor.Engine("mini", device="cpu", threads=2, slots=16)
voice = engine.voice()
first = loquor.GenerationOptions(seed=1, max_new_tokens=60)
expected = len(engine.speak("Hi.", voice, first).samples)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (size + (int(sys.argv[1]) << 20), limits[1]))
streams, failed = [], 0
for seed in range(16):
    try:
        options = loquor.GenerationOptions(seed=seed, max_new_tokens=60)
        streams.append(engine.stream("Hello there, how are you today? " * 3, voice, options))
    except (loquor.LoquorError, MemoryError):
        failed += 1
for stream in streams:
    try:
        assert sum(map(len, stream)) > 0
    except (loquor.LoquorError, MemoryError) as error:
        failed += 1
        assert str(error) or isinstance(error, MemoryError)
resource.setrlimit(resource.RLIMIT_AS, limits)
assert len(engine.speak("Hi.", voice, first).samples) == expected
engine.close()
print(failed)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS as on Linux")
@pytest.mark.parametrize("megabytes", [1, 8, 24, 48, 72, 100])
def test_sixteen_streams_with_little_memory_are_errors_at_worst(megabytes: int) -> None:
    process = subprocess.run(
        [sys.executable, "-c", SCENE, str(megabytes)], capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert 0 <= int(process.stdout) <= 16


OPENING = """
import resource, sys
import loquor
from loquor import Engine  # with all it needs, before there is little memory

limit = int(sys.argv[1]) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
try:
    Engine("mini", device="cpu", threads=1, slots=1).close()
except loquor.LoquorError as error:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS as on Linux")
@pytest.mark.parametrize("megabytes", [150, 175, 200, 250])
def test_an_engine_for_which_there_is_no_memory_blames_nothing_else(megabytes: int) -> None:
    process = subprocess.run(
        [sys.executable, "-c", OPENING, str(megabytes)], capture_output=True, text=True, timeout=300
    )
    # Where a small allocation of its own fails, the runtime ends the process (ADR 93), one way or another.
    if process.returncode not in (-signal.SIGABRT, -signal.SIGSEGV):
        assert process.returncode == 0, process.stdout + process.stderr
        assert process.stdout == "" or "memory ran out" in process.stdout


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("loquor.bundle.tokenizer.read_bounded", MemoryError()),
        ("loquor.speech.engine.open_runtime", ImportError("x.so: failed to map segment from shared object")),
    ],
)
def test_memory_that_runs_out_in_python_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(place, fail)
    with pytest.raises(loquor.LoquorError, match="opening an engine: memory ran out"):
        loquor.Engine("mini", device="cpu")


def test_a_library_that_is_not_there_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ImportError("there is no such module")

    monkeypatch.setattr("loquor.speech.engine.open_runtime", fail)
    with pytest.raises(ImportError, match="no such module"):
        loquor.Engine("mini", device="cpu")


COPYING = """
import resource, sys
import numpy as np
from loquor import LoquorError, _core
from loquor.base.runtime import open_runtime

session = _core.Graph(open_runtime(), sys.argv[1], threads=1)
feeds = {"x": np.ones((1,), np.float32), "shape": np.array([16], np.int64)}
assert session.run(feeds)["y"].shape == (16,)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (192 << 20), resource.RLIM_INFINITY))
feeds["shape"] = np.array([32 << 20], np.int64)  # 128 MB, twice
try:
    session.run(feeds)
except LoquorError as error:
    print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS as on Linux")
def test_an_array_that_python_has_no_memory_for_is_an_error_of_ours(tmp_path: Path) -> None:
    node = helper.make_node("Expand", ["x", "shape"], ["y"])
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
        helper.make_tensor_value_info("shape", TensorProto.INT64, [1]),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])]
    graph = helper.make_graph([node], "expand", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file = tmp_path / "expand.onnx"
    file.write_bytes(model.SerializeToString())
    process = subprocess.run(
        [sys.executable, "-c", COPYING, str(file)], capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.startswith("handing an array to Python: memory ran out")

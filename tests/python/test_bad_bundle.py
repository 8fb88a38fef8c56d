"""A bundle that cannot be used, an engine asked for in a way that makes no sense, and what failures leave."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bundles.breakages import BREAKAGES, broken_copy
from loquor import (
    CancelToken,
    Engine,
    GenerationOptions,
    InvalidInputError,
    LoquorError,
    ModelError,
    RequestCancelledError,
    RuntimeMissingError,
)

IDS = [84, 50256, 50256]
FEW = GenerationOptions(max_new_tokens=2)
BLAMED = {
    "missing_graph": "language_model",
    "missing_data": "language_model.onnx",
    "missing_tokenizer": "tokenizer.json",
    "truncated_data": "language_model.onnx",
    "truncated_graph": "embed_tokens.onnx",
    "garbage_graph": "conditional_decoder.onnx",
    "empty_graph_file": "speech_encoder.onnx",
    "config_not_json": "config.json",
    "tokenizer_not_json": "tokenizer.json",
    "swapped_graphs": "embed_tokens.onnx",
    "double_embeds": "embed_tokens.onnx: output 'inputs_embeds'",
    "float_speech_tokens": "conditional_decoder.onnx: input 'speech_tokens'",
    "extra_input": "language_model.onnx: input 'loudness'",
    "missing_logits": "language_model.onnx: output 'logits'",
    "missing_kv_output": "language_model.onnx: output 'present.1.value'",
    "wrong_head_count": "language_model.onnx: input 'past_key_values.1.key'",
    "unknown_family": "embed_tokens.onnx: it takes input_ids, position_ids, as no family",
    "width_mismatch": "embed_tokens.onnx: the hidden size of 'inputs_embeds'",
}


BundleOf = Callable[..., Path]


def refused(call: Callable[[], object], kind: type[LoquorError]) -> str:
    """The message of the error that `call` must end in: one line."""
    with pytest.raises(LoquorError) as caught:
        call()
    assert type(caught.value) is kind
    message = str(caught.value)
    assert len(message.split()) > 4
    assert "\n" not in message
    return message


# --- Bundles ---


def test_every_breakage_is_judged() -> None:
    assert set(BLAMED) == set(BREAKAGES)


@pytest.mark.parametrize("name", BLAMED)
def test_a_damaged_bundle_is_refused_by_name(bundle_of: BundleOf, tmp_path: Path, name: str) -> None:
    broken = broken_copy(bundle_of(), tmp_path / "broken", BREAKAGES[name])
    message = refused(lambda: Engine(broken, threads=1, device="cpu"), ModelError)
    assert BLAMED[name] in message.replace(str(tmp_path), "")


def test_the_wrong_precision_is_told_from_an_unknown_one(bundle_of: BundleOf) -> None:
    message = refused(lambda: Engine(bundle_of(), dtype="q4"), InvalidInputError)
    assert "dtype q4" in message
    assert "found: speech_encoder: fp32" in message
    for dtype in ("int4", "FP32", "fp32,lm=q4", "fp32,embed_tokens=", "=", ",", "fp 32", "fp32\v", "q4;fp16"):
        assert "is not understood" in refused(
            lambda dtype=dtype: Engine(bundle_of(), dtype=dtype), InvalidInputError
        )


# --- Arguments ---


@pytest.mark.parametrize("device", ["", "CPU", "gpu", "cuda:0", "c\0pu", "cpu\n", "\U0001f600"])
def test_a_device_that_does_not_exist(bundle_of: BundleOf, device: str) -> None:
    message = refused(lambda: Engine(bundle_of(), device=device), InvalidInputError)
    assert (
        "device must be a str without NUL" if "\0" in device else "device must be auto, cpu, cuda"
    ) in message


def test_a_device_that_this_runtime_lacks(bundle_of: BundleOf) -> None:
    import onnxruntime

    names = {"cuda": "CUDA", "coreml": "CoreML", "directml": "Dml", "webgpu": "WebGpu"}
    for device, provider in names.items():
        if f"{provider}ExecutionProvider" not in onnxruntime.get_available_providers():
            message = refused(lambda device=device: Engine(bundle_of(), device=device), RuntimeMissingError)
            assert f"{provider}ExecutionProvider" in message


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("device", value) for value in (None, 5, b"cpu", ["cpu"])),
        *(("dtype", value) for value in (None, 5, b"fp32", {"lm": "fp32"})),
        *(("threads", value) for value in (None, "2", -1, 1025, 2**31, 2**70, 1.5, True, float("nan"))),
        *(
            ("provider_options", value)
            for value in (5, "x", [1], [("a", "b")], {"a": "b"}, {1: 2}, {"\0": ""})
        ),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_arguments_of_the_wrong_kind(bundle_of: BundleOf, argument: str, value: Any) -> None:
    message = refused(lambda: Engine(bundle_of(), **{"device": "cpu", argument: value}), InvalidInputError)
    assert argument.replace("_", " ") in message.replace("_", " ")


@pytest.mark.parametrize(
    "model",
    [None, 5, b"turbo", object(), "", "\0", "no-such-model", "x" * 5000],
    ids=lambda m: f"{m!r:.20}",
)
def test_what_is_no_model(model: Any) -> None:
    refused(lambda: Engine(model), InvalidInputError)


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty" / "onnx").mkdir(parents=True)
    (tmp_path / "empty" / "tokenizer.json").write_text("{}")
    for name in ("none", "file", "empty", ".", "line\nbreak"):
        refused(lambda name=name: Engine(f"{tmp_path}/{name}"), ModelError)


# --- What failures leave behind ---


def resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def growth(calls: Iterable[Callable[[], object]], rounds: int) -> float:
    """MB that the process grew by over `rounds` rounds of failing calls, after a fifth as many to warm up."""
    calls = list(calls)

    def fail(rounds: int) -> None:
        for _ in range(rounds):
            for call in calls:
                with pytest.raises(LoquorError):
                    call()

    fail(max(1, rounds // 5))
    before = resident_bytes()
    fail(rounds)
    return (resident_bytes() - before) / 1e6


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files would go; not where the test keeps its own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@linux_only
def test_failing_requests_leave_nothing(
    engine_of: Callable[..., Engine], recording: NDArray[np.float32], temporary_folder: Path, tmp_path: Path
) -> None:
    engine = engine_of(form="concat", dtype="q4")
    voice = engine.voice((recording, 24_000))
    raised = CancelToken()
    raised.cancel()
    garbage = tmp_path / "garbage.wav"
    garbage.write_bytes(b"RIFF" + bytes(100))

    def cancel_at_the_first_token() -> None:
        token = CancelToken()
        engine.generate_tokens(IDS, voice, cancel=token, progress=lambda _: token.cancel())

    def fail_in_progress(_: int) -> None:
        raise RequestCancelledError("the listener left")

    calls: list[Callable[[], object]] = [
        lambda: engine.speak("\0", voice),
        lambda: engine.speak("Hi.", voice, GenerationOptions(temperature=-1)),
        lambda: engine.speak("Hi.", garbage),
        lambda: engine.voice((np.zeros(48_000), 24_000)),
        lambda: engine.generate_tokens([50276, 50256, 50256], voice),
        lambda: engine.generate_tokens(np.full(9000, 50256), voice),
        lambda: engine.generate_tokens(IDS, voice, cancel=raised),
        lambda: engine.generate_tokens(IDS, voice, progress=fail_in_progress),
        cancel_at_the_first_token,
        lambda: engine.decode([-1], voice),
    ]
    assert growth(calls, rounds=100) < 3  # 1000 calls; 4 kB lost in each would be 4 MB
    assert list(temporary_folder.iterdir()) == []


@linux_only
def test_failing_engines_leave_nothing(bundle_of: BundleOf, temporary_folder: Path, tmp_path: Path) -> None:
    broken = [
        broken_copy(bundle_of(), tmp_path / name, BREAKAGES[name])
        for name in ("truncated_data", "missing_logits", "width_mismatch", "float_speech_tokens")
    ]
    calls = [lambda folder=folder: Engine(folder, threads=2, device="cpu") for folder in broken]
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert growth(calls, rounds=50) < 25  # 200 engines, each with a table of 13 MB when it is refused
    deadline = time.monotonic() + 5  # a thread that was joined may still be listed
    while len(list(Path("/proc/self/task").iterdir())) > threads:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert list(temporary_folder.iterdir()) == []

"""Streams: the tokens and the sound of one shot, cancelled, failed or left at any point."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bundles.breakages import broken_copy, fails_beyond
from loquor import (
    BusyError,
    CancelToken,
    Engine,
    EngineClosedError,
    ExecutionError,
    GenerationOptions,
    InvalidInputError,
    RequestCancelledError,
    StreamOptions,
    Voice,
)

TEXT = "Hello there. How are you today?"
OPTIONS = GenerationOptions(max_new_tokens=90, seed=3)
LONG = GenerationOptions(max_new_tokens=7000)

BundleOf = Callable[..., Path]
EngineOf = Callable[..., Engine]
Recording = NDArray[np.float32]


@pytest.fixture(scope="module", params=["concat", "gqa"])
def engine(request: pytest.FixtureRequest, engine_of: EngineOf) -> Engine:
    return engine_of(form=request.param)


@pytest.fixture(scope="module")
def voice(engine: Engine, recording: Recording) -> Voice:
    return engine.voice((recording, 24_000))


# --- What is heard ---


@pytest.mark.parametrize(
    "chunks",
    [
        None,
        StreamOptions(first_chunk=1, growth=1, max_chunk=1, look_ahead=0, left_context=0),
        StreamOptions(first_chunk=7, look_ahead=3, adaptive=True),
        StreamOptions(first_chunk=5000),
    ],
)
def test_a_stream_is_the_speech_of_one_shot(
    engine: Engine, voice: Voice, chunks: StreamOptions | None
) -> None:
    whole = engine.speak(TEXT, voice, OPTIONS)
    with engine.stream(TEXT, voice, OPTIONS, chunks=chunks) as stream:
        assert stream.sample_rate == 24_000
        parts = list(stream)
    assert all(part.dtype == np.float32 and part.ndim == 1 for part in parts)
    np.testing.assert_array_equal(np.concatenate(parts), whole.samples)  # the tiny decoder hears single codes
    expected = engine.generate_tokens(engine.tokenize(TEXT), voice, OPTIONS)
    np.testing.assert_array_equal(stream.tokens, expected)
    assert stream.warnings == whole.warnings
    seen, told = stream.metrics, whole.metrics
    counts = ("text_tokens", "prompt_length", "speech_tokens", "audio_seconds")
    assert [getattr(seen, name) for name in counts] == [getattr(told, name) for name in counts]
    assert seen.prefill_seconds + seen.steps_seconds + seen.decoder_seconds < seen.total_seconds
    report = stream.report
    assert (report.finished, report.cancelled, report.text) == (True, False, TEXT)
    assert report.audio_seconds == whole.seconds
    assert report.speech_tokens == report.generated_tokens == 90
    assert list(stream) == []


def test_the_first_chunk_comes_before_the_last_token(engine: Engine, voice: Voice) -> None:
    with engine.stream(TEXT, voice, LONG, chunks=StreamOptions(first_chunk=5)) as stream:
        first = next(stream)
        assert len(first) == 5 * 960
        report = stream.report
        assert 5 <= report.generated_tokens < 7000
        assert report.speech_tokens == 5
        assert report.audio_seconds == 0.2
        assert not report.finished
        assert len(report.text) < len(TEXT)
        assert stream.tokens.size == 0


def decoder_noise(engine: Engine, tokens: NDArray[np.int64], voice: Voice) -> float:
    """Signal-to-noise ratio, dB, of the same tokens decoded twice: the vocoder may draw noise."""
    return ratio(engine.decode(tokens, voice), engine.decode(tokens, voice))


def ratio(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    error = float(np.square(one.astype(np.float64) - other).mean())
    return 10 * float(np.log10(np.square(one.astype(np.float64)).mean() / max(error, 1e-12)))


def test_the_built_in_voice_streams_without_seams() -> None:
    text = "The quick brown fox jumps over the lazy dog, and then it does so once again."
    with Engine("mini") as engine:
        voice = engine.voice()
        whole = engine.speak(text, voice)
        with engine.stream(text, voice) as stream:
            parts = list(stream)
        np.testing.assert_array_equal(stream.tokens, engine.generate_tokens(engine.tokenize(text), voice))
        assert len(parts) > 3
        streamed = np.concatenate(parts)
        assert len(streamed) == len(whole.samples)
        # As near to one shot as one shot is to itself, or 40 dB where the decoder is the same every time.
        own = decoder_noise(engine, stream.tokens, voice)
        assert ratio(whole.samples, streamed) > min(own - 1.5, 40)
        # No join jumps more than the speech does by itself.
        steps = np.abs(np.diff(whole.samples))
        joins = np.cumsum([len(part) for part in parts])[:-1]
        assert np.abs(np.diff(streamed))[joins - 1].max() < np.quantile(steps, 0.999)


# --- Options ---


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        (StreamOptions(first_chunk=-1), "first_chunk must be 0"),
        (StreamOptions(first_chunk=2**20 + 1), "to 1048576 tokens, not 1048577"),
        (StreamOptions(growth=0.5), "growth must be 1 to 100"),
        (StreamOptions(max_chunk=0), "max_chunk must be 1"),
        (StreamOptions(left_context=-2), "left_context must be"),
        (StreamOptions(look_ahead=1.5), "look_ahead must be a whole number"),  # type: ignore[arg-type]
        (StreamOptions(fade_samples="x"), "fade_samples must be a number"),  # type: ignore[arg-type]
        ({"first_chunk": 5}, "chunks must be a loquor.StreamOptions"),
    ],
)
def test_chunk_options_out_of_range(engine: Engine, voice: Voice, chunks: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        engine.stream(TEXT, voice, OPTIONS, chunks=chunks)  # type: ignore[arg-type]


def test_what_speak_refuses_a_stream_refuses_when_it_is_opened(engine: Engine, voice: Voice) -> None:
    with pytest.raises(InvalidInputError):
        engine.stream("", voice)
    with pytest.raises(InvalidInputError, match="temperature"):
        engine.stream(TEXT, voice, GenerationOptions(temperature=-1))
    with pytest.raises(InvalidInputError, match="cancel must be"):
        engine.stream(TEXT, voice, cancel=3)  # type: ignore[arg-type]


# --- Leaving early ---


def test_leaving_the_block_cancels(engine: Engine, voice: Voice) -> None:
    with engine.stream(TEXT, voice, LONG) as stream:
        next(stream)
    with pytest.raises(RequestCancelledError):
        next(stream)
    report = stream.report
    assert report.cancelled and not report.finished
    assert report.speech_tokens > 0
    assert len(engine.speak(TEXT, voice, OPTIONS).samples) == 93 * 960


def test_cancel_from_another_thread_ends_a_waiting_reader(engine: Engine, voice: Voice) -> None:
    stream = engine.stream(TEXT, voice, LONG, chunks=StreamOptions(first_chunk=6900))
    timer = threading.Timer(0.1, stream.cancel)
    timer.start()
    start = time.perf_counter()
    with pytest.raises(RequestCancelledError):
        next(stream)
    assert time.perf_counter() - start < 2
    timer.join()


def test_a_cancel_token_ends_a_stream_and_is_free_again(engine: Engine, voice: Voice) -> None:
    token = CancelToken()
    with engine.stream(TEXT, voice, OPTIONS, cancel=token) as stream:
        assert sum(len(part) for part in stream) == 93 * 960
    del stream
    with engine.stream(TEXT, voice, LONG, cancel=token) as stream:
        next(stream)
        token.cancel()
        with pytest.raises(RequestCancelledError):
            list(stream)


def test_a_stream_that_is_forgotten_is_cancelled(bundle_of: BundleOf, recording: Recording) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", slots=1) as engine:
        voice = engine.voice((recording, 24_000))
        for _ in range(3):
            next(engine.stream(TEXT, voice, LONG))
        gc.collect()
        assert len(engine.speak(TEXT, voice, OPTIONS).samples) == 93 * 960


def test_closing_the_engine_ends_its_streams(bundle_of: BundleOf, recording: Recording) -> None:
    engine = Engine(bundle_of(), threads=1, device="cpu", slots=1)
    voice = engine.voice((recording, 24_000))
    running, waiting = (engine.stream(TEXT, voice, LONG) for _ in range(2))
    next(running)
    engine.close()
    for stream in (running, waiting):
        with pytest.raises(EngineClosedError, match="the engine was closed"):
            list(stream)
    with pytest.raises(InvalidInputError, match="this engine was closed"):
        engine.stream(TEXT, voice)


def test_more_than_may_wait_are_busy(bundle_of: BundleOf, recording: Recording) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", slots=1, max_queue=1) as engine:
        voice = engine.voice((recording, 24_000))
        with engine.stream(TEXT, voice, LONG) as running:
            next(running)
            waiting = engine.stream(TEXT, voice, OPTIONS)
            with pytest.raises(BusyError, match="max_queue"):
                engine.stream(TEXT, voice, OPTIONS)
        assert sum(len(part) for part in waiting) == 93 * 960


# --- Failing midway ---


def test_a_failure_midway_reaches_the_reader(
    bundle_of: BundleOf, recording: Recording, tmp_path: Path
) -> None:
    """A decoder that takes no more than 40 codes: the first windows are good."""
    folder = broken_copy(bundle_of(), tmp_path / "bundle", fails_beyond(recording.size // 960 + 40))
    chunks = StreamOptions(first_chunk=10, growth=1.5, max_chunk=100, left_context=-1)
    with Engine(folder, threads=1, device="cpu") as engine:
        voice = engine.voice((recording, 24_000))
        heard = 0
        with engine.stream(TEXT, voice, OPTIONS, chunks=chunks) as stream:
            with pytest.raises(ExecutionError, match=r"conditional_decoder\.onnx"):
                for part in stream:
                    heard += len(part)
            with pytest.raises(ExecutionError):
                next(stream)
        assert heard >= 10 * 960
        assert stream.report.speech_tokens == heard // 960
        with pytest.raises(ExecutionError):
            engine.speak(TEXT, voice, OPTIONS)
        short = GenerationOptions(max_new_tokens=5)
        assert len(engine.speak(TEXT, voice, short).samples) == 8 * 960


# --- The end of the process ---

LEAVING = """
import sys, threading
import numpy as np
from loquor import Engine, GenerationOptions

how, folder = sys.argv[1:]
engine = Engine(folder, threads=1, device="cpu")
voice = engine.voice((np.sin(np.arange(48_000) * 0.05), 24_000))
long = GenerationOptions(max_new_tokens=7000)
begun = threading.Event()
if how == "daemon":
    def listen():
        engine.speak("Hello.", voice, long, progress=lambda _: begun.set())
    def stream():
        for _ in engine.stream("Hello.", voice, long):
            pass
    for target in (listen, stream, stream):
        threading.Thread(target=target, daemon=True).start()
    begun.wait()
else:
    stream = engine.stream("Hello.", voice, long)
    next(stream)
print("leaving", flush=True)
if how == "exit":
    sys.exit(7)
if how == "raise":
    raise RuntimeError("on purpose")
if how == "keep":  # a cycle with the module's globals, collected late or never
    keep = [stream]
    keep.append(keep)
"""


@pytest.mark.parametrize(("how", "code"), [("end", 0), ("exit", 7), ("raise", 1), ("keep", 0), ("daemon", 0)])
def test_a_process_may_end_in_the_middle(bundle_of: BundleOf, how: str, code: int) -> None:
    for _ in range(3 if how == "daemon" else 1):
        done = subprocess.run(
            [sys.executable, "-c", LEAVING, how, str(bundle_of())],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        assert done.stdout == "leaving\n"
        assert ("on purpose" in done.stderr) if how == "raise" else done.stderr == ""

"""Shared fixtures: tiny bundles are made once a run, real ones are found or skipped with a reason."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bundles import make_bundle, make_llama_bundle
from loquor import Engine

if TYPE_CHECKING:
    from reference import PlainLoop

# Before a test imports ONNX Runtime, whose telemetry client has threads that come and go (docs/adr/0092).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

SAMPLE_RATE = 24_000
TURBO_TOKENIZER = Path(__file__).parents[3] / "shared" / "turbo" / "tokenizer.json"


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell starts background jobs with SIGINT ignored, which child processes would inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepared graphs of a test run are the run's own; child processes inherit the variable."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOQUOR_CACHE", str(folder))
        yield folder


@pytest.fixture
def fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder that this test's prepared graphs go to."""
    monkeypatch.setenv("LOQUOR_CACHE", str(tmp_path / "own"))
    return tmp_path / "own" / "prepared"


@pytest.fixture(scope="session")
def bundle_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """(arguments of make_bundle) -> a folder, made once a run for each set of arguments: do not change it.

    By default it never stops by itself, so that runs are as long as they are asked to be.
    """
    root = tmp_path_factory.mktemp("bundles")
    made: dict[tuple[tuple[str, Any], ...], Path] = {}

    def make(**arguments: Any) -> Path:
        arguments = {"size": "tiny", "form": "concat", "dtype": "fp32", "stop_bias": -1000.0} | arguments
        key = tuple(sorted(arguments.items()))
        if key not in made:
            made[key] = make_bundle(root / f"bundle{len(made)}", **arguments)
        return made[key]

    return make


@pytest.fixture(scope="session")
def llama_bundle_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """(arguments of make_llama_bundle) -> a folder, made once, which never stops: do not change it."""
    root = tmp_path_factory.mktemp("llamas")
    made: dict[tuple[tuple[str, Any], ...], Path] = {}

    def make(**arguments: Any) -> Path:
        arguments = {"variant": "english", "form": "gqa", "dtype": "fp32", "stop_bias": -1000.0} | arguments
        key = tuple(sorted(arguments.items()))
        if key not in made:
            made[key] = make_llama_bundle(root / f"bundle{len(made)}", **arguments)
        return made[key]

    return make


@pytest.fixture(scope="session")
def engine_of(bundle_of: Callable[..., Path]) -> Iterator[Callable[..., Engine]]:
    """(threads=1, prepare=False, arguments of make_bundle) -> an engine, made once a run: do not close it.

    As published, so that tokens and buffers are those of the graph at hand; test_prepare.py has the others.
    """
    made: dict[tuple[Path, int, bool], Engine] = {}

    def open_engine(*, threads: int = 1, prepare: bool = False, **arguments: Any) -> Engine:
        key = (bundle_of(**arguments), threads, prepare)
        if key not in made:
            made[key] = Engine(key[0], threads=threads, device="cpu", prepare=prepare)
        return made[key]

    yield open_engine
    for engine in made.values():
        engine.close()


@pytest.fixture(scope="session")
def plain_of(bundle_of: Callable[..., Path]) -> Callable[..., PlainLoop]:
    """(threads=1, arguments of make_bundle) -> the reference loop on the same bundle, made once a run.

    It cuts prompts as the engine does, so that float16 rounds alike.
    """
    from reference import PlainLoop

    made: dict[tuple[Path, int], PlainLoop] = {}

    def load(*, threads: int = 1, **arguments: Any) -> PlainLoop:
        folder = bundle_of(**arguments)
        if (folder, threads) not in made:
            made[folder, threads] = PlainLoop(
                folder, arguments.get("dtype", "fp32"), threads=threads, piece=64
            )
        return made[folder, threads]

    return load


@pytest.fixture(scope="session")
def recording() -> NDArray[np.float32]:
    """Six seconds at 24 kHz, [144000]: a gliding tone in syllables over a little noise, always the same."""
    time = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.1 * time)
    tone = np.sin(2 * np.pi * (130 * time + 4 * np.sin(2 * np.pi * 0.7 * time)))
    noise = np.random.default_rng(11).standard_normal(time.size)
    samples: NDArray[np.float32] = (0.2 * syllables * tone + 0.01 * noise).astype(np.float32)
    samples.setflags(write=False)
    return samples


@pytest.fixture(scope="session")
def turbo_tokenizer() -> Path:
    """The published tokenizer.json of Turbo."""
    if not TURBO_TOKENIZER.is_file():
        pytest.skip("Turbo's own tokenizer.json is not at hand")
    return TURBO_TOKENIZER

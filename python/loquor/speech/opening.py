"""Opening an engine's core, with rewritten graphs where there are some; and halting all cores at the end."""

from __future__ import annotations

import atexit
import logging
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _core
from ..base.runtime import advised_dtype
from ..errors import ExecutionError, LoquorError, ModelError
from ..prepare import VOCODER, PreparedGraph, prepare_bundle

__all__ = ["Opened", "Preparation", "open_core"]

_log = logging.getLogger("loquor")

_DEVICES = ("cpu", "webgpu")
"""Where GroupQueryAttention takes float32, which the rewritten graph may need; elsewhere nothing was run."""

_HAS_TO_BE_PREPARED = "has to be prepared"
"""The core's words for a graph that it cannot run as published (csrc/model/probe.cpp)."""

_open_cores: weakref.WeakSet[_core.EngineHandle] = weakref.WeakSet()


@dataclass(frozen=True)
class Preparation:
    """How an engine wants its graphs rewritten."""

    prepare: bool
    own_operators: bool
    kv_dtype: str
    decoder_precision: str


@atexit.register
def _halt_cores() -> None:
    """At the end of the process nobody waits for speech any more, and no graph may run into it."""
    for core in list(_open_cores):
        core.halt()


@dataclass(frozen=True)
class Opened:
    """A loaded bundle, and what became of its graphs, by name."""

    core: _core.EngineHandle
    states: Mapping[str, str]
    """Of rewritten graphs."""
    files: Mapping[str, Path]
    """Those that were rewritten."""
    replaced: Mapping[str, str]
    """Why a graph runs in another precision than it was asked for, a sentence each."""


def open_core(
    runtime: _core.Runtime,
    folder: Path,
    wanted: Preparation,
    options: dict[str, Any],
    provider_options: Mapping[str, str],
) -> Opened:
    """Load a bundle for an engine, with rewritten graphs as they are `wanted`.

    A graph whose precision cannot be loaded or run on the device is replaced by another one of the folder's:
    the advised one, else float32, else what there is. `options` are all of the table. Raises what that
    raises, for the precision that was asked for.
    """
    for_provider = {str(key): str(value) for key, value in provider_options.items()}
    replaced: dict[str, str] = {}
    failed: dict[str, set[str]] = {}
    first: LoquorError | None = None
    while True:
        try:
            core, states, files = _open(runtime, folder, wanted, options, for_provider)
        except (ModelError, ExecutionError) as error:
            first = first or error
            found = _replacement(runtime, folder, options, error, failed)
            if found is None:
                raise first from (None if first is error else error)
            graph, dtype, options = found
            replaced[graph] = f"{graph} runs in {dtype}, for what was chosen cannot be run here: {error}"
            _log.warning("%s", replaced[graph])
            continue
        _open_cores.add(core)
        return Opened(core, states, files, replaced)


def _replacement(
    runtime: _core.Runtime,
    folder: Path,
    options: dict[str, Any],
    error: LoquorError,
    failed: dict[str, set[str]],
) -> tuple[str, str, dict[str, Any]] | None:
    """The graph that the error is of, another precision for it, and options that say so; None: neither."""
    advised = advised_dtype(runtime, options["device"])
    chosen = _core.graph_files(str(folder), options["dtype"], advised)
    names = [path.relative_to(folder).as_posix() for path in folder.glob("onnx/*")]
    for graph, (file, dtype) in chosen.items():
        # The core's words where the runtime refuses a graph (csrc/ort/session.cpp).
        if not (f"loading {file}" in str(error) or f"running {Path(file).name}" in str(error)):
            continue
        failed.setdefault(graph, set()).add(dtype)
        offered = _core.offered_dtypes(names)[graph]
        for other in dict.fromkeys((advised, "fp32", *offered)):
            if other in offered and other not in failed[graph]:
                dtypes = {name: kind for name, (_, kind) in chosen.items()} | {graph: other}
                asked = ",".join(f"{name}={kind}" for name, kind in dtypes.items())
                return graph, other, {**options, "dtype": asked}
    return None


def _open(
    runtime: _core.Runtime,
    folder: Path,
    wanted: Preparation,
    options: dict[str, Any],
    provider_options: dict[str, str],
) -> tuple[_core.EngineHandle, Mapping[str, str], Mapping[str, Path]]:
    results: Mapping[str, PreparedGraph] = {}
    device = runtime.device_info(options["device"])["device"]
    if wanted.prepare and device in _DEVICES:
        results = prepare_bundle(
            folder,
            options["dtype"],
            kv_dtype=wanted.kv_dtype,
            decoder_precision=wanted.decoder_precision,
            threads=options["threads"],
            device=device,
            own_operators=wanted.own_operators,
        )
    elif wanted.kv_dtype != "auto":
        _log.warning("kv_dtype=%r is left out: it takes a prepared graph", wanted.kv_dtype)
    files = {name: result.file for name, result in results.items() if result.file is not None}
    paths = {name: str(file) for name, file in files.items()}
    if (decoder := results.get("conditional_decoder")) is not None and decoder.vocoder is not None:
        paths[VOCODER] = str(decoder.vocoder)
        if options["window_prompt"] < 0:
            options = {**options, "window_prompt": decoder.window_prompt}
    states = {name: result.state for name, result in results.items()}
    try:
        core = _core.EngineHandle(
            runtime, str(folder), options, provider_options=provider_options, prepared=paths
        )
        return core, states, files
    except (ModelError, ExecutionError) as error:
        if not files:
            raise _explained(error, results) from error
        problem = str(error)
    try:
        core = _core.EngineHandle(runtime, str(folder), options, provider_options=provider_options)
    except ModelError as error:  # a broken bundle fails here in its own words
        raise _explained(error, results) from error
    _log.warning("%s: used as published, not prepared: %s", ", ".join(files), problem)
    return core, {name: "refused" if name in files else state for name, state in states.items()}, {}


def _explained(error: LoquorError, results: Mapping[str, PreparedGraph]) -> LoquorError:
    """The error, with the reason for which a graph was not prepared that has to be."""
    model = results.get("language_model")
    if model is None or model.state != "refused" or _HAS_TO_BE_PREPARED not in str(error):
        return error
    return ModelError(f"{error}; it was not prepared because {model.reason}")

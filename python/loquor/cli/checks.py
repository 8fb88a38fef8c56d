"""The checks of `loquor doctor`: each gathers facts, and none stops the next."""

from __future__ import annotations

import argparse
import ctypes.util
import importlib.metadata
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _core
from ..base.installed import runtime_packages
from ..base.runtime import (
    LIBRARY_VARIABLE,
    add_plugin,
    advised_dtype,
    find_library,
    find_plugin,
    open_runtime,
)
from ..bundle.catalog import find_entry, offered_dtypes
from ..bundle.hub import is_offline, resolve
from ..bundle.hub_cache import cache_folder
from .console import exit_code, one_line
from .engines import BUILT_IN, DEVICES, interruptible, load_engine
from .runtime_check import check_opening, check_record

if TYPE_CHECKING:
    from ..speech.capabilities import Capabilities
    from ..speech.engine import Engine

__all__ = ["Report", "examine"]

_log = logging.getLogger(__name__)

_LIBRARIES = (
    "numpy",
    "onnx",
    "tokenizers",
    "soundfile",
    "soxr",
    "safetensors",
    "huggingface_hub",
)
_HUB_VARIABLES = (
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
)
_SENTENCE = "This is a short sentence to measure the speed."


@dataclass
class Report:
    """Facts by section, as they go into JSON; `exit_code` is that of the first check that failed, else 0."""

    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    exit_code: int = 0

    @contextmanager
    def section(self, name: str) -> Iterator[dict[str, Any]]:
        """Facts to fill in; an error ends the section and becomes its last fact."""
        facts = self.sections[name] = {}
        try:
            yield facts
        except Exception as error:  # also what we did not foresee: the other checks still help
            _log.info("the check of %s failed", name, exc_info=True)
            facts["error"] = one_line(error)
            self.exit_code = self.exit_code or exit_code(error)


def examine(args: argparse.Namespace) -> Report:
    """Run all checks, with the model, dtype, device and threads of the options."""
    report = Report()
    with report.section("versions") as facts:
        _versions(facts)
    with report.section("machine") as facts:
        _machine(facts)
    with report.section("hub") as facts:
        _hub(facts)
    with report.section("runtime") as facts:
        _runtime(facts)
    if "version" in report.sections["runtime"]:  # else the model would fail for the same reason
        engine = None
        with report.section("model") as facts:
            engine = _model(facts, args)
        if engine is not None:
            with report.section("speech") as facts, engine:
                _speech(facts, engine)
    return report


def _versions(facts: dict[str, Any]) -> None:
    facts["loquor"] = _core.version()
    facts["abi"] = _core.abi_version()
    facts["python"] = f"{platform.python_version()} ({sys.executable})"
    facts["platform"] = platform.platform()
    for name in _LIBRARIES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            facts[name] = "missing"
    facts["onnxruntime_packages"] = runtime_packages()


def _machine(facts: dict[str, Any]) -> None:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts["cores"] = os.cpu_count()
    facts["usable_cores"] = usable
    facts["nvidia_driver"] = ctypes.util.find_library("nvcuda" if os.name == "nt" else "cuda") is not None


def _hub(facts: dict[str, Any]) -> None:
    cache = cache_folder()
    facts["cache"] = str(cache)
    facts["offline"] = is_offline()
    facts["variables"] = {name: os.environ[name] for name in _HUB_VARIABLES if name in os.environ}
    existing = next(folder for folder in (cache, *cache.absolute().parents) if folder.is_dir())
    facts["free_gigabytes"] = round(shutil.disk_usage(existing).free / 1e9, 1)


def _runtime(facts: dict[str, Any]) -> None:
    facts["override"] = os.environ.get(LIBRARY_VARIABLE) or None
    library = find_library()
    facts["library"] = str(library)
    facts["record"] = check_record(library)
    check_opening(library)
    runtime = open_runtime()
    facts["version"] = runtime.version
    facts["providers"] = runtime.providers
    plugins = {device: find_plugin(device) for device in DEVICES}
    facts["plugins"] = {device: str(library) for device, library in plugins.items() if library is not None}
    offered = [
        device
        for device, provider in DEVICES.items()
        if provider in runtime.providers or device in facts["plugins"]
    ]
    facts["devices"] = {device: _state(device) for device in offered}


def _state(device: str) -> str:
    """Whether a device can be used: providers are listed also where their driver or libraries are missing."""
    from ..speech.engine import Engine

    try:
        Engine(BUILT_IN, device=device).close()
    except Exception as error:
        _log.info("device %s cannot be used", device, exc_info=True)
        return one_line(error)
    return "usable"


def _model(facts: dict[str, Any], args: argparse.Namespace) -> Engine:
    facts["name"] = args.model or BUILT_IN
    runtime = open_runtime()
    add_plugin(runtime, args.device)
    prefer, progress = advised_dtype(runtime, args.device), False if args.quiet else None
    facts["folder"] = str(resolve(facts["name"], dtype=args.dtype, prefer=prefer, progress=progress))
    start = time.perf_counter()
    engine = load_engine(args, keep_encoder=True)  # all graphs are to load
    facts["load_seconds"] = time.perf_counter() - start
    able = engine.capabilities
    facts["family"] = able.family
    facts["device"] = able.device
    facts["provider"] = able.provider
    facts["threads"] = able.threads
    facts["kv_mode"] = able.kv_mode
    facts["kv_dtype"] = able.kv_dtype
    facts["sampling"] = able.sampling
    info = runtime.device_info(able.device)
    if _is_offered(info["advised_dtype"], able):
        facts["advised_dtype"], facts["advice"] = info["advised_dtype"], info["advice"]
    facts["graphs"] = {
        graph: {
            "device": able.device,
            "dtype": dtype,
            "prepared": able.prepared[graph],
            "optimization_level": able.optimization_levels[graph],
            "nodes": able.placements[graph],
        }
        for graph, dtype in able.dtypes.items()
    }
    return engine


def _is_offered(dtype: str, able: Capabilities) -> bool:
    """Whether any graph of the model can be had in this precision: what the bundle lacks is no advice."""
    entry = find_entry(able.model)
    if entry is not None and entry.files:
        offered = entry.dtypes
    else:
        files = (path.relative_to(able.folder).as_posix() for path in able.folder.glob("onnx/*.onnx"))
        offered = offered_dtypes(files)
    return any(dtype in dtypes for dtypes in offered.values())


def _speech(facts: dict[str, Any], engine: Engine) -> None:
    """Speak one sentence, in the built-in voice's recording where the model has no voice of its own."""
    own = engine.capabilities.has_default_voice
    recording: Path | None = None if own else resolve(BUILT_IN) / "default_voice.wav"
    start = time.perf_counter()
    voice = interruptible(lambda cancel: engine.voice(recording, cancel=cancel))
    facts["voice_seconds"] = time.perf_counter() - start
    metrics = interruptible(lambda cancel: engine.speak(_SENTENCE, voice, cancel=cancel)).metrics
    facts["audio_seconds"] = metrics.audio_seconds
    facts["total_seconds"] = metrics.total_seconds
    facts["real_time_factor"] = metrics.rtf
    facts["prefill_seconds"] = metrics.prefill_seconds
    facts["tokens_per_second"] = metrics.tokens_per_second

"""What a figure is worthless without: the machine, its limits, the memory used."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core
from ..base.resident import resident
from ..speech.capabilities import Capabilities

__all__ = ["forget_peak", "machine", "memory", "read_bandwidth", "step_bytes"]

_PACKAGES = (
    "loquor", "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "numpy", "onnx", "llama-cpp-python",
    "onnxruntime-genai",
)  # fmt: skip
_READ = 1 << 29  # bytes, beyond any cache


def machine() -> dict[str, Any]:
    """Processor, load, platform, versions of what is installed, and the time.

    `vector_unit` and `matrix_unit` are what the core's own operators use.
    """
    versions = {}
    for name in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "cpu": _cpu_name(),
        "vector_unit": _core.vector_unit(),
        "matrix_unit": _core.matrix_unit(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def read_bandwidth(threads: int, tries: int = 5) -> float:
    """Bytes a second that `threads` threads read from memory, best of `tries`: a decode step's limit."""
    block = _READ // threads
    blocks = [np.ones(block // 4, np.float32) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        best = 0.0
        for _ in range(tries):
            start = time.perf_counter()
            list(pool.map(np.max, blocks))
            best = max(best, threads * block / (time.perf_counter() - start))
    return best


def step_bytes(capabilities: Capabilities, context: float) -> int:
    """Bytes that a decode step must read at least: the language model's weights, and the KV cache.

    Tables of which a step reads one row do not count.
    """
    import onnx

    name = "language_model"
    file = _core.graph_files(str(capabilities.folder), f"{name}={capabilities.dtypes[name]}")[name][0]
    graph = onnx.load(file, load_external_data=False).graph
    users: dict[str, set[str]] = {}
    for node in graph.node:
        for value in node.input:
            users.setdefault(value, set()).add(node.op_type)
    weights = sum(
        _bytes_of(tensor)
        for tensor in graph.initializer
        if not all(user.startswith("Gather") for user in users.get(tensor.name, ()))
    )
    cached = [value.type.tensor_type.shape.dim for value in graph.input if value.name.startswith("past_key_")]
    width = np.dtype(_core.kv_dtypes()[capabilities.kv_dtype]).itemsize
    return weights + int(sum(dim[1].dim_value * dim[3].dim_value for dim in cached) * width * context)


def forget_peak() -> None:
    """From here on `memory` counts the most that is used anew, where the platform can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory() -> dict[str, float]:
    """Megabytes of this process, now and at most so far; what the platform does not tell is left out."""
    told = zip(("now", "peak"), resident(), strict=True)
    return {name: round(size / 1e6, 1) for name, size in told if size is not None}


def _bytes_of(tensor: Any) -> int:
    from onnx import TensorProto, helper

    count = 1
    for dim in tensor.dims:
        count *= dim
    packed = {TensorProto.INT4: 2, TensorProto.UINT4: 2}.get(tensor.data_type)
    if packed:
        return int(-(-count // packed))
    return int(count * np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize)


def _cpu_name() -> str:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()

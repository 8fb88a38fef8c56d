"""Finding ONNX Runtime's shared library inside its installed package, without importing that package."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import sys
from pathlib import Path

from .. import _core
from ..errors import RuntimeMissingError

__all__ = ["LIBRARY_VARIABLE", "add_plugin", "advised_dtype", "find_library", "find_plugin", "open_runtime"]

LIBRARY_VARIABLE = "LOQUOR_ORT_LIBRARY"
"""Environment variable: path of the library to open instead of the installed package's."""

_PATTERNS = {"win32": "onnxruntime.dll", "darwin": "libonnxruntime*.dylib"}
_PLUGINS = {"webgpu": ("WebGpuExecutionProvider", "onnxruntime_ep_webgpu")}
"""Devices whose execution provider comes as a library of its own, and the package that brings it."""

_PLUGIN_LIBRARIES = (
    "libonnxruntime_providers_*.so",
    "libonnxruntime_providers_*.dylib",
    "onnxruntime_providers_*.dll",
)

_PROVIDERS = "libonnxruntime_providers"  # parts of the GPU flavours that lie beside the library


def find_library() -> Path:
    """Return the path of ONNX Runtime's shared library.

    All flavours (onnxruntime, onnxruntime-gpu, onnxruntime-directml) install the same folder. Raises
    `RuntimeMissingError` if none is installed, or if its library is not where it should be.
    """
    if override := os.environ.get(LIBRARY_VARIABLE):
        return Path(override).absolute()  # whatever the working folder will be
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeMissingError(
            f"ONNX Runtime is not installed for {sys.executable}: pip install 'loquor[cpu]' (or loquor[gpu], "
            f"loquor[directml]), or set {LIBRARY_VARIABLE} to the path of its library"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / "capi"
    pattern = _PATTERNS.get(sys.platform, "libonnxruntime.so*")
    found = [path for path in folder.glob(pattern) if not path.name.startswith(_PROVIDERS)]
    if not found:
        raise RuntimeMissingError(
            f"ONNX Runtime's package is installed but {folder} holds no {pattern}: "
            "pip install --force-reinstall onnxruntime (or the flavour that `pip list` shows)"
        )
    if len(found) > 1:
        from .installed import newest, recorded  # seldom needed, and slow to import

        return newest(recorded(folder, found) or found)
    return found[0]


def open_runtime() -> _core.Runtime:
    """Open the library that `find_library` names; the same one again costs nothing.

    Raises `RuntimeMissingError` if it cannot be loaded or is too old.
    """
    level = logging.getLogger("loquor").getEffectiveLevel()
    _core.set_log_level(level)
    return _open(str(find_library()))


def find_plugin(device: str) -> Path | None:
    """Return the library of the installed package that brings a device's provider, if there is one."""
    spec = importlib.util.find_spec(_PLUGINS[device][1]) if device in _PLUGINS else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = (path for pattern in _PLUGIN_LIBRARIES for path in sorted(folder.glob(pattern)))
    return next(found, None)


def add_plugin(runtime: _core.Runtime, device: str) -> None:
    """Give the runtime the provider of a device that comes as a plugin, where it is installed.

    A runtime with that provider built in keeps its own. Raises `RuntimeMissingError` for a plugin that this
    runtime cannot use.
    """
    library = find_plugin(device)
    if library is not None and _PLUGINS[device][0] not in runtime.providers:
        runtime.add_provider_library(str(library.absolute()))


def advised_dtype(runtime: _core.Runtime, device: str) -> str:
    """Return the precision that "auto" takes on a device where it is on offer.

    Raises as `Engine` does for a device that is not known or not there.
    """
    return str(runtime.device_info(device)["advised_dtype"])


@functools.cache
def _open(library: str) -> _core.Runtime:
    return _core.Runtime(library)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_open.cache_clear)

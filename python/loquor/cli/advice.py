"""What `loquor doctor` advises, from the facts it found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["advice"]

_FIRST_WITH_Q8 = (1, 23)


def advice(sections: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One sentence for each thing to change; facts that a failed check left out give none."""
    runtime, machine, hub, model = (sections.get(name, {}) for name in ("runtime", "machine", "hub", "model"))
    return [*_on_packages(runtime), *_on_devices(runtime, machine), *_on_hub(hub), *_on_graphs(model)]


def _on_packages(runtime: Mapping[str, Any]) -> list[str]:
    lines = []
    packages = runtime.get("packages", {})
    if len(packages) > 1:
        names = sorted(packages)
        lines.append(
            f"{' and '.join(names)} install into the same folder and overwrite each other: "
            f"pip uninstall {' '.join(names)}, then install the one you want"
        )
    if override := runtime.get("override"):
        lines.append(f"LOQUOR_ORT_LIBRARY is set: {override} is used, whatever package is installed")
    version = re.match(r"(\d+)\.(\d+)", runtime.get("version", ""))
    if version and tuple(map(int, version.groups())) < _FIRST_WITH_Q8:
        needed = ".".join(map(str, _FIRST_WITH_Q8))
        lines.append(
            f"ONNX Runtime {runtime['version']} cannot run q8, which needs {needed} or newer: upgrade it, or "
            "use another precision"
        )
    return lines


def _on_devices(runtime: Mapping[str, Any], machine: Mapping[str, Any]) -> list[str]:
    devices = runtime.get("devices", {})
    lines = [
        f"this runtime is built for {device} but cannot use it here ({state}): install what it asks for, or "
        "give --device cpu"
        for device, state in devices.items()
        if state != "usable"
    ]
    if machine.get("nvidia_driver") and devices and "cuda" not in devices:
        lines.append(
            "there is an NVIDIA driver, but this runtime has no CUDA: uninstall it, then "
            "pip install 'loquor[gpu]'"
        )
    return lines


def _on_hub(hub: Mapping[str, Any]) -> list[str]:
    if not hub.get("offline"):
        return []
    names = [name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if name in hub.get("variables", {})]
    return [f"{' and '.join(names)} is set: nothing is downloaded, only models in the cache can be used"]


def _on_graphs(model: Mapping[str, Any]) -> list[str]:
    return [
        f"{graph} runs at optimization level {facts['optimization_level']}, since this runtime refuses a "
        "higher one: another version of it may be faster"
        for graph, facts in model.get("graphs", {}).items()
        if facts["optimization_level"] != "all"
    ]

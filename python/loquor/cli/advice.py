"""What `loquor doctor` advises, from the facts it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["advice"]


def advice(sections: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One sentence for each thing to change; facts that a failed check left out give none."""
    versions, machine, hub, runtime, model = (
        sections.get(name, {}) for name in ("versions", "machine", "hub", "runtime", "model")
    )
    return [
        *_on_packages(versions, runtime),
        *_on_devices(runtime, machine, sorted(versions.get("onnxruntime_packages", {}))),
        *_on_hub(hub),
        *_on_graphs(model),
    ]


def _on_packages(versions: Mapping[str, Any], runtime: Mapping[str, Any]) -> list[str]:
    lines = []
    packages = versions.get("onnxruntime_packages", {})
    if len(packages) > 1:
        names = sorted(packages)
        lines.append(
            f"{' and '.join(names)} install into the same folder and overwrite each other: "
            f"pip uninstall {' '.join(names)}, then install the one you want"
        )
    if override := runtime.get("override"):
        lines.append(f"LOQUOR_ORT_LIBRARY is set: {override} is used, whatever package is installed")
    return lines


def _on_devices(runtime: Mapping[str, Any], machine: Mapping[str, Any], packages: list[str]) -> list[str]:
    devices = runtime.get("devices", {})
    lines = [
        f"this runtime is built for {device} but cannot use it here ({state}): install what it asks for, or "
        "give --device cpu"
        for device, state in devices.items()
        if state != "usable"
    ]
    if machine.get("nvidia_driver") and devices and "cuda" not in devices:
        first = f"pip uninstall {' '.join(packages)}, and only then " if packages else ""
        lines.append(
            f"there is an NVIDIA driver, but this runtime has no CUDA: {first}pip install 'loquor[gpu]' "
            "(the flavours of ONNX Runtime overwrite each other)"
        )
    return lines


def _on_hub(hub: Mapping[str, Any]) -> list[str]:
    if not hub.get("offline"):
        return []
    names = [name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if name in hub.get("variables", {})]
    return [f"{' and '.join(names)} is set: nothing is downloaded, only models in the cache can be used"]


def _on_graphs(model: Mapping[str, Any]) -> list[str]:
    return [
        *_on_precision(model),
        *(
            f"{graph} runs at optimization level {facts['optimization_level']}, since this runtime refuses a "
            "higher one: another version of it may be faster"
            for graph, facts in model.get("graphs", {}).items()
            if facts["optimization_level"] != "all"
        ),
    ]


def _on_precision(model: Mapping[str, Any]) -> list[str]:
    """Off the CPU a precision other than the advised one may give wrong tokens, not merely slow ones."""
    advised = model.get("advised_dtype")
    if advised is None or model.get("device") == "cpu":
        return []
    others = {facts["dtype"] for facts in model["graphs"].values()} - {advised}
    if not others:
        return []
    return [
        f"{advised} is advised on {model['device']}, not {' or '.join(sorted(others))}: {model['advice']}"
    ]

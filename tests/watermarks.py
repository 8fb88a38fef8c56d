"""A checkpoint like PerTh's, small and of random weights, as PyTorch would write it but without PyTorch."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

Tensors = dict[str, np.ndarray[Any, np.dtype[np.float32]]]

STACKS = ("encoder.layers", "decoder.slow_layers", "decoder.normal_layers", "decoder.fast_layers")


def random_tensors(hidden: int = 4, bins: int = 128, seed: int = 0) -> Tensors:
    """Of the published names and shapes, but for the hidden size; large enough to be heard."""
    generator = np.random.default_rng(seed)
    tensors: Tensors = {}
    for stack in STACKS:
        out = bins if stack.startswith("encoder") else 2
        sizes = [bins, *[hidden] * 6, out]
        for layer in range(7):
            taps = 1 if layer in (0, 6) else 7
            shape = (sizes[layer + 1], sizes[layer], taps)
            scale = 1.2 / math.sqrt(shape[1] * taps)
            tensors[f"{stack}.{layer}.conv.weight"] = generator.normal(0, scale, shape).astype(np.float32)
            tensors[f"{stack}.{layer}.conv.bias"] = generator.normal(0, 0.02, shape[:1]).astype(np.float32)
        if stack.startswith("encoder"):  # a few decibels
            tensors[f"{stack}.6.conv.weight"] *= np.float32(0.05)
    return tensors


def pickled(tensors: Tensors, step: int = 7) -> bytes:
    """What describes {"model": tensors, "step": step}, in the opcodes of protocol 2 that PyTorch writes."""

    def text(value: str) -> bytes:
        return b"X" + len(value).to_bytes(4, "little") + value.encode()

    def whole(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little", signed=True)

    def row(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(whole, values)) + b"t"

    out = b"\x80\x02}(" + text("model") + b"ccollections\nOrderedDict\n)R("
    for number, (name, tensor) in enumerate(tensors.items()):
        strides = tuple(stride // 4 for stride in tensor.strides)
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(number)) + text("cpu")
        out += (
            text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + storage[1:] + whole(tensor.size) + b"tQ"
        )
        out += whole(0) + row(tensor.shape) + row(strides) + b"\x89ccollections\nOrderedDict\n)RtR"
    return out + b"u" + text("step") + whole(step) + b"u."


def write_checkpoint(path: Path, tensors: Tensors, description: bytes | None = None) -> Path:
    """Write the archive; `description` stands for what `pickled` gives."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled(tensors) if description is None else description)
        for number, tensor in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{number}", tensor.astype("<f4").tobytes())
        archive.writestr("archive/version", "3\n")
    return path

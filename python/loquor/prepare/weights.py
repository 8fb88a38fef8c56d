"""Weights that a graph stores twice are kept once."""

from __future__ import annotations

import hashlib
import mmap
from collections import defaultdict
from pathlib import Path

from onnx import TensorProto

from .graph import Graph, external_place

__all__ = ["share_equal_weights"]

_SMALLEST = 4096  # bytes: below, nothing is to be gained


def share_equal_weights(graph: Graph) -> int:
    """Everyone who uses a weight that another equals byte for byte uses that one; returns how many went.

    Exporters that unroll a loop store its weights once a turn. Only external data is looked at, and read only
    where type, shape and length agree.
    """
    alike: dict[tuple[object, ...], list[TensorProto]] = defaultdict(list)
    for tensor in graph.initializers.values():
        if (
            tensor.data_location == TensorProto.EXTERNAL
            and (length := external_place(tensor)[2]) >= _SMALLEST
        ):
            alike[tensor.data_type, tuple(tensor.dims), length].append(tensor)
    kept: dict[tuple[object, ...], str] = {}
    gone = 0
    for kind, tensors in alike.items():
        for tensor in tensors if len(tensors) > 1 else ():
            content = (*kind, _digest(graph.folder, tensor))
            first = kept.setdefault(content, tensor.name)
            if first != tensor.name and graph.consumers(tensor.name):
                graph.replace(tensor.name, first)
                gone += 1
    return gone


def _digest(folder: Path, tensor: TensorProto) -> bytes:
    location, offset, length = external_place(tensor)
    with (
        (folder / location).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole,
        memoryview(whole) as view,
        view[offset : offset + length] as part,
    ):
        return hashlib.blake2b(part).digest()

"""Mish activations, which exporters write out, become one node each (docs/adr/0023-kernels.md)."""

from __future__ import annotations

from .graph import LOQUOR, Graph

__all__ = ["fuse_mish"]


def fuse_mish(graph: Graph) -> int:
    """x tanh(softplus(x)); returns how many were found. What is not float32 the runtime refuses."""
    found = 0
    for softplus in graph.nodes("Softplus"):
        x = softplus.input[0]
        tanh = graph.consumers(softplus.output[0])
        product = graph.consumers(tanh[0].output[0]) if len(tanh) == 1 and tanh[0].op_type == "Tanh" else []
        if len(product) != 1 or product[0].op_type != "Mul" or x not in product[0].input:
            continue
        graph.replace(product[0].output[0], graph.add("Mish", [x], domain=LOQUOR)[0])
        found += 1
    graph.prune()
    return found

"""What is asked of one rewrite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import _core

__all__ = ["FAST_PRODUCTS", "Task"]

FAST_PRODUCTS = ("avx2", "avx512")
"""Vector instructions for which the core's products of whole numbers are made; elsewhere the runtime's are
faster."""


@dataclass(frozen=True)
class Task:
    """One graph of a bundle to be rewritten."""

    runtime: _core.Runtime
    graph: str
    source: Path
    kv_dtype: str
    threads: int
    bundle: Path
    files: Mapping[str, tuple[str, str]]
    """File and published dtype of every graph."""
    own_operators: bool
    """Whether the core's own may be used: on the CPU, and with vector instructions that make them faster."""
    vector_unit: str
    """The instructions that they have here: "plain", "neon", "avx2" or "avx512"."""
    device: str
    """Where the graph will run."""
    heads: tuple[tuple[int, int], ...] = ()
    """Layer and head of those whose attention a language model tells."""
    int16: bool = False
    """Whether products and attention in float32 may be of 16 bits: "int16" of `decoder_precision`."""

    @property
    def scaled(self) -> bool:
        """Whether its KV cache is kept in whole numbers, whose scales suit the voice of the bundle."""
        return _core.kv_dtypes().get(self.kv_dtype, "").startswith("int")

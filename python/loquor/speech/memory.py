"""What an engine holds in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.resident import resident

__all__ = ["Memory", "memory_of"]


@dataclass(frozen=True)
class Memory:
    """Bytes of host memory, and counts."""

    arenas: int
    """Bytes of ONNX Runtime's sessions: weights that are not mapped, and what runs needed at most, which is
    given back after two seconds without a request where the device has no memory of its own."""
    kv_cache: int
    """Bytes of all slots' caches, of which pages that no request reached are not resident yet."""
    prefixes: int
    """Bytes of voices' prefixes that are kept."""
    prefix_limit: int
    """Bytes that they may take: `Engine(prefix_cache_bytes=)`."""
    prefix_count: int
    """How many prefixes are kept."""
    prefix_hits: int
    """Prompts that found their voice's prefix."""
    prefix_misses: int
    """Prompts that had to compute it."""
    encoder_loaded: bool
    """Whether the speech encoder is in memory: while voices are made of recordings, or where it is kept."""
    resident: int | None
    """Bytes of the whole process in memory now; None where the system does not tell."""
    peak_resident: int | None
    """Bytes of the whole process at its largest; None where the system does not tell."""


def memory_of(facts: Mapping[str, Any]) -> Memory:
    """Return what the core says, and what the system says of this process."""
    now, most = resident()
    return Memory(**facts, resident=now, peak_resident=most)

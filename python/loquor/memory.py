"""What an engine holds in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Memory", "memory_of"]


@dataclass(frozen=True)
class Memory:
    """Bytes of host memory, and counts.

    `arenas` are those of ONNX Runtime's sessions: weights that are not mapped, and what runs needed at
    most, which is given back after two seconds without a request (where the device has no memory of its own).
    `kv_cache` is that of all slots, of which pages that no request reached are not resident yet. `prefixes`
    are those of voices, at most `prefix_limit` (`Engine(prefix_cache_bytes=)`); a prompt that found its own
    is one of `prefix_hits`. `resident` and `peak_resident` are the whole process's, None where the system
    does not tell.
    """

    arenas: int
    kv_cache: int
    prefixes: int
    prefix_limit: int
    prefix_count: int
    prefix_hits: int
    prefix_misses: int
    encoder_loaded: bool
    resident: int | None
    peak_resident: int | None


def memory_of(facts: Mapping[str, Any]) -> Memory:
    """From what the core says, and what the system says of this process."""
    sizes: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(("VmRSS:", "VmHWM:")):
                sizes[line[:5]] = int(line.split()[1]) * 1024
    return Memory(**facts, resident=sizes.get("VmRSS"), peak_resident=sizes.get("VmHWM"))

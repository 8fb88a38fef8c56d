"""What an engine says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .text_rules import PIECE_CHARACTERS

__all__ = ["Capabilities", "capabilities_of"]


@dataclass(frozen=True)
class Capabilities:
    """What a loaded engine is and can do. Sizes are in elements, rates in Hz."""

    model: str
    family: str
    folder: Path
    device: str
    provider: str
    dtypes: Mapping[str, str]
    optimization_levels: Mapping[str, str]
    threads: int
    prepared: Mapping[str, str]
    kv_mode: str
    kv_dtype: str
    layers: int
    hidden_size: int
    vocab_size: int
    max_positions: int
    sample_rate: int
    samples_per_token: int
    tags: tuple[str, ...]
    voices: tuple[str, ...]
    has_default_voice: bool
    slots: int
    batched: bool
    sampling: str
    placements: Mapping[str, str]
    voice_cloning: bool = True
    streaming: bool = True
    text_normalizer: str = "none"
    piece_characters: int = PIECE_CHARACTERS


def capabilities_of(info: Mapping[str, Any], prepared: Mapping[str, str], **others: Any) -> Capabilities:
    """From what the core says, the states of rewritten graphs, and `others`, which it does not know."""
    graphs = info["graphs"]
    return Capabilities(
        **{key: info[key] for key in Capabilities.__dataclass_fields__ if key in info},
        **others,
        dtypes={name: graph["dtype"] for name, graph in graphs.items()},
        optimization_levels={name: graph["optimization_level"] for name, graph in graphs.items()},
        placements={name: graph["placement"] for name, graph in graphs.items()},
        prepared={name: prepared.get(name, "as published") for name in graphs},
    )

"""What an engine says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Capabilities", "capabilities_of"]


@dataclass(frozen=True)
class Capabilities:
    """What a loaded engine is and can do. Sizes are in elements, rates in Hz."""

    model: str
    """The name, hub id or folder that the engine was opened with."""
    family: str
    """The family of models that the bundle belongs to, by what its graphs and its config.json say."""
    folder: Path
    """Where the bundle's files lie."""
    device: str
    """What the language model runs on: "cpu", "webgpu", "cuda" and so on."""
    provider: str
    """ONNX Runtime's name of the execution provider for it, such as "CPUExecutionProvider"."""
    dtypes: Mapping[str, str]
    """The precision of the file that was loaded, by graph: "fp32", "fp16", "q8", "q4" and so on."""
    optimization_levels: Mapping[str, str]
    """How far ONNX Runtime optimised each graph: "all", or less where it failed at that. The speech encoder's
    is known once a recording was made a voice."""
    threads: int
    """CPU threads of each run of a graph."""
    prepared: Mapping[str, str]
    """What became of each graph: "prepared", "as published", or "refused", which failed its check."""
    kv_mode: str
    """How the KV cache grows: "in_place" in one buffer, or "ping_pong" between two."""
    kv_dtype: str
    """What the KV cache holds, as the `kv_dtype` of `Engine` names it."""
    layers: int
    """Layers of the language model."""
    hidden_size: int
    """Elements of one position's embedding."""
    vocab_size: int
    """Speech tokens that the language model chooses among, START and STOP included."""
    max_positions: int
    """Positions of one request at most: voice, text and speech tokens together."""
    sample_rate: int
    """Samples of speech a second, in Hz."""
    samples_per_token: int
    """Samples that one speech token becomes."""
    tags: tuple[str, ...]
    """Tags that the tokenizer knows, such as "[laugh]"."""
    voices: tuple[str, ...]
    """Names of the bundle's saved voices, as `Engine.voice` takes them."""
    has_default_voice: bool
    """Whether the bundle has a voice of its own, which is used where none is given."""
    slots: int
    """Requests that are generated at the same time; others wait."""
    batched: bool
    """Whether a step serves all of them; else they take turns."""
    sampling: str
    """Where tokens are chosen: "host" or "device"."""
    placements: Mapping[str, str]
    """How many nodes of each graph run on which execution provider, as far as they are loaded."""
    watermark: str = "none"
    """"perth" where all speech is marked."""
    voice_cloning: bool = True
    """Whether a voice can be made of a recording."""
    streaming: bool = True
    """Whether speech can be heard while it is made."""
    text_normalizer: str = "none"
    """What text goes through first: "none", "en" for English in words, "numbers" for numbers alone."""
    piece_characters: int = 250
    """Characters that the model speaks well in one call, as its tokenizer gets them."""
    languages: tuple[str, ...] = ("en",)
    """Codes of the languages that it speaks; of several it has to be told which."""
    voice_conversion: bool = True
    """Whether a recording can be said in another voice."""
    guidance: bool = False
    """Whether `cfg_weight` does anything."""
    exaggeration: bool = False
    """Whether `exaggeration` does anything."""
    word_times: bool = False
    """Whether the model tells when it says each word."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """Why a graph runs in another precision than was asked for, a sentence each; usually none."""


def capabilities_of(info: Mapping[str, Any], prepared: Mapping[str, str], **others: Any) -> Capabilities:
    """Return what the core says, the states of rewritten graphs, and `others`, which it does not know."""
    graphs = info["graphs"]
    return Capabilities(
        **{key: info[key] for key in Capabilities.__dataclass_fields__ if key in info},
        **others,
        dtypes={name: graph["dtype"] for name, graph in graphs.items()},
        optimization_levels=_known(graphs, "optimization_level"),
        placements=_known(graphs, "placement"),
        prepared={name: prepared.get(name, "as published") for name in graphs},
    )


def _known(graphs: Mapping[str, Mapping[str, Any]], fact: str) -> dict[str, str]:
    return {name: graph[fact] for name, graph in graphs.items() if graph[fact] is not None}

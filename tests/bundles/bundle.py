"""One call that writes a bundle, or adds another precision to one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from .conditional_decoder import build_conditional_decoder
from .dims import GRAPHS, LLAMA_VARIANTS, PRECISIONS, SIZES
from .embed_tokens import build_embed_tokens
from .graph import Graph, write_graph
from .language_model import build_language_model
from .llama import build_llama_embed_tokens, build_llama_language_model
from .metadata import write_llama_metadata, write_metadata
from .speech_encoder import build_speech_encoder


def make_bundle(
    out: Path,
    *,
    size: str = "tiny",
    form: str = "concat",
    dtype: str = "fp32",
    encoder_names: str = "audio",
    seed: int = 0,
    graphs: Sequence[str] = GRAPHS,
    noise: bool = False,
    sines: bool = False,
    mel: bool = False,
    fragile_encoder: bool = False,
    stft: bool = False,
    int8_convolutions: bool = False,
    stop_bias: float = 0.0,
    block: int = 32,
    float_zeros: bool = False,
    ends: int = 2,
) -> Path:
    """Writes the `graphs` of one precision into the folder `out` and returns it; other precisions there stay.

    The same arguments give the same bytes. All forms have the same weights, and fp16 those of fp32, rounded;
    quantised ones are drawn as codes and scales of their own. `encoder_names` is "audio" or "card"; `noise`
    makes the decoder random, `sines` gives it harmonics with a phase, `mel` a spectrogram that its sound
    follows from, `int8_convolutions` two that are quantised dynamically; `fragile_encoder` can be loaded at
    the basic optimisation level only; `stft` lets it hear spectra;
    `block` and `float_zeros` are those of quantised products (see `Precision`);
    `ends` end-of-text ids close a prompt, which the table turns into START;
    `stop_bias` is added to STOP's logit (4 lets most runs of the tiny size stop within some tens of tokens).
    """
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    dims = SIZES[size]
    precision = dataclasses.replace(PRECISIONS[dtype], block=block, float_zeros=float_zeros)
    builders: dict[str, Callable[[Graph], None]] = {
        "speech_encoder": lambda g: build_speech_encoder(
            g, dims, encoder_names, fragile=fragile_encoder, stft=stft
        ),
        "embed_tokens": lambda g: build_embed_tokens(g, dims, ends),
        "language_model": lambda g: build_language_model(g, dims, form, stop_bias),
        "conditional_decoder": lambda g: build_conditional_decoder(
            g, noise=noise, sines=sines, mel=mel, int8_convolutions=int8_convolutions
        ),
    }
    for name in graphs:
        write_graph(out / "onnx", name, precision, seed, builders[name])
    write_metadata(out, size, dims, ends)
    return out


def make_llama_bundle(
    out: Path,
    *,
    variant: str = "english",
    size: str = "tiny",
    form: str = "gqa",
    dtype: str = "fp32",
    encoder_names: str = "audio",
    seed: int = 0,
    graphs: Sequence[str] = GRAPHS,
    noise: bool = False,
    stop_bias: float = 0.0,
    guided_steps: int = 10,
) -> Path:
    """As `make_bundle`, of English or Multilingual: `variant` is one of LLAMA_VARIANTS.

    As published, the language model alone is in the precision `dtype`; the other graphs are in single.
    `guided_steps` are the decoder's.
    """
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    dims, kind = SIZES[size], LLAMA_VARIANTS[variant]
    builders: dict[str, Callable[[Graph], None]] = {
        "speech_encoder": lambda g: build_speech_encoder(g, dims, encoder_names, perceiver=True),
        "embed_tokens": lambda g: build_llama_embed_tokens(g, dims, kind),
        "language_model": lambda g: build_llama_language_model(g, dims, form, stop_bias),
        "conditional_decoder": lambda g: build_conditional_decoder(g, noise=noise, guided_steps=guided_steps),
    }
    for name in graphs:
        precision = PRECISIONS[dtype if name == "language_model" else "fp32"]
        write_graph(out / "onnx", name, precision, seed, builders[name])
    write_llama_metadata(out, kind)
    return out


def data_bytes(graph: str, *, size: str, dtype: str, variant: str = "") -> int:
    """Bytes of the sidecar that `make_bundle` would write for a language model or embedding graph.

    With a `variant`, that `make_llama_bundle` would write.
    """
    counted = Graph(graph, PRECISIONS[dtype], seed=0)
    if variant and graph == "language_model":
        build_llama_language_model(counted, SIZES[size], "gqa")
    elif variant and graph == "embed_tokens":
        build_llama_embed_tokens(counted, SIZES[size], LLAMA_VARIANTS[variant])
    elif graph == "language_model":
        build_language_model(counted, SIZES[size], "concat")
    elif graph == "embed_tokens":
        build_embed_tokens(counted, SIZES[size])
    else:
        raise ValueError(f"only the two graphs with published sizes can be counted, not {graph!r}")
    return counted.data_bytes

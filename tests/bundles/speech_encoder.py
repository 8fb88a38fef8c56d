"""A small speech encoder: loudness in 32 slices of every 40 ms, hashed to codes and projected to features."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .dims import (
    DECODER_PROMPT_TOKENS,
    MEL_BINS,
    PERCEIVED_TOKENS,
    PERCEIVER_ROWS,
    PREFIX_TOKENS,
    SAMPLES_PER_TOKEN,
    SPEAKER_WIDTH,
    SPEECH_CODES,
    Dims,
)
from .graph import Graph

SLICES = 32
FRAMES = {SAMPLES_PER_TOKEN: 400, SAMPLES_PER_TOKEN // 2: 1920}
"""Samples of a spectrum, by those from one to the next."""
OUTPUT_NAMES = {
    "audio": ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features"),
    "card": ("cond_emb", "prompt_token", "speaker_embeddings", "speaker_features"),
}


def build_speech_encoder(
    graph: Graph,
    dims: Dims,
    names: str,
    *,
    fragile: bool = False,
    stft: bool = False,
    perceiver: bool = False,
) -> None:
    """Fills `graph`; `names` picks the spelling of the outputs.

    `fragile` puts a quantised, dilated AveragePool (opset 19) in the speaker's path: ONNX Runtime's extended
    optimisations rewrite it into a QLinearAveragePool, which has no dilations, so that no session can be
    created above the basic level (seen with 1.32 on x86-64). With `stft`, features are bands of spectra by
    STFT nodes of 400 and of 1,920 samples, as exporters write them. With `perceiver` the prefix is that of
    the Llama families: a row for the speaker, the same for everybody since the published graphs project a
    voice embedding of zeros, and 32 that look at the first 150 tokens.
    """
    g, width = graph, dims.hidden
    audio = g.input("audio_values", TensorProto.FLOAT, ["batch_size", "num_samples"])
    frames = g.node("Div", g.dim(audio, 1), g.constant([SAMPLES_PER_TOKEN]))
    prefix = g.node("Min", frames, g.constant([PERCEIVED_TOKENS if perceiver else PREFIX_TOKENS]))
    prompt = g.node("Min", frames, g.constant([DECODER_PROMPT_TOKENS]))

    bands = _bands if stft else _loudness
    loudness = bands(g, audio, prefix, SAMPLES_PER_TOKEN)
    tokens = g.slice(_hash(g, loudness), g.constant([0]), prompt, axis=1)

    count = g.node("Cast", g.node("Max", prefix, g.constant([1])), to=TensorProto.FLOAT)
    speaker = g.node("Div", g.node("ReduceSum", loudness, g.constant([1]), keepdims=1), count)
    if fragile:
        speaker = _fragile_smoothing(g, speaker)
    speaker = g.to_inner(speaker)
    head = g.node("Tanh", g.linear(speaker, "speaker_row", SLICES, width, std=SLICES**-0.5))
    rows = g.node("Tanh", g.linear(g.to_inner(loudness), "prefix_rows", SLICES, width, std=SLICES**-0.5))
    if perceiver:
        head = g.node("Expand", g.weight("cond_spkr", (1, 1, width), 0.5), g.node("Shape", head))
        rows = _perceive(g, rows, width)
    features = g.to_boundary(g.node("Concat", head, rows, axis=1))
    speaker = g.node("Squeeze", speaker, g.constant([1]))
    embedding = g.to_boundary(g.linear(speaker, "x_vector", SLICES, SPEAKER_WIDTH, std=SLICES**-0.5))

    two = g.constant([2])
    mel = g.to_inner(bands(g, audio, g.node("Mul", prompt, two), SAMPLES_PER_TOKEN // 2))
    mel = g.to_boundary(g.linear(mel, "mel", SLICES, MEL_BINS, std=SLICES**-0.5))

    outputs = (
        (features, TensorProto.FLOAT, ["batch_size", "sequence_length", width]),
        (tokens, TensorProto.INT64, ["batch_size", "audio_sequence_length"]),
        (embedding, TensorProto.FLOAT, ["batch_size", SPEAKER_WIDTH]),
        (mel, TensorProto.FLOAT, ["batch_size", "feature_dim", MEL_BINS]),
    )
    for name, (value, elem_type, shape) in zip(OUTPUT_NAMES[names], outputs, strict=True):
        g.output(value, name, elem_type, shape)


def _perceive(g: Graph, rows: str, width: int) -> str:
    """[batch, n, width] to [batch, 32, width]: learned questions, and what the rows answer."""
    questions = g.weight("perceiver.queries", (PERCEIVER_ROWS, width), 1.0)
    looks = g.node("MatMul", questions, g.node("Transpose", rows, perm=[0, 2, 1]))
    return g.node("Add", g.node("MatMul", g.node("Softmax", looks, axis=-1), rows), questions)


def _loudness(g: Graph, audio: str, frames: str, hop: int) -> str:
    """Log root mean square of 32 slices of every frame, scaled: float32 [batch, frames, 32] in -2..3."""
    used = g.slice(audio, g.constant([0]), g.node("Mul", frames, g.constant([hop])), axis=1)
    shape = (g.dim(audio, 0), frames, g.constant([SLICES]), g.constant([hop // SLICES]))
    squares = g.node("Pow", g.reshape(used, *shape), _f32(g, 2.0))
    power = g.node("ReduceMean", squares, g.constant([3]), keepdims=0)
    logarithm = g.node("Log", g.node("Add", g.node("Sqrt", power), _f32(g, 1e-4)))
    return g.node("Mul", g.node("Add", logarithm, _f32(g, 5.0)), _f32(g, 0.5))


def _bands(g: Graph, audio: str, frames: str, hop: int) -> str:
    """Log energy of 32 bands of every frame's spectrum, scaled: float32 [batch, frames, 32]."""
    size = FRAMES[hop]
    used = g.slice(audio, g.constant([0]), g.node("Mul", frames, g.constant([hop])), axis=1)
    padded = g.node("Pad", used, g.constant([0, 0, 0, max(0, size - hop)]))
    signal = g.node("Unsqueeze", padded, g.constant([2]))
    window = g.constant(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size), np.float32)
    spectrum = g.node("STFT", signal, g.constant(hop), window, g.constant(size))
    energy = g.node("ReduceSum", g.node("Mul", spectrum, spectrum), g.constant([3]), keepdims=0)
    edges = np.linspace(0, size // 2 + 1, SLICES + 1).astype(int)
    filters = (np.arange(size // 2 + 1)[:, None] >= edges[:-1]) & (
        np.arange(size // 2 + 1)[:, None] < edges[1:]
    )
    banded = g.node("MatMul", energy, g.constant(filters / size, np.float32))
    logarithm = g.node("Log", g.node("Max", banded, _f32(g, 1e-10)))
    return g.node("Mul", g.node("Add", logarithm, _f32(g, 5.0)), _f32(g, 0.25))


def _hash(g: Graph, loudness: str) -> str:
    """A code in 0..6560 for each frame; neighbouring loudnesses land far apart."""
    level = g.node("ReduceMean", loudness, g.constant([2]), keepdims=0)
    spread = g.node("Mul", g.node("Add", level, _f32(g, 10.0)), _f32(g, 977.0))
    return g.node("Cast", g.node("Mod", spread, _f32(g, SPEECH_CODES), fmod=1), to=TensorProto.INT64)


def _fragile_smoothing(g: Graph, x: str) -> str:
    scale, zero = _f32(g, 1 / 32), g.constant(128, np.uint8)

    def fake_quantise(value: str) -> str:
        return g.node("DequantizeLinear", g.node("QuantizeLinear", value, scale, zero), scale, zero)

    pooled = g.node(
        "AveragePool", fake_quantise(x), kernel_shape=[3], dilations=[2], pads=[2, 2], count_include_pad=1
    )
    return fake_quantise(pooled)


def _f32(g: Graph, value: float) -> str:
    return g.constant(value, np.float32)

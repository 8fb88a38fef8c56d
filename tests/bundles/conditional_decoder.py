"""A small decoder: a code, coloured by the voice, becomes 40 ms of sound, its own for every code."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from .dims import MEL_BINS, SAMPLES_PER_TOKEN, SPEAKER_WIDTH, SPEECH_CODES
from .graph import Graph

WIDTH = 32


def build_conditional_decoder(graph: Graph, *, noise: bool = False) -> None:
    """Fills `graph`; `noise` adds a RandomNormalLike, so that no two runs are alike.

    The prompt, half as long as the mel features, colours the voice but makes no sound of its own. START and
    STOP are no codes: they are out of range here as they are in the real model.
    """
    g = graph
    tokens = g.input("speech_tokens", TensorProto.INT64, ["batch_size", "num_speech_tokens"])
    embedding = g.input("speaker_embeddings", TensorProto.FLOAT, ["batch_size", SPEAKER_WIDTH])
    mel = g.input("speaker_features", TensorProto.FLOAT, ["batch_size", "feature_dim", MEL_BINS])

    prompt = g.node("Div", g.dim(mel, 1), g.constant([2]))
    rows = g.embedding(tokens, "code_emb", SPEECH_CODES, WIDTH, std=1.0)
    spoken = g.slice(rows, prompt, g.constant([2**63 - 1]), axis=1)
    means = (
        g.linear(g.to_inner(embedding), "speaker", SPEAKER_WIDTH, WIDTH, std=SPEAKER_WIDTH**-0.5),
        g.linear(_mean(g, g.to_inner(mel)), "mel", MEL_BINS, WIDTH, std=MEL_BINS**-0.5),
        _mean(g, g.slice(rows, g.constant([0]), prompt, axis=1)),
    )
    voice = g.node("Unsqueeze", g.node("Sum", *means), g.constant([1]))
    hidden = g.node("Tanh", g.node("Add", spoken, voice))
    wave = g.to_boundary(g.linear(hidden, "frame", WIDTH, SAMPLES_PER_TOKEN, std=0.1))
    if noise:
        drawn = g.node("RandomNormalLike", wave)
        wave = g.node("Add", wave, g.node("Mul", drawn, g.constant(0.05, np.float32)))
    wave = g.node("Mul", g.node("Tanh", wave), g.constant(0.95, np.float32))
    samples = g.node("Mul", g.dim(spoken, 1), g.constant([SAMPLES_PER_TOKEN]))
    wave = g.reshape(wave, g.dim(tokens, 0), samples)
    g.output(wave, "waveform", TensorProto.FLOAT, ["batch_size", "num_samples"])


def _mean(g: Graph, rows: str) -> str:
    """Mean over axis 1, zero if that is empty: [batch, n, width] to [batch, width]."""
    count = g.node("Cast", g.node("Max", g.dim(rows, 1), g.constant([1])), to=g.precision.float_type)
    return g.node("Div", g.node("ReduceSum", rows, g.constant([1]), keepdims=0), count)

"""A small decoder: a code, coloured by the voice, becomes 40 ms of sound, its own for every code."""

from __future__ import annotations

import itertools

import numpy as np
from onnx import TensorProto

from .dims import MEL_BINS, SAMPLES_PER_TOKEN, SPEAKER_WIDTH, SPEECH_CODES
from .graph import Graph

WIDTH = 32


HARMONICS = 3


def build_conditional_decoder(
    graph: Graph,
    *,
    noise: bool = False,
    sines: bool = False,
    mel: bool = False,
    int8_convolutions: bool = False,
    guided_steps: int = 0,
) -> None:
    """Fills `graph`; `noise` adds a RandomNormalLike, so that no two runs are alike.

    `sines` adds a vocoder's source: harmonics of a frequency that each code has, their phase a running sum.
    `mel` lets its sound follow from two frames a code, of the features' size; not in float16.
    `int8_convolutions` adds two with weights in bytes, whose activations are quantised in each run.
    `guided_steps` puts so many Euler steps in it, each of two rows, as the Llama families' have.

    The prompt, half as long as the mel features, colours the voice but makes no sound of its own. START and
    STOP are no codes: they are out of range here as they are in the real model.
    """
    g = graph
    tokens = g.input("speech_tokens", TensorProto.INT64, ["batch_size", "num_speech_tokens"])
    embedding = g.input("speaker_embeddings", TensorProto.FLOAT, ["batch_size", SPEAKER_WIDTH])
    features = g.input("speaker_features", TensorProto.FLOAT, ["batch_size", "feature_dim", MEL_BINS])

    prompt = g.node("Div", g.dim(features, 1), g.constant([2]))
    rows = g.embedding(tokens, "code_emb", SPEECH_CODES, WIDTH, std=1.0)
    spoken = g.slice(rows, prompt, g.constant([2**63 - 1]), axis=1)
    means = (
        g.linear(g.to_inner(embedding), "speaker", SPEAKER_WIDTH, WIDTH, std=SPEAKER_WIDTH**-0.5),
        g.linear(_mean(g, g.to_inner(features)), "mel", MEL_BINS, WIDTH, std=MEL_BINS**-0.5),
        _mean(g, g.slice(rows, g.constant([0]), prompt, axis=1)),
    )
    voice = g.node("Unsqueeze", g.node("Sum", *means), g.constant([1]))
    hidden = g.node("Tanh", g.node("Add", spoken, voice))
    if guided_steps:
        hidden = _guided_steps(g, hidden, guided_steps)
    if int8_convolutions:
        hidden = _int8_convolutions(g, hidden)
    pitch = hidden
    if mel:
        hidden, pitch = _through_mel(g, hidden, noise=noise)
    wave = g.to_boundary(g.linear(hidden, "frame", WIDTH, SAMPLES_PER_TOKEN, std=0.1))
    if noise:
        drawn = g.node("RandomNormalLike", wave)
        wave = g.node("Add", wave, g.node("Mul", drawn, g.constant(0.05, np.float32)))
    if sines:
        wave = g.node("Add", wave, _sines(g, pitch))
    wave = g.node("Mul", g.node("Tanh", wave), g.constant(0.95, np.float32))
    samples = g.node("Mul", g.dim(hidden, 1), g.constant([SAMPLES_PER_TOKEN]))
    wave = g.reshape(wave, g.dim(hidden, 0), samples)
    g.output(wave, "waveform", TensorProto.FLOAT, ["batch_size", "num_samples"])


def _through_mel(g: Graph, hidden: str, *, noise: bool) -> tuple[str, str]:
    """[batch, codes, width] to two of the same, for wave and pitch, by way of [batch, bins, 2 * codes]."""
    frames = g.linear(hidden, "frames", WIDTH, 2 * MEL_BINS, std=WIDTH**-0.5)
    count = g.node("Mul", g.dim(hidden, 1), g.constant([2]))
    frames = g.reshape(frames, g.dim(hidden, 0), count, g.constant([MEL_BINS]))
    if noise:
        drawn = g.node("RandomNormalLike", frames)
        frames = g.node("Add", frames, g.node("Mul", drawn, g.constant(0.5, np.float32)))
    spectrogram = g.node("Transpose", frames, perm=[0, 2, 1])
    heard = []
    for name in ("heard", "sung"):
        pairs = g.node("Transpose", spectrogram, perm=[0, 2, 1])
        pairs = g.node("Reshape", pairs, g.constant([0, -1, 2 * MEL_BINS]))
        heard.append(g.node("Tanh", g.linear(pairs, name, 2 * MEL_BINS, WIDTH, std=MEL_BINS**-0.5)))
    return heard[0], heard[1]


def _guided_steps(g: Graph, mean: str, steps: int) -> str:
    """[batch, codes, width] to the same: flow matching on a cosine schedule, classifier-free guidance of 0.7
    inside (CosyVoice's: (1 + rate) * with - rate * without)."""
    rate = 0.7
    times = 1 - np.cos(np.linspace(0, 1, steps + 1) * np.pi / 2)
    x, nothing = mean, g.node("Mul", mean, g.scalar(0.0))
    estimator = g.weight("estimator.weight", (2 * WIDTH, WIDTH), 0.2)
    for time, until in itertools.pairwise(times):
        both = [g.node("Concat", x, hint, axis=-1) for hint in (mean, nothing)]
        rows = g.node("Concat", *both, axis=0)
        flow = g.node("MatMul", rows, estimator)
        flow = g.node("Tanh", g.node("Add", flow, g.scalar(float(time))))
        half = g.dim(mean, 0)
        told = g.slice(flow, g.constant([0]), half, axis=0)
        free = g.slice(flow, half, g.constant([2**63 - 1]), axis=0)
        told, free = g.node("Mul", told, g.scalar(1 + rate)), g.node("Mul", free, g.scalar(rate))
        moved = g.node("Mul", g.node("Sub", told, free), g.scalar(float(until - time)))
        x = g.node("Add", x, moved)
    return x


def _int8_convolutions(g: Graph, hidden: str) -> str:
    """[batch, codes, width] to the same, as ONNX Runtime's quantize_dynamic writes it: signed weights with a
    bias, unsigned ones with a scale for each filter."""
    x = g.node("Transpose", g.to_boundary(hidden), perm=[0, 2, 1])
    rng = np.random.default_rng(5)
    for number, kind in enumerate((np.int8, np.uint8)):
        low = np.iinfo(kind).min
        weights = g.constant(rng.integers(low, low + 256, (WIDTH, WIDTH, 3)), kind)
        scale = 0.002 if number == 0 else rng.uniform(0.001, 0.003, (WIDTH, 1))
        scales, zero = g.constant(scale, np.float32), g.constant(low + 128, kind)
        codes, step, point = g.multi(
            "DynamicQuantizeLinear", x, outs=[f"quantised_{number}_{i}" for i in range(3)]
        )
        sums = g.node("ConvInteger", codes, weights, point, zero, pads=[1, 1], kernel_shape=[3])
        sums = g.node("Cast", sums, to=TensorProto.FLOAT)
        x = g.node("Mul", sums, g.node("Mul", step, scales))
        if number == 0:
            bias = g.constant(rng.normal(0, 0.1, (1, WIDTH, 1)), np.float32)
            x = g.node("Tanh", g.node("Add", x, bias))
    return g.to_inner(g.node("Transpose", x, perm=[0, 2, 1]))


def _sines(g: Graph, hidden: str) -> str:
    """[batch, codes, width] to [batch, codes, samples per token]."""
    pitch = g.to_boundary(g.linear(hidden, "pitch", WIDTH, 1, std=20.0))
    pitch = g.node("Transpose", g.node("Add", pitch, g.constant(140.0, np.float32)), perm=[0, 2, 1])
    wide = g.constant([1, 1, 1, SAMPLES_PER_TOKEN])
    each = g.node("Expand", g.node("Unsqueeze", pitch, g.constant([3])), wide)
    each = g.node("Reshape", each, g.constant([0, 1, -1]))
    steps = g.constant(np.arange(1, HARMONICS + 1).reshape(1, HARMONICS, 1) / 24_000, np.float32)
    exact = g.node("Cast", g.node("Mul", each, steps), to=TensorProto.DOUBLE)  # as the real one sums
    cycles = g.node("Cast", g.node("CumSum", exact, g.constant(2)), to=TensorProto.FLOAT)
    phase = g.node("Sub", cycles, g.node("Floor", cycles))
    sine = g.node("Sin", g.node("Mul", phase, g.constant(2 * np.pi, np.float32)))
    mixed = g.node("Mul", g.node("ReduceSum", sine, g.constant([1]), keepdims=0), g.constant(0.2, np.float32))
    return g.node("Reshape", mixed, g.constant([0, -1, SAMPLES_PER_TOKEN]))


def _mean(g: Graph, rows: str) -> str:
    """Mean over axis 1, zero if that is empty: [batch, n, width] to [batch, width]."""
    count = g.node("Cast", g.node("Max", g.dim(rows, 1), g.constant([1])), to=g.precision.float_type)
    return g.node("Div", g.node("ReduceSum", rows, g.constant([1]), keepdims=0), count)

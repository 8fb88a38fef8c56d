"""The bundle's four graphs, with the names, shapes and rules of Turbo's, from the trained networks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from . import export_speech
from .analysis import BANDS, CEPSTRA, FRAMES_PER_TOKEN, MELS
from .codes import LABELS, LEVELS, PLACES, SIZES, join, melody
from .decoder import COARSE, FINE, TIMBRE
from .graph import Graph, State
from .hearing import SAMPLES, measure
from .text_encoder import WIDTH
from .tokens import END_OF_TEXT, SILENCE, SPEECH_CODES, START
from .vocoder import vocode

SHIFT = SILENCE - int(join(np.array([0, 1, 0])))
"""Added to a code's number (codes.join), modulo SPEECH_CODES: the code of silence has the id SILENCE."""
_EDGE = 4
_FAR = 2**40


def code_ids(codes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Codes [..., 3] as ids [...]."""
    return (join(codes) + SHIFT) % SPEECH_CODES


def codes_of(g: Graph, ids: str) -> tuple[str, str, str]:
    """Ids [...] as label, place and level, int64 [...] each."""
    number = g("Mod", g("Add", ids, SPEECH_CODES - SHIFT), SPEECH_CODES)
    rest, level = g("Div", number, LEVELS), g("Mod", number, LEVELS)
    return g("Div", rest, PLACES), g("Mod", rest, PLACES), level


def _tables(g: Graph, codes: tuple[str, str, str], state: State, name: str) -> str:
    """The sum of the three tables' rows, [..., width]."""
    rows = [g("Gather", g.weight(state[f"{name}.{i}.weight"], 0), x) for i, x in enumerate(codes)]
    return g("Add", g("Add", rows[0], rows[1]), rows[2])


def embed_tokens(text: State, model: State) -> onnx.ModelProto:
    """The last two ids are speech, 50256 being START; those before go through the text encoder."""
    g = Graph("embed_tokens")
    ids = g.input("input_ids", ["batch", "sequence"], TensorProto.INT64)
    letters = export_speech.letters(g, g.slice(ids, 1, 0, -2), text)
    speech = g.slice(ids, 1, -2, _FAR)
    speech = g("Where", g("Equal", speech, END_OF_TEXT), START, speech)
    vector = _tables(g, codes_of(g, g("Min", speech, SPEECH_CODES - 1)), model, "speech")
    is_start = g("Unsqueeze", g("GreaterOrEqual", speech, START), [-1])
    vector = g("Where", is_start, model["start"], vector)
    g.output(g("Concat", letters, vector, axis=1), "inputs_embeds", ["batch", "sequence", WIDTH])
    return g.model()


def _expanded(g: Graph, logits: str) -> str:
    """OUTPUTS logits to log-probabilities of all 6,563 ids: a code's is the sum of its choices'."""
    ends = np.cumsum([0, *SIZES])
    choices = [g("LogSoftmax", g.slice(logits, 2, int(a), int(b)), axis=-1) for a, b in pairwise(ends)]
    stop = g.slice(logits, 2, int(ends[-1]), int(ends[-1]) + 1)
    codes = codes_of(g, g.integers(0, g.constant([SPEECH_CODES])))
    first, second, third = (
        g("Gather", choice, code, axis=2) for choice, code in zip(choices, codes, strict=True)
    )
    logs = g("Add", g("Add", first, second), third)
    go_on, start = g("Neg", g("Softplus", stop)), g("Sub", g("Mul", stop, 0.0), 100.0)
    return g("Concat", g("Add", logs, go_on), start, g("Neg", g("Softplus", g("Neg", stop))), axis=-1)


def language_model(model: State) -> onnx.ModelProto:
    """With the choices of the codes at its end."""
    return export_speech.language_model(model, _expanded)


def _conditioned(g: Graph, x: str, timbre: str, state: State, name: str, width: int) -> str:
    """decoder.Conditioned."""
    count = sum(key.startswith(f"{name}.style.") and key.endswith(".weight") for key in state)
    for index in range(count):
        style = g("Unsqueeze", g.linear(timbre, state, f"{name}.style.{index}"), [1])
        x = g("Mul", x, g("Add", g.slice(style, 2, 0, width), 1.0))
        x = g.block(g("Add", x, g.slice(style, 2, width, 2 * width)), state, f"{name}.blocks.{index}")
    return x


def _frame_labels(g: Graph, label: str, place: str) -> str:
    """decoder.frame_labels: [B, T] to [B, 4 T]."""
    after = g("Concat", g.slice(label, 1, 1, _FAR), g.slice(label, 1, -1, _FAR), axis=1)
    late = g("Where", g("Equal", place, 2), label, after)
    first = g("Concat", g.slice(label, 1, 0, 1), g.slice(late, 1, 0, -1), axis=1)
    last = g("Where", g("Equal", place, 0), after, label)
    columns = [g("Unsqueeze", x, [2]) for x in (first, *[label] * (FRAMES_PER_TOKEN - 2), last)]
    return g("Reshape", g("Concat", *columns, axis=2), [0, -1])


def conditional_decoder(decoder: State, scaling: State) -> onnx.ModelProto:
    """Speech tokens after the prompt's to samples. The prompt is dropped: the voice is in the embedding."""
    g = Graph("conditional_decoder")
    ids = g.input("speech_tokens", ["batch", "tokens"], TensorProto.INT64)
    timbre = g.input("speaker_embeddings", ["batch", TIMBRE])
    prompt = g.input("speaker_features", ["batch", "frames", MELS])
    ids = g("Clip", g.slice(ids, 1, g("Div", g.size(prompt, 1), 2), _FAR), 0, SPEECH_CODES - 1)
    batch, count = g.size(ids, 0), g.size(ids, 1)
    silence = g("Expand", SILENCE, g("Concat", batch, [_EDGE], axis=0))
    codes = codes_of(g, g("Concat", silence, ids, silence, axis=1))
    x = _conditioned(g, _tables(g, codes, decoder, "tables"), timbre, decoder, "coarse", COARSE)
    x = g("Reshape", g.linear(x, decoder, "finer"), g("Concat", batch, [-1, FINE], axis=0))
    labels = g.weight(decoder["labels.weight"][:LABELS], 0)
    x = g("Add", x, g("Gather", labels, _frame_labels(g, codes[0], codes[1])))
    x = _conditioned(g, x, timbre, decoder, "fine", FINE)
    x = g.linear(g.norm(x, decoder, "norm"), decoder, "output")
    # silence on both sides, one token of which is spoken as well: there is always something to convolve
    x = g.slice(x, 1, _EDGE * FRAMES_PER_TOKEN, (1 - _EDGE) * FRAMES_PER_TOKEN)
    level = g("Gather", np.append(0.0, melody()).astype(np.float32), g.slice(codes[2], 1, _EDGE, 1 - _EDGE))
    level = g("Expand", g("Unsqueeze", level, [2]), g("Concat", [1, 1], [FRAMES_PER_TOKEN], axis=0))
    level = g("Reshape", level, g("Concat", batch, [-1, 1], axis=0))
    height = g("Unsqueeze", g("Add", g("Mul", g.slice(timbre, 1, 0, 1), 0.3), 5.0), [1])
    spread = g("Unsqueeze", g("Add", g("Mul", g.slice(timbre, 1, 1, 2), 0.06), 0.18), [1])
    log_f0 = g("Add", g("Mul", g("Add", g.slice(x, 2, 0, 1), level), spread), height)
    voiced = g.float(g("Greater", g.slice(x, 2, 1, 2), 0.0))
    ends = (2, 2 + CEPSTRA, 2 + CEPSTRA + BANDS)
    mean, deviation = scaling["mean"], scaling["deviation"]
    cepstra, bands = (
        g("Add", g("Mul", g.slice(x, 2, a, b), deviation[a:b]), mean[a:b]) for a, b in pairwise(ends)
    )
    y = g.slice(vocode(g, log_f0, voiced, cepstra, bands), 1, 0, g("Mul", count, SAMPLES))
    g.output(y, "waveform", ["batch", "samples"])
    return g.model()


@dataclass(frozen=True)
class Manners:
    """What decides in which leader's manner a recording's voice speaks."""

    heard: NDArray[np.float32]
    """(leaders, TIMBRE): the mean timbre of each."""
    sharpness: float = 40.0
    """Factor on the square of the distance (a mean over the numbers), before the softmax."""


def speech_encoder(
    speaker: State, prefixes: NDArray[np.float32], manners: Manners, hears: State
) -> onnx.ModelProto:
    """A reference of any length to the voice's four tensors."""
    g = Graph("speech_encoder")
    audio = g.input("audio_values", ["batch", "samples"])
    batch = g.size(audio, 0)
    m = measure(g, audio)
    height = g("Where", m.found, m.log_f0, 5.0)
    spread = g("Where", m.found, g("Clip", m.deviation, 0.06, 0.35), 0.18)
    numbers = g("Div", g("Sub", height, 5.0), 0.3), g("Div", g("Sub", spread, 0.18), 0.06)

    scaled = g("Mul", g("Add", m.mel, 4.0), 0.25)
    x = g.blocks(g.linear(scaled, speaker, "input"), speaker, "blocks")
    mean = g("ReduceMean", x, axes=[1], keepdims=1)
    off = g("Sub", x, mean)
    count = g.float(g("Sub", g.size(x, 1), 1))
    variance = g("Div", g("ReduceSum", g("Mul", off, off), [1], keepdims=0), g("Max", count, 1.0))
    heard = g("Concat", g("Squeeze", mean, [1]), g("Sqrt", variance), axis=-1)
    heard = g.linear(g.norm(heard, speaker, "norm"), speaker, "output")
    timbre = g("Concat", *numbers, heard, axis=1)

    far = g("Sub", g("Unsqueeze", timbre, [1]), manners.heard[None])
    far = g("ReduceMean", g("Mul", far, far), axes=[2], keepdims=0)
    share = g("Softmax", g("Mul", far, -manners.sharpness), axis=-1)
    prefix = g("Unsqueeze", g("MatMul", share, prefixes), [1])

    y = g.stack(g("Reshape", scaled, g("Concat", batch, [-1, 2 * MELS], axis=0)), hears)
    ends = np.cumsum([0, *SIZES])
    label, place, level = (
        g("ArgMax", g.slice(y, 2, int(a), int(b)), axis=-1, keepdims=0) for a, b in pairwise(ends)
    )
    number = g("Add", g("Mul", g("Add", g("Mul", label, PLACES), place), LEVELS), level)
    tokens = g("Mod", g("Add", number, SHIFT), SPEECH_CODES)
    g.output(prefix, "audio_features", ["batch", "prefix", WIDTH])
    g.output(tokens, "audio_tokens", ["batch", "tokens"], TensorProto.INT64)
    g.output(timbre, "speaker_embeddings", ["batch", TIMBRE])
    g.output(m.mel, "speaker_features", ["batch", "frames", MELS])
    return g.model()

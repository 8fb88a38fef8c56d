"""Text encoder and language model as ONNX operators, by the names, shapes and rules of Turbo's graphs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto

from .graph import Graph, State
from .items import FIRST_LETTER, LEAD, SYMBOL_OF
from .speech_model import HEAD, HEADS, LAYERS
from .text_encoder import PADDING, PREFIX, WAVES, WIDTH, frequencies
from .tokens import END_OF_TEXT, TAG_SYMBOLS, TEXT_VOCABULARY, VOCABULARY, byte_ids


def symbol_table() -> np.ndarray:
    """[TEXT_VOCABULARY] uint8: each text id's symbol; case is folded, the unknown is a space."""
    table = np.full(TEXT_VOCABULARY, SYMBOL_OF[" "], np.uint8)
    for byte, index in enumerate(byte_ids()):
        table[index] = SYMBOL_OF.get(chr(byte).lower() if byte < 128 else " ", SYMBOL_OF[" "])
    table[END_OF_TEXT] = 0
    for symbol in TAG_SYMBOLS.values():
        table[END_OF_TEXT + symbol] = symbol
    assert table.max() < FIRST_LETTER + len(SYMBOL_OF)
    return table


def _wave(g: Graph, position: str) -> str:
    angle = g("Mul", g("Unsqueeze", position, [-1]), frequencies().numpy())
    return g("Concat", g("Sin", angle), g("Cos", angle), axis=-1)


def letters(g: Graph, ids: str, text: State) -> str:
    batch, letters = g.size(ids, 0), g.size(ids, 1)
    symbols = g("Cast", g("Gather", symbol_table(), ids), to=TensorProto.INT64)
    symbols = g("Concat", symbols, g.zeros(batch, PADDING, dtype=TensorProto.INT64), axis=1)
    x = g.blocks(g("Gather", g.weight(text["table.weight"], 0), symbols), text, "blocks")
    x = g.slice(g.norm(x, text, "norm"), 1, 0, letters)
    duration = g("Softplus", g("Sub", g("Squeeze", g.linear(x, text, "duration"), [-1]), 1.0))
    fixed = g("Gather", text["fixed"], g.slice(symbols, 1, 0, letters))
    duration = g("Where", g("Greater", fixed, 0.0), fixed, duration)
    centre = g("Add", g("Sub", g("CumSum", duration, 1), g("Mul", duration, 0.5)), float(LEAD))
    shape = [g("Log", g("Add", duration, 1.0)), g("Mul", g("Min", duration, 4.0), 0.25)]
    shape = g("Concat", *(g("Unsqueeze", s, [-1]) for s in shape), axis=-1)
    x = g("Add", g.linear(x, text, "output"), g.linear(shape, text, "from_duration"))
    spoken = _wave(g, g("Add", g("Add", centre, g.float(letters)), PREFIX + 2 - 1 - 0.5))
    none = g("Mul", spoken, 0.0)
    own = _wave(g, g.float(g("Add", g.integers(0, letters), PREFIX)))
    return g("Add", x, g("Concat", none, none, spoken, g("Sub", none, own), axis=-1))


def language_model(model: State, expand: Callable[[Graph, str], str]) -> onnx.ModelProto:
    """`expand` makes logits of the vocabulary of what the head gives.

    Attention is ONNX Runtime's own operator: past and present may be one buffer, and a batch may hold
    texts of different lengths.
    """
    g = Graph("language_model")
    x = g.input("inputs_embeds", ["batch", "sequence", WIDTH])
    mask = g.input("attention_mask", ["batch", "total"], TensorProto.INT64)
    positions = g.input("position_ids", ["batch", "sequence"], TensorProto.INT64)
    kinds = [f"{i}.{kind}" for i in range(LAYERS) for kind in ("key", "value")]
    past = [g.input(f"past_key_values.{kind}", ["batch", HEADS, "past", HEAD]) for kind in kinds]
    present = [f"present.{kind}" for kind in kinds]
    last = g("Cast", g("Sub", g("ReduceSum", mask, [1], keepdims=0), 1), to=TensorProto.INT32)
    total = g("Cast", g("Squeeze", g.size(mask, 1), [0]), to=TensorProto.INT32)
    x = g("Add", x, g("Pad", _wave(g, g.float(positions)), [0, 0, WIDTH - 2 * WAVES, 0, 0, 0]))
    for i in range(LAYERS):
        name, pair = f"layers.{i}", slice(2 * i, 2 * i + 2)
        qkv = g.linear(g.norm(x, model, f"{name}.norm1"), model, f"{name}.qkv")
        y = g.attention(qkv, past[pair], present[pair], (last, total), HEADS)
        x = g("Add", x, g.linear(y, model, f"{name}.project"))
        y = g.linear(g.norm(x, model, f"{name}.norm2"), model, f"{name}.up")
        x = g("Add", x, g.linear(g.gelu_tanh(y), model, f"{name}.down"))
    logits = g.linear(g.norm(x, model, "norm"), model, "head")
    g.output(expand(g, logits), "logits", ["batch", "sequence", VOCABULARY])
    for name in present:
        g.output(name, name, ["batch", HEADS, "total", HEAD])
    return g.model()

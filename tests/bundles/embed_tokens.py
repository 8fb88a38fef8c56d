"""The hybrid embedding graph of Turbo and Nano: two tables, and the position decides which one is asked."""

from __future__ import annotations

from onnx import TensorProto

from .dims import END_OF_TEXT, SPEECH_ROWS, START_SPEECH, TEXT_ROWS, Dims
from .graph import Graph


def build_embed_tokens(graph: Graph, dims: Dims, ends: int = 2) -> None:
    """All but the last `ends` ids are text; those are speech codes, end-of-text there meaning START."""
    g = graph
    ids = g.input("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"])
    text_ids = g.slice(ids, g.constant([0]), g.constant([-ends]), axis=1)
    tail = g.slice(ids, g.constant([-ends]), g.constant([2**63 - 1]), axis=1)
    is_end = g.node("Equal", tail, g.constant(END_OF_TEXT))
    speech_ids = g.node("Where", is_end, g.constant(START_SPEECH), tail)
    text = g.embedding(text_ids, "text_emb", TEXT_ROWS, dims.hidden, std=1.0)
    speech = g.embedding(speech_ids, "speech_emb", SPEECH_ROWS, dims.hidden, std=1.0)
    embeds = g.to_boundary(g.node("Concat", text, speech, axis=1))
    g.output(embeds, "inputs_embeds", TensorProto.FLOAT, ["batch_size", "sequence_length", dims.hidden])

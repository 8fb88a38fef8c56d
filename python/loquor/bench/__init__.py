"""Measuring a model: what `loquor bench` and the scripts in benchmarks/ share."""

from .bundle import Plan, bench
from .document import SCHEMA, document, write_document
from .hearing import edit_distance, whisper, words
from .machine import machine, memory, read_bandwidth, step_bytes
from .quality import evaluate, sentences_of
from .questions import Questions
from .rounds import Row, key_of, measure, row_of, table, take_turns

__all__ = [
    "SCHEMA",
    "Plan",
    "Questions",
    "Row",
    "bench",
    "document",
    "edit_distance",
    "evaluate",
    "key_of",
    "machine",
    "measure",
    "memory",
    "read_bandwidth",
    "row_of",
    "sentences_of",
    "step_bytes",
    "table",
    "take_turns",
    "whisper",
    "words",
    "write_document",
]

"""Measuring a model: what `loquor bench` and the scripts in benchmarks/ share."""

from .bundle import Plan, bench
from .machine import machine, memory, read_bandwidth, step_bytes
from .questions import Questions
from .rounds import Row, measure, row_of, table, take_turns

__all__ = [
    "Plan",
    "Questions",
    "Row",
    "bench",
    "machine",
    "measure",
    "memory",
    "read_bandwidth",
    "row_of",
    "step_bytes",
    "table",
    "take_turns",
]

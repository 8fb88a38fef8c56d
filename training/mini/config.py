"""Sizes and schedules. `FULL` makes the shipped voice; `TINY` runs every stage in seconds, for the tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Steps of one training stage; the rate falls on a cosine from `rate` to a fiftieth of it."""

    steps: int
    rate: float
    warmup: int = 100


@dataclass(frozen=True)
class Config:
    texts: int
    codec: Schedule
    pretrain: Schedule
    language_model: Schedule
    decoder: Schedule
    student: Schedule
    positions: int = 2400
    """Prompt and speech positions in one batch of the language model."""
    window: int = 100
    """Tokens of one training window of the codec, the decoder and the student."""
    student_items: int = 2000
    stop_texts: int = 500
    bfloat16: bool = False
    """Train with products in bfloat16: half the time on a CPU that has the instructions."""


FULL = Config(
    texts=24_000,
    codec=Schedule(7000, 2e-3),
    pretrain=Schedule(1500, 2e-3),
    language_model=Schedule(7000, 1.5e-3),
    decoder=Schedule(4000, 1e-3),
    student=Schedule(4000, 2e-3),
)
TINY = Config(
    texts=40,
    codec=Schedule(2, 2e-3, 1),
    pretrain=Schedule(2, 2e-3, 1),
    language_model=Schedule(2, 1.5e-3, 1),
    decoder=Schedule(2, 1e-3, 1),
    student=Schedule(2, 2e-3, 1),
    positions=600,
    window=20,
    student_items=3,
    stop_texts=3,
)
CONFIGS = {"full": FULL, "tiny": TINY}

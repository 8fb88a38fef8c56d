"""An independent, unoptimised reading of the contract, to compare the engine with token for token."""

from .loop import PlainLoop, Voice
from .rng import uniform
from .sampler import SamplingOptions, draw, process

__all__ = ["PlainLoop", "SamplingOptions", "Voice", "draw", "process", "uniform"]

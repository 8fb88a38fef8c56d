"""An independent, unoptimised reading of the contract, to compare the engine with token for token."""

from .llama import LlamaLoop
from .loop import PlainLoop, Voice
from .rng import uniform
from .sampler import SamplingOptions, draw, process

__all__ = ["LlamaLoop", "PlainLoop", "SamplingOptions", "Voice", "draw", "process", "uniform"]

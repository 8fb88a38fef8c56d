"""The sampler of PyTorch's Turbo, one array operation at a time: the repetition penalty comes last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SamplingOptions:
    """Temperature 0 means greedy; top_k 0, top_p 1, min_p 0 and penalty 1 mean off."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.2


def process(
    logits: NDArray[np.float32], history: Sequence[int], options: SamplingOptions
) -> NDArray[np.float32]:
    """Float32 logits [vocabulary] after temperature, top-k, top-p, min-p, penalty; removed ones are -inf."""
    out = np.array(logits, np.float32)
    if options.temperature > 0:
        out /= np.float32(options.temperature)
        out = _top_k(out, options.top_k)
        out = top_p_filter(out, options.top_p)
        out = min_p_filter(out, options.min_p)
    if options.repetition_penalty != 1 and history:
        ids, penalty = np.unique(np.asarray(history, np.int64)), np.float32(options.repetition_penalty)
        seen = out[ids]
        out[ids] = np.where(seen < 0, seen * penalty, seen / penalty)
    return out


def draw(logits: NDArray[np.float32], u: float) -> int:
    """The first id whose cumulative probability, over ascending ids, exceeds `u` in [0, 1)."""
    cumulative = np.cumsum(_weights(logits))
    return int(np.searchsorted(cumulative, u * cumulative[-1], side="right"))


def _top_k(logits: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    if not 0 < k < logits.size:
        return logits
    kth = np.sort(logits)[-k]
    return _remove(logits, logits < kth)


def top_p_filter(logits: NDArray[np.float32], p: float) -> NDArray[np.float32]:
    """Keeps the smallest set of likely tokens whose probability exceeds `p`."""
    if p >= 1:
        return logits
    ascending = np.argsort(logits, kind="stable")
    cumulative = np.cumsum(_weights(logits[ascending]))
    unlikely = cumulative / cumulative[-1] <= 1 - p
    unlikely[-1] = False
    removed = np.zeros(logits.size, bool)
    removed[ascending] = unlikely
    return _remove(logits, removed)


def min_p_filter(logits: NDArray[np.float32], p: float) -> NDArray[np.float32]:
    """Removes what is less likely than the share `p` of the likeliest."""
    return _remove(logits, _weights(logits) < p) if p > 0 else logits


def _remove(logits: NDArray[np.float32], removed: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(removed, np.float32(-np.inf), logits)


def _weights(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities in float64 relative to the largest, which is 1."""
    wide = logits.astype(np.float64)
    return np.exp(wide - wide.max())

"""Training samples of the speech model: items of the corpus, some joined, some with tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .items import LEAD, SYMBOL_OF, Item
from .text_encoder import PADDING

_ENDS = {SYMBOL_OF[c] for c in ".,"}


@dataclass
class Sample:
    symbols: NDArray[np.uint8]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    phones: NDArray[np.uint8]
    codes: NDArray[np.integer]
    """[tokens, numbers of a code]."""


def sample_of(item: Item, codes: NDArray[np.uint8]) -> Sample:
    part = codes[item.first : item.first + item.tokens]
    start = item.start if item.symbols[0] >= SYMBOL_OF[" "] else np.full_like(item.start, LEAD)
    return Sample(item.symbols, start, item.end, item.phones, part)


def _marks(symbols: Sequence[int], start: float, end: float, like: NDArray[np.integer]) -> Sample:
    """Symbols without speech of their own; the first takes the time from `start` to `end`. Codes are
    written as those of `like`."""
    count = len(symbols)
    times = np.full(count, end, np.float32)
    starts = times.copy()
    starts[:1] = start
    return Sample(np.array(symbols, np.uint8), starts, times, np.zeros((count, 3), np.uint8), like[:0])


def join(parts: Sequence[Sample], tail: str = "") -> Sample:
    """The parts after each other, a space between; `tail` is written at the end and takes no time."""
    row: list[Sample] = []
    like = parts[0].codes
    offset, previous = 0, 0.0
    for number, part in enumerate(parts):
        moved = Sample(part.symbols, part.start + offset, part.end + offset, part.phones, part.codes)
        if number:
            row.append(_marks([SYMBOL_OF[" "]], previous, max(previous, float(moved.start[0])), like))
        row.append(moved)
        offset += len(part.codes)
        previous = float(moved.end[-1])
    if tail:
        row.append(_marks([SYMBOL_OF[c] for c in tail], previous, max(previous, float(offset)), like))
    columns = (np.concatenate([getattr(p, name) for p in row]) for name in Sample.__dataclass_fields__)
    return Sample(*columns)


def with_style(sample: Sample, symbol: int) -> Sample:
    """A style tag and a space before the text, both without time: the tag changes nothing."""
    mark = _marks([symbol, SYMBOL_OF[" "]], float(sample.start[0]), float(sample.start[0]), sample.codes)
    pairs = ((getattr(mark, name), getattr(sample, name)) for name in Sample.__dataclass_fields__)
    return Sample(*(np.concatenate(pair) for pair in pairs))


def without_end(sample: Sample) -> Sample:
    """The text without its last full stop; the speech stays, and the last letter takes the pause."""
    if len(sample.symbols) < 2 or sample.symbols[-1] not in _ENDS:
        return sample
    return Sample(sample.symbols[:-1], sample.start[:-1], sample.end[:-1], sample.phones[:-1], sample.codes)


@dataclass
class TextBatch:
    """Letters of a batch, padded: [batch, letters + PADDING]."""

    symbols: Tensor
    duration: Tensor
    centre: Tensor
    phones: Tensor
    """[batch, letters, 3]."""
    mask: Tensor
    letters: Tensor
    """[batch, 1]."""


def text_batch(samples: Sequence[Sample]) -> TextBatch:
    shape = (len(samples), max(len(s.symbols) for s in samples) + PADDING)
    batch = TextBatch(
        torch.zeros(shape, dtype=torch.long), torch.zeros(shape), torch.zeros(shape),
        torch.zeros((*shape, 3), dtype=torch.long), torch.zeros(shape),
        torch.tensor([[float(len(s.symbols))] for s in samples]),
    )  # fmt: skip
    for row, sample in enumerate(samples):
        count = len(sample.symbols)
        batch.symbols[row, :count] = torch.from_numpy(sample.symbols.astype(np.int64))
        batch.duration[row, :count] = torch.from_numpy((sample.end - sample.start).astype(np.float32))
        batch.centre[row, :count] = torch.from_numpy(((sample.end + sample.start) / 2).astype(np.float32))
        batch.phones[row, :count] = torch.from_numpy(sample.phones.astype(np.int64))
        batch.mask[row, :count] = 1
    return batch

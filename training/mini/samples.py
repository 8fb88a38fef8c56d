"""Training samples of the speech model: items of the corpus, some joined, some with tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .corpus import LEAD, SYMBOL_OF, Corpus, Item
from .speech_model import PADDING
from .tokens import STYLE_TAGS, TAG_SYMBOLS

_POOL = 400
_JOINED, _EVENT, _STYLE = 0.12, 0.08, 0.05
_MOST_LETTERS = 300
_ENDS = {SYMBOL_OF[c] for c in ".,"}


@dataclass
class Sample:
    symbols: NDArray[np.uint8]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    phones: NDArray[np.uint8]
    codes: NDArray[np.integer]
    """[tokens, numbers of a code]."""


def sample_of(item: Item, codes: NDArray[np.int8]) -> Sample:
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


def _without_end(sample: Sample) -> Sample:
    """The text without its last full stop; the speech stays, and the last letter takes the pause."""
    if len(sample.symbols) < 2 or sample.symbols[-1] not in _ENDS:
        return sample
    return Sample(sample.symbols[:-1], sample.start[:-1], sample.end[:-1], sample.phones[:-1], sample.codes)


class Sampler:
    """Batches by step: each is drawn from its generator alone."""

    def __init__(self, corpus: Corpus, codes: NDArray[np.int8], held: int) -> None:
        self.corpus, self.codes = corpus, codes
        self.held = corpus.items[:held]
        self.items = [i for i in corpus.items[held:] if i.tokens > 5]

    def held_samples(self) -> list[Sample]:
        return [sample_of(item, self.codes) for item in self.held]

    def _draw(self, rng: np.random.Generator) -> list[tuple[str, list[Item]]]:
        """(how, items) for a pool of samples, to be built only if their batch is chosen."""
        order = rng.choice(len(self.items), min(_POOL, len(self.items)), replace=False)
        plans: list[tuple[str, list[Item]]] = []
        waiting = [self.items[i] for i in order]
        while waiting:
            item, kind = waiting.pop(), rng.random()
            if kind < _JOINED + _EVENT and waiting:
                how = "join" if kind < _JOINED else "event"
                if len(item.symbols) + len(waiting[-1].symbols) + 4 <= _MOST_LETTERS:
                    plans.append((how, [item, waiting.pop()]))
                    continue
            plans.append(("style" if kind > 1 - _STYLE else "plain", [item]))
        return plans

    def _build(self, how: str, items: list[Item], rng: np.random.Generator) -> Sample:
        parts = [sample_of(item, self.codes) for item in items]
        if how == "join":
            return join(parts)
        if how == "style":
            return with_style(parts[0], TAG_SYMBOLS[STYLE_TAGS[rng.integers(len(STYLE_TAGS))]])
        if how == "plain":
            return parts[0]
        sounds = list(self.corpus.events.values())[rng.integers(len(self.corpus.events))]
        sound = sample_of(sounds[rng.integers(len(sounds))], self.codes)
        first = _without_end(parts[0]) if rng.random() < 0.4 else parts[0]
        where = rng.integers(5)
        if where == 0:
            return join([sound], tail="." if rng.random() < 0.7 else "")
        if where == 1:
            return join([sound, parts[0]])
        if where == 2:
            return join([first, sound], tail="." if rng.random() < 0.7 else "")
        return join([first, sound, parts[1]])

    def batch(self, rng: np.random.Generator, positions: int) -> list[Sample]:
        """Samples of like length that fill `positions` with their padding."""
        plans = self._draw(rng)
        lengths = [sum(len(i.symbols) + i.tokens for i in items) + 8 for _, items in plans]
        batches: list[list[int]] = [[]]
        for index in np.argsort(lengths):
            if batches[-1] and (len(batches[-1]) + 1) * lengths[index] > positions:
                batches.append([])
            batches[-1].append(int(index))
        chosen = batches[rng.integers(len(batches))]
        return [self._build(*plans[index], rng) for index in chosen]

    def texts(self, rng: np.random.Generator, count: int) -> list[Sample]:
        """`count` plain samples of like length, for the text encoder alone."""
        pool = rng.choice(len(self.items), min(_POOL, len(self.items)), replace=False)
        pool = sorted(pool, key=lambda i: len(self.items[i].symbols))
        start = rng.integers(max(1, len(pool) // count)) * count
        return [sample_of(self.items[i], self.codes) for i in pool[start : start + count]]


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

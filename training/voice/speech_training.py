"""Stage `train`: text encoder and language model together, on the coded texts. No sound is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from . import coded
from .coded import Coded
from .codes import SIZES
from .decoder_training import begin
from .items import FIRST_LETTER, SYMBOLS
from .samples import Sample, join, sample_of, text_batch, with_style, without_end
from .speech_model import Speech
from .text_encoder import PREFIX, TextEncoder
from .text_loss import TextLoss
from .timbres import LEADING
from .tokens import STYLE_TAGS, TAG_SYMBOLS
from .trainer import Schedule, train

HELD = 60
POSITIONS = 2400
"""Prompt and speech positions of a batch."""
_POOL, _JOINED, _MOST_LETTERS = 400, 0.12, 300
_CORRUPTION, _CORRUPTION_ODDS = (0.0, 0.08, 0.25, 0.6), (0.35, 0.3, 0.25, 0.1)
"""Share of the codes the model is fed that are random, against trusting its own past too much."""
_STOP_WEIGHT = 3.0
_STYLE, _EVENT = 0.04, 0.25
"""Shares of the samples that begin with a style tag, which changes nothing, and that hold an event."""
_SPLIT = [*SIZES, 1]

Spoken = tuple[Sample, int]
"""A sample and its leader."""


class Sampler:
    """Batches of like length, each drawn from its generator alone; some are two texts of a leader joined."""

    def __init__(self, data: Coded) -> None:
        self.data = data
        count = min(HELD, len(data.items) // 4)
        self.held = [(sample_of(data.items[i], data.codes), int(data.leader[i])) for i in range(count)]
        texts = [i for i, item in enumerate(data.items) if item.symbols[0] >= FIRST_LETTER]
        self._rest = np.array([i for i in texts[count:] if data.items[i].tokens > 5])
        self._events: list[list[Sample]] = [[] for _ in LEADING]
        for item, leader in zip(data.items[len(texts) :], data.leader[len(texts) :], strict=True):
            self._events[leader].append(sample_of(item, data.codes))

    def event_durations(self) -> NDArray[np.float32]:
        """(SYMBOLS,): of each event's symbol, the mean over the leaders; 0 for all others."""
        found: dict[int, list[float]] = {}
        for sample in (event for events in self._events for event in events):
            found.setdefault(int(sample.symbols[0]), []).append(float(sample.end[0] - sample.start[0]))
        table = np.zeros(SYMBOLS, np.float32)
        for symbol, durations in found.items():
            table[symbol] = np.mean(durations)
        return table

    def batch(self, rng: np.random.Generator) -> list[Spoken]:
        items, leader = self.data.items, self.data.leader
        order = list(rng.choice(self._rest, min(_POOL, len(self._rest)), replace=False))
        plans: list[list[int]] = []
        waiting: dict[int, list[int]] = {n: [] for n in range(len(LEADING))}
        for index in order:
            row = waiting[int(leader[index])]
            if row and len(items[row[-1]].symbols) + len(items[index].symbols) < _MOST_LETTERS:
                plans.append([row.pop(), index])
            elif rng.random() < _JOINED:
                row.append(index)
            else:
                plans.append([index])
        lengths = [sum(len(items[i].symbols) + items[i].tokens for i in plan) + 8 for plan in plans]
        batches: list[list[int]] = [[]]
        for which in np.argsort(lengths):
            if batches[-1] and (len(batches[-1]) + 1) * lengths[which] > POSITIONS:
                batches.append([])
            batches[-1].append(int(which))
        chosen = batches[rng.integers(len(batches))]
        return [self._build(plans[which], rng) for which in chosen]

    def _build(self, plan: list[int], rng: np.random.Generator) -> Spoken:
        parts = [sample_of(self.data.items[i], self.data.codes) for i in plan]
        leader = int(self.data.leader[plan[0]])
        kind = rng.random()
        if kind < _EVENT and self._events[leader]:
            return self._with_event(parts, self._events[leader], rng), leader
        sample = parts[0] if len(parts) == 1 else join(parts)
        if kind > 1 - _STYLE:
            sample = with_style(sample, TAG_SYMBOLS[STYLE_TAGS[rng.integers(len(STYLE_TAGS))]])
        return sample, leader

    def _with_event(self, parts: list[Sample], events: list[Sample], rng: np.random.Generator) -> Sample:
        """An event alone, before, behind or between what is said."""
        event, where = events[rng.integers(len(events))], rng.integers(5)
        stop = "." if rng.random() < 0.7 else ""
        first = without_end(parts[0]) if rng.random() < 0.4 else parts[0]
        if where == 0:
            return join([event], tail=stop)
        if where == 1:
            return join([event, *parts])
        if where == 2 or len(parts) == 1:
            return join([first, event], tail=stop)
        return join([first, event, *parts[1:]])


def corrupted(codes: Tensor, rng: np.random.Generator | None) -> Tensor:
    """`codes` [tokens, 3], some of them random; all as they are without `rng`."""
    share = rng.choice(_CORRUPTION, p=_CORRUPTION_ODDS) if rng is not None else 0.0
    if not share:
        return codes
    mask = torch.rand(len(codes), 1) < share
    other = torch.stack([torch.randint(0, size, (len(codes),)) for size in SIZES], -1)
    return torch.where(mask, other, codes)


class SpeechLoss:
    """Cross-entropy of the codes' choices and of STOP, with the text encoder's own loss."""

    def __init__(
        self, encoder: TextEncoder, model: Speech, spoken: Sequence[Spoken], rng: np.random.Generator | None
    ) -> None:
        """`rng` corrupts the codes the model is fed; None leaves them as they are."""
        samples = [sample for sample, _ in spoken]
        batch = text_batch(samples)
        text = TextLoss(encoder, batch)
        vectors = encoder.vectors(text.hidden, batch.duration, batch.centre, batch.letters)
        said = [torch.from_numpy(sample.codes.astype(np.int64)) for sample in samples]
        lengths = [len(codes) for codes in said]
        speech = model.speech_vectors(torch.cat([corrupted(codes, rng) for codes in said])).split(lengths)
        start = model.start[None].expand(2, -1)
        rows = [
            torch.cat([model.voice[leader][None], v[: len(sample.symbols)], start, x])
            for (sample, leader), v, x in zip(spoken, vectors, speech, strict=True)
        ]
        got = model(pad_sequence(rows, batch_first=True))
        # the output at the second START is the first code, the output at the last code is STOP
        first = [PREFIX + len(sample.symbols) + 1 for sample in samples]
        outputs = [got[i, at : at + n + 1] for i, (at, n) in enumerate(zip(first, lengths, strict=True))]
        choices = torch.cat([o[:-1] for o in outputs]).split(_SPLIT, -1)[: len(SIZES)]
        wanted = torch.cat(said)
        stop = torch.cat([o[:, -1] for o in outputs])
        is_stop = torch.cat([torch.eye(n + 1)[-1] for n in lengths])
        misses = [functional.cross_entropy(c, wanted[:, i]) for i, c in enumerate(choices)]
        self.stop = functional.binary_cross_entropy_with_logits(
            stop, is_stop, pos_weight=torch.tensor(_STOP_WEIGHT)
        )
        self.loss = torch.stack(misses).sum() + 4 * self.stop + text.loss
        right = [(c.argmax(-1) == wanted[:, i]).float().mean() for i, c in enumerate(choices)]
        self.report = (
            f"label {misses[0]:.3f} {right[0]:.2%} place {misses[1]:.3f} {right[1]:.2%} "
            f"level {misses[2]:.3f} {right[2]:.2%} stop {self.stop:.4f} {text.report}"
        )


def run(work: Path, schedule: Schedule, bfloat16: bool) -> None:
    """Write `speech.pt` (text, model), from `speech.ckpt` on if that is there."""
    torch.manual_seed(3)
    encoder, model, sampler = TextEncoder(), Speech(), Sampler(coded.load(work))
    fixed = sampler.event_durations()

    def step(rng: np.random.Generator) -> Tensor:
        return SpeechLoss(encoder, model, sampler.batch(rng), rng).loss

    held = sampler.held[:24]
    modules = {"text": encoder, "model": model}
    if (work / "start-speech.pt").exists():
        begin(work / "start-speech.pt", modules)
    encoder.fixed.copy_(torch.from_numpy(fixed))
    train(
        "speech", work, modules, schedule, step,
        validate=lambda: SpeechLoss(encoder, model, held, None).report, seed=3, bfloat16=bfloat16,
    )  # fmt: skip

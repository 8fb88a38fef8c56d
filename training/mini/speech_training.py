"""Stages `pretrain` (the text encoder alone) and `train` (text encoder and language model together)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from . import corpus as corpora
from .align import PHONES
from .config import Config
from .samples import Sample, Sampler, TextBatch, text_batch
from .speech_model import PREFIX, LanguageModel, TextEncoder
from .tokens import DIGITS
from .trainer import train

HELD = 100
_TEXTS = 24
_CORRUPTION = (0.0, 0.08, 0.25, 0.6)
_CORRUPTION_ODDS = (0.35, 0.3, 0.25, 0.1)
"""Share of the codes the model is fed that are random, against trusting its own past too much."""
_STOP_WEIGHT = 3.0


class TextLoss:
    """Phones, stress and durations of the letters; keeps what it found for the report."""

    def __init__(self, encoder: TextEncoder, batch: TextBatch) -> None:
        self.hidden = encoder.hidden(batch.symbols)
        logits, duration = encoder.phones(self.hidden).float(), encoder.durations(self.hidden)
        count = len(PHONES)
        first, second = logits[..., :count], logits[..., count : 2 * count]

        def mean(values: Tensor) -> Tensor:
            return (values * batch.mask).sum() / batch.mask.sum()

        def miss(got: Tensor, wanted: Tensor) -> Tensor:
            return mean(functional.cross_entropy(got.transpose(1, 2), wanted, reduction="none"))

        stress = functional.binary_cross_entropy_with_logits(
            logits[..., -1], batch.phones[..., 2].float(), reduction="none"
        )
        error = duration - batch.duration
        self.loss = (
            miss(first, batch.phones[..., 0]) + miss(second, batch.phones[..., 1]) + 0.3 * mean(stress)
        )
        self.loss = self.loss + mean(error.abs() + 0.5 * error.clamp(-3, 3) ** 2)
        right = (first.argmax(-1) == batch.phones[..., 0]) & (second.argmax(-1) == batch.phones[..., 1])
        self.report = f"letters {mean(right.float()):.2%} duration error {mean(error.abs()):.3f} tokens"


def sampler_of(work: Path, codes: bool) -> Sampler:
    corpus = corpora.load(work)
    table = np.load(work / "codes.npy") if codes else np.zeros((len(corpus.features), DIGITS), np.int8)
    return Sampler(corpus, table, min(HELD, len(corpus.items) // 4))


def run_pretrain(work: Path, config: Config) -> None:
    torch.manual_seed(2)
    encoder, sampler = TextEncoder(), sampler_of(work, codes=False)
    held = text_batch(sampler.held_samples())

    def step(rng: np.random.Generator) -> Tensor:
        return TextLoss(encoder, text_batch(sampler.texts(rng, _TEXTS))).loss

    train(
        "pretrain", work, {"text": encoder}, config.pretrain, step,
        validate=lambda: TextLoss(encoder, held).report, seed=2, bfloat16=config.bfloat16,
    )  # fmt: skip


class SpeechLoss:
    """Cross-entropy of the codes' digits and of STOP, with the text encoder's own loss."""

    def __init__(
        self,
        encoder: TextEncoder,
        model: LanguageModel,
        samples: Sequence[Sample],
        rng: np.random.Generator | None,
    ) -> None:
        """`rng` corrupts the codes the model is fed; None leaves them as they are."""
        batch = text_batch(samples)
        text = TextLoss(encoder, batch)
        vectors = encoder.vectors(text.hidden, batch.duration, batch.centre, batch.letters)
        codes = [torch.from_numpy(s.codes.astype(np.float32)) for s in samples]
        speech = model.speech_vectors(torch.cat([_corrupted(c, rng) for c in codes])).split(
            [len(c) for c in codes]
        )
        start = model.start[None].expand(2, -1)
        rows = [
            torch.cat([model.voice, v[: len(s.symbols)], start, x])
            for s, v, x in zip(samples, vectors, speech, strict=True)
        ]
        got = model(pad_sequence(rows, batch_first=True))
        # the output at the second START is the first code, the output at the last code is STOP
        first = [PREFIX + len(s.symbols) + 1 for s in samples]
        outputs = [
            got[row, at : at + len(c) + 1] for row, (at, c) in enumerate(zip(first, codes, strict=True))
        ]
        digits = torch.cat([o[:-1, : 3 * DIGITS] for o in outputs]).unflatten(-1, (DIGITS, 3))
        wanted = (torch.cat(codes) + 1).long()
        stop = torch.cat([o[:, -1] for o in outputs])
        is_stop = torch.cat([torch.eye(len(c) + 1)[-1] for c in codes])
        self.codes = DIGITS * functional.cross_entropy(digits.flatten(0, 1), wanted.flatten())
        weight = torch.tensor(_STOP_WEIGHT)
        self.stop = functional.binary_cross_entropy_with_logits(stop, is_stop, pos_weight=weight)
        self.loss = self.codes + 4 * self.stop + text.loss
        right = digits.argmax(-1) == wanted
        self.report = (
            f"code CE {self.codes:.3f} digits {right.float().mean():.2%} "
            f"codes {right.all(-1).float().mean():.2%} stop {self.stop:.4f} {text.report}"
        )


def _corrupted(codes: Tensor, rng: np.random.Generator | None) -> Tensor:
    share = rng.choice(_CORRUPTION, p=_CORRUPTION_ODDS) if rng is not None else 0.0
    if not share:
        return codes
    mask = torch.rand(len(codes), 1) < share
    return torch.where(mask, torch.randint(-1, 2, codes.shape).float(), codes)


def run_train(work: Path, config: Config) -> None:
    torch.manual_seed(3)
    encoder, model, sampler = TextEncoder(), LanguageModel(), sampler_of(work, codes=True)
    encoder.load_state_dict(torch.load(work / "pretrain.pt", weights_only=True)["text"])
    held = sampler.held_samples()[:24]

    def step(rng: np.random.Generator) -> Tensor:
        return SpeechLoss(encoder, model, sampler.batch(rng, config.positions), rng).loss

    train(
        "speech", work, {"text": encoder, "model": model}, config.language_model, step,
        validate=lambda: SpeechLoss(encoder, model, held, None).report, scales={"text": 0.6}, seed=3,
        bfloat16=config.bfloat16,
    )  # fmt: skip

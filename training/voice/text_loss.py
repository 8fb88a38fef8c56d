"""What the text encoder is trained by, beside the language model's loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from .align import PHONES
from .samples import TextBatch
from .text_encoder import TextEncoder


class TextLoss:
    """Phones, stress and durations of the letters; keeps what it found for the report."""

    def __init__(self, encoder: TextEncoder, batch: TextBatch) -> None:
        self.hidden = encoder.hidden(batch.symbols)
        logits, duration = encoder.phones(self.hidden).float(), encoder.durations(self.hidden, batch.symbols)
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

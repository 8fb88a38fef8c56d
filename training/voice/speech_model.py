"""mini's language model for codes that are made of three choices: label, place and level.

Its prefix is one of the leaders' manners of speaking.
"""

from __future__ import annotations

import torch
from mini.speech_model import WIDTH, LanguageModel
from torch import Tensor, nn

from .codes import SIZES
from .timbres import LEADING

OUTPUTS = sum(SIZES) + 1
"""Logits: of each choice, then one for STOP."""


class Speech(LanguageModel):
    """Codes after a prompt: [batch, positions, WIDTH] to OUTPUTS logits a position."""

    def __init__(self) -> None:
        super().__init__()
        self.speech = nn.ModuleList(nn.Embedding(size, WIDTH) for size in SIZES)
        for table in self.speech:
            nn.init.normal_(table.weight, std=0.3)
        self.voice = nn.Parameter(torch.randn(len(LEADING), WIDTH) * 0.3)
        self.head = nn.Linear(WIDTH, OUTPUTS)

    def speech_vectors(self, codes: Tensor) -> Tensor:
        """Codes [..., 3] to [..., WIDTH]."""
        return torch.stack([table(codes[..., i]) for i, table in enumerate(self.speech)]).sum(0)

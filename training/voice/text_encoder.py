"""The text encoder, which goes into `embed_tokens`.

How it and the language model agree on time without any attention loss: the text encoder predicts how long
each letter lasts and adds, to the letter's vector, a sinusoid of the *position at which it will be spoken*;
the language model adds the sinusoid of its own position to its input, and its first two layers' heads begin
by matching the two. So attention runs along the text from the first training step on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .align import PHONES
from .blocks import Block
from .items import LEAD, SYMBOLS

WIDTH = 256
PREFIX = 1
"""Positions of the voice before the text: `audio_features`."""
WAVES = 32
PADDING = 16
"""Symbols of padding after a text: more than the encoder's blocks can see."""


def frequencies() -> Tensor:
    """[32], from one turn in 3 positions to one in 1200."""
    return torch.exp(torch.linspace(math.log(2 * math.pi / 3), math.log(2 * math.pi / 1200), WAVES))


def wave(position: Tensor) -> Tensor:
    """Sinusoids of `position`, [...] to [..., 64]."""
    angle = position[..., None] * frequencies()
    return torch.cat([angle.sin(), angle.cos()], -1)


def spoken_position(letters: Tensor, centre: Tensor) -> Tensor:
    """Position in the prompt plus speech at which a letter is spoken.

    `letters`: count of text ids; `centre`: tokens from the first speech token to the letter's middle. The
    prompt is PREFIX, the text and two START; the output at the second START is speech token 0.
    """
    return centre + letters + (PREFIX + 2 - 1 - 0.5)


class TextEncoder(nn.Module):
    """Symbols to letter vectors; also which phones and how many tokens each letter takes."""

    fixed: Tensor
    """[SYMBOLS] tokens: of events, which always last as long; 0 for letters."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(SYMBOLS, WIDTH)
        self.blocks = nn.ModuleList(Block(WIDTH, 7) for _ in range(5))
        self.norm = nn.LayerNorm(WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)
        self.phones = nn.Linear(WIDTH, 2 * len(PHONES) + 1)
        self.duration = nn.Linear(WIDTH, 1)
        self.from_duration = nn.Linear(2, WIDTH)
        nn.init.normal_(self.table.weight, std=0.3)
        self.register_buffer("fixed", torch.zeros(SYMBOLS))

    def hidden(self, symbols: Tensor) -> Tensor:
        x = self.table(symbols)
        for block in self.blocks:
            x = block(x)
        return self.norm(x).float()

    def durations(self, hidden: Tensor, symbols: Tensor) -> Tensor:
        """Tokens each letter takes; the symbols that have a duration in `fixed` take that."""
        found = functional.softplus(self.duration(hidden)[..., 0].float() - 1.0)
        fixed = self.fixed[symbols]
        return torch.where(fixed > 0, fixed, found)

    def vectors(self, hidden: Tensor, duration: Tensor, centre: Tensor, letters: Tensor) -> Tensor:
        """[batch, letters, WIDTH]; `centre` as in spoken_position, `letters` [batch, 1]."""
        shape = torch.stack([torch.log1p(duration), duration.clamp(max=4) * 0.25], -1)
        spoken = wave(spoken_position(letters, centre))
        own = wave(torch.arange(hidden.shape[1], dtype=torch.float32) + PREFIX).expand_as(spoken)
        # the model adds its own position's wave to the last quarter: taken away here, so that keys are clean
        timing = torch.cat([torch.zeros_like(spoken), torch.zeros_like(spoken), spoken, -own], -1)
        return self.output(hidden) + self.from_duration(shape) + timing


def centres(duration: Tensor) -> Tensor:
    """Middles of letters that follow each other after the lead."""
    return duration.cumsum(-1) - duration / 2 + LEAD

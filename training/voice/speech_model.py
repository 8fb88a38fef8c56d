"""The GPT-2 style language model, small enough for a wheel, for codes that are made of three choices: label,
place and level. Its prefix is one of the leaders' manners of speaking.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .codes import SIZES
from .text_encoder import WAVES, WIDTH, frequencies, wave
from .timbres import LEADING

HEADS = 4
HEAD = WIDTH // HEADS
LAYERS = 4
OUTPUTS = sum(SIZES) + 1
"""Logits: of each choice, then one for STOP."""


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        for linear, deviation in ((self.qkv, 0.05), (self.up, 0.05), (self.project, 0.03), (self.down, 0.03)):
            nn.init.normal_(linear.weight, std=deviation)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, HEAD)).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(y.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Speech(nn.Module):
    """Codes after a prompt: [batch, positions, WIDTH] to OUTPUTS logits a position."""

    def __init__(self) -> None:
        super().__init__()
        self.speech = nn.ModuleList(nn.Embedding(size, WIDTH) for size in SIZES)
        for table in self.speech:
            nn.init.normal_(table.weight, std=0.3)
        self.start = nn.Parameter(torch.randn(WIDTH) * 0.3)
        self.voice = nn.Parameter(torch.randn(len(LEADING), WIDTH) * 0.3)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, OUTPUTS)
        for layer, offsets in ((0, (-1.0, 0.0, 1.0, 2.5)), (1, (0.0, 1.5))):
            for head, offset in enumerate(offsets):
                _match_time(self.layers[layer].qkv, head, offset)

    def speech_vectors(self, codes: Tensor) -> Tensor:
        """Codes [..., 3] to [..., WIDTH]."""
        return torch.stack([table(codes[..., i]) for i, table in enumerate(self.speech)]).sum(0)

    def forward(self, x: Tensor) -> Tensor:
        own = wave(torch.arange(x.shape[1], dtype=torch.float32))
        x = x + functional.pad(own, (WIDTH - 2 * WAVES, 0))
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x)).float()


def _match_time(qkv: nn.Linear, head: int, offset: float) -> None:
    """Let `head` look at the letter spoken `offset` positions later, by the two sinusoids' product."""
    w = frequencies()
    power = w * torch.exp(-((w * 1.2) ** 2) / 2)
    gain = (power / power.sum() * 40.0).sqrt()
    cosine, sine, row = (w * offset).cos(), (w * offset).sin(), torch.arange(WAVES)
    query, key = torch.zeros(HEAD, WIDTH), torch.zeros(HEAD, WIDTH)
    own, spoken = WIDTH - 2 * WAVES, WIDTH - 4 * WAVES
    query[row, own + row] = query[WAVES + row, own + WAVES + row] = gain * cosine
    query[row, own + WAVES + row], query[WAVES + row, own + row] = gain * sine, -gain * sine
    key[row, spoken + row] = key[WAVES + row, spoken + WAVES + row] = gain
    with torch.no_grad():
        for block, weight in enumerate((query, key)):
            rows = slice(block * WIDTH + head * HEAD, block * WIDTH + (head + 1) * HEAD)
            qkv.weight[rows] = weight + 0.01 * torch.randn(HEAD, WIDTH)

"""The text encoder (in `embed_tokens`) and the GPT-2 style language model, small enough for a wheel.

How the two agree on time without any attention loss: the text encoder predicts how long each letter lasts and
adds, to the letter's vector, a sinusoid of the *position at which it will be spoken*; the language model adds
the sinusoid of its own position to its input, and the heads of its first two layers start out matching the
two. So attention runs along the text from the first training step on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .align import PHONES
from .codec import Block
from .corpus import LEAD, SYMBOLS
from .tokens import DIGITS

WIDTH = 256
HEADS = 4
HEAD = WIDTH // HEADS
LAYERS = 4
PREFIX = 1
"""Positions of the voice before the text: `audio_features`."""
WAVES = 32
PADDING = 16
"""Symbols of padding after a text: more than the encoder's blocks can see."""
OUTPUTS = 3 * DIGITS + 1
"""Logits: three a digit, and one for STOP."""


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

    def hidden(self, symbols: Tensor) -> Tensor:
        x = self.table(symbols)
        for block in self.blocks:
            x = block(x)
        return self.norm(x).float()

    def durations(self, hidden: Tensor) -> Tensor:
        return functional.softplus(self.duration(hidden)[..., 0].float() - 1.0)

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


class LanguageModel(nn.Module):
    """Codes after a prompt: [batch, positions, WIDTH] to OUTPUTS logits a position."""

    def __init__(self) -> None:
        super().__init__()
        self.speech = nn.Linear(2 * DIGITS, WIDTH)
        self.start = nn.Parameter(torch.randn(WIDTH) * 0.3)
        self.voice = nn.Parameter(torch.randn(PREFIX, WIDTH) * 0.3)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, OUTPUTS)
        for layer, offsets in ((0, (-1.0, 0.0, 1.0, 2.5)), (1, (0.0, 1.5))):
            for head, offset in enumerate(offsets):
                _match_time(self.layers[layer].qkv, head, offset)

    def speech_vectors(self, codes: Tensor) -> Tensor:
        """Codes [..., 8] of -1, 0, 1 to [..., WIDTH]."""
        return self.speech(torch.cat([codes, codes * codes], -1)).float()

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

"""The codec: frames of any voice to one of 3**8 codes a token, and codes with a timbre back to frames.

Timbre stays out of the codes because they are trained across voices: the encoder hears voice A, the decoder
must say the same in voice B, whose timbre it is told. The corpus is parallel, so B's frames are there. The
timbre is what a speaker encoder makes of B's frames elsewhere in the same text. Pitch is a contour
(scaling.py): height and range belong to the timbre.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from mini.codec import Block, quantise
from mini.tokens import DIGITS
from torch import Tensor, nn
from torch.nn import functional

from .analysis import FRAMES_PER_TOKEN, WIDTH

TIMBRE = 192
TOKEN_WIDTH = WIDTH * FRAMES_PER_TOKEN


class Conditioned(nn.Module):
    """ConvNeXt blocks over time, each scaled and shifted by the timbre."""

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int, kernel: int) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, kernel) for _ in range(blocks))
        self.style = nn.ModuleList(nn.Linear(TIMBRE, 2 * width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, outputs)

    def forward(self, x: Tensor, timbre: Tensor) -> Tensor:
        x = self.input(x)
        for block, style in zip(self.blocks, self.style, strict=True):
            scale, shift = style(timbre)[:, None].chunk(2, -1)
            x = block(x * (1 + scale) + shift)
        return self.output(self.norm(x)).float()


class Encoder(nn.Module):
    """(batch, tokens, TOKEN_WIDTH) to DIGITS numbers before rounding. Told the speaker, so as to leave it
    out."""

    def __init__(self, width: int = 192) -> None:
        super().__init__()
        self.net = Conditioned(TOKEN_WIDTH, DIGITS, width, blocks=3, kernel=5)

    def forward(self, x: Tensor, timbre: Tensor) -> Tensor:
        return self.net(x, timbre)


class Decoder(nn.Module):
    """Codes (batch, tokens, DIGITS) to frames: at the tokens' rate first, then at half a token, then at all
    frames."""

    def __init__(self, width: int = 256, fine: int = 96) -> None:
        super().__init__()
        self.coarse = Conditioned(DIGITS, fine * FRAMES_PER_TOKEN, width, blocks=4, kernel=7)
        self.fine = Conditioned(fine, WIDTH, fine, blocks=2, kernel=9)

    def forward(self, codes: Tensor, timbre: Tensor) -> Tensor:
        """(batch, frames, WIDTH)."""
        batch, tokens, _ = codes.shape
        x = self.coarse(codes, timbre).reshape(batch, tokens * FRAMES_PER_TOKEN, -1)
        return self.fine(x, timbre)


class Speaker(nn.Module):
    """(batch, frames, WIDTH) to TIMBRE numbers: means and deviations over time of a small network's
    outputs."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.input = nn.Linear(WIDTH, width)
        self.blocks = nn.ModuleList(Block(width, 5) for _ in range(2))
        self.norm = nn.LayerNorm(2 * width)
        self.output = nn.Linear(2 * width, TIMBRE)

    def forward(self, frames: Tensor) -> Tensor:
        x = self.input(frames)
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(torch.cat([x.mean(1), x.std(1)], -1)))


class Critic(nn.Module):
    """Judges patches of frames, (batch, frames, WIDTH), as spectra: what an error of least squares blurs."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = (1, width, 2 * width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, (5, 5), stride=(2, 2), padding=2) for a, b in pairwise(sizes)
        )
        self.output = nn.Conv2d(sizes[-1], 1, 3, padding=1)

    def forward(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, inner = frames[:, None], []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.1)
            inner.append(x)
        return self.output(x).float(), inner


def loss_of(wanted: Tensor, got: Tensor) -> Tensor:
    """Mean absolute error of frames and of their slopes; cross-entropy of voicing; pitch counts where
    voiced."""
    voiced = wanted[..., 1:2]
    weight = torch.ones(WIDTH)
    weight[0], weight[1] = 4.0, 0.0
    weight[2:8] = 2.0
    mask = torch.cat([0.05 + 0.95 * voiced, torch.ones_like(wanted[..., 1:])], -1)
    value = ((wanted - got).abs() * weight * mask).sum(-1).mean() / weight.sum()
    moves = (wanted.diff(dim=1) - got.diff(dim=1)).abs() * mask[:, 1:]
    slope = (moves * weight).sum(-1).mean() / weight.sum()
    voicing = functional.binary_cross_entropy_with_logits(got[..., 1], voiced[..., 0])
    return value + 0.5 * slope + 0.2 * voicing


class Codec(nn.Module):
    """Speaker encoder, encoder and decoder, trained together."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder, self.speaker = Encoder(), Decoder(), Speaker()

    def codes(self, frames: Tensor, timbre: Tensor) -> Tensor:
        """(batch, frames, WIDTH) of a voice to (batch, tokens, DIGITS) of -1, 0 and 1."""
        batch, count, _ = frames.shape
        return quantise(self.encoder(frames.reshape(batch, count // FRAMES_PER_TOKEN, TOKEN_WIDTH), timbre))

"""The decoder: codes and a timbre to frames of 10 ms, and the speaker encoder that hears the timbre.

Codes say which phone, when and how high, so the decoder is an acoustic model of a teacher that says the same
thing the same way each time: little is left to guess, and what is guessed is what a mean blurs. It works at
the tokens' rate first and at the frames' last. Melody goes out as it came in,
in ranges from a voice's height.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .analysis import BANDS, CEPSTRA, FFT, FRAMES_PER_TOKEN, MELS, RATE, WIDTH
from .blocks import Block
from .codes import LABELS, SIZES, melody

TIMBRE = 192
"""Height and range of the pitch as `pitch_numbers` writes them, then HEARD numbers of the speaker encoder."""
PITCHES = 2
HEARD = TIMBRE - PITCHES
COARSE, FINE = 384, 256
"""Widths at 25 and at 100 a second."""
PICTURE = 64
"""Bands of the logarithmic envelope in which frames are compared."""


def pitch_numbers(height: float, spread: float) -> tuple[float, float]:
    """A voice's height and range, about 0 and 1, as a timbre begins."""
    return (height - 5.0) / 0.3, (spread - 0.18) / 0.06


def pitch_of(timbre: Tensor) -> tuple[Tensor, Tensor]:
    """The way back: (height, range)."""
    return timbre[..., 0] * 0.3 + 5.0, timbre[..., 1] * 0.06 + 0.18


class Conditioned(nn.Module):
    """ConvNeXt blocks over time, each scaled and shifted by the timbre."""

    def __init__(self, width: int, blocks: int, kernel: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, kernel) for _ in range(blocks))
        self.style = nn.ModuleList(nn.Linear(TIMBRE, 2 * width) for _ in range(blocks))
        for layer in self.style:
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, timbre: Tensor) -> Tensor:
        for block, style in zip(self.blocks, self.style, strict=True):
            scale, shift = style(timbre)[:, None].chunk(2, -1)
            x = block(x * (1 + scale) + shift)
        return x


def frame_labels(codes: Tensor) -> Tensor:
    """(batch, frames): the label of each frame.

    A token whose next phone begins early gives it its last frame; one
    whose phone ends late takes the first frame of the next.
    """
    label, place = codes[..., 0], codes[..., 1]
    before = torch.cat([label[:, :1], torch.where(place == 2, label, label.roll(-1, 1))[:, :-1]], 1)
    behind = torch.cat([torch.where(place == 0, label.roll(-1, 1), label)[:, :-1], label[:, -1:]], 1)
    inner = [label] * (FRAMES_PER_TOKEN - 2)
    return torch.stack([before, *inner, behind], -1).flatten(1)


class Decoder(nn.Module):
    """Codes (batch, tokens, 3) to normalised frames (batch, tokens * FRAMES_PER_TOKEN, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, COARSE) for size in SIZES)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.4)
        self.coarse = Conditioned(COARSE, blocks=3, kernel=7)
        self.labels = nn.Embedding(LABELS, FINE)
        nn.init.normal_(self.labels.weight, std=0.4)
        self.finer = nn.Linear(COARSE, FINE * FRAMES_PER_TOKEN)
        self.fine = Conditioned(FINE, blocks=5, kernel=7)
        self.norm = nn.LayerNorm(FINE)
        self.output = nn.Linear(FINE, WIDTH)
        self.register_buffer("melody", torch.from_numpy(np.append(0.0, melody())).float(), persistent=False)

    def forward(self, codes: Tensor, timbre: Tensor) -> Tensor:
        x = torch.stack([table(codes[..., i]) for i, table in enumerate(self.tables)]).sum(0)
        x = self.finer(self.coarse(x, timbre))
        x = x.reshape(len(codes), -1, FINE) + self.labels(frame_labels(codes))
        y = self.output(self.norm(self.fine(x, timbre))).float()
        level = self.melody[codes[..., 2]].repeat_interleave(FRAMES_PER_TOKEN, 1)
        return torch.cat([y[..., :1] + level[..., None], y[..., 1:]], -1)


class Speaker(nn.Module):
    """Logarithmic mel spectra (batch, time, MELS), 50 a second, to HEARD numbers: means and deviations over
    time of a small network's outputs."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.input = nn.Linear(MELS, width)
        self.blocks = nn.ModuleList(Block(width, 5) for _ in range(3))
        self.norm = nn.LayerNorm(2 * width)
        self.output = nn.Linear(2 * width, HEARD)

    def forward(self, mels: Tensor) -> Tensor:
        x = self.input((mels + 4) * 0.25)
        for block in self.blocks:
            x = block(x)
        x = x.float()
        return self.output(self.norm(torch.cat([x.mean(1), x.std(1)], -1))).float()


class Critic(nn.Module):
    """Judges patches of envelopes, (batch, frames, PICTURE): what an error of least squares blurs."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        sizes = (1, width, 2 * width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(
            nn.Conv2d(
                a, b, (3, 5) if a == 1 else 3, stride=(1, 2) if a == 1 else 2, padding=(1, 2) if a == 1 else 1
            )
            for a, b in pairwise(sizes)
        )
        self.output = nn.Conv2d(sizes[-1], 1, 3, padding=1)

    def forward(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, inner = picture[:, None], []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.1)
            inner.append(x)
        return self.output(x).float(), inner


def envelope_matrix() -> NDArray[np.float32]:
    """(CEPSTRA, PICTURE): from cepstra to natural logarithms of the envelope's power, at even steps of mel.

    WORLD's coding is linear in the logarithm: a row is what one coefficient adds.
    """
    import pyworld

    rows = np.concatenate([np.zeros((1, CEPSTRA)), np.eye(CEPSTRA)])
    logs = np.log(pyworld.decode_spectral_envelope(np.ascontiguousarray(rows), RATE, FFT))
    mel = np.linspace(0, np.log1p(RATE / 2 / 700), PICTURE)
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    return np.stack([np.interp(700 * np.expm1(mel), bins, row) for row in logs[1:] - logs[0]]).astype(
        np.float32
    )


class Scaling(nn.Module):
    """Frames as the networks take them: each number but melody and voicing normalised over the corpus."""

    mean: Tensor
    deviation: Tensor
    envelope: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("deviation", torch.ones(WIDTH))
        self.register_buffer("envelope", torch.from_numpy(envelope_matrix()), persistent=False)

    def fit(self, frames: NDArray[np.floating]) -> None:
        """To (count, WIDTH) frames of many voices."""
        mean, deviation = frames.mean(0, np.float64), frames.std(0, np.float64) + 1e-4
        mean[:2], deviation[:2] = 0.0, 1.0
        self.mean.copy_(torch.from_numpy(mean)), self.deviation.copy_(torch.from_numpy(deviation))

    def picture(self, normal: Tensor) -> Tensor:
        """(..., PICTURE): the envelope of normalised frames, half a neper to one."""
        cepstra = (normal * self.deviation + self.mean)[..., 2 : 2 + CEPSTRA]
        return cepstra @ self.envelope * 0.5


def loss_of(scaling: Scaling, wanted: Tensor, got: Tensor) -> Tensor:
    """Absolute errors of envelope and its slope, of aperiodicity and melody; cross-entropy of voicing.

    Melody counts where there is voice; `wanted` and `got` are (batch, frames, WIDTH), normalised.
    """
    voiced = wanted[..., 1]
    off = scaling.picture(wanted) - scaling.picture(got)
    shape = off.abs().mean() + 0.5 * off.diff(dim=1).abs().mean()
    cepstra = (wanted - got)[..., 2 : 2 + CEPSTRA].abs().mean()
    breath = ((wanted - got)[..., -BANDS:].abs() * (0.1 + voiced[..., None])).mean()
    pitch = ((wanted - got)[..., 0].abs() * voiced).mean()
    voicing = functional.binary_cross_entropy_with_logits(got[..., 1], voiced)
    return shape + cepstra + 0.3 * breath + pitch + 0.5 * voicing

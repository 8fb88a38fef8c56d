"""Stages `codec`, `encode` and `decoder`: eight frames of features as one of 3**8 codes, and back.

Finite scalar quantisation (Mentzer et al. 2023, "Finite Scalar Quantization: VQ-VAE Made Simple") with eight
values of -1, 0 or 1. The encoder is used in training only; the decoder goes into the bundle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from . import corpus as corpora
from .config import Config
from .corpus import FEATURES, FRAMES_PER_TOKEN, Corpus
from .tokens import DIGITS
from .trainer import train

TOKEN_FEATURES = FEATURES * FRAMES_PER_TOKEN
_BATCH = 8
_EDGE = 4
_HELD_TOKENS = 6000


class Block(nn.Module):
    """ConvNeXt block over time (Liu et al. 2022), [batch, time, width] to the same."""

    def __init__(self, width: int, kernel: int, expand: int = 3) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width * expand)
        self.down = nn.Linear(width * expand, width)
        self.gain = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return x + self.gain * self.down(functional.gelu(self.up(self.norm(y))))


class Stack(nn.Module):
    """Linear, blocks, norm, linear: [batch, time, inputs] to [batch, time, outputs]."""

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int, kernel: int) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, kernel) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x)
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(x)).float()


def encoder() -> Stack:
    return Stack(TOKEN_FEATURES, DIGITS, width=256, blocks=3, kernel=3)


def decoder() -> Stack:
    return Stack(DIGITS, TOKEN_FEATURES, width=256, blocks=6, kernel=5)


def quantise(z: Tensor) -> Tensor:
    """[..., 8] to -1, 0 or 1 each; the gradient passes as if it were tanh."""
    smooth = torch.tanh(z)
    return smooth + (smooth.round() - smooth).detach()


class Features:
    """Normalised windows of the corpus's features, [count, tokens, 256]."""

    def __init__(self, corpus: Corpus, mean: NDArray[np.float32], deviation: NDArray[np.float32]) -> None:
        self.data = corpus.features
        self.mean, self.deviation = mean, deviation
        self.speech = sum(item.tokens for item in corpus.items)
        self.held = min(_HELD_TOKENS, self.speech // 10)

    def window(self, start: int, length: int) -> Tensor:
        part = self.data[start : start + length].astype(np.float32)
        return torch.from_numpy((part - self.mean) / self.deviation).reshape(length, TOKEN_FEATURES)

    def starts(self, rng: np.random.Generator, length: int) -> NDArray[np.int64]:
        """Seven windows of speech (never the held-out start) and one of event sounds."""
        speech = rng.integers(self.held, max(self.speech - length, self.held + 1), _BATCH - 1)
        event = rng.integers(self.speech - length, max(len(self.data) - length, 1), 1)
        return np.concatenate([speech, np.maximum(event, 0)])

    def batch(self, rng: np.random.Generator, length: int) -> Tensor:
        return torch.stack([self.window(start, length) for start in self.starts(rng, length)])


def statistics(corpus: Corpus) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(mean, deviation), float32 [32] each; the voiced flag is left as it is."""
    part = corpus.features[:60_000].astype(np.float32).reshape(-1, FEATURES)
    mean, deviation = part.mean(0), part.std(0) + 1e-5
    mean[1], deviation[1] = 0.0, 1.0
    return mean, deviation


class Loss:
    """Weighted L1 of features and their slopes, voicing cross-entropy, L1 of the log spectral envelope."""

    def __init__(self, deviation: NDArray[np.float32]) -> None:
        weight = np.empty(FEATURES, np.float32)
        weight[0], weight[1], weight[27:] = 3.0, 0.0, 0.5
        weight[2:27] = deviation[2:27] ** 0.5
        weight[2:27] *= 1.3 / weight[2:27].mean()
        self.weight = torch.from_numpy(weight)
        self.deviation = torch.from_numpy(deviation)
        angle = torch.linspace(0.02, np.pi * 0.98, 48)[:, None] * torch.arange(25)
        self.envelope = torch.cos(angle)

    def __call__(self, wanted: Tensor, got: Tensor) -> Tensor:
        x, y = (t.unflatten(-1, (FRAMES_PER_TOKEN, FEATURES)) for t in (wanted, got))
        voiced = x[..., 1]
        weight = self.weight.expand_as(x).clone()
        weight[..., 0] *= 0.1 + 0.9 * voiced
        value = ((x - y).abs() * weight).sum(-1).mean()
        slope = ((x.diff(dim=-2) - y.diff(dim=-2)).abs() * self.weight).sum(-1).mean()
        voicing = functional.binary_cross_entropy_with_logits(y[..., 1], voiced)
        envelope = (((x - y) * self.deviation)[..., 2:27] @ self.envelope.T).abs().mean()
        return (value + 0.5 * slope) / self.weight.sum() + 0.3 * voicing + 0.5 * envelope

    def report(self, wanted: Tensor, got: Tensor) -> str:
        """Mel-cepstral distortion (dB), f0 error where voiced (%), voicing errors (%)."""
        x, y = (t.reshape(-1, FEATURES) for t in (wanted, got))
        error = (x - y) * self.deviation
        distortion = (error[:, 3:27] ** 2).sum(1).mul(2).sqrt().mean() * 10 / np.log(10)
        voiced = x[:, 1] > 0.5
        pitch = error[voiced, 0].abs().mean() * 100
        return (
            f"MCD {distortion:.2f} dB f0 {pitch:.2f} % voicing {((y[:, 1] > 0) != voiced).float().mean():.2%}"
        )


def run_codec(work: Path, config: Config) -> None:
    torch.manual_seed(0)
    corpus = corpora.load(work)
    mean, deviation = statistics(corpus)
    np.savez(work / "statistics.npz", mean=mean, deviation=deviation)
    data, loss, networks = (
        Features(corpus, mean, deviation),
        Loss(deviation),
        {"enc": encoder(), "dec": decoder()},
    )
    held = data.window(0, data.held)[None]

    def reconstruct(x: Tensor) -> Tensor:
        return networks["dec"](quantise(networks["enc"](x)))

    def step(rng: np.random.Generator) -> Tensor:
        x = data.batch(rng, config.window)
        return loss(x, reconstruct(x))

    train(
        "codec", work, networks, config.codec, step, validate=lambda: loss.report(held, reconstruct(held)),
        bfloat16=config.bfloat16,
    )  # fmt: skip


def load_statistics(work: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    data = np.load(work / "statistics.npz")
    return data["mean"], data["deviation"]


def load_codec(work: Path) -> tuple[Stack, Stack]:
    state = torch.load(work / "codec.pt", weights_only=True)
    networks = encoder(), decoder()
    for network, key in zip(networks, ("enc", "dec"), strict=True):
        network.load_state_dict(state[key])
    return networks


def encode(network: Stack, x: Tensor) -> NDArray[np.int8]:
    """Normalised features [tokens, 256] as codes [tokens, 8], as if the ends went on as they are."""
    padded = torch.cat([x[:1].repeat(_EDGE, 1), x, x[-1:].repeat(_EDGE, 1)])
    with torch.no_grad():
        return quantise(network(padded[None]))[0, _EDGE:-_EDGE].round().to(torch.int8).numpy()


def run_encode(work: Path) -> None:
    """Codes of every item, int8 [tokens, 8], to `codes.npy`."""
    corpus = corpora.load(work)
    data = Features(corpus, *load_statistics(work))
    network, _ = load_codec(work)
    codes = np.zeros((len(corpus.features), DIGITS), np.int8)
    for item in corpus.items + [item for items in corpus.events.values() for item in items]:
        codes[item.first : item.first + item.tokens] = encode(network, data.window(item.first, item.tokens))
    np.save(work / "codes.npy", codes)


def run_decoder(work: Path, config: Config) -> None:
    """The decoder alone, further, on the codes as they now are."""
    torch.manual_seed(1)
    corpus = corpora.load(work)
    mean, deviation = load_statistics(work)
    data, loss = Features(corpus, mean, deviation), Loss(deviation)
    codes = np.load(work / "codes.npy", mmap_mode="r")
    _, network = load_codec(work)
    held, held_codes = (
        data.window(0, data.held)[None],
        torch.from_numpy(codes[: data.held].astype(np.float32)),
    )

    def step(rng: np.random.Generator) -> Tensor:
        length = config.window
        starts = data.starts(rng, length)
        x = torch.stack([data.window(start, length) for start in starts])
        c = np.stack([codes[start : start + length] for start in starts]).astype(np.float32)
        return loss(x, network(torch.from_numpy(c)))

    def validate() -> str:
        return loss.report(held, network(held_codes[None]))

    train(
        "decoder", work, {"dec": network}, config.decoder, step, validate=validate, seed=1,
        bfloat16=config.bfloat16,
    )  # fmt: skip

"""Stage `listen`: a small network that hears the codes of a recording, for `audio_tokens`.

The labels are exact, since the corpus knows what it says. It hears mel spectra only, so the melody is what it
guesses worst.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .analysis import MELS
from .blocks import Stack
from .codes import SIZES
from .decoder_data import Windows
from .decoder_training import HELD
from .trainer import Schedule, train

BATCH, WINDOW = 8, 100


def recogniser() -> Stack:
    """Mel spectra, two frames a token, to what the codes say: label, place and level."""
    return Stack(2 * MELS, sum(SIZES), width=160, blocks=4, kernel=7)


def inputs_of(mels: np.ndarray) -> Tensor:
    """(tokens * 2, MELS) as the network's (tokens, 2 * MELS)."""
    return torch.from_numpy(((mels.astype(np.float32) + 4) * 0.25).reshape(-1, 2 * MELS))


def run(work: Path, schedule: Schedule, bfloat16: bool) -> None:
    """Write `listen.pt`, from `listen.ckpt` on if that is there."""
    torch.manual_seed(5)
    windows, network = Windows(work, HELD), recogniser()

    def loss_of(x: Tensor, codes: Tensor) -> Tensor:
        choices = network(x).split(SIZES, -1)
        return torch.stack(
            [
                functional.cross_entropy(c.flatten(0, -2), codes[..., i].flatten())
                for i, c in enumerate(choices)
            ]
        ).sum()

    def step(rng: np.random.Generator) -> Tensor:
        rows, said = [], []
        for _ in range(BATCH):
            text = windows.texts[rng.integers(len(windows.texts))]
            x = inputs_of(text.mels[rng.integers(len(text.mels))])
            first = int(rng.integers(0, max(len(x) - WINDOW, 0) + 1))
            index = np.minimum(np.arange(first, first + WINDOW), len(x) - 1)
            rows.append(
                x[index] + 0.02 * torch.from_numpy(rng.standard_normal((WINDOW, 1)).astype(np.float32))
            )
            said.append(torch.from_numpy(text.codes[index].astype(np.int64)))
        return loss_of(torch.stack(rows), torch.stack(said))

    def validate() -> str:
        right = []
        for text in windows.held:
            choices = network(torch.stack([inputs_of(m) for m in text.mels])).split(SIZES, -1)
            wanted = torch.from_numpy(text.codes.astype(np.int64))
            right.append(
                [float((c.argmax(-1) == wanted[:, i]).float().mean()) for i, c in enumerate(choices)]
            )
        label, place, level = 100 * np.mean(right, 0)
        return f"labels {label:.1f} %, places {place:.1f} %, levels {level:.1f} % right"

    train("listen", work, {"listen": network}, schedule, step, validate=validate, seed=5, bfloat16=bfloat16)

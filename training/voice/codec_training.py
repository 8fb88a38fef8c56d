"""Stage `codec`: the codec across parallel voices, first by distance alone, then with a critic against blur.

Each step draws from its number alone, and the state is saved every SAVE_EVERY steps: a run that was stopped
goes on to the same end. The first HELD texts stay out, for the gate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mini.config import Schedule
from mini.trainer import rate_at, states
from numpy.typing import NDArray
from torch import Tensor, nn

from . import analysis
from .analysis import FRAMES_PER_TOKEN, WIDTH
from .codec import Codec, Critic, loss_of
from .scaling import Scaling, pitch_of

HELD = 8
SAVE_EVERY = 200
BATCH, WINDOW = 6, 50 * FRAMES_PER_TOKEN
"""Windows of a step, and frames of a window: 2 s. A timbre is heard over half of that."""
CRITIC_RATE = 4e-4
PERSUADE, RESEMBLE = 0.1, 0.05
"""Weights of the critic's verdict and of the distance between its inner values, beside the frames' own."""


@dataclass(frozen=True)
class Training:
    """Steps in all, and the step from which the critic takes part."""

    schedule: Schedule
    critic_from: int
    bfloat16: bool = False


class Pairs:
    """Windows of the same moments in two voices, and of either voice elsewhere in the text."""

    def __init__(self, texts: list[NDArray[np.floating]], scale: Scaling) -> None:
        self.texts = [
            np.stack([scale.normal(frames.astype(np.float32), pitch_of(frames)) for frames in text])
            for text in texts
        ]
        lengths = np.array([text.shape[1] for text in self.texts], np.float64)
        self._chance = lengths / lengths.sum()

    def batch(self, rng: np.random.Generator) -> list[Tensor]:
        """Of A and of B: the window, (BATCH, WINDOW, WIDTH) each; then the timbre's, half as long."""
        rows: list[list[NDArray[np.float32]]] = [[], [], [], []]
        for _ in range(BATCH):
            text = self.texts[rng.choice(len(self.texts), p=self._chance)]
            voices, length = rng.integers(0, len(text), 2), text.shape[1]
            first = int(rng.integers(0, max(length - WINDOW, 0) // FRAMES_PER_TOKEN + 1)) * FRAMES_PER_TOKEN
            for row, voice in zip(rows[:2], voices, strict=True):
                row.append(_window(text[voice], first, WINDOW, "edge"))
            for row, voice in zip(rows[2:], voices, strict=True):
                start = int(rng.integers(0, max(length - WINDOW // 2, 0) + 1))
                row.append(_window(text[voice], start, WINDOW // 2, "wrap"))
        return [torch.from_numpy(np.stack(row)) for row in rows]


def _window(frames: NDArray[np.float32], first: int, length: int, mode: str) -> NDArray[np.float32]:
    part = frames[first : first + length]
    return np.pad(part, ((0, length - len(part)), (0, 0)), mode=mode)


def _heard(frames: Tensor) -> Tensor:
    """All of a frame but voicing, which is a logit on one side and a number on the other."""
    return torch.cat([frames[..., :1], frames[..., 2:]], -1)


def critic_loss(critic: Critic, wanted: Tensor, got: Tensor) -> Tensor:
    """Least squares (Mao et al. 2017): 1 for what is, 0 for what is made."""
    real, made = critic(_heard(wanted))[0], critic(_heard(got.detach()))[0]
    return ((1 - real) ** 2).mean() + (made**2).mean()


def persuasion(critic: Critic, wanted: Tensor, got: Tensor) -> Tensor:
    """What the codec pays for being found out, and for looking different inside the critic."""
    verdict, made = critic(_heard(got))
    with torch.no_grad():
        _, real = critic(_heard(wanted))
    differences = [(m - r).abs().mean() / (r.abs().mean() + 1e-4) for m, r in zip(made, real, strict=True)]
    return PERSUADE * ((1 - verdict) ** 2).mean() + RESEMBLE * torch.stack(differences).sum()


def run(work: Path, training: Training) -> None:
    """Write `codec.pt` (networks and scaling), from `codec.ckpt` on if that is there."""
    torch.manual_seed(0)
    texts = analysis.load(work)[HELD:]
    if not texts:
        raise RuntimeError(f"training the codec in {work}: fewer than {HELD + 1} analysed texts; run analyse")
    scale = Scaling.of(np.concatenate([t.reshape(-1, WIDTH).astype(np.float32) for t in texts]))
    pairs, codec, critic = Pairs(texts, scale), Codec(), Critic()
    schedule = training.schedule
    makers = {
        "codec": torch.optim.AdamW(codec.parameters(), schedule.rate, betas=(0.9, 0.98), weight_decay=0.01),
        "critic": torch.optim.AdamW(critic.parameters(), CRITIC_RATE, betas=(0.8, 0.99)),
    }
    modules: dict[str, nn.Module] = {"codec": codec, "critic": critic}
    first = _resume(work / "codec.ckpt", modules, makers)
    began = time.monotonic()
    for step in range(first, schedule.steps):
        for group in makers["codec"].param_groups:
            group["lr"] = rate_at(step, schedule)
        heard, wanted, *speakers = pairs.batch(np.random.default_rng([0, step]))
        with torch.autocast("cpu", torch.bfloat16, enabled=training.bfloat16):
            of_heard, of_wanted = (codec.speaker(frames) for frames in speakers)
            got = codec.decoder(codec.codes(heard, of_heard), of_wanted)
            loss = total = loss_of(wanted, got)
            if step >= training.critic_from:
                _descend(makers["critic"], critic, critic_loss(critic, wanted, got))
                total = loss + persuasion(critic, wanted, got)
        _descend(makers["codec"], codec, total)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == schedule.steps:
            pace = (time.monotonic() - began) / (step + 1 - first)
            print(f"codec {step + 1}/{schedule.steps} {pace:.2f} s/step loss {loss.item():.4f}", flush=True)
            optimizers = {name: maker.state_dict() for name, maker in makers.items()}
            _save(work / "codec.ckpt", states(modules) | {"makers": optimizers, "step": step + 1})
    scaling = {"mean": torch.from_numpy(scale.mean), "deviation": torch.from_numpy(scale.deviation)}
    _save(work / "codec.pt", states({"codec": codec}) | scaling)


def load(work: Path) -> tuple[Codec, Scaling]:
    """The trained codec, ready to be used, and its scaling."""
    state = torch.load(work / "codec.pt", weights_only=True)
    codec = Codec().eval()
    codec.load_state_dict(state["codec"])
    return codec, Scaling(state["mean"].numpy(), state["deviation"].numpy())


def _descend(maker: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> None:
    maker.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    maker.step()


def _resume(path: Path, modules: dict[str, nn.Module], makers: dict[str, torch.optim.Optimizer]) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for name, module in modules.items():
        module.load_state_dict(state[name])
        makers[name].load_state_dict(state["makers"][name])
    return int(state["step"])


def _save(path: Path, state: object) -> None:
    part = path.with_suffix(path.suffix + ".part")
    torch.save(state, part)
    part.replace(path)

"""Stage `decoder`: the decoder and the speaker encoder together, first by distance alone, then with a critic.

Each step draws from its number alone, and the state is saved every SAVE_EVERY steps. A corpus that grows
meanwhile is taken in at each save; if it does not grow, a run that was stopped ends where an unbroken one
does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .decoder import Critic, Decoder, Scaling, Speaker, loss_of
from .decoder_data import Text, Windows
from .trainer import Schedule, rate_at, states

HELD = 8
SAVE_EVERY = 100
CRITIC_RATE = 3e-4
PERSUADE, RESEMBLE = 0.15, 0.15
"""Weights of the critic's verdict and of the distance between its inner values, beside the frames' own."""


@dataclass(frozen=True)
class Training:
    """Steps in all, and the step from which the critic takes part."""

    schedule: Schedule
    critic_from: int
    bfloat16: bool = False


def normal(scaling: Scaling, frames: Tensor) -> Tensor:
    return (frames - scaling.mean) / scaling.deviation


def critic_loss(critic: Critic, wanted: Tensor, got: Tensor) -> Tensor:
    """Least squares (Mao et al. 2017): 1 for what is, 0 for what is made."""
    real, made = critic(wanted)[0], critic(got.detach())[0]
    return ((1 - real) ** 2).mean() + (made**2).mean()


def persuasion(critic: Critic, wanted: Tensor, got: Tensor) -> Tensor:
    """What the decoder pays for being found out, and for looking different inside the critic."""
    verdict, made = critic(got)
    with torch.no_grad():
        _, real = critic(wanted)
    differences = [(m - r).abs().mean() / (r.abs().mean() + 1e-4) for m, r in zip(made, real, strict=True)]
    return PERSUADE * ((1 - verdict) ** 2).mean() + RESEMBLE * torch.stack(differences).sum()


def report(modules: dict[str, nn.Module], held: list[Text]) -> str:
    """Of held-out texts: distance of envelopes (dB), how much of their movement is left, pitch, voicing."""
    scaling, decoder, speaker = modules["scaling"], modules["decoder"], modules["speaker"]
    rows = []
    with torch.no_grad():
        for text in held:
            count = len(text.frames)
            heard = speaker(torch.from_numpy(text.mels.astype(np.float32)))
            timbre = torch.cat([torch.from_numpy(text.pitches), heard], -1)
            said = torch.from_numpy(text.codes.astype(np.int64))[None].expand(count, -1, -1)
            got, wanted = (
                decoder(said, timbre),
                normal(scaling, torch.from_numpy(text.frames.astype(np.float32))),
            )
            off = (scaling.picture(got) - scaling.picture(wanted)) * 2 * 10 / np.log(10)
            moves = [scaling.picture(x).diff(dim=1).abs().mean() for x in (got, wanted)]
            voiced = wanted[..., 1] > 0.5
            pitch = (got - wanted)[..., 0][voiced].abs().mean()
            wrong = ((got[..., 1] > 0) != voiced).float().mean()
            rows.append([float(x) for x in (off.abs().mean(), moves[0] / moves[1], pitch, 100 * wrong)])
    off, moves, pitch, wrong = np.mean(rows, 0)
    return f"envelope {off:.2f} dB, movement {moves:.2f}, melody {pitch:.3f}, voicing {wrong:.2f} % wrong"


def run(work: Path, training: Training) -> None:
    """Write `decoder.pt` (decoder, speaker, scaling), from `decoder.ckpt` on if that is there."""
    torch.manual_seed(0)
    windows, schedule = Windows(work, HELD), training.schedule
    modules: dict[str, nn.Module] = {
        "decoder": Decoder(), "speaker": Speaker(), "scaling": Scaling(), "critic": Critic(),
    }  # fmt: skip
    decoder, speaker, scaling, critic = modules.values()
    voice = [*decoder.parameters(), *speaker.parameters()]
    makers = {
        "voice": torch.optim.AdamW(voice, schedule.rate, betas=(0.9, 0.98), weight_decay=0.01),
        "critic": torch.optim.AdamW(critic.parameters(), CRITIC_RATE, betas=(0.8, 0.99)),
    }
    checkpoint = work / "decoder.ckpt"
    first = 0
    if checkpoint.exists():
        first = restore(checkpoint, modules, makers)
    elif (work / "start-decoder.pt").exists():
        begin(work / "start-decoder.pt", modules)
    else:
        scaling.fit(np.concatenate([t.frames.reshape(-1, t.frames.shape[-1]) for t in windows.texts[:200]]))
    began = time.monotonic()
    for step in range(first, schedule.steps):
        for group in makers["voice"].param_groups:
            group["lr"] = rate_at(step, schedule)
        said, frames, mels, pitches = windows.batch(np.random.default_rng([0, step]))
        wanted = normal(scaling, frames)
        with torch.autocast("cpu", torch.bfloat16, enabled=training.bfloat16):
            got = decoder(said, torch.cat([pitches, speaker(mels)], -1))
        loss = total = loss_of(scaling, wanted, got)
        if step >= training.critic_from:
            pictures = scaling.picture(wanted), scaling.picture(got)
            with torch.autocast("cpu", torch.bfloat16, enabled=training.bfloat16):
                _descend(makers["critic"], critic.parameters(), critic_loss(critic, *pictures))
                total = loss + persuasion(critic, *pictures)
        _descend(makers["voice"], voice, total)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == schedule.steps:
            pace = (time.monotonic() - began) / (step + 1 - first)
            found = report(modules, windows.held)
            print(
                f"{time.strftime('%T')} decoder {step + 1}/{schedule.steps} {pace:.2f} s/step "
                f"loss {loss.item():.3f} {total.item():.3f} | {found} | {len(windows.texts)} texts",
                flush=True,
            )
            state = {key: maker.state_dict() for key, maker in makers.items()}
            save(checkpoint, {"modules": states(modules), "optimizers": state, "step": step + 1})
            windows.refresh()
    save(work / "decoder.pt", {key: modules[key].state_dict() for key in ("decoder", "speaker", "scaling")})


def _descend(maker: torch.optim.Optimizer, parameters, loss: Tensor) -> None:
    maker.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    maker.step()


def begin(path: Path, modules: dict[str, nn.Module]) -> None:
    """The weights of an earlier run (keep.start), without what its optimisers knew."""
    state = torch.load(path, weights_only=True)
    for key, module in modules.items():
        if key in state:
            module.load_state_dict(state[key], strict=False)


def restore(path: Path, modules: dict[str, nn.Module], makers: dict[str, torch.optim.Optimizer]) -> int:
    state = torch.load(path, weights_only=True)
    for key, module in modules.items():
        module.load_state_dict(state["modules"][key], strict=False)
    for key, maker in makers.items():
        maker.load_state_dict(state["optimizers"][key])
    return int(state["step"])


def save(path: Path, state: object) -> None:
    """Never leaves half a file behind."""
    part = path.with_suffix(path.suffix + ".part")
    torch.save(state, part)
    part.replace(path)


def load(work: Path) -> tuple[Decoder, Speaker, Scaling]:
    """What the stage made, or what it has come to; for use, not for training."""
    for name in ("decoder.pt", "decoder.ckpt", "start-decoder.pt"):
        if (work / name).exists():
            state = torch.load(work / name, weights_only=True)
            break
    else:
        raise RuntimeError(f"opening the decoder in {work}: no decoder.pt and no decoder.ckpt; run decoder")
    state = state.get("modules", state)
    modules = Decoder(), Speaker(), Scaling()
    for key, module in zip(("decoder", "speaker", "scaling"), modules, strict=True):
        module.load_state_dict(state[key], strict=False)
        module.eval().requires_grad_(False)
    return modules

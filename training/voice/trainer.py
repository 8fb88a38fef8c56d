"""The one training loop: by steps, seeded by step, and resumable to the very same result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

SAVE_EVERY = 100
FLOOR = 0.02


@dataclass(frozen=True)
class Schedule:
    """Steps of one training stage; the rate falls on a cosine from `rate` to a fiftieth of it."""

    steps: int
    rate: float
    warmup: int = 100


def rate_at(step: int, schedule: Schedule) -> float:
    """Linear warm-up, then a cosine down to FLOOR of the rate."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / schedule.steps))
    return schedule.rate * min(1.0, (step + 1) / schedule.warmup) * (FLOOR + (1 - FLOOR) * cosine)


def train(
    name: str,
    work: Path,
    modules: Mapping[str, nn.Module],
    schedule: Schedule,
    loss_of: Callable[[np.random.Generator], Tensor],
    *,
    validate: Callable[[], str],
    scales: Mapping[str, float] | None = None,
    seed: int = 0,
    bfloat16: bool = False,
) -> None:
    """Minimise `loss_of(generator)` over the `modules`, in place; go on from `<name>.ckpt` if it is there.

    Each step's randomness comes from (seed, step) alone, so a run that was stopped ends where an unbroken one
    would have. `scales` multiplies the rate of single modules; `bfloat16` computes products in that precision
    (the modules return float32). Writes `<name>.pt`, weights only, at the end.
    """
    groups = [
        {"params": list(m.parameters()), "scale": (scales or {}).get(k, 1.0)} for k, m in modules.items()
    ]
    optimizer = torch.optim.AdamW(groups, schedule.rate, betas=(0.9, 0.98), weight_decay=0.01)
    parameters = [p for group in groups for p in group["params"]]
    checkpoint = work / f"{name}.ckpt"
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        for key, module in modules.items():
            module.load_state_dict(state["modules"][key])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    began = time.monotonic()
    for step in range(first, schedule.steps):
        torch.manual_seed(seed * 1_000_003 + step)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, schedule) * group["scale"]
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = loss_of(np.random.default_rng([seed, step]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        done = step + 1
        if done % SAVE_EVERY == 0 or done == schedule.steps:
            pace = (time.monotonic() - began) / (done - first)
            with torch.no_grad():
                report = validate()
            print(
                f"{name} {done}/{schedule.steps} {pace:.2f} s/step loss {loss.item():.3f} | {report}",
                flush=True,
            )
            _save(checkpoint, {"modules": states(modules), "optimizer": optimizer.state_dict(), "step": done})
    _save(work / f"{name}.pt", states(modules))


def states(modules: Mapping[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
    return {key: module.state_dict() for key, module in modules.items()}


def _save(path: Path, state: object) -> None:
    """Never leaves half a file behind."""
    part = path.with_suffix(path.suffix + ".part")
    torch.save(state, part)
    part.rename(path)

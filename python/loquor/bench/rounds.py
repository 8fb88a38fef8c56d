"""Rivals that take turns, and what is said of their times."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Row", "measure", "row_of", "table", "take_turns"]


@dataclass(frozen=True)
class Row:
    """One rival under one condition; figures in `unit`."""

    rival: str
    condition: Mapping[str, Any]
    median: float
    p95: float
    fastest: float
    ratio: float | None
    """Median over the rounds of the baseline's time by this one's: above 1 is faster than the baseline."""
    rounds: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "ms"


def take_turns(
    rivals: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    warm_up: int = 1,
    tell: Callable[[int], None] | None = None,
) -> dict[str, list[float]]:
    """Let rivals take turns (A B C A B C ...), each round's first going one further; what each returned.

    What disturbs the machine for a while then disturbs all of them, and ratios within a round hold. `tell` is
    called with the number of each round that begins, below 0 for those of the warm-up, which do not count.
    """
    names = list(rivals)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        if tell is not None:
            tell(number)
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            figure = rivals[name]()
            if number >= 0:
                taken[name].append(figure)
    return taken


def row_of(
    rival: str,
    taken: Sequence[float],
    *,
    baseline: Sequence[float] | None = None,
    condition: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    unit: str = "ms",
) -> Row:
    """Return what is said of the figures `taken`, one a round; times come in seconds for the unit "ms"."""
    shown = [figure * (1e3 if unit == "ms" else 1) for figure in taken]
    ratio = None
    if baseline is not None:
        ratio = round(statistics.median(b / a for a, b in zip(taken, baseline, strict=True)), 3)
    return Row(
        rival,
        dict(condition or {}),
        median=round(statistics.median(shown), 4),
        p95=round(float(np.percentile(shown, 95)), 4),
        fastest=round(min(shown), 4),
        ratio=ratio,
        rounds=len(shown),
        facts=dict(facts or {}),
        unit=unit,
    )


def measure(
    rivals: Mapping[str, Callable[[], float]],
    *,
    baseline: str,
    rounds: int,
    warm_up: int = 1,
    condition: Mapping[str, Any] | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Row]:
    """Let rivals, which return seconds, take turns; a row for each, with its ratio to the `baseline`."""
    taken = take_turns(rivals, rounds=rounds, warm_up=warm_up)
    return [
        row_of(name, times, baseline=taken[baseline], condition=condition, facts=(facts or {}).get(name))
        for name, times in taken.items()
    ]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a table, one block for each condition."""
    width = max([34, *(len(row.rival) + 1 for row in rows)])
    conditions = dict.fromkeys(json.dumps(row.condition, sort_keys=True) for row in rows)
    for condition in conditions:
        yield ""
        if title := ", ".join(f"{key} {value}" for key, value in json.loads(condition).items()):
            yield title
        yield f"  {'':{width}}{'median':>10}{'p95':>10}{'best':>10}     {'ratio':>8}"
        for row in rows:
            if json.dumps(row.condition, sort_keys=True) != condition:
                continue
            digits = 2 if row.unit in ("ms", "MB") else 3
            figures = "".join(f"{figure:10.{digits}f}" for figure in (row.median, row.p95, row.fastest))
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
            facts = "  ".join(f"{key} {value}" for key, value in row.facts.items())
            yield f"  {row.rival:{width}}{figures} {row.unit:4}{ratio:>8}  {facts}".rstrip()

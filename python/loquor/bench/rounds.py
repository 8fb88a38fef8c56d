"""Rivals that take turns, and what is said of their figures."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

__all__ = ["Row", "key_of", "measure", "row_of", "table", "take_turns"]

_Key = TypeVar("_Key")

_SHOWN = {"s": (1e3, 2, "ms"), "MB": (1.0, 2, "MB"), "1": (1.0, 3, "")}
"""How a unit is printed: factor, digits, name."""


@dataclass(frozen=True)
class Row:
    """One measure under one condition."""

    name: str
    """What was measured, or who was: lower-case letters, digits and underscores."""
    samples: tuple[float, ...]
    """What was seen, in the order of the rounds."""
    condition: Mapping[str, Any] = field(default_factory=dict)
    """The conditions that it was measured under, by keys like `name`."""
    unit: str = "s"
    """The unit of the samples: "s", "MB", "1/s", or "1" for a count, a share or a ratio."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else was seen, by keys like `name`; a share is from 0 to 1."""
    ratio: float | None = None
    """Median over the rounds of the baseline's figure by this one's: above 1 is faster than the baseline."""
    baseline: Row | None = None
    """What `ratio` compares with."""
    label: str = ""
    """What a table calls it."""
    title: str = ""
    """What a table writes above the rows that share it."""

    @property
    def median(self) -> float:
        """The middle of the samples."""
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        """What 95 % of the samples do not exceed."""
        return float(np.percentile(self.samples, 95))

    @property
    def least(self) -> float:
        """The smallest sample: the fastest, of times."""
        return min(self.samples)

    def against(self, baseline: Row) -> Row:
        """The same with its ratio to a row of as many rounds."""
        pairs = zip(self.samples, baseline.samples, strict=True)
        ratio = statistics.median(theirs / ours for ours, theirs in pairs)
        return replace(self, ratio=ratio, baseline=baseline)


def key_of(label: str) -> str:
    """'loquor, fp16 KV' -> 'loquor_fp16_kv'."""
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")


def take_turns(
    rivals: Mapping[_Key, Callable[[], float]],
    *,
    rounds: int,
    warm_up: int = 1,
    tell: Callable[[int], None] | None = None,
) -> dict[_Key, list[float]]:
    """Let rivals take turns (A B C A B C ...), each round's first going one further; what each returned.

    What disturbs the machine for a while then disturbs all of them, and ratios within a round hold. `tell` is
    called with the number of each round that begins, below 0 for those of the warm-up, which do not count.
    """
    names = list(rivals)
    taken: dict[_Key, list[float]] = {name: [] for name in names}
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
    label: str,
    taken: Sequence[float],
    *,
    name: str | None = None,
    condition: Mapping[str, Any] | None = None,
    shared: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    unit: str = "s",
) -> Row:
    """Return the row of what was `taken`, one figure a round. Its name is made of the label unless given.

    The conditions that it has in common with others, `shared`, are the title of their table.
    """
    title = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in (shared or {}).items())
    return Row(
        key_of(label) if name is None else name,
        tuple(map(float, taken)),
        {**(shared or {}), **(condition or {})},
        unit,
        dict(facts or {}),
        label=label,
        title=title,
    )


def measure(
    rivals: Mapping[str, Callable[[], float]],
    *,
    baseline: str,
    rounds: int,
    warm_up: int = 1,
    condition: Mapping[str, Any] | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    names: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
) -> list[Row]:
    """Let rivals, which return seconds, take turns; a row for each, with its ratio to the `baseline`.

    All are measured under `condition`. `names` gives the name of a row, and its own condition, by label.
    """
    taken = take_turns(rivals, rounds=rounds, warm_up=warm_up)
    rows = {}
    for label, times in taken.items():
        name, own = (names or {}).get(label, (None, {}))
        about = (facts or {}).get(label)
        rows[label] = row_of(label, times, name=name, condition=own, shared=condition, facts=about)
    return [row.against(rows[baseline]) for row in rows.values()]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a table, one block for each title."""
    width = max([34, *(len(row.label) + 1 for row in rows)])
    for title in dict.fromkeys(row.title for row in rows):
        yield ""
        if title:
            yield title
        yield f"  {'':{width}}{'median':>10}{'p95':>10}{'best':>10}     {'ratio':>8}"
        for row in (row for row in rows if row.title == title):
            factor, digits, unit = _SHOWN.get(row.unit, (1.0, 2, row.unit))
            figures = "".join(f"{factor * value:10.{digits}f}" for value in (row.median, row.p95, row.least))
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
            facts = "  ".join(f"{key.replace('_', ' ')} {_shown(key, row)}" for key in row.facts)
            yield f"  {row.label:{width}}{figures} {unit:4}{ratio:>8}  {facts}".rstrip()


def _shown(key: str, row: Row) -> str:
    value = row.facts[key]
    if isinstance(value, float):
        return f"{value:.0%}" if key.endswith("share") else f"{value:.4g}"
    return str(value)

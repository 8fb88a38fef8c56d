"""A rewritten graph against the untouched one, on the same made-up input: only what agrees is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from onnx import ModelProto, helper

from .graph import Graph, RefusedError

if TYPE_CHECKING:
    import numpy.typing as npt

Arrays: TypeAlias = "dict[str, npt.NDArray[Any]]"
Run: TypeAlias = "Callable[[Arrays], Arrays]"
"""Runs a graph with arrays by name."""

__all__ = [
    "Arrays",
    "Original",
    "Port",
    "Recorded",
    "Rewritten",
    "Run",
    "Trace",
    "compare",
    "distance",
    "energy_apart",
    "trace_language_model",
]

_STEPS = 3
_BUFFER = 16  # positions, more than are run
_ROWS: tuple[tuple[int, ...], ...] = ((11,), (1,), (9, 5))
"""Prompt lengths of the batches that are tried; shorter rows are padded on the right."""


@dataclass(frozen=True)
class Port:
    """An input of a graph: ONNX element type and dimensions, 0 where free."""

    elem_type: int
    dims: tuple[int, ...]

    @classmethod
    def of(cls, value: Any) -> Port:
        tensor = value.type.tensor_type
        return cls(int(tensor.elem_type), tuple(int(dim.dim_value) for dim in tensor.shape.dim))

    def cast(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """An array in the input's type."""
        return array.astype(helper.tensor_dtype_to_np_dtype(self.elem_type))


@dataclass(frozen=True)
class Recorded:
    """A recording as the speech encoder hears it, without batch."""

    tokens: npt.NDArray[np.int64]
    embedding: npt.NDArray[np.float32]
    mel: npt.NDArray[np.float32]
    """[frames, bins], two frames a token."""

    def beginning(self, tokens: int) -> Recorded:
        return Recorded(self.tokens[:tokens], self.embedding, self.mel[: 2 * tokens])


@dataclass(frozen=True)
class Original:
    """A published graph to be rewritten, and ways to run what becomes of it."""

    parsed: Callable[[], Graph]
    """The untouched graph anew, to be changed."""
    loadable: Callable[[], Graph]
    """The same where the runtime has no such operators written in others: something to compare with."""
    opened: Callable[[ModelProto], Run]
    """Loads a graph in its place. Raises `RefusedError`."""
    own_operators: bool
    continued: Callable[[ModelProto], Graph]
    """A copy of what became of it, to be changed further."""
    int16: bool
    """Whether products and attention in float32 may be of 16 bits."""
    remark: Callable[[str], None]
    """Keeps a sentence on what was left as it is."""
    recorded: Callable[[], Recorded]
    """What the bundle's speech encoder hears in its default voice, or in a made-up recording."""


@dataclass(frozen=True)
class Rewritten:
    """What became of a graph."""

    model: ModelProto | None = None
    """The rewritten graph, of a decoder that was cut in two its flow; None where nothing was done."""
    changes: list[str] = field(default_factory=list)
    differences: dict[str, float] = field(default_factory=dict)
    """How far it is from the untouched one, by what was compared."""
    vocoder: ModelProto | None = None
    """The second part of a decoder that was cut in two."""
    window_prompt: float = 0.0
    """The least seconds of a voice that may prompt a decoder's windows (window_prompt.py); 0: all have to."""


@dataclass(frozen=True)
class Trace:
    """What a language model answered: logits [rows, vocabulary] of each run, the caches at the end."""

    logits: list[npt.NDArray[np.float32]]
    caches: list[npt.NDArray[Any]]


def trace_language_model(run: Run, ports: dict[str, Port], *, whole_buffers: bool = False) -> Trace:
    """Prefills and steps for batches of equal and of ragged rows.

    With `whole_buffers` a past is as long as can be from the beginning, most of it free. A ragged batch is
    prefilled only: in a graph that joins, its pads would stay between prompt and new positions, which one
    that writes in place leaves out.
    """
    trace = Trace([], [])
    free_batch = ports["inputs_embeds"].dims[0] == 0
    for lengths in _ROWS:
        if len(lengths) == 1 or free_batch:
            runs = list(_generate(run, ports, lengths, whole_buffers))
            trace.logits.extend(logits for logits, _ in runs)
            if len(lengths) == 1:
                trace.caches.extend(runs[-1][1])
    return trace


def _generate(
    run: Run, ports: dict[str, Port], lengths: tuple[int, ...], whole_buffers: bool
) -> Iterator[tuple[npt.NDArray[np.float32], list[npt.NDArray[Any]]]]:
    rng = np.random.default_rng(len(lengths) * 1000 + max(lengths))
    hidden, rows = ports["inputs_embeds"].dims[2], len(lengths)
    names = [name for name in ports if name.startswith("past_key_values.")]
    past = {}
    for name in names:
        _, heads, length, size = ports[name].dims
        positions = (length or _BUFFER) if whole_buffers else 0
        past[name] = ports[name].cast(np.zeros((rows, heads, positions, size)))
    total, mask = 0, np.zeros((rows, 0), np.int64)
    for count in (max(lengths), *[1] * (_STEPS if rows == 1 else 0)):
        new = np.ones((rows, count), np.int64)
        if not total:
            new = (np.arange(count) < np.asarray(lengths)[:, None]).astype(np.int64)
        mask = np.concatenate([mask, new], axis=1)
        embeds = rng.standard_normal((rows, count, hidden)) * 0.5
        feeds = {
            "inputs_embeds": ports["inputs_embeds"].cast(embeds),
            "attention_mask": mask,
            "position_ids": np.tile(np.arange(total, total + count, dtype=np.int64), (rows, 1)),
            **past,
        }
        outputs = run({name: array for name, array in feeds.items() if name in ports})
        total += count
        past = {name: outputs[name.replace("past_key_values", "present")] for name in names}
        logits = outputs["logits"].astype(np.float32)
        last = [length - 1 for length in lengths] if logits.shape[1] == count and count > 1 else [-1] * rows
        yield logits[np.arange(rows), last], [cache[:, :, :total] for cache in past.values()]


def compare(found: Trace, expected: Trace, tolerance: float) -> float:
    """Return the largest difference of logits, relative to their range.

    Keys and values must agree as well, by the same measure, where both keep them in floats. Raises
    `RefusedError` beyond `tolerance`.
    """
    worst = 0.0
    for number, (one, other) in enumerate(zip(found.logits, expected.logits, strict=True)):
        worst = max(worst, distance(one, other, f"the logits of run {number}", tolerance))
    for number, (one, other) in enumerate(zip(found.caches, expected.caches, strict=True)):
        if one.dtype.kind == other.dtype.kind == "f":
            distance(one, other, f"cache tensor {number}", tolerance)
    return worst


def distance(found: npt.NDArray[Any], expected: npt.NDArray[Any], what: str, tolerance: float) -> float:
    """Return the largest difference, relative to the range of most values, or to the value itself beyond it.

    Not to the largest value: one forbidden token's logit of -1000 would hide any error. Raises `RefusedError`
    beyond `tolerance`.
    """
    if found.shape != expected.shape:
        raise RefusedError(f"{what} should be of shape {list(expected.shape)} but are {list(found.shape)}")
    one, other = found.astype(np.float32), expected.astype(np.float32)
    scale = np.maximum(max(1e-6, _usual_range(other)), np.abs(other))
    worst = float(np.max(np.abs(one - other) / scale))
    if not worst <= tolerance:  # also NaN
        raise RefusedError(
            f"{what} are {worst:.2g} of their range off the untouched graph's ({tolerance:.2g} allowed)"
        )
    return worst


def energy_apart(found: npt.NDArray[Any], expected: npt.NDArray[Any], what: str, tolerance: float) -> float:
    """Return the root of the difference's mean square, relative to the root of the whole's.

    For what may be off by much in places, but not as a whole. Raises `RefusedError` beyond `tolerance`.
    """
    if found.shape != expected.shape:
        raise RefusedError(f"{what} should be of shape {list(expected.shape)} but are {list(found.shape)}")
    one, other = found.astype(np.float64), expected.astype(np.float64)
    apart = float(np.sqrt(np.mean((one - other) ** 2) / max(float(np.mean(other**2)), 1e-12)))
    if not apart <= tolerance:  # also NaN
        raise RefusedError(f"{what} are {apart:.2g} of their energy off the untouched graph's")
    return apart


def _usual_range(values: npt.NDArray[np.float32]) -> float:
    """The largest size, or that of 99 % of the values where the rest are far beyond them."""
    sizes = np.abs(values)
    return min(float(sizes.max()), 2 * float(np.quantile(sizes, 0.99)))

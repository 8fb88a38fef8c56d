"""All rewrites of a speech encoder, and its comparison with one whose transforms are exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnx import ModelProto

from .calibrate import made_up_recording
from .check import Arrays, Port, Run, distance
from .graph import Graph, RefusedError
from .products import WRITTEN_OUT, spell_out_products
from .quantised_convolution import check_convolutions, widen_convolutions
from .spectra import spectra_as_products, spectra_in_double

if TYPE_CHECKING:
    import numpy.typing as npt

    Opened = Callable[[ModelProto | None], Run]
    Parsed = Callable[[], ModelProto]

__all__ = ["rewrite_speech_encoder"]

EXACT = 1e-3
"""Allowed difference of features, of their range, from the graph with transforms in float64."""
OTHER_TOKENS = 0.02
"""Share of speech tokens that may differ: a feature that lies on the border of two codes."""
_REWRITES = (
    (widen_convolutions, "dynamically quantised convolutions in float32"),
    (spell_out_products, WRITTEN_OUT),
    (spectra_as_products, "Fourier transforms as products"),
)
_SECONDS = (2.0, 3.31)


def rewrite_speech_encoder(
    parsed: Parsed, loadable: Parsed, weights_folder: Path, opened: Opened
) -> tuple[ModelProto | None, list[str], dict[str, float]]:
    """Return the rewritten graph, what was done to it, and how far its features are from exact ones.

    `parsed()` gives the untouched graph anew, `loadable()` in operators that the runtime has; `opened(model)`
    loads a graph and returns its run. Nothing done means None. Raises `RefusedError`.
    """
    graph = Graph(parsed(), weights_folder)
    port = Port.of(graph.inputs["audio_values"])
    done = [f"{number} {what}" for rewrite, what in _REWRITES if (number := rewrite(graph))]
    if not done:
        return None, [], {}
    model = graph.finish()
    differences = check_convolutions(lambda: Graph(loadable(), weights_folder), opened)
    exact = Graph(loadable(), weights_folder)
    widen_convolutions(exact)  # compared by themselves, since they round what they get
    spectra_in_double(exact)
    expected = _voices(opened(exact.finish()), port)
    found = _voices(opened(model), port)
    return model, done, {**differences, **_compare(found, expected)}


def _voices(run: Run, port: Port) -> list[Arrays]:
    recording, rate = made_up_recording()
    return [run({"audio_values": port.cast(recording[np.newaxis, : int(s * rate)])}) for s in _SECONDS]


def _compare(found: list[Arrays], expected: list[Arrays]) -> dict[str, float]:
    worst, others = 0.0, 0.0
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        for name, array in other.items():
            what = f"'{name}' of recording {number}"
            if array.dtype.kind == "f":
                worst = max(worst, distance(one[name], array, what, EXACT))
            else:
                others = max(others, _share_of_others(one[name], array, what))
    return {"exact": worst, "other tokens": others}


def _share_of_others(found: npt.NDArray[np.int64], expected: npt.NDArray[np.int64], what: str) -> float:
    if found.shape != expected.shape:
        raise RefusedError(f"{what} should be of shape {list(expected.shape)} but are {list(found.shape)}")
    share = float(np.mean(found != expected)) if expected.size else 0.0
    if share > OTHER_TOKENS:
        raise RefusedError(f"{what}: {share:.0%} of the tokens are others than the untouched graph's")
    return share

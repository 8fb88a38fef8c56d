"""All rewrites of a speech encoder, and its comparison with one whose transforms are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import ModelProto

from .calibrate import made_up_recording
from .check import Arrays, Original, Port, Run, distance, energy_apart
from .graph import RefusedError
from .products import WRITTEN_OUT, spell_out_products
from .quantised_convolution import check_convolutions, widen_convolutions
from .spectra import spectra_as_products, spectra_in_double
from .widen import WIDENED, computes_in_float16, widen

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["rewrite_speech_encoder"]

EXACT = 1e-3
"""Allowed difference of features, of their range, from the graph with transforms in float64."""
ROUNDED = 0.1
"""Allowed energy of the difference from what was computed in float16, of the whole."""
OTHER_TOKENS = 0.02
"""Share of speech tokens that may differ: a feature that lies on the border of two codes."""
_REWRITES = (
    (widen_convolutions, "dynamically quantised convolutions in float32"),
    (spell_out_products, WRITTEN_OUT),
    (spectra_as_products, "Fourier transforms as products"),
)
_SECONDS = (2.0, 3.31)


def rewrite_speech_encoder(original: Original) -> tuple[ModelProto | None, list[str], dict[str, float]]:
    """Return the rewritten graph, what was done to it, and how far its features are from exact ones.

    Nothing done means None. Raises `RefusedError`.
    """
    differences = check_convolutions(original.loadable, original.opened)
    graph = original.parsed()
    port = Port.of(graph.inputs["audio_values"])
    done = []
    if halves := original.own_operators and computes_in_float16(graph):
        done.append(f"{widen(graph, at_each_run=True)} {WIDENED}")
    done += [f"{number} {what}" for rewrite, what in _REWRITES if (number := rewrite(graph))]
    if not done:
        return None, [], {}
    exact = original.loadable()
    widen_convolutions(exact)  # compared by themselves, since they round what they get
    if halves:
        differences["float16"] = _compare_widened(original, port)
        widen(exact)
    spectra_in_double(exact)
    expected = _voices(original.opened(exact.finish()), port)
    model = graph.finish()
    found = _voices(original.opened(model), port)
    return model, done, {**differences, **_compare(found, expected)}


def _compare_widened(original: Original, port: Port) -> float:
    """Widened alone, loosely: what is left are the roundings of float16."""
    graph = original.loadable()
    widen(graph)
    found = _voices(original.opened(graph.finish()), port)
    expected = _voices(original.opened(original.loadable().finish()), port)
    return max(
        energy_apart(one[name], array, f"'{name}' of recording {number}", ROUNDED)
        for number, (one, other) in enumerate(zip(found, expected, strict=True))
        for name, array in other.items()
        if array.dtype.kind == "f"
    )


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

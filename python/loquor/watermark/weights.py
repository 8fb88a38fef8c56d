"""PerTh's weights: found in the installed package without importing it, and made into graphs once.

The graphs are kept where prepared graphs are, under the same rules (docs/adr/0091-prepared-graphs-cache.md).
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, ModelError
from ..prepare import cache

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Tensors = Mapping[str, npt.NDArray[np.float32]]

__all__ = [
    "CHOICES", "WATERMARK_VARIABLE", "chosen_watermark", "detector_file", "encoder_file", "fingerprint_of"
]  # fmt: skip

_log = logging.getLogger("loquor.watermark")

WATERMARK_VARIABLE = "LOQUOR_WATERMARK"
"""Environment variable: "perth" marks the speech of every engine that is not opened with another choice."""
CHOICES = ("auto", "none", "perth")

_PACKAGE, _VERSION = "resemble-perth", "1.0.1"
_CHECKPOINT = "perth/perth_net/pretrained/implicit/perth_net_250000.pth.tar"
_FINGERPRINT = "ff85e88b4644eb05b7d8ff9c684cbb09ff199588d0a114a41037f91a711659d7"
"""Of that version's tensors: see `fingerprint_of`."""
_INSTALL = f"pip install 'loquor[watermark]', which brings {_PACKAGE} {_VERSION}"
_GRAPHS_VERSION = "1"
"""Of the graphs that are made here: another one makes them again."""


def chosen_watermark(given: str) -> str:
    """Return what the core is to be given for `Engine(watermark=)`: "none", or the path of a graph.

    "auto" is what the environment says, else "none"; to choose "none" against the environment is logged.
    Raises `InvalidInputError` for what is neither a choice nor a graph's path, `ModelError` where the weights
    are missing, or are others than this version knows.
    """
    wanted = os.environ.get(WATERMARK_VARIABLE, "") or "none"
    if wanted not in ("none", "perth"):
        raise InvalidInputError(f"{WATERMARK_VARIABLE} must be none or perth, not {wanted!r}")
    if given == "none" and wanted != "none":
        _log.warning(
            "speech is not marked: the engine was opened with watermark 'none', against %s=%s",
            WATERMARK_VARIABLE,
            wanted,
        )
    chosen = wanted if given == "auto" else given
    if chosen == "perth":
        return str(encoder_file())
    if chosen != "none" and not Path(chosen).is_file():
        raise InvalidInputError(f"watermark must be {', '.join(CHOICES)} or a graph's path, not {chosen!r}")
    return chosen if chosen == "none" else str(Path(chosen).absolute())


def encoder_file() -> Path:
    """Return the graph that marks, made if need be. Raises as `chosen_watermark`."""
    from .graphs import encoder_graph  # the onnx package is slow to import

    return _made("perth_encoder", encoder_graph)


def detector_file() -> Path:
    """Return the graph that detects, made if need be. Raises as `chosen_watermark`."""
    from .graphs import detector_graph

    return _made("perth_detector", detector_graph)


def fingerprint_of(tensors: Tensors) -> str:
    """Return the sha256, as hex, of tensors: names in order, shapes, and little-endian float32 values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
        digest.update(tensor.astype("<f4").tobytes())
    return digest.hexdigest()


def _made(name: str, make: Callable[[Any], bytes]) -> Path:
    checkpoint = _checkpoint()
    try:
        stem = f"{name}-{cache.key_of(checkpoint, name, _GRAPHS_VERSION)}"
    except OSError as error:
        raise ModelError(f"cannot read {checkpoint} ({error}): {_INSTALL}") from error
    if (entry := cache.load(stem)) is not None:
        return entry[1]
    from .checkpoint import read_checkpoint

    tensors = read_checkpoint(checkpoint)
    if (found := fingerprint_of(tensors)) != _FINGERPRINT:
        raise ModelError(
            f"the weights in {checkpoint} are not those of {_PACKAGE} {_VERSION} (their fingerprint begins "
            f"with {found[:12]}, not {_FINGERPRINT[:12]}): install it again, {_INSTALL}"
        )
    graph = make(tensors)
    note = cache.Note(str(checkpoint), hashlib.sha256(graph).hexdigest(), use=name)
    path = cache.store(stem, note, graph)
    _log.info("made %s of the weights of %s %s", path, _PACKAGE, _VERSION)
    return path


def _checkpoint() -> Path:
    """The checkpoint in the installed package."""
    import importlib.metadata  # slow, and few mark

    try:
        package = importlib.metadata.distribution(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"the watermark needs the weights of the package {_PACKAGE}, which is not installed: {_INSTALL}"
        ) from None
    if package.version != _VERSION:
        raise ModelError(
            f"the watermark needs the weights of {_PACKAGE} {_VERSION}, and {package.version} is installed: "
            f"pip install '{_PACKAGE}=={_VERSION}'"
        )
    path = Path(str(package.locate_file(_CHECKPOINT)))
    if not path.is_file():
        raise ModelError(f"{_PACKAGE} {_VERSION} is installed without {path}: install it again, {_INSTALL}")
    return path

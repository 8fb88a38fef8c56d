"""The models known by name, and how a bundle's files are named and chosen by precision.

A bundle keeps its four graphs in `onnx/`, one file per precision (`language_model_q4.onnx`), each with its
weights beside it (`language_model_q4.onnx_data`), and its tokenizer and configuration as JSON at the root.
Sizes and hashes are data (`catalog.json`); what is not known is null there and `None` here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..base.files import read_json
from ..errors import InvalidInputError, ModelError

__all__ = [
    "CATALOG",
    "DTYPES",
    "GRAPHS",
    "BundleFile",
    "CatalogEntry",
    "check_dtype",
    "choose_dtypes",
    "model_text",
    "offered_dtypes",
    "pick_files",
    "spelled_out",
]

GRAPHS = ("speech_encoder", "embed_tokens", "language_model", "conditional_decoder")

# Precision to the suffix in the file's name, in the order that "auto" prefers, as csrc/model/bundle_files.cpp
# has it: q4 is the fastest on a CPU, fp16 the slowest.
DTYPES: Mapping[str, str] = {"q4": "_q4", "q4f16": "_q4f16", "q8": "_quantized", "fp32": "", "fp16": "_fp16"}

_SPACES = " \t\n\r"


@dataclass(frozen=True)
class BundleFile:
    """One published file."""

    path: str
    """Within the repository, with forward slashes."""
    size: int | None = None
    """Its size in bytes; None where the hub does not say."""
    sha256: str | None = None
    """Its hash in lower-case hex; None where nothing was published to compare with."""
    git_sha1: str | None = None
    """The id of a small file's content in Git, for which the hub lists no SHA-256."""


@dataclass(frozen=True)
class CatalogEntry:
    """One model: where it is published and whether this version of the engine can run it."""

    name: str
    """What `Engine` and the command line call it."""
    summary: str
    """What it is, in a line."""
    licence: str
    """The licence of its weights, as its publishers name it."""
    supported: bool
    """Whether this version of the engine runs it."""
    location: Literal["hub", "builtin"]
    """A "builtin" model lies inside the package and has neither repository nor files."""
    repo: str | None = None
    """On the hub, as owner/name."""
    revision: str | None = None
    """A full commit id where the bundle is pinned; else a branch, whose files the hub is asked for."""
    files: tuple[BundleFile, ...] = ()
    """What the bundle consists of, in all precisions; empty where the hub has to be asked."""

    @property
    def dtypes(self) -> dict[str, tuple[str, ...]]:
        """The precisions on offer for each graph, the one "auto" takes first."""
        return offered_dtypes(file.path for file in self.files)


def _load(path: Path) -> dict[str, CatalogEntry]:
    entries = {}
    for name, fields in read_json(path).items():
        files = tuple(BundleFile(file, *facts) for file, facts in fields.pop("files").items())
        entries[name] = CatalogEntry(name=name, files=files, **fields)
    return entries


CATALOG: dict[str, CatalogEntry] = _load(Path(__file__).with_name("catalog.json"))


def model_text(model: object) -> str:
    """Return a model's name or path as text; raises `InvalidInputError` if it is neither."""
    text = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise InvalidInputError(f"model must be a name or a path, not {type(model).__name__}")
    return text


def find_entry(model: str) -> CatalogEntry | None:
    """The entry of that name or hub id ("name@revision" counts too), None for any other model."""
    name = model.partition("@")[0]
    by_repo = {entry.repo: entry for entry in CATALOG.values() if entry.repo}
    return CATALOG.get(name) or by_repo.get(name)


def offered_dtypes(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The precisions of each of the four graphs among the files of a bundle; an absent graph has none."""
    present = set(paths)
    return {
        graph: tuple(dtype for dtype, suffix in DTYPES.items() if f"onnx/{graph}{suffix}.onnx" in present)
        for graph in GRAPHS
    }


def check_dtype(dtype: object) -> None:
    """Raise `InvalidInputError` for a precision that no bundle could have, before one is looked for."""
    if not isinstance(dtype, str):
        raise InvalidInputError(f"dtype must be a str, such as 'auto', not {type(dtype).__name__}")
    _parse(dtype)


def _parse(dtype: str) -> tuple[str, dict[str, str]]:
    """Split "q4,conditional_decoder=fp32" into the precision of all graphs and those of single graphs.

    The core's parser takes the same (csrc/model/bundle_files.cpp).
    """
    common, single = "auto", {}
    for item in dtype.split(","):
        graph, equals, value = (part.strip(_SPACES) for part in item.partition("="))
        if not equals:
            graph, value = "", graph
        if (value != "auto" and value not in DTYPES) or (equals and graph not in GRAPHS):
            raise InvalidInputError(
                f"dtype {dtype!r} is not understood at {item.strip(_SPACES)!r}: give auto or one of "
                f"{', '.join(DTYPES)} for all graphs, or a list like "
                f"language_model=q4,conditional_decoder=fp32 (graphs: {', '.join(GRAPHS)})"
            )
        if equals:
            single[graph] = value
        else:
            common = value
    return common, single


def choose_dtypes(
    offered: Mapping[str, tuple[str, ...]], dtype: str, model: str, prefer: str | None = None
) -> dict[str, str]:
    """The precision to use for each graph.

    `dtype` is "auto" (for each graph `prefer` where that is on offer, else the first), one precision for all
    graphs, or a list such as "language_model=q4,conditional_decoder=fp32"; a graph left out of a list takes
    its bare precision, as in "q4,conditional_decoder=fp32", or else "auto". Spaces do not matter. `model`
    names the bundle in errors.

    Raises `ModelError` if a graph is missing altogether, `InvalidInputError` if `dtype` is malformed or a
    precision is not on offer.
    """
    common, single = _parse(dtype)
    absent = [graph for graph in GRAPHS if not offered.get(graph)]
    if absent:
        raise ModelError(
            f"{model} is not a four-graph bundle: it has no onnx/{absent[0]}*.onnx in a known precision "
            f"({', '.join(DTYPES)}); choose a repository or folder that holds {', '.join(GRAPHS)}"
        )
    chosen = {graph: single.get(graph, common) for graph in GRAPHS}
    for graph, value in chosen.items():
        if value in DTYPES and value not in offered[graph]:
            offer = "; ".join(f"{name}: {', '.join(offered[name])}" for name in GRAPHS)
            raise InvalidInputError(
                f"{model} offers no {graph} in {value}; on offer are {offer}; "
                "dtype='auto' takes the first of each, and graphs may differ "
                "(language_model=q4,conditional_decoder=fp32)"
            )
    wanted = {graph: prefer if value == "auto" else value for graph, value in chosen.items()}
    return {graph: value if value in offered[graph] else offered[graph][0] for graph, value in wanted.items()}


def spelled_out(folder: Path, dtype: str, prefer: str) -> str:
    """Return `dtype` as a list of the precisions that it chooses among a bundle folder's.

    One that the folder does not have leaves it as it is: the core says what is missing.
    """
    offered = offered_dtypes(path.relative_to(folder).as_posix() for path in folder.glob("onnx/*.onnx"))
    try:
        chosen = choose_dtypes(offered, dtype, str(folder), prefer)
    except (InvalidInputError, ModelError):
        return dtype
    return ",".join(f"{graph}={value}" for graph, value in chosen.items())


def pick_files(
    files: Iterable[BundleFile], dtype: str, model: str, prefer: str | None = None
) -> tuple[BundleFile, ...]:
    """The files that a bundle needs in the asked precision: the root's JSON, four graphs and their weights.

    Arguments and errors are those of `choose_dtypes`.
    """
    files = tuple(files)
    chosen = choose_dtypes(offered_dtypes(file.path for file in files), dtype, model, prefer)
    graphs = "|".join(f"{graph}{DTYPES[value]}" for graph, value in chosen.items())
    # Weights too big for one file are numbered, and some exporters write .onnx.data.
    wanted = re.compile(rf"[^/\\]+\.json|onnx/(?:{graphs})\.onnx(?:[_.]data(?:_\d+)?)?")
    return tuple(file for file in files if wanted.fullmatch(file.path))

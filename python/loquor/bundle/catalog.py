"""The models known by name, and the choice of their files by precision, as the core makes it.

A bundle keeps its four graphs in `onnx/`, one file per precision (`language_model_q4.onnx`), each with its
weights beside it (`language_model_q4.onnx_data`), and its tokenizer and configuration as JSON at the root.
What the names mean is the core's to say (csrc/model/bundle_files.hpp), of a list as of a folder. Sizes and
hashes are data (`catalog.json`); what is not known is null there and `None` here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import _core
from ..base.files import read_json
from ..errors import InvalidInputError

__all__ = [
    "CATALOG",
    "DTYPES",
    "GRAPHS",
    "SUGGESTED",
    "BundleFile",
    "CatalogEntry",
    "check_dtype",
    "choose_dtypes",
    "model_text",
    "offered_dtypes",
    "pick_files",
]

GRAPHS = _core.graph_names()

DTYPES = _core.dtype_names()
"""The published precisions, in the order that "auto" prefers on a CPU."""


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
    family: str = "turbo"
    """The family of models that it belongs to (csrc/model/family.cpp)."""

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

SUGGESTED = CATALOG["turbo"]
"""The model to try after the built-in one."""


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
    return _core.offered_dtypes([_encodable(path) for path in paths])


def check_dtype(dtype: object) -> None:
    """Raise `InvalidInputError` for a precision that no bundle could have, before one is looked for."""
    if not isinstance(dtype, str):
        raise InvalidInputError(f"dtype must be a str, such as 'auto', not {type(dtype).__name__}")
    _core.parse_dtype(_encodable(dtype))


def choose_dtypes(paths: Iterable[str], dtype: str, model: str, prefer: str | None = None) -> dict[str, str]:
    """The precision to use for each graph of a bundle with these files.

    `dtype` is "auto" (for each graph `prefer` where that is on offer, else the first), one precision for all
    graphs, or a list such as "language_model=q4,conditional_decoder=fp32"; a graph left out of a list takes
    its bare precision, as in "q4,conditional_decoder=fp32", or else "auto". Spaces do not matter. `model`
    names the bundle in errors.

    Raises `ModelError` if a graph is missing altogether, `InvalidInputError` if `dtype` is malformed or a
    precision is not on offer.
    """
    return _choose(paths, dtype, model, prefer)[0]


def pick_files(
    files: Iterable[BundleFile], dtype: str, model: str, prefer: str | None = None
) -> tuple[BundleFile, ...]:
    """The files that a bundle needs in the asked precision: the root's JSON, four graphs and their weights.

    Arguments and errors are those of `choose_dtypes`.
    """
    files = tuple(files)
    needed = frozenset(_choose((file.path for file in files), dtype, model, prefer)[1])
    return tuple(file for file in files if file.path in needed)


def _choose(
    paths: Iterable[str], dtype: str, model: str, prefer: str | None
) -> tuple[dict[str, str], list[str]]:
    check_dtype(dtype)
    return _core.choose_files([_encodable(path) for path in paths], dtype, prefer or "", _encodable(model))


def _encodable(text: str) -> str:
    """Text that the core can be given: half a surrogate, which no name of ours has, is written out."""
    return text.encode("utf-8", "backslashreplace").decode()

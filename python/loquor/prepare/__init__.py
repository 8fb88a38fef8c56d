"""Rewriting a bundle's graphs once, so that they run fast: the small graph file is new, the weights stay.

Nothing is used that was not compared with the untouched graph. See docs/adr/0020-preparation.md.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from .. import _core
from ..base.runtime import advised_dtype, open_runtime
from ..bundle.catalog import check_dtype
from ..errors import InvalidInputError, LoquorError
from .heads import Heads, kept_heads, pairs_of
from .task import FAST_PRODUCTS, Task

__all__ = [
    "KV_DTYPES",
    "PREPARED_GRAPHS",
    "PreparedGraph",
    "check_preparation",
    "operators_library",
    "prepare_bundle",
]

_log = logging.getLogger("loquor.prepare")

VERSION = _core.preparation_version()
"""The version of the rewrites (csrc/model/prepared_cache.hpp): another number makes all graphs again."""

VOCODER = "vocoder"
"""The core's word for the second part of a decoder that was cut in two."""

PREPARED_GRAPHS = ("language_model", "conditional_decoder", "speech_encoder")


KV_DTYPES = ("auto", *_core.kv_dtypes())

DECODER_PRECISIONS = ("auto", "fp32")


@dataclass(frozen=True)
class PreparedGraph:
    """What became of one graph."""

    graph: str
    """The name of the graph, such as "language_model"."""
    source: Path
    """The published file."""
    state: str
    """"prepared"; "as published" where there was nothing to do; "refused" where it could not be done."""
    file: Path | None = None
    """The rewritten graph, to be loaded with the weights beside `source`."""
    vocoder: Path | None = None
    """The other part of a decoder that was cut in two: `file` is its flow then."""
    window_prompt: float = 0.0
    """The least seconds of a voice that may prompt windows of this decoder, 0 where all of it has to."""
    changes: tuple[str, ...] = ()
    """What was rewritten, a sentence part each."""
    reason: str = ""
    """Why it was refused."""
    cached: bool = False
    """Whether the work had been done before."""
    remarks: tuple[str, ...] = ()
    """What this graph keeps that the runtime computes slowly or inexactly (docs/exporters.md)."""


def operators_library() -> Path:
    """Return the library whose operators prepared graphs use.

    Plain ONNX Runtime loads such a graph after `SessionOptions.register_custom_ops_library(path)`. Raises
    `LoquorError` where Loquor runs without its library beside it.
    """
    here = Path(_core.__file__).parent
    abi = _core.abi_version()
    for name in (f"lib/libloquor.so.{abi}", f"lib/libloquor.{abi}.dylib", f"loquor-{abi}.dll"):
        if (here / name).is_file():
            return here / name
    raise LoquorError(f"there is no libloquor beside {_core.__file__}: reinstall loquor")


def prepare_bundle(
    folder: Path,
    dtype: str = "auto",
    *,
    kv_dtype: str = "auto",
    decoder_precision: str = "auto",
    force: bool = False,
    threads: int = 0,
    device: str = "cpu",
    own_operators: bool = True,
) -> Mapping[str, PreparedGraph]:
    """Rewrite the graphs of a bundle folder that `dtype` names, or find them rewritten; by graph name.

    `kv_dtype` is the type of the language model's KV cache: "auto" keeps the published one, the others of
    `KV_DTYPES` change it; a type that this graph cannot have is left out, with a warning. With a
    `decoder_precision` of "auto" products and attention of a conditional decoder in float32 are of 16 bits
    where its samples then are within 45 dB of those in float32, with "fp32" never. `force` makes all again.
    `device` is where they will run. Without `own_operators` the graphs have ONNX Runtime's only. A graph that
    cannot be rewritten is "refused", with a warning in the log: it is then used as published. Raises
    `ModelError` for a folder that is no bundle, `InvalidInputError` for what does not exist,
    `RuntimeMissingError`.
    """
    runtime = open_runtime()
    check_dtype(dtype)
    facts = _core.read_bundle(str(folder), dtype, advised_dtype(runtime, device))
    files = facts["files"]
    results = {}
    check_preparation(force, kv_dtype, own_operators, decoder_precision)
    unit = _core.vector_unit()
    ours = own_operators and device == "cpu" and unit != "plain"
    int16 = ours and unit in FAST_PRODUCTS and decoder_precision == "auto"
    for graph in PREPARED_GRAPHS:
        kept = kv_dtype if graph == "language_model" else "auto"
        rounded = int16 and graph == "conditional_decoder"
        source = Path(files[graph][0])
        heads = _heads_of(source, facts) if graph == "language_model" and ours else ()
        task = Task(
            runtime, graph, source, kept, threads, folder, files, ours, unit, device, heads, int16=rounded
        )
        result = _attempt(task, force)
        if result.state == "refused" and kept != "auto":
            _log.warning("%s keeps its published KV cache: %s [%s]", graph, result.reason, result.source)
            result = _attempt(dataclasses.replace(task, kv_dtype="auto"), force)
        for remark in result.remarks:
            _log.warning("%s: %s [%s]", graph, remark, result.source)
        results[graph] = result
    _tell_refused(results)
    return results


def _heads_of(source: Path, facts: Mapping[str, Any]) -> Heads:
    """The heads that were found for this language model, else those that are known of its bundle."""
    try:
        found = kept_heads(source)
    except LoquorError as error:
        _log.warning("%s", error)
        found = None
    return pairs_of(facts["alignment_heads"]) if found is None else found


def _tell_refused(results: Mapping[str, PreparedGraph]) -> None:
    """One warning a reason: a folder that cannot be used is the same for all graphs."""
    by_reason: dict[str, list[PreparedGraph]] = {}
    for result in results.values():
        if result.state == "refused":
            by_reason.setdefault(result.reason, []).append(result)
    for reason, refused in by_reason.items():
        names = ", ".join(result.graph for result in refused)
        sources = ", ".join(str(result.source) for result in refused)
        verb = "is" if len(refused) == 1 else "are"
        _log.warning("%s %s used as published, not prepared: %s [%s]", names, verb, reason, sources)


def check_preparation(
    prepare: object, kv_dtype: object, own_operators: object = True, decoder_precision: object = "auto"
) -> None:
    """Raise `InvalidInputError` for what an engine cannot be asked for."""
    for name, given in (("prepare", prepare), ("own_operators", own_operators)):
        if not isinstance(given, bool):
            raise InvalidInputError(f"{name} must be True or False, not {type(given).__name__}")
    if kv_dtype not in KV_DTYPES:
        raise InvalidInputError(f"kv_dtype must be {', '.join(KV_DTYPES)}, not {kv_dtype!r}")
    if decoder_precision not in DECODER_PRECISIONS:
        raise InvalidInputError(
            f"decoder_precision must be {' or '.join(DECODER_PRECISIONS)}, not {decoder_precision!r}"
        )


def _attempt(task: Task, force: bool) -> PreparedGraph:
    try:
        return _prepare(task, force)
    except (OSError, LoquorError) as error:  # a cache that cannot be written, a graph that does not run
        return PreparedGraph(task.graph, task.source, "refused", reason=str(error))
    except Exception as error:  # a graph such as the patterns never met must not stop the engine
        _log.info("preparing %s failed", task.source, exc_info=True)
        return PreparedGraph(task.graph, task.source, "refused", reason=f"{type(error).__name__}: {error}")


def _prepare(task: Task, force: bool) -> PreparedGraph:
    from . import cache

    graph, source = task.graph, task.source
    use = (graph, task.kv_dtype, str(task.own_operators), task.vector_unit, task.device, str(task.int16))
    key = _core.prepared_key(  # which also looks whether its weights may lie where they do
        str(source),
        graph=graph,
        kv_dtype=task.kv_dtype,
        vector_unit=task.vector_unit,
        device=task.device,
        own_operators=task.own_operators,
        int16=task.int16,
        version=VERSION,
        runtime=task.runtime.version,
        scaled_for=str(task.bundle.resolve()) if task.scaled else "",
    )
    stem, second = f"{source.stem}-{key}", f"{source.stem}_{VOCODER}-{key}"
    entry = None if force else cache.load(stem)
    if entry is not None and entry[0].heads != [list(pair) for pair in task.heads]:
        entry = None
    vocoder = cache.load(second) if entry is not None and entry[0].cut else None
    if made := entry is None or (entry[0].cut and vocoder is None):
        from .work import make  # the onnx package is slow to import, and needed only here

        note, content, behind = make(task)
        if note.cut:
            its = cache.Note(str(source), sha256(behind).hexdigest(), use=" ".join((VOCODER, *use)))
            vocoder = its, cache.store(second, its, behind)
        note = dataclasses.replace(note, use=" ".join(use))
        entry = note, cache.store(stem, note, content)
    note, path = entry
    result = PreparedGraph(graph, source, "as published", cached=not made, remarks=tuple(note.remarks))
    if note.refused:
        return dataclasses.replace(result, state="refused", reason=note.refused)
    if not note.sha256:
        return result
    if made:
        _log.info("prepared %s: %s (%s)", graph, ", ".join(note.changes), path)
    return dataclasses.replace(
        result,
        state="prepared",
        file=path,
        vocoder=None if vocoder is None else vocoder[1],
        window_prompt=note.window_prompt,
        changes=tuple(note.changes),
    )

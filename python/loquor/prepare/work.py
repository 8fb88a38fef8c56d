"""One graph: read, rewritten, compared, and noted."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property

import onnx
from onnx import ModelProto, TensorProto

from .. import _core
from ..errors import ExecutionError, LoquorError, ModelError
from .cache import Note
from .calibrate import Speaker, calibration_caches, voice_arrays
from .check import Arrays, Original, Port, Recorded, Rewritten, Run, Trace, compare, trace_language_model
from .decoder import rewrite_decoder
from .graph import Graph, RefusedError
from .kv_cache import KV_ROUNDED, KV_TYPES, retype_cache, scales_of
from .language_model import rewrite_language_model
from .products import spell_out_products
from .remarks import remarks_on
from .speech_encoder import rewrite_speech_encoder
from .standard_attention import keeps_whole_buffers
from .storage import temporary
from .task import FAST_PRODUCTS, Task

__all__ = ["make"]

EXACT: dict[int, float] = {TensorProto.FLOAT: 1e-4, TensorProto.FLOAT16: 0.03}
"""Allowed difference by the type of the cache, where only the order of operations changed."""
ROUNDED = 0.15
"""The same where activations are rounded to int8: what is wrong, not merely rounded, is off by about 1."""

UNREADABLE_BITS = (8,)
"""Bits of the products with float zero points that ONNX Runtime (1.32) refuses to load."""

_PASSING = re.compile(r"alloc|memory|mmap|too many open|no space", re.IGNORECASE)
"""The runtime's words where this machine lacked something at the moment."""


def make(task: Task) -> tuple[Note, bytes, bytes]:
    """Rewrite a graph; return what became of it, and its bytes, which name the weights as the published ones;
    of a decoder that was cut in two also the vocoder's.

    What the patterns do not understand, what differs, and what this runtime does not take is noted as
    refused, since it will be the next time too; other failures are raised.
    """
    model = onnx.load(str(task.source), load_external_data=False)
    source = str(task.source)
    work = _Work(task, model)
    try:
        rewritten = _REWRITES[task.graph](work)
    except RefusedError as refused:
        return Note(source, refused=str(refused), remarks=_remarks(task, work.parsed())), b"", b""
    flow, vocoder = rewritten.model, rewritten.vocoder  # the flow, or all of it
    if flow is None:
        return Note(source, remarks=_remarks(task, work.parsed())), b"", b""
    content = flow.SerializeToString(deterministic=True)
    rest = b"" if vocoder is None else vocoder.SerializeToString(deterministic=True)
    parts = [part for part in (flow, vocoder) if part is not None]
    remarks = [*work.kept, *(remark for part in parts for remark in _remarks(task, part))]
    note = Note(
        source,
        hashlib.sha256(content).hexdigest(),
        rewritten.changes,
        differences=rewritten.differences,
        remarks=list(dict.fromkeys(remarks)),
        cut=vocoder is not None,
        window_prompt=rewritten.window_prompt,
        heads=[list(pair) for pair in task.heads],
    )
    return note, content, rest


def _remarks(task: Task, model: ModelProto) -> list[str]:
    return remarks_on(Graph(model, task.source.parent)) if task.device == "cpu" else []


class _Work:
    """One graph under work: the untouched bytes, and ways to run it or what became of it."""

    def __init__(self, task: Task, model: ModelProto) -> None:
        self.task = task
        self.folder = task.source.parent
        self.kept: list[str] = []
        """What the rewrites left as it was, and why: remarks."""
        self._untouched = model.SerializeToString()

    @cached_property
    def _written_out(self) -> bytes | None:
        """The untouched graph in other operators, where the runtime does not load its own."""
        graph = Graph(self.parsed(), self.folder)
        return graph.finish().SerializeToString() if spell_out_products(graph, bits=UNREADABLE_BITS) else None

    def parsed(self) -> ModelProto:
        """The untouched graph, to be changed."""
        model: ModelProto = ModelProto.FromString(self._untouched)
        return model

    def loadable(self) -> ModelProto:
        """The same, in other operators where the runtime does not load these: something to compare with."""
        model: ModelProto = ModelProto.FromString(self._written_out or self._untouched)
        return model

    def original(self) -> Original:
        return Original(
            lambda: Graph(self.parsed(), self.folder),
            lambda: Graph(self.loadable(), self.folder),
            self.opened,
            self.task.own_operators,
            lambda model: Graph(ModelProto.FromString(model.SerializeToString()), self.folder),
            self.task.int16,
            self.kept.append,
            self.recorded,
        )

    def opened(self, model: ModelProto | None) -> Run:
        """Loads a graph, or the untouched one, with the weights where they are.

        A changed graph that does not load or run is refused where that is its own fault.
        """
        if model is None:
            if self._written_out is None:
                return self.other(self.task.graph)
            model = self.loadable()
        runtime, source, threads = self.task.runtime, str(self.task.source), self.task.threads
        try:
            with temporary(model.SerializeToString()) as file:
                run = _core.Graph(runtime, source, prepared=str(file), threads=threads).run
        except ModelError as error:
            raise self._judged("load", error) from error

        def checked_run(feeds: Arrays) -> Arrays:
            try:
                return run(feeds)
            except ExecutionError as error:
                raise self._judged("run", error) from error

        return checked_run

    def _judged(self, what: str, error: LoquorError) -> Exception:
        """The failure of a changed graph as a refusal, or as it is if it may pass: a lack of memory.

        Raises the untouched graph's own failure if that does not load either: its weights are damaged.
        """
        if _PASSING.search(str(error)):
            return error
        if self._written_out is None:
            self.other(self.task.graph)
        return RefusedError(f"the rewritten graph does not {what}: {error}")

    def recorded(self) -> Recorded:
        arrays = voice_arrays(self.task.bundle, self.other)
        return Recorded(arrays["audio_tokens"], arrays["speaker_embeddings"], arrays["speaker_features"])

    def other(self, graph: str) -> Run:
        """Loads a graph of the bundle as published."""
        return _core.Graph(self.task.runtime, self.task.files[graph][0], threads=self.task.threads).run


def _language_model(work: _Work) -> Rewritten:
    """Compared twice where activations are rounded: without that tightly, with it loosely."""
    ports = {value.name: Port.of(value) for value in work.parsed().graph.input}
    own = work.task.own_operators
    products = own and work.task.vector_unit in FAST_PRODUCTS
    on_cpu = work.task.device == "cpu"
    exact, done = rewrite_language_model(
        work.loadable(), work.folder, int8_activations=False, own_operators=own, on_cpu=on_cpu
    )
    rounded, changes = rewrite_language_model(
        work.parsed(),
        work.folder,
        own_operators=own,
        own_products=products,
        on_cpu=on_cpu,
        heads=work.task.heads,
    )
    published = ports["past_key_values.0.key"].elem_type
    kept = KV_TYPES.get(work.task.kv_dtype, published)
    if not changes and kept == published:
        return Rewritten()
    buffers = keeps_whole_buffers(Graph(work.parsed(), work.folder))
    expected = trace_language_model(work.opened(None), ports, whole_buffers=buffers)
    differences = {}
    if done:
        found = trace_language_model(work.opened(exact), ports)
        differences["exact"] = compare(found, expected, EXACT[published])
    if changes != done:
        found = trace_language_model(work.opened(rounded), ports)
        differences["rounded"] = compare(found, expected, ROUNDED)
    if kept != published:
        changes = [*changes, f"KV cache in {work.task.kv_dtype}"]
        differences["kv"] = _retype(work, rounded, ports, expected)
    return Rewritten(rounded, changes, differences)


def _retype(work: _Work, model: ModelProto, ports: dict[str, Port], expected: Trace) -> float:
    """Gives `model` another type of cache, with scales that a calibration finds where it needs some."""
    kv_dtype = work.task.kv_dtype
    scales = []
    if work.task.scaled:
        speaker = Speaker(work.task.bundle, work.other)
        scales = scales_of(calibration_caches(work.opened(model), ports, speaker))
    retype_cache(model, kv_dtype, scales)
    new_ports = {value.name: Port.of(value) for value in model.graph.input}
    try:
        found = trace_language_model(work.opened(model), new_ports)
    except RefusedError as error:  # no kernel for this pair of types
        raise RefusedError(f"its KV cache cannot be kept in {kv_dtype}: {error}") from error
    return compare(found, expected, KV_ROUNDED.get(kv_dtype, ROUNDED))


def _conditional_decoder(work: _Work) -> Rewritten:
    return rewrite_decoder(work.original())


def _speech_encoder(work: _Work) -> Rewritten:
    return Rewritten(*rewrite_speech_encoder(work.original()))


_REWRITES = {
    "language_model": _language_model,
    "conditional_decoder": _conditional_decoder,
    "speech_encoder": _speech_encoder,
}

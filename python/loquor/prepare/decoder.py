"""All rewrites of a conditional decoder, and its comparison with the untouched one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from onnx import ModelProto

from ..errors import LoquorError
from .activations import fuse_mish, fuse_snake
from .check import Arrays, Original, Port, Rewritten, Run, distance, energy_apart
from .convolution import swap_convolutions
from .cut import CUT, MEL, Dims, Halves, cut_value, halves, mark_cut
from .graph import Graph, RefusedError
from .int16 import fuse_int16_products, use_int16_attention
from .noise import lengths_of, mean_noise, noise_to_inputs, random_nodes, shape_probe, silenced
from .phase import PHASE_INPUTS, anchor_phase, sine_source
from .products import WRITTEN_OUT, spell_out_products
from .quantised_convolution import check_convolutions, widen_convolutions
from .relative_shift import fuse_relative_shift
from .self_attention import fuse_self_attention
from .weights import share_equal_weights
from .widen import WIDENED, computes_in_float16, widen
from .window_prompt import Windows, least_prompt

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["rewrite_decoder"]

_log = logging.getLogger("loquor.prepare")

EXACT = 1e-3
"""Allowed difference of samples, of the loudest: only the order of operations changes."""
ROUNDED = 0.2
"""Allowed energy of the difference from what was computed in float16, of the whole: a pitch that is rounded
leads sines apart."""
INT16 = 10 ** (-45 / 20)
"""The same, of samples in 16 bits from those in float32: 45 dB."""
_CHECKED = ((24, 20), (37, 12))
_SPEECH = ((150, 50),)
"""Five seconds, since a pitch that is off shows more and more."""
_HIGHEST_TOKEN = 500
_Rewrites: TypeAlias = "tuple[tuple[Callable[[Graph], int], str], ...]"
_REWRITES: _Rewrites = (
    (widen_convolutions, "dynamically quantised convolutions in float32"),
    (spell_out_products, WRITTEN_OUT),
    (share_equal_weights, "weights shared"),
    (fuse_self_attention, "MultiHeadAttention"),
)
_OWN: _Rewrites = (
    (fuse_mish, "Mish"),
    (fuse_snake, "Snake"),
    (fuse_relative_shift, "RelativeShift"),
    (swap_convolutions, "ToomCookConv"),
)
"""Rewrites to operators of the core's own, in float32 on the CPU."""
_INT16: _Rewrites = ((fuse_int16_products, "Int16Product"), (use_int16_attention, "Int16Attention"))
_WAVE = "waveform"
_SPEAKER = ("speaker_embeddings", "speaker_features")


def rewrite_decoder(original: Original) -> Rewritten:
    """Rewrite a decoder, and compare it. Raises `RefusedError`."""
    opened = original.opened
    differences = check_convolutions(original.loadable, opened)
    graph = original.parsed()
    ports = {name: Port.of(value) for name, value in graph.inputs.items()}
    done = []
    dims: dict[str, Dims] = {}
    random, source = [node.output[0] for node in random_nodes(graph)], sine_source(graph)
    mel = cut_value(graph, source.output[0]) if source is not None else None
    measured = [*random, *((source.output[0], _WAVE) if source is not None else ()), *filter(None, [mel])]
    if measured:
        probe = opened(shape_probe(original.loadable(), measured))
        lengths = lengths_of(lambda tokens, frames: probe(_feeds(ports, tokens, frames)), measured)
        dims = dict(zip(measured, lengths, strict=True))
    anchored = source is not None and dims[_WAVE][-1] in dims[source.output[0]]  # a phase for each sample
    if source is not None and anchored:
        done.append(f"{anchor_phase(graph, source)} phase anchor")
    if random:
        done.append(f"{noise_to_inputs(graph, [dims[value] for value in random])} noise inputs")
    done += _applied(graph, _REWRITES)
    in_halves = computes_in_float16(graph)
    if widened := original.own_operators and in_halves:
        done.append(f"{widen(graph, at_each_run=True)} {WIDENED}")
    axis = None
    if mel is not None and anchored and (widened or not in_halves):
        axis = mark_cut(graph, mel, dims[mel])
    if original.own_operators:
        done += _applied(graph, _OWN)
    if not done:
        return Rewritten()
    names = [name for name in graph.inputs if name not in {**ports, **PHASE_INPUTS}]
    noise = {name: dims[value] for name, value in zip(names, random, strict=True)}
    check = _Check(opened, ports, noise, PHASE_INPUTS if anchored else {}, _expected(original, ports))
    if widened:
        check = check.widened(original, differences)
    if mel is not None and axis is not None:
        try:
            flow, vocoder = halves(graph)
            both = Halves(flow, vocoder, opened)
            differences |= check.of_halves(both, axis)
            spoken = {"2*tokens-1*frames", ports["speaker_features"].dims[2]} <= {*dims[mel]}
            prompt, seen = check.window_prompt(both, axis, original) if spoken else (0.0, {})
            rewritten = Rewritten(flow, [*done, CUT], differences | seen, vocoder, prompt)
            return _in_16_bits(original, rewritten, check)
        except RefusedError as refused:
            _log.info("not cut in two: %s", refused)
        graph.outputs.pop(MEL)
    elif source is not None:
        _log.info("not cut in two: no value is the mel that all of its vocoder follows from")
    model = graph.finish()
    differences["exact"] = check.of(opened(model))
    return _in_16_bits(original, Rewritten(model, done, differences), check)


def _in_16_bits(original: Original, rewritten: Rewritten, check: _Check) -> Rewritten:
    """The same with products and attention in 16 bits, where there are any and samples are near enough."""
    if rewritten.model is None or not original.int16:
        return rewritten
    graph = original.continued(rewritten.model)
    done = _applied(graph, _INT16)
    if not done:
        return rewritten
    model = graph.finish()
    try:
        apart = check.apart(model, rewritten.model, rewritten.vocoder)
    except RefusedError as refused:
        original.remark(f"its products stay in float32: {refused}")
        return rewritten
    differences = {**rewritten.differences, "int16": apart}
    return replace(rewritten, model=model, changes=[*rewritten.changes, *done], differences=differences)


@dataclass(frozen=True)
class _Check:
    """What a rewritten decoder is compared with, and how it is run."""

    opened: Callable[[ModelProto], Run]
    ports: dict[str, Port]
    noise: dict[str, Dims]
    anchor: Arrays
    expected: list[npt.NDArray[np.float32]]

    def widened(self, original: Original, differences: dict[str, float]) -> _Check:
        """The same against the untouched graph in float32, which is compared with it as it is."""
        wide = _expected(original, self.ports, wide=True)
        differences["float16"] = max(
            energy_apart(one, other, f"the samples of run {number} in float16", ROUNDED)
            for number, (one, other) in enumerate(zip(wide, self.expected, strict=True))
        )
        return replace(self, expected=wide)

    def of(self, run: Run) -> float:
        """The largest difference, relative to the loudest sample. Raises `RefusedError`."""
        found = _samples(run, self.ports, self.noise, self.anchor)
        return max(
            distance(one, other, f"the samples of run {number}", EXACT)
            for number, (one, other) in enumerate(zip(found, self.expected, strict=True))
        )

    def apart(self, model: ModelProto, before: ModelProto, vocoder: ModelProto | None) -> float:
        """The energy by which some seconds of samples differ. Raises `RefusedError` beyond `INT16`."""
        runs = (
            self.opened(part) if vocoder is None else Halves(part, vocoder, self.opened)
            for part in (model, before)
        )
        waves = (_samples(run, self.ports, self.noise, self.anchor, _SPEECH) for run in runs)
        pairs = zip(*waves, strict=True)
        return max(energy_apart(found, wave, "the samples in 16 bits", INT16) for found, wave in pairs)

    def of_halves(self, both: Halves, axis: int) -> dict[str, float]:
        """The same of a decoder in two, and how far samples of a part of mel are from those of the whole."""
        tokens, frames = _CHECKED[-1]
        mel = both.mel(_feeds(self.ports, tokens, frames) | dict(mean_noise(self.noise, tokens, frames)))
        context = both.check_context(mel, axis, tokens - frames // 2, self.noise, EXACT)
        return {"context": context, "exact": self.of(both)}

    def window_prompt(self, both: Halves, axis: int, original: Original) -> tuple[float, dict[str, float]]:
        """The least seconds of a voice that may prompt windows, and what was seen of each."""

        def flow(feeds: Arrays) -> npt.NDArray[np.float32]:
            cast = {name: self.ports[name].cast(array) for name, array in feeds.items() if name in _SPEAKER}
            mel: npt.NDArray[np.float32] = np.moveaxis(both.mel({**feeds, **cast}), axis, 1)[0]
            return mel

        try:
            windows = Windows(flow, original.recorded(), {name: self.noise[name] for name in both.flow_noise})
            prompt, seen = least_prompt(windows)
        except (LoquorError, RefusedError, ValueError, KeyError) as error:
            _log.info("windows are prompted with all of a voice: %s", error)
            return 0.0, {}
        _log.info("windows hold with a prompt of %g s, 0 for none: %s", prompt, seen)
        return prompt, seen


def _expected(
    original: Original, ports: dict[str, Port], *, wide: bool = False
) -> list[npt.NDArray[np.float32]]:
    """The untouched graph's samples, its noise silenced; `wide`: all of it in float32."""
    untouched = original.loadable()
    widen_convolutions(untouched)  # compared by themselves, since they round what they get
    if not wide:
        return _samples(original.opened(silenced(untouched)), ports, {}, {})
    silenced(untouched)
    widen(untouched)
    return _samples(original.opened(untouched.finish()), ports, {}, {})


def _applied(graph: Graph, rewrites: _Rewrites) -> list[str]:
    return [f"{number} {what}" for rewrite, what in rewrites if (number := rewrite(graph))]


def _samples(
    run: Run,
    ports: dict[str, Port],
    noise: dict[str, Dims],
    anchor: Arrays,
    lengths: tuple[tuple[int, int], ...] = _CHECKED,
) -> list[npt.NDArray[np.float32]]:
    waves = []
    for tokens, frames in lengths:
        feeds = _feeds(ports, tokens, frames) | dict(mean_noise(noise, tokens, frames)) | anchor
        waves.append(run(feeds)[_WAVE].astype(np.float32))
    return waves


def _feeds(ports: dict[str, Port], tokens: int, frames: int) -> Arrays:
    """Speech tokens and a voice of these lengths."""
    rng = np.random.default_rng(tokens * 1000 + frames)
    embeddings, features = ports["speaker_embeddings"], ports["speaker_features"]
    return {
        "speech_tokens": rng.integers(0, _HIGHEST_TOKEN, (1, tokens)),
        "speaker_embeddings": embeddings.cast(rng.standard_normal((1, embeddings.dims[1] or 192))),
        "speaker_features": features.cast(rng.standard_normal((1, frames, features.dims[2] or 80)) - 4),
    }

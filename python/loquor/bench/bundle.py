"""The questions of `loquor bench`: one bundle, loaded as its user loads it, from the load to the sound."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import _core
from ..bundle.hub import resolve
from ..errors import InvalidInputError
from ..speech.engine import Engine, loaded_of
from ..voice.voice import Voice, is_saved_voice
from .machine import forget_peak, memory, read_bandwidth, step_bytes
from .questions import TEXT, Questions
from .rounds import Row, row_of, take_turns

if TYPE_CHECKING:
    from ..voice.voices import VoiceSource

__all__ = ["CONTEXTS", "Plan", "bench"]

CONTEXTS = (450, 1000)
DECODER_TOKENS = 125
SPOKEN_TOKENS = 200


@dataclass(frozen=True)
class Plan:
    """How much is measured: `repeat` rounds, decode steps behind `contexts` (None: those that fit)."""

    repeat: int = 5
    contexts: Sequence[int] | None = None
    steps: int = 40

    def __post_init__(self) -> None:
        for name, value in (("repeat", self.repeat), ("steps", self.steps)):
            if not 1 <= value <= 1000:
                raise InvalidInputError(f"{name} must be a whole number from 1 to 1000, not {value}")


def bench(
    load: Callable[[], Engine],
    source: VoiceSource | None = None,
    plan: Plan | None = None,
    *,
    cancel: _core.CancelToken | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[list[Row], dict[str, Any]]:
    """Measure what `load` loads, and return rows and facts.

    `source` is a voice as `Engine.voice` takes it; None is the bundle's own, or the built-in model's
    recording where it has none. `tell` is called with what is done now. After a warm-up the questions take
    turns, and so does the memory bandwidth that decode steps are set against. Raises what the engine raises,
    and `InvalidInputError` for contexts that do not fit.
    """
    plan = plan or Plan()
    tell("loading, for the first time")
    load().close()  # the warm-up: files are read, graphs prepared
    loads = []
    for number in range(plan.repeat):
        tell(f"loading, {number + 1} of {plan.repeat}")
        start = time.perf_counter()
        engine = load()
        loads.append(time.perf_counter() - start)
        if number + 1 < plan.repeat:
            engine.close()
    with engine:
        found = _source(engine, source)
        forget_peak()
        used = {"loaded": memory().get("now")}
        asked = Questions(engine, engine.voice(found, cancel=cancel), cancel)
        contexts = _fitting(asked, plan)
        tell("speaking, to see the memory")
        asked.real_time_factor(TEXT, SPOKEN_TOKENS)
        used["most"] = memory().get("peak")
        rows, bandwidth = _rounds(asked, found, plan, contexts, tell)
        able = engine.capabilities
    facts = {
        "model": able.model,
        "device": able.device,
        "threads": able.threads,
        "dtypes": dict(able.dtypes),
        "prepared": dict(able.prepared),
        "kv_mode": able.kv_mode,
        "kv_dtype": able.kv_dtype,
        "loaded_megabytes": used["loaded"],
        "peak_megabytes": used["most"],
        "gigabytes_per_second": bandwidth,
    }
    return [row_of("load", loads), *rows], facts


def _source(engine: Engine, source: VoiceSource | None) -> VoiceSource:
    """What was given, the bundle's own voice, or the built-in model's recording."""
    if source is None and not engine.capabilities.has_default_voice:
        return resolve("mini") / "default_voice.wav"
    return loaded_of(engine).voices.resolved(source)


def _is_recording(source: VoiceSource) -> bool:
    return not isinstance(source, Voice) and not is_saved_voice(source)


def _fitting(asked: Questions, plan: Plan) -> list[int]:
    """The contexts to measure. Raises `InvalidInputError` if one that was asked for does not fit."""
    least, most = len(asked.voice.audio_features) + 3, asked.engine.capabilities.max_positions - plan.steps
    if plan.contexts is None:
        return [context for context in CONTEXTS if least <= context <= most] or [most]
    for context in plan.contexts:
        if not least <= context <= most:
            raise InvalidInputError(
                f"a context of {context} positions does not fit: with this model, voice and {plan.steps} "
                f"steps give {least} to {most}"
            )
    return list(dict.fromkeys(plan.contexts))


def _rounds(
    asked: Questions,
    source: VoiceSource,
    plan: Plan,
    contexts: Sequence[int],
    tell: Callable[[str], None],
) -> tuple[list[Row], float | None]:
    """Rows, and the memory bandwidth in GB/s where the CPU reads it."""
    engine, voice, ids = asked.engine, asked.voice, asked.engine.tokenize(TEXT)
    threads = engine.capabilities.threads
    positions = len(voice.audio_features) + len(ids)
    asking: dict[_Subject, Callable[[], float]] = {}
    if _is_recording(source):
        asking[_Subject("encode", "voice from its recording")] = lambda: asked.encode(source)
    heard = (("new", "new voice", asked.fresh_voice), ("known", "voice known", lambda: voice))
    for state, label, which in heard:
        subject = _Subject("prefill", f"prefill of {positions}, {label}", positions=positions, voice=state)
        asking[subject] = lambda which=which: asked.prefill(ids, which())  # type: ignore[misc]
    for context in contexts:
        subject = _Subject("decode_step", f"decode step at {context}", context=context)
        asking[subject] = lambda context=context: asked.step(context, plan.steps)  # type: ignore[misc]
    subject = _Subject("decoder", f"decoder, {DECODER_TOKENS} tokens", tokens=DECODER_TOKENS)
    asking[subject] = lambda: asked.decoder(DECODER_TOKENS)
    for state, label, which in heard:
        subject = _Subject("first_sound", f"first sound, {label}", voice=state)
        asking[subject] = lambda which=which: asked.first_audio(TEXT, which(), SPOKEN_TOKENS)  # type: ignore[misc]
    factor = _Subject("real_time_factor", "real-time factor", unit="1")
    asking[factor] = lambda: asked.real_time_factor(TEXT, SPOKEN_TOKENS)
    reading = _Subject("bandwidth", "")
    if engine.capabilities.device == "cpu":
        asking[reading] = lambda: read_bandwidth(threads, tries=2)
    taken = take_turns(
        asking,
        rounds=plan.repeat,
        tell=lambda number: tell(f"round {number + 1} of {plan.repeat}" if number >= 0 else "warm-up"),
    )
    bandwidth = taken.pop(reading, None)
    rows: list[Row] = []
    firsts: dict[str, Row] = {}  # what a known voice is set against: the same with a new one
    for subject, times in taken.items():
        facts = {}
        if bandwidth is not None and "context" in subject.condition:
            least = step_bytes(engine.capabilities, subject.condition["context"] + plan.steps / 2)
            share = statistics.median(least / b / t for b, t in zip(bandwidth, times, strict=True))
            facts["bandwidth_share"] = round(share, 3)
        row = subject.row(times, facts)
        if "voice" in subject.condition:
            row = row.against(firsts.setdefault(row.name, row))
        rows.append(row)
    return rows, None if bandwidth is None else round(statistics.median(bandwidth) / 1e9, 2)


class _Subject:
    """What is measured: its row without the figures."""

    def __init__(self, name: str, label: str, *, unit: str = "s", **condition: Any) -> None:
        self.name, self.label, self.unit, self.condition = name, label, unit, condition

    def row(self, taken: Sequence[float], facts: dict[str, Any]) -> Row:
        return row_of(
            self.label, taken, name=self.name, condition=self.condition, facts=facts, unit=self.unit
        )

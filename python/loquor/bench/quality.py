"""How well a bundle speaks, by what a machine can tell: `loquor eval`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .. import _core
from ..base.runtime import open_runtime
from ..errors import InvalidInputError, LoquorError
from ..speech.engine import Engine, loaded_of
from ..speech.options import GenerationOptions, resolve_options
from ..speech.stream import ending_of
from .hearing import HEARING_RATE, Recogniser, edit_distance, words
from .next_tokens import Apart, Forced, NextTokens, apart
from .rounds import Row, row_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..voice.voice import Voice
    from ..voice.voices import VoiceSource

    Samples = npt.NDArray[np.float32]

__all__ = ["SENTENCES", "Likeness", "Sentence", "evaluate", "sentences_of"]

SENTENCES = Path(__file__).with_name("sentences.txt")
"""English ones of our own."""

Likeness: TypeAlias = "Callable[[Samples, int], npt.NDArray[np.floating[Any]]]"
"""(samples, their rate in Hz) -> a vector that says who speaks, as models of speaker verification give."""

_COMPARED = 8  # sentences whose next tokens are compared: of each the language model runs twice more
_MOST = 10_000
_FULL_SCALE = 0.985  # published decoders end at 0.99


@dataclass(frozen=True)
class Sentence:
    """One sentence spoken, and what was seen of it."""

    text: str
    samples: Samples
    tokens: tuple[int, ...]
    seconds: float
    """That it took."""
    runaway: bool
    """A guard tripped."""
    truncated: bool
    """The limit of tokens came before STOP."""


def sentences_of(file: str | Path | None = None) -> tuple[str, ...]:
    """Return the lines of a UTF-8 file but for empty ones and those that begin with #; None: our own.

    Raises `InvalidInputError` for a file that cannot be read, holds none, or too many.
    """
    path = SENTENCES if file is None else Path(file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"cannot read the sentences {path} ({error}): give a UTF-8 file") from error
    found = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not 1 <= len(found) <= _MOST:
        raise InvalidInputError(f"{path} holds {len(found)} sentences: give 1 to {_MOST}, a line each")
    return found


def evaluate(
    engine: Engine,
    sentences: Sequence[str],
    voice: VoiceSource | None = None,
    *,
    language: str | None = None,
    seed: int = 0,
    recogniser: Recogniser | None = None,
    likeness: Likeness | None = None,
    compare: bool = True,
    cancel: _core.CancelToken | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[list[Row], dict[str, Any]]:
    """Have sentences spoken, and return rows, a sample for each sentence, and facts.

    Words are counted where there is a `recogniser`; `likeness` compares the speaker with the voice's
    recording, if `voice` is one. `compare` sets the language model's next tokens, as published in this
    precision, against the bundle's own in float32, where the folder has both. Raises what `Engine.speak`
    raises, and `InvalidInputError` for a recording that cannot be read.
    """
    if not sentences:
        raise InvalidInputError("there are no sentences to speak: give one or more")
    made = engine.voice(voice, cancel=cancel)
    spoken = []
    for number, text in enumerate(sentences, 1):
        tell(f"speaking, {number} of {len(sentences)}")
        spoken.append(_speak(engine, text, made, language, seed))
    rate = engine.capabilities.sample_rate
    rows = _plain_rows(spoken, rate)
    facts: dict[str, Any] = {
        "sentences": len(spoken),
        "runaway_share": float(np.mean([each.runaway for each in spoken])),
        "truncated_share": float(np.mean([each.truncated for each in spoken])),
    }
    if recogniser is not None:
        tell("listening")
        rows.append(_word_errors(spoken, rate, recogniser, language or "en", facts))
    if likeness is not None:
        tell("comparing the speaker")
        rows.append(_likeness(spoken, rate, likeness, voice))
    if compare:
        tell("comparing next tokens")
        rows += _next_tokens(engine, spoken, made, language, facts)
    return rows, facts


def _speak(engine: Engine, text: str, voice: Voice, language: str | None, seed: int) -> Sentence:
    start = time.perf_counter()
    options = GenerationOptions(seed=seed)
    stream = engine.stream(text, voice, options, language=language)
    with stream:
        chunks = list(stream)
    runaway, truncated = ending_of(stream)
    return Sentence(
        text,
        np.concatenate(chunks) if chunks else np.zeros(0, np.float32),
        tuple(map(int, stream.tokens)),
        time.perf_counter() - start,
        runaway,
        truncated,
    )


def _plain_rows(spoken: Sequence[Sentence], rate: int) -> list[Row]:
    seconds = [len(each.samples) / rate for each in spoken]
    loud = [int(np.count_nonzero(np.abs(each.samples) > _FULL_SCALE)) for each in spoken]
    clipped = [count / max(1, len(each.samples)) for count, each in zip(loud, spoken, strict=True)]
    pace = [len(each.text) / max(length, 1e-9) for each, length in zip(spoken, seconds, strict=True)]
    speed = [each.seconds / max(length, 1e-9) for each, length in zip(spoken, seconds, strict=True)]
    return [
        row_of("audio", seconds, name="audio_seconds"),
        row_of("characters a second", pace, unit="1/s"),
        row_of("clipped share", clipped, unit="1"),
        row_of("real-time factor", speed, unit="1"),
    ]


def _word_errors(
    spoken: Sequence[Sentence], rate: int, recogniser: Recogniser, language: str, facts: dict[str, Any]
) -> Row:
    import soxr  # type: ignore[import-untyped]

    wrong, total, shares = 0, 0, []
    for each in spoken:
        heard = recogniser(soxr.resample(each.samples, rate, HEARING_RATE), language)
        expected = words(each.text, language)
        errors = edit_distance(expected, words(heard, language))
        shares.append(errors / max(1, len(expected)))
        wrong, total = wrong + errors, total + len(expected)
    facts["word_error_share"] = wrong / max(1, total)
    return row_of(
        "word error rate",
        shares,
        unit="1",
        facts={"words": total, "wrong": wrong, "all": wrong / max(1, total)},
    )


def _likeness(spoken: Sequence[Sentence], rate: int, likeness: Likeness, voice: VoiceSource | None) -> Row:
    from ..voice.reference_audio import SAMPLE_RATE, load_reference

    if voice is None or hasattr(voice, "audio_tokens"):
        raise InvalidInputError("likeness compares with a recording: give one as the voice")
    reference = likeness(load_reference(voice).samples, SAMPLE_RATE)

    def cosine(each: Sentence) -> float:
        found = likeness(each.samples, rate)
        return float(np.dot(found, reference) / (np.linalg.norm(found) * np.linalg.norm(reference)))

    return row_of("speaker likeness", [cosine(each) for each in spoken], unit="1")


def _next_tokens(
    engine: Engine, spoken: Sequence[Sentence], voice: Voice, language: str | None, facts: dict[str, Any]
) -> list[Row]:
    """Rows of the divergence and the agreement, or none, and why in `facts`."""
    able = engine.capabilities
    mine = {name: able.dtypes[name] for name in ("embed_tokens", "language_model")}
    if set(mine.values()) == {"fp32"}:
        facts["next_tokens"] = "the bundle is in float32 itself"
        return []
    loaded = loaded_of(engine)
    exaggeration = resolve_options(None, loaded.defaults)["exaggeration"]
    start = loaded.info["start_token"]
    forced = [
        Forced(loaded.prepare(each.text, language)[1], each.tokens, start)
        for each in spoken[:_COMPARED]
        if each.tokens
    ]
    logits = []
    try:
        for dtypes in (mine, dict.fromkeys(mine, "fp32")):
            model = NextTokens(open_runtime(), able.folder, dtypes, able.threads)
            logits.append([model.logits(each, voice.audio_features, exaggeration) for each in forced])
            del model  # before the next one is loaded
    except LoquorError as error:
        facts["next_tokens"] = f"not compared: {error}"
        return []
    found: list[Apart] = [apart(one, other) for other, one in zip(*logits, strict=True)]
    if not found:
        return []
    return [
        row_of("next-token divergence", [each.divergence for each in found], unit="1"),
        row_of("next-token agreement", [each.agreement for each in found], unit="1"),
    ]

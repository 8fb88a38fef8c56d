"""Long text: one voice, a sentence or a few at a time, with pauses, seeds and marks; never all in memory."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .audio import Audio, Metrics
from .errors import InvalidInputError
from .options import GenerationOptions
from .pieces import Piece, split_pieces
from .speech_file import SpeechFile
from .subtitles import Mark
from .text import MAX_CHARACTERS, check_text

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LongSpeech", "LongTextOptions", "check_long", "piece_seed"]

_QUIET = 0.003
"""Root mean square below which 10 ms are silence (-50 dB of full scale)."""
_NEAR = 50
"""Of 10 ms: how far from its share of the letters the end of a sentence is looked for."""


@dataclass(frozen=True)
class LongTextOptions:
    """How a long text is parted, and how long the pauses between its pieces are, in seconds."""

    piece_characters: int | None = None
    """Characters of a piece at most, as the tokenizer gets them; None: the bundle's own (Turbo: 250)."""
    join_below: int = 40
    """A sentence shorter than this is spoken together with the next: 'Yes.' alone sounds odd."""
    clause_pause: float = 0.12
    """Between the parts of a sentence that is too long for one piece."""
    sentence_pause: float = 0.35
    paragraph_pause: float = 0.8
    """Pauses count the silence that the model itself left at the end of a piece."""
    language: str = "en"
    """For finding sentences: an ISO 639-1 code."""


def _check(text: object, long_text: object) -> None:
    """Raise `InvalidInputError` for options out of range, and for what the text shows before it is read."""
    if not isinstance(long_text, LongTextOptions):
        raise InvalidInputError(f"long_text must be a loquor.LongTextOptions, not {type(long_text).__name__}")
    for name, least in (("piece_characters", 1), ("join_below", 0)):
        value = getattr(long_text, name)
        if value is None and name == "piece_characters":
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_CHARACTERS:
            raise InvalidInputError(
                f"{name} must be a whole number from {least} to {MAX_CHARACTERS}, not {value!r}"
            )
    for name in ("clause_pause", "sentence_pause", "paragraph_pause"):
        value = getattr(long_text, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 60:
            raise InvalidInputError(f"{name} must be seconds from 0 to 60, not {value!r}")
    if not isinstance(long_text.language, str) or not re.fullmatch("[a-z]{2,3}", long_text.language):
        raise InvalidInputError(f"language must be a code such as 'en', not {long_text.language!r}")
    if isinstance(text, str):
        check_long(text)
    elif isinstance(text, (bytes, bytearray)) or not isinstance(text, Iterable):
        raise InvalidInputError(
            f"text must be a str or an iterable of str, not {type(text).__name__}: decode or convert it first"
        )


def check_long(text: str) -> None:
    """`check_text` without its limit; form feeds pass, since they begin a paragraph."""
    check_text(re.sub("[\v\f]", "\n", text), max_characters=len(text))


def piece_seed(seed: int, index: int) -> int:
    """Return the seed of piece `index` of a request with `seed`: the seed itself for the first piece.

    Later pieces get SplitMix64's output for the state seed + index * 0x9E3779B97F4A7C15 (modulo 2**64), so a
    piece can be spoken again alone.
    """
    if index == 0:
        return seed
    mask = 2**64 - 1
    state = (seed + index * 0x9E3779B97F4A7C15) & mask
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    return state ^ (state >> 31)


class Speak(Protocol):
    """`Engine.speak` with its voice and its cancel token."""

    def __call__(
        self, text: str, *, options: GenerationOptions, progress: Callable[[int], None] | None
    ) -> Audio: ...


class LongSpeech(Iterator[Audio]):
    """The speech of a long text, made while it is iterated: an `Audio` for each piece, in order.

    Each begins with the pause before it, so that all samples in a row are the speech; `marks` count from the
    start of the whole. The text is read as it is needed, and nothing that was handed out is kept.
    Iterating raises `InvalidInputError`, `CancelledError` or `ExecutionError` as `Engine.speak` does; the
    speech is over then. Make one with `Engine.speak_long`.
    """

    def __init__(
        self,
        text: str | Iterable[str],
        speak: Speak,
        options: GenerationOptions | None,
        long_text: LongTextOptions | None,
        limit: int,
        measure: Callable[[str], int],
        progress: Callable[[int], None] | None,
    ) -> None:
        parting = LongTextOptions() if long_text is None else long_text
        _check(text, parting)
        self._speak, self._long_text, self._progress = speak, parting, progress
        self._options = GenerationOptions() if options is None else options
        self._pieces = split_pieces(
            text,
            parting.piece_characters or limit,
            join_below=parting.join_below,
            language=parting.language,
            measure=measure,
        )
        self._audio = self._spoken()
        self._tokens = 0

    def __next__(self) -> Audio:
        return next(self._audio)

    def collect(self) -> Audio:
        """Speak all the rest and return it as one `Audio`: marks, warnings (each once), metrics summed."""
        parts = list(self)
        if not parts:
            raise InvalidInputError("there is nothing left to speak")
        samples = np.concatenate([part.samples for part in parts])
        names = [field.name for field in dataclasses.fields(Metrics)]
        metrics = Metrics(**{name: sum(getattr(part.metrics, name) for part in parts) for name in names})
        warnings = dict.fromkeys(warning for part in parts for warning in part.warnings)
        marks = tuple(mark for part in parts for mark in part.marks)
        return Audio(samples, parts[0].sample_rate, metrics, tuple(warnings), marks)

    def save(
        self,
        file: str | os.PathLike[str],
        *,
        format: str | None = None,
        subtype: str | None = None,
        srt: str | os.PathLike[str] | None = None,
        vtt: str | os.PathLike[str] | None = None,
        watch: Callable[[Audio], None] | None = None,
    ) -> float:
        """Speak all the rest into a file, and subtitles if asked, piece by piece; return its seconds.

        `format` and `subtype` are as in `Audio.save`; `watch` is called with each piece once it is written.
        The files get their names when everything is written. If the speech ends early (cancelled, or an
        error, which is raised), what was written so far is kept as a valid file beside it, named
        `NAME.partial.wav`; without a finished piece nothing is left. Raises `InvalidInputError` also for a
        file that cannot be written.
        """
        with SpeechFile(file, format=format, subtype=subtype, srt=srt, vtt=vtt) as out:
            for audio in self:
                out.write(audio)
                if watch is not None:
                    watch(audio)
            out.finish()
            return out.seconds

    # --- Pieces ---

    def _spoken(self) -> Iterator[Audio]:
        position = index = 0
        pause, silent = 0.0, None
        for piece in self._pieces:
            if not piece.spoken:
                pause, silent = max(pause, self._long_text.paragraph_pause), piece
                continue
            audio = self._one(piece, index, pause, position)
            yield audio
            index, position = index + 1, position + len(audio.samples)
            pause = self._pause_after(piece, audio)
        if index == 0 and silent is not None:  # text without a word: the model shall see it all the same
            yield self._one(silent, 0, 0.0, 0)

    def _one(self, piece: Piece, index: int, pause: float, position: int) -> Audio:
        options = dataclasses.replace(self._options, seed=piece_seed(int(self._options.seed), index))
        audio = self._speak(piece.text, options=options, progress=self._report())
        self._tokens += audio.metrics.speech_tokens
        rate = audio.sample_rate
        silence = np.zeros(round(pause * rate) if position else 0, np.float32)
        start = position + len(silence)
        samples = np.concatenate([silence, audio.samples])
        return Audio(samples, rate, audio.metrics, audio.warnings, _marks(piece, audio.samples, start, rate))

    def _report(self) -> Callable[[int], None] | None:
        progress, before = self._progress, self._tokens
        return None if progress is None else lambda tokens: progress(before + tokens)

    def _pause_after(self, piece: Piece, audio: Audio) -> float:
        wanted: float = getattr(self._long_text, f"{piece.end}_pause")
        return max(0.0, wanted - _silence_at_end(audio.samples, audio.sample_rate))


def _loudness(samples: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float32]:
    """Root mean square of each whole 10 ms."""
    frame = max(1, rate // 100)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    loudness: npt.NDArray[np.float32] = np.sqrt((frames**2).mean(1))
    return loudness


def _silence_at_end(samples: npt.NDArray[np.float32], rate: int) -> float:
    loud = np.flatnonzero(_loudness(samples, rate) > _QUIET)
    return (len(samples) - (loud[-1] + 1) * max(1, rate // 100)) / rate if len(loud) else len(samples) / rate


def _marks(piece: Piece, samples: npt.NDArray[np.float32], start: int, rate: int) -> tuple[Mark, ...]:
    """One mark a sentence; those of one piece meet in the quietest moment near their share of letters."""
    letters = np.cumsum([0, *(len(sentence) + 1 for sentence in piece.sentences)])
    loudness = _loudness(samples, rate)
    guesses = letters / letters[-1] * len(loudness)
    edges = [0.0]
    for before, guess, after in zip(guesses, guesses[1:], guesses[2:], strict=False):
        low = int(max((before + guess) / 2, guess - _NEAR))
        high = int(min((guess + after) / 2, guess + _NEAR))
        far = np.abs(np.arange(low, high) - guess)
        edges.append(0.01 * (low + int((loudness[low:high] + 1e-4 * far).argmin()) if high > low else low))
    edges.append(len(samples) / rate)
    origin = start / rate
    return tuple(
        Mark(sentence, origin + begin, origin + end)
        for sentence, begin, end in zip(piece.sentences, edges, edges[1:], strict=False)
    )

"""The speech of a long text: a narration that gets text as it is read, given out piece by piece."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

import numpy as np

from ..audio.audio import Audio, Metrics
from ..audio.speech_file import SpeechFile
from ..errors import InvalidInputError
from ..sentences.pieces import windows
from .long_text import Bookmark, check_long
from .narration import Narration

__all__ = ["LongSpeech"]


class LongSpeech(Iterator[Audio]):
    """The speech of a long text, made while it is iterated: an `Audio` for each piece, in order.

    Each begins with the pause before it, so that all samples in a row are the speech; `marks` count from the
    start of the whole. The text is read as it is needed, and nothing that was handed out is kept. What is no
    text in it, such as control characters, is left out, and `warnings` say where.
    Iterating raises `InvalidInputError`, `RequestCancelledError` or `ExecutionError` as `Engine.speak` does;
    the speech is over then. Make one with `Engine.speak_long`.
    """

    def __init__(self, text: str | Iterable[str], narration: Narration) -> None:
        if isinstance(text, str):
            check_long(text)
        elif isinstance(text, (bytes, bytearray)) or not isinstance(text, Iterable):
            raise InvalidInputError(
                f"text must be a str or an iterable of str, not {type(text).__name__}: decode or convert it"
            )
        self._narration = narration
        self._audio = self._spoken(windows(text))

    def __next__(self) -> Audio:
        return next(self._audio)

    @property
    def bookmark(self) -> Bookmark:
        """Where it is, behind the last piece that was handed out."""
        return self._narration.bookmark

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
        words = tuple(word for part in parts for word in part.words)
        rate, provenance = parts[0].sample_rate, parts[0].provenance
        return Audio(samples, rate, metrics, tuple(warnings), marks, provenance, words)

    def save(
        self,
        file: str | os.PathLike[str],
        *,
        format: str | None = None,
        subtype: str | None = None,
        srt: str | os.PathLike[str] | None = None,
        vtt: str | os.PathLike[str] | None = None,
        words: str | os.PathLike[str] | None = None,
        cues: str = "sentence",
        tags: bool = True,
        watch: Callable[[Audio], None] | None = None,
    ) -> float:
        """Speak all the rest into a file, and subtitles if asked, piece by piece; return its seconds.

        `srt` and `vtt` get a cue for each sentence, or with `cues` of "word" for each word; `words` gets the
        words as JSON, a list of {"word", "start", "end"} in seconds. Words are there where the model tells
        them (`Capabilities.word_times`), else none. `format`, `subtype` and `tags` are as in `Audio.save`;
        `watch` is called with each piece once it is written. The files get their names when everything is
        written. If the speech ends early (cancelled, or an error, which is raised), what was written so far
        is kept as a valid file beside it, named `NAME.partial.wav`; without a finished piece nothing is left.
        Raises `InvalidInputError` also for a file that cannot be written.
        """
        with SpeechFile(
            file, format=format, subtype=subtype, srt=srt, vtt=vtt, words=words, cues=cues, tags=tags
        ) as out:
            for audio in self:
                out.write(audio)
                if watch is not None:
                    watch(audio)
            out.finish()
            return out.seconds

    def _spoken(self, chunks: Iterator[str]) -> Iterator[Audio]:
        for chunk in chunks:
            self._narration.add(chunk)
            yield from iter(self._piece, None)
        self._narration.cut("paragraph")
        yield from iter(self._piece, None)

    def _piece(self) -> Audio | None:
        """The next piece, or None: it needs more text, or there is none."""
        narration, parts = self._narration, [np.zeros(0, np.float32)]
        while (turn := narration.turn()) is not None and not isinstance(turn, Future):
            if (chunk := narration.read(turn, None)) is not None:
                parts.append(np.asarray(chunk))
            else:
                marks, notes = narration.take_piece()
                warnings = (*notes, *turn.warnings)
                samples = np.concatenate(parts)
                rate, provenance = narration.sample_rate, narration.provenance
                words = narration.take_words()
                return Audio(samples, rate, turn.metrics, warnings, marks, provenance, words)
        return None

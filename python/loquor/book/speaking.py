"""Speaks a book into its unfinished folder, from wherever that is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..speech.long_text import LongTextOptions, piece_seed
from ..speech.options import DerivedSeed, GenerationOptions

if TYPE_CHECKING:
    from .. import _core
    from ..audio.audio import Audio
    from ..speech.engine import Engine
    from ..voice.voice import Voice
    from .segments import Segment
    from .unfinished import Unfinished

__all__ = ["identity_of", "speak_segments"]

_CHAPTER_PAUSE = 1.5
"""Seconds."""


def identity_of(
    engine: Engine,
    segments: Sequence[Segment],
    voices: Mapping[str, Voice],
    options: GenerationOptions,
    long_text: LongTextOptions,
    language: str | None,
) -> str:
    """Return a digest of all that the sound depends on: 64 hex digits."""
    from .. import __version__

    own = engine.capabilities
    told = {
        "version": __version__,
        "model": [own.model, own.family, own.device, own.dtypes, own.prepared, own.kv_dtype, own.watermark],
        "text": [dataclasses.astuple(segment) for segment in segments],
        "normalizer": own.text_normalizer,
        "voices": {name: voice.identity for name, voice in voices.items()},
        "options": dataclasses.asdict(options),
        "long_text": dataclasses.asdict(long_text),
        "language": language,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def speak_segments(
    engine: Engine,
    segments: Sequence[Segment],
    voices: Mapping[str, Voice],
    work: Unfinished,
    options: GenerationOptions,
    long_text: LongTextOptions,
    *,
    language: str | None,
    cancel: _core.CancelToken,
    watch: Callable[[int, Audio], None],
    progress: Callable[[int], None] | None = None,
) -> None:
    """Speak what is left. `watch` gets each piece once it is kept, with its segment's number.

    A segment has a seed by its number, and its pieces by theirs, so that each may be spoken again alone.
    Raises what `Engine.speak_long` does.
    """
    given = options.seed != GenerationOptions.seed
    for number, segment in enumerate(segments):
        if work.ended(number):
            continue
        seed = piece_seed(int(options.seed), number)
        seeded = dataclasses.replace(options, seed=seed if given else DerivedSeed(seed))
        speech = engine.speak_long(
            segment.text,
            voices[segment.speaker],
            seeded,
            language=language,
            long_text=long_text,
            bookmark=work.bookmark(number),
            cancel=cancel,
            progress=progress,
        )
        for audio in speech:
            work.add(number, audio, speech.bookmark)
            watch(number, audio)
        work.end(number, _pause_behind(segments, number, long_text))


def _pause_behind(segments: Sequence[Segment], number: int, long_text: LongTextOptions) -> float:
    if number + 1 == len(segments):
        return 0.0
    same = segments[number + 1].chapter == segments[number].chapter
    return long_text.paragraph_pause if same else _CHAPTER_PAUSE

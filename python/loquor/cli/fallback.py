"""What `--fallback torch` does: a model that is no bundle is spoken by an installed chatterbox-tts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..audio.audio import Audio
from ..audio.speech_file import SpeechFile
from ..audio.subtitles import Mark
from ..errors import DownloadError, InvalidInputError, ModelError
from ..sentences.pieces import Splitter, windows
from ..speech.long_text import LongTextOptions, piece_seed
from .engines import load_engine

if TYPE_CHECKING:
    from .. import Engine, GenerationOptions
    from ..sentences.pieces import Piece
    from ..speech.torch_engine import TorchEngine

__all__ = ["load_speaker", "speak_pieces"]

_PIECE_CHARACTERS = 250


def load_speaker(args: argparse.Namespace) -> Engine | TorchEngine:
    """Load the engine that the options ask for, or what `--fallback` says where the model is no bundle."""
    try:
        return load_engine(args)
    except ModelError as error:
        if args.fallback == "none" or isinstance(error, DownloadError):
            raise
        if args.output in (None, "-") or args.stream or args.play:
            raise InvalidInputError(
                f"{error}; chatterbox-tts, which --fallback torch takes, streams nothing: give -o FILE alone"
            ) from error
        from ..speech.fallback import open_engine

        return open_engine(args.model, fallback="torch", variant=args.variant, device=args.device)


def speak_pieces(
    args: argparse.Namespace,
    engine: TorchEngine,
    text: str | Iterable[str],
    options: GenerationOptions,
    parting: LongTextOptions,
    watch: Callable[[Audio], None],
) -> None:
    """Speak a text piece by piece into a file, with the pauses between."""
    with SpeechFile(args.output, srt=args.srt, vtt=args.vtt, tags=not args.no_tags) as out:
        pause = 0.0
        for number, piece in enumerate(_pieces(text, parting)):
            seeded = _with_seed(options, number)
            spoken = engine.speak(piece.text, args.voice, seeded, language=args.language)
            rate, before = spoken.sample_rate, out.seconds
            silence = np.zeros(round(pause * rate), np.float32)
            mark = Mark(
                piece.text, before + len(silence) / rate, before + len(silence) / rate + spoken.seconds
            )
            samples = np.concatenate([silence, spoken.samples])
            audio = Audio(samples, rate, spoken.metrics, (), (mark,), spoken.provenance)
            out.write(audio)
            watch(audio)
            pause = getattr(parting, f"{piece.end}_pause")
        out.finish()


def _pieces(text: str | Iterable[str], parting: LongTextOptions) -> Iterator[Piece]:
    splitter = Splitter(
        parting.piece_characters or _PIECE_CHARACTERS,
        join_below=parting.join_below,
        language=parting.language,
        measure=len,
    )
    for part in windows(text):
        yield from (piece for piece in splitter.add(part) if piece.spoken)
    yield from (piece for piece in splitter.flush("paragraph") if piece.spoken)


def _with_seed(options: GenerationOptions, number: int) -> GenerationOptions:
    import dataclasses

    return dataclasses.replace(options, seed=piece_seed(int(options.seed), number))

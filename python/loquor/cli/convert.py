"""`loquor convert`: what a recording says, in another voice."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from ..audio.audio import FORMATS, Audio, write_wav_stream
from ..audio.speech_file import SpeechFile
from ..errors import InvalidInputError
from ..speech.option_table import DECODE
from .console import note, writing_to_stdout
from .engines import (
    add_engine_arguments,
    check_engine_options,
    check_input,
    check_output,
    interruptible,
    load_engine,
    voice_names,
    voice_source,
)
from .option_flags import add_option

if TYPE_CHECKING:
    from .. import CancelToken, Conversion

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Say what a recording says in another voice: as long, with its melody and pace, in any language."
    )
    parser.add_argument("recording", metavar="IN", help="speech of any length, as wav, flac, ...; - is stdin")
    parser.add_argument(
        "voice",
        metavar="VOICE",
        help="a recording of 5 to 15 s of one speaker, a voice by `loquor voice`, or the name of one that "
        "the model brings (the built-in one: emma, george, man, woman)",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=f"the file to write ({', '.join(FORMATS)}); - writes WAV to stdout",
    )
    add_option(parser, DECODE["seed"])
    parser.add_argument(
        "--no-tags",
        action="store_true",
        help="do not write into the file that it is AI-generated, and by which model, voice and engine",
    )
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    _check(args)
    start = time.perf_counter()
    recording, voice_of = voice_source(args.recording), voice_source(args.voice)
    with load_engine(args) as engine:

        def convert(cancel: CancelToken) -> Conversion:
            voice = engine.voice(voice_of, cancel=cancel)
            # "-" was read from stdin, so there is a recording.
            with engine.convert_stream(recording or "", voice, seed=args.seed or 0, cancel=cancel) as speech:
                _write(args, speech)
            return speech

        speech = interruptible(convert, settle=args.output != "-")
    for warning in speech.warnings:
        note(f"warning: {warning}")
    if not args.quiet:
        seconds = speech.metrics.audio_seconds
        rtf = (time.perf_counter() - start) / max(seconds, 1e-9)
        where = "stdout" if args.output == "-" else args.output
        note(f"{seconds:.2f} s of speech, real-time factor {rtf:.2f} with loading: {where}")
    return 0


def _write(args: argparse.Namespace, speech: Conversion) -> None:
    if args.output == "-":
        with writing_to_stdout():
            write_wav_stream(sys.stdout.buffer, speech, speech.sample_rate, rewind=False)
        return
    with SpeechFile(args.output, tags=not args.no_tags) as out:
        for chunk in speech:
            out.write(Audio(chunk, speech.sample_rate, speech.metrics, provenance=speech.provenance))
        out.finish()


def _check(args: argparse.Namespace) -> None:
    """Raise `InvalidInputError` for what is known to fail before a model is fetched and loaded."""
    check_engine_options(args)
    DECODE["seed"].checked(args.seed or 0)
    if args.recording == args.voice == "-":
        raise InvalidInputError("stdin cannot be the recording and the voice: give one of them as a file")
    check_input(args.recording, "the recording")
    check_input(args.voice, "the voice", voice_names(args))
    if args.output != "-":
        check_output(args.output, (f".{name}" for name in FORMATS), args.recording)
    elif sys.stdout is None or sys.stdout.isatty():
        raise InvalidInputError("WAV cannot be written to this stdout: redirect it, or give -o FILE")

"""`loquor voice`: a recording to a voice file."""

from __future__ import annotations

import argparse

from ..voice.voice import VOICE_SUFFIX
from .console import note
from .engines import (
    add_engine_arguments,
    check_engine_options,
    check_input,
    check_output,
    interruptible,
    load_engine,
    voice_source,
)

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Make a voice file from a recording. It fits the model that made it, in any precision."
    )
    parser.add_argument(
        "recording", metavar="RECORDING", help="5 to 15 s of one speaker, as wav, flac, ...; - reads stdin"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help=f"the file to write ({VOICE_SUFFIX})"
    )
    parser.add_argument(
        "--with-prefix",
        action="store_true",
        help="store what the language model makes of the voice: its first sentence comes sooner, in the same "
        "precision only (of large models 74 MB more)",
    )
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    check_engine_options(args)
    check_input(args.recording, "the recording")
    check_output(args.output, (VOICE_SUFFIX,), args.recording)
    recording = voice_source(args.recording)
    with load_engine(args) as engine:
        voice = interruptible(lambda cancel: engine.voice(recording, prefix=args.with_prefix, cancel=cancel))
        model = engine.capabilities.model
        interruptible(lambda _: voice.save(args.output))
    for warning in voice.warnings:
        note(f"warning: {warning}")
    if not args.quiet:
        note(f"voice {voice.name!r} for {model}: {args.output}")
    return 0

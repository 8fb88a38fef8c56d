"""`loquor say`: text to a file of speech."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .. import Audio, GenerationOptions
from ..audio import FORMATS, write_wav_stream
from ..catalog import CATALOG
from ..errors import InvalidInputError
from ..preparation import NORMALIZERS
from ..text import check_text
from .console import note, speech_progress
from .engines import (
    add_engine_arguments,
    check_input,
    check_output,
    interruptible,
    load_engine,
    voice_names,
)  # fmt: skip
from .models import download_bytes, megabytes

if TYPE_CHECKING:
    from .. import CancelToken, Engine, Stream

__all__ = ["add", "run"]

_SAMPLING: tuple[tuple[str, type, str], ...] = (
    ("temperature", float, "0 is greedy, higher is more varied"),
    ("top_k", int, "keep the K likeliest tokens; 0 turns it off"),
    ("top_p", float, "keep the likeliest tokens up to this probability; 1 turns it off"),
    ("min_p", float, "drop tokens less likely than this share of the likeliest; 0 turns it off"),
    ("repetition_penalty", float, "above 1, what was said becomes less likely; 1 turns it off"),
    ("max_new_tokens", int, "speech tokens at most; a second of speech has 25"),
)


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = commands.add_parser(
        "say", parents=[common], help="speak text into a file", description="Speak a text into a file."
    )
    parser.add_argument("text", metavar="TEXT", help="what to say; - reads UTF-8 text from stdin")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=f"the file to write ({', '.join(FORMATS)}); - writes WAV to stdout",
    )
    parser.add_argument(
        "--voice",
        metavar="FILE",
        help="a recording of 5 to 15 s of one speaker, a voice by `loquor voice`, or the name of one "
        "that the model brings (the built-in one: man, woman)",
    )
    parser.add_argument(
        "--stream",
        action="store_true",
        help="write WAV chunk by chunk while the speech is made, to the file or to stdout",
    )
    add_engine_arguments(parser)
    parser.add_argument(
        "--normalize",
        default="auto",
        choices=("auto", *NORMALIZERS),
        help="en writes English numbers and symbols in words, none does not (default: as the model needs)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=GenerationOptions.seed,
        metavar="N",
        help="the same seed gives the same speech tokens",
    )
    group = parser.add_argument_group("sampling (defaults: the model's own)")
    for name, kind, text in _SAMPLING:
        metavar = "N" if kind is int else "X"
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=text)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    text = _text_of_stdin() if args.text == "-" else _checked_argument(args.text)
    _check(args, text)
    if args.model is None and not args.quiet:
        note(_demo_note())
    options = GenerationOptions(seed=args.seed, **{name: getattr(args, name) for name, _, _ in _SAMPLING})
    with load_engine(args) as engine:
        if args.stream:
            return _stream(args, engine, text, options)

        def speak(cancel: CancelToken) -> Audio:
            voice = engine.voice(args.voice, cancel=cancel)
            with speech_progress(args.quiet) as progress:
                return engine.speak(text, voice, options, cancel=cancel, progress=progress)

        audio = interruptible(speak)
    for warning in audio.warnings:
        note(f"warning: {warning}")
    if args.output == "-":
        audio.save(sys.stdout.buffer, format="wav")
        sys.stdout.buffer.flush()
    else:
        audio.save(args.output)
    if not args.quiet:
        where = "stdout" if args.output == "-" else args.output
        note(f"{audio.seconds:.2f} s of speech, real-time factor {audio.metrics.rtf:.2f}: {where}")
    return 0


def _stream(args: argparse.Namespace, engine: Engine, text: str, options: GenerationOptions) -> int:
    """Write while the speech is made. What was written stays, as a whole WAV file, also if it ends early."""

    def listen(cancel: CancelToken) -> Stream:
        voice = engine.voice(args.voice, cancel=cancel)
        with engine.stream(text, voice, options, cancel=cancel) as stream, _opened(args.output) as out:
            write_wav_stream(out, stream, stream.sample_rate, rewind=args.output != "-")
        return stream

    stream = interruptible(listen)
    for warning in stream.warnings:
        note(f"warning: {warning}")
    if not args.quiet:
        where = "stdout" if args.output == "-" else args.output
        seen = stream.metrics
        note(f"{seen.audio_seconds:.2f} s of speech, real-time factor {seen.rtf:.2f}: {where}")
    return 0


@contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    if output == "-":
        yield sys.stdout.buffer
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(output).open("wb"))
        except OSError as error:
            raise InvalidInputError(f"cannot write {output}: {error}") from error
        yield file


def _checked_argument(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # Python keeps undecodable bytes of an argument as lone surrogates
        raise InvalidInputError(
            f"TEXT holds bytes that this locale cannot decode, at index {error.start}: give it in UTF-8"
        ) from error
    return text


def _text_of_stdin() -> str:
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"the text on stdin is not UTF-8 (byte 0x{data[error.start]:02x} at offset {error.start}): "
            "convert it first"
        ) from error


def _check(args: argparse.Namespace, text: str) -> None:
    """Raise `InvalidInputError` for what is known to fail before a model is fetched and loaded."""
    check_text(text)
    if args.output != "-":
        check_output(args.output, (f".{name}" for name in FORMATS), args.voice)
    elif sys.stdout.isatty():
        raise InvalidInputError("stdout is a terminal, which shows no WAV: redirect it, or give -o FILE")
    if args.stream and args.output != "-" and not args.output.lower().endswith(".wav"):
        raise InvalidInputError(f"cannot stream into {args.output}: --stream writes WAV, name a .wav file")
    entry = CATALOG.get(args.model) if args.model else None
    if args.voice is not None:
        check_input(args.voice, "the voice", voice_names(args))
    elif entry is not None and entry.location == "hub":
        raise InvalidInputError(
            f"{args.model} brings no voice of its own: add --voice recording.wav (5 to 15 s of one speaker)"
        )


def _demo_note() -> str:
    size = download_bytes(CATALOG["turbo"])
    return (
        "no --model given, so this is the small built-in demo voice; for Chatterbox Turbo add "
        f"--model turbo --voice recording.wav (downloads {megabytes(size)} once)"
    )

"""`loquor say`: text to a file of speech."""

from __future__ import annotations

import argparse
import codecs
import dataclasses
import itertools
import math
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from .. import Audio, GenerationOptions, Guards, LongSpeech, LongTextOptions
from ..audio import FORMATS, write_wav_stream
from ..catalog import CATALOG
from ..errors import CancelledError, InvalidInputError
from ..long_text import check_long
from ..pieces import windows
from ..text_rules import NORMALIZERS
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
    import numpy as np
    import numpy.typing as npt

    from .. import CancelToken, Engine

__all__ = ["add", "run"]

_SAMPLING: tuple[tuple[str, type, str], ...] = (
    ("temperature", float, "0 is greedy, higher is more varied"),
    ("top_k", int, "keep the K likeliest tokens; 0 turns it off"),
    ("top_p", float, "keep the likeliest tokens up to this probability; 1 turns it off"),
    ("min_p", float, "drop tokens less likely than this share of the likeliest; 0 turns it off"),
    ("repetition_penalty", float, "above 1, what was said becomes less likely; 1 turns it off"),
    ("max_new_tokens", int, "speech tokens at most; a second of speech has 25"),
)

_PARTING: tuple[tuple[str, type, str], ...] = (
    ("sentence_pause", float, "seconds between sentences (default: 0.35)"),
    ("paragraph_pause", float, "seconds between paragraphs (default: 0.8)"),
    ("piece_characters", int, "characters spoken in one go at most (default: as the model is best at)"),
)
_CHUNK = 65_536
_GUARDS = tuple(field.name for field in dataclasses.fields(Guards))


def add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    parser = commands.add_parser(
        "say", parents=[common], help="speak text into a file", description="Speak a text into a file."
    )
    parser.add_argument(
        "text", metavar="TEXT", help="what to say, of any length; - reads UTF-8 text from stdin"
    )
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
        help="write WAV chunk by chunk while the text comes and the speech is made, to the file or stdout",
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
    parser.add_argument(
        "--no-guard",
        action="append",
        choices=(*_GUARDS, "all"),
        help="leave speech alone that becomes too long, repeats itself, falls silent, or ends in noise "
        "(may be given several times)",
    )
    group = parser.add_argument_group("long text, which is spoken sentence by sentence")
    group.add_argument("--srt", metavar="FILE", help="write subtitles (SubRip)")
    group.add_argument("--vtt", metavar="FILE", help="write subtitles (WebVTT)")
    for name, kind, text in _PARTING:
        metavar = "N" if kind is int else "S"
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=text)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    text, size = _text_of_stdin() if args.text == "-" else _text_of_argument(args.text)
    _check(args)
    if args.model is None and not args.quiet:
        note(_demo_note())
    sampling = {name: getattr(args, name) for name, _, _ in _SAMPLING}
    options = GenerationOptions(seed=args.seed, guards=_guards(args), **sampling)
    tally = _Tally()
    with load_engine(args) as engine:
        if args.stream:
            return _stream(args, engine, text, options)

        def speak(cancel: CancelToken) -> None:
            voice = engine.voice(args.voice, cancel=cancel)
            with speech_progress(args.quiet, size) as (tokens, spoken):
                speech = engine.speak_long(
                    text, voice, options, long_text=_long_text(args), cancel=cancel, progress=tokens
                )

                def watch(audio: Audio) -> None:
                    tally.add(audio)
                    spoken(sum(len(mark.text.encode()) + 1 for mark in audio.marks))

                if args.output == "-":
                    _to_stdout(speech, watch)
                else:
                    speech.save(args.output, srt=args.srt, vtt=args.vtt, watch=watch)

        interruptible(speak)
    for warning in tally.warnings:
        note(f"warning: {warning}")
    if not args.quiet:
        where = "stdout" if args.output == "-" else args.output
        note(f"{tally.seconds:.2f} s of speech, real-time factor {tally.rtf:.2f}: {where}")
    return 0


def _guards(args: argparse.Namespace) -> Guards | None:
    off = args.no_guard or ()
    return Guards(**{name: name not in off and "all" not in off for name in _GUARDS}) if off else None


class _Tally:
    """What is told at the end; of the speech itself nothing is kept."""

    def __init__(self) -> None:
        self.seconds = self._spoken_seconds = self._total_seconds = 0.0
        self.warnings: dict[str, None] = {}

    def add(self, audio: Audio) -> None:
        self.seconds += audio.seconds
        self._spoken_seconds += audio.metrics.audio_seconds
        self._total_seconds += audio.metrics.total_seconds
        self.warnings |= dict.fromkeys(audio.warnings)

    @property
    def rtf(self) -> float:
        return self._total_seconds / self._spoken_seconds if self._spoken_seconds else math.nan


def _long_text(args: argparse.Namespace) -> LongTextOptions:
    given = {name: getattr(args, name) for name, _, _ in _PARTING if getattr(args, name) is not None}
    return LongTextOptions(**given)


def _to_stdout(speech: LongSpeech, watch: Callable[[Audio], None]) -> None:
    """WAV. The header tells the length if there is but one piece, else that it is not known, as pipes do."""
    out = sys.stdout.buffer
    first, second = next(speech), next(speech, None)
    if second is None:
        first.save(out, format="wav")
        watch(first)
    else:
        pieces = itertools.chain((first, second), speech)
        write_wav_stream(out, _samples(pieces, watch), first.sample_rate, rewind=False)
    out.flush()


def _samples(pieces: Iterator[Audio], watch: Callable[[Audio], None]) -> Iterator[npt.NDArray[np.float32]]:
    for audio in pieces:
        watch(audio)
        yield audio.samples


def _stream(
    args: argparse.Namespace, engine: Engine, text: str | Iterator[str], options: GenerationOptions
) -> int:
    """Write while the text comes and the speech is made. What was written stays, as a whole WAV file."""
    start = time.perf_counter()
    voice = interruptible(lambda cancel: engine.voice(args.voice, cancel=cancel))
    session = engine.session(voice, options, long_text=_long_text(args))

    def feed() -> None:
        try:
            for chunk in windows(text):
                session.feed(chunk, timeout=None)
            session.end()
        except CancelledError:
            pass  # the reader knows why
        except BaseException:
            session.cancel()
            raise

    def listen(_: CancelToken) -> None:
        with ThreadPoolExecutor(1) as pool, session, _opened(args.output) as out:
            fed = pool.submit(feed)
            try:
                write_wav_stream(out, session, session.sample_rate, rewind=args.output != "-")
            except CancelledError:
                fed.result()  # what was wrong with the text
                raise

    interruptible(listen, session.cancel)
    for warning in session.warnings:
        note(f"warning: {warning}")
    if not args.quiet:
        where = "stdout" if args.output == "-" else args.output
        seconds = session.report.audio_seconds
        rtf = (time.perf_counter() - start) / seconds if seconds else math.nan
        note(f"{seconds:.2f} s of speech, real-time factor {rtf:.2f}: {where}")
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


def _text_of_argument(text: str) -> tuple[str, int]:
    """The text, and its size in bytes."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:  # Python keeps undecodable bytes of an argument as lone surrogates
        raise InvalidInputError(
            f"TEXT holds bytes that this locale cannot decode, at index {error.start}: give it in UTF-8"
        ) from error
    check_long(text)
    return text, size


def _text_of_stdin() -> tuple[Iterator[str], int | None]:
    """The text in chunks as they come, and its size if stdin is a file."""
    chunks = _decoded(sys.stdin.buffer)
    first = ""
    while not any(map(_is_visible, first)) and (chunk := next(chunks, None)) is not None:
        first = first[-3:] + chunk  # enough to tell where a paragraph ends
    check_long(first)
    try:
        status = os.fstat(sys.stdin.fileno())
    except OSError:  # no real file
        return itertools.chain((first,), chunks), None
    return itertools.chain((first,), chunks), status.st_size if stat.S_ISREG(status.st_mode) else None


def _is_visible(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def _decoded(stream: IO[bytes]) -> Iterator[str]:
    decoder, before, begun = codecs.getincrementaldecoder("utf-8")(), 0, False
    while True:
        data = stream.read1(_CHUNK) if hasattr(stream, "read1") else stream.read(_CHUNK)
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            wrong, offset = error.object[error.start], before - waiting + error.start
            raise InvalidInputError(
                f"the text on stdin is not UTF-8 (byte 0x{wrong:02x} at offset {offset}): convert it first"
            ) from error
        if text:
            yield text if begun else text.removeprefix("\ufeff")
            begun = True
        if not data:
            return
        before += len(data)


def _check(args: argparse.Namespace) -> None:
    """Raise `InvalidInputError` for what is known to fail before a model is fetched and loaded."""
    if args.output != "-":
        check_output(args.output, (f".{name}" for name in FORMATS), args.voice)
    elif sys.stdout.isatty():
        raise InvalidInputError("stdout is a terminal, which shows no WAV: redirect it, or give -o FILE")
    for path, suffix in ((args.srt, ".srt"), (args.vtt, ".vtt")):
        if path is not None:
            check_output(path, (suffix,), None)
            if args.output == "-":
                raise InvalidInputError("subtitles go with a file of speech: give -o FILE")
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

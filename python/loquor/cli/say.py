"""`loquor say`: text to a file of speech."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from .. import Audio, Engine, GenerationOptions, Guards, LongSpeech, LongTextOptions
from ..audio.audio import FORMATS, write_wav_stream
from ..audio.playing import check_playable, play_chunks
from ..audio.speech_file import CUES
from ..base.output import cannot_write
from ..bundle.catalog import CATALOG, SUGGESTED
from ..bundle.text_rules import NORMALIZERS
from ..errors import InvalidInputError, RequestCancelledError
from ..sentences.pieces import windows
from ..speech.long_text import check_long
from ..speech.option_table import GENERATION
from .book import add_book_arguments, book_of, check_book, is_book_output, lexicon_of, speak_book
from .console import note, speech_progress, writing_to_stdout
from .dry_run import dry_run
from .engines import (
    add_engine_arguments,
    check_engine_options,
    check_input,
    check_output,
    interruptible,
    voice_names,
    voice_source,
)  # fmt: skip
from .fallback import load_speaker, speak_pieces
from .models import download_bytes, megabytes
from .option_flags import add_option
from .text_input import StdinText, Text, file_of_argument, size_of, text_of_argument, warnings_about

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .. import CancelToken, Session
    from ..audio.provenance import Provenance
    from ..speech.torch_engine import TorchEngine

__all__ = ["add", "run"]

_SAMPLING = tuple(option for name, option in GENERATION.items() if name != "guards")
"""Those of one flag each; guards are switched off one by one."""

_PARTING: tuple[tuple[str, type, str], ...] = (
    ("sentence_pause", float, "seconds between sentences (default: 0.35)"),
    ("paragraph_pause", float, "seconds between paragraphs (default: 0.8)"),
    ("piece_characters", int, "characters spoken in one go at most (default: as the model is best at)"),
)
_GUARDS = tuple(field.name for field in dataclasses.fields(Guards))


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = "Speak a text into a file."
    parser.add_argument(
        "text",
        metavar="TEXT",
        help="what to say, of any length; the name of a file reads it (UTF-8 text, .epub); - reads stdin",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=f"the file to write ({', '.join(FORMATS)}); of a book also .m4b, or a folder, for a file a "
        "chapter; - writes WAV to stdout",
    )
    parser.add_argument("--play", action="store_true", help="play it while it is made, instead of -o")
    parser.add_argument(
        "--voice",
        metavar="FILE",
        help="a recording of 5 to 15 s of one speaker, a voice by `loquor voice`, or the name of one "
        "that the model brings (the built-in one: emma, george, man, woman)",
    )
    parser.add_argument(
        "--stream",
        action="store_true",
        help="write WAV chunk by chunk while the text comes and the speech is made, to the file or stdout",
    )
    parser.add_argument(
        "--language",
        metavar="CODE",
        help="the text's, such as de, for a model of many; auto guesses it",
    )
    add_engine_arguments(parser)
    parser.add_argument(
        "--lexicon",
        metavar="FILE",
        help="how words are said: lines of a word, a tab, and what is read instead",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the text as it will be read, a piece a line, and end"
    )
    parser.add_argument(
        "--no-tags",
        action="store_true",
        help="do not write into the file that it is AI-generated, and by which model, voice and engine",
    )
    parser.add_argument(
        "--normalize",
        default="auto",
        choices=("auto", *NORMALIZERS),
        help="en writes English numbers and symbols in words, numbers those of any language alone, none "
        "neither (default: as the model needs)",
    )
    group = parser.add_argument_group("sampling (defaults: the model's own)")
    for option in _SAMPLING:
        add_option(group, option)
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
    group.add_argument("--words", metavar="FILE", help="write when each word is said (JSON)")
    group.add_argument(
        "--cues", choices=CUES, default="sentence", help="what each subtitle is of (default: sentence)"
    )
    for name, kind, text in _PARTING:
        metavar = "N" if kind is int else "S"
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=text)
    add_book_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    path = file_of_argument(args.text)
    given = None if args.text == "-" else "" if path is not None else text_of_argument(args.text)
    if args.dry_run:
        return dry_run(args, given, path)
    if is_book_output(args.output):
        return _book(args, given, path)
    _check(args)
    if path is not None:
        given = "\n\n".join(chapter.text for chapter in book_of(args, "", path).chapters)
        args.lexicon = None  # which the book was read with
        check_long(given)
    text = StdinText(_warn) if given is None else given
    if isinstance(text, StdinText):
        interruptible(lambda _: text.begin(), text.stop)
    else:
        for warning in warnings_about(text):
            _warn(warning)
    if args.model is None and not args.quiet:
        note(_demo_note())
    sampling = {option.name: getattr(args, option.name) for option in _SAMPLING}
    options = GenerationOptions(guards=_guards(args), **sampling)
    args.voice = voice_source(args.voice)
    with load_speaker(args) as engine:
        if not isinstance(engine, Engine):
            return _by_fallback(args, engine, text, options)
        if (args.words or args.cues == "word") and not engine.capabilities.word_times:
            raise InvalidInputError(
                f"this model does not tell when it says each word: `loquor align {args.model or 'mini'}` "
                "finds what does, or leave --words and --cues word out"
            )
        return (_stream if args.stream or args.play else _speak)(args, engine, text, options)


def _book(args: argparse.Namespace, given: str | None, path: Path | None) -> int:
    if given is None:
        raise InvalidInputError("a book is spoken from a file, with which it can go on later: give its name")
    check_engine_options(args)
    _check_sampling(args)
    _check_voice(args)
    check_book(args)
    sampling = {option.name: getattr(args, option.name) for option in _SAMPLING}
    options = GenerationOptions(guards=_guards(args), **sampling)
    args.voice = voice_source(args.voice)
    return speak_book(args, book_of(args, given, path), options, _long_text(args))


def _speak(args: argparse.Namespace, engine: Engine, text: Text, options: GenerationOptions) -> int:
    tally, lexicon = _Tally(), lexicon_of(args)

    def speak(cancel: CancelToken) -> None:
        voice = engine.voice(args.voice, cancel=cancel)
        with speech_progress(args.quiet, size_of(text)) as bar:
            speech = engine.speak_long(
                text if lexicon is None else lexicon.all_said((text,) if isinstance(text, str) else text),
                voice,
                options,
                language=args.language,
                long_text=_long_text(args),
                cancel=cancel,
                progress=bar.tokens,
            )

            def watch(audio: Audio) -> None:
                tally.add(audio)
                bar.spoken(audio)

            if args.output == "-":
                _to_stdout(speech, watch)
            else:
                speech.save(
                    args.output,
                    srt=args.srt,
                    vtt=args.vtt,
                    words=args.words,
                    cues=args.cues,
                    tags=not args.no_tags,
                    watch=watch,
                )

    interruptible(speak, _stop_of(text), settle=args.output != "-")
    _tell(args, tally.warnings, tally.seconds, tally.rtf)
    return 0


def _by_fallback(
    args: argparse.Namespace, engine: TorchEngine, text: Text, options: GenerationOptions
) -> int:
    if args.words or args.cues == "word":
        raise InvalidInputError("chatterbox-tts does not tell when it says each word: leave --words out")
    tally, lexicon = _Tally(), lexicon_of(args)
    said = text if lexicon is None else lexicon.all_said((text,) if isinstance(text, str) else text)
    speak_pieces(args, engine, said, options, _long_text(args), tally.add)
    _tell(args, tally.warnings, tally.seconds, tally.rtf)
    return 0


def _warn(text: str) -> None:
    note(f"warning: {text}")


def _tell(args: argparse.Namespace, warnings: Iterable[str], seconds: float, rtf: float) -> None:
    for warning in warnings:
        _warn(warning)
    if not args.quiet:
        where = "played" if args.play else "stdout" if args.output == "-" else args.output
        note(f"{seconds:.2f} s of speech, real-time factor {rtf:.2f}: {where}")


def _stop_of(text: Text) -> Callable[[], None]:
    """What ends the waiting for more of a text."""
    return text.stop if isinstance(text, StdinText) else lambda: None


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
    """WAV. The header tells the length if there is but one piece, else that it is not known, as pipes do.

    It is the 44 bytes that many a reader of a pipe skips, without tags.
    """
    out = sys.stdout.buffer
    first, second = next(speech), next(speech, None)
    with writing_to_stdout():
        if second is None:
            first.save(out, format="wav", tags=False)
            watch(first)
        else:
            pieces = itertools.chain((first, second), speech)
            write_wav_stream(out, _samples(pieces, watch), first.sample_rate, rewind=False)
        out.flush()


def _samples(pieces: Iterator[Audio], watch: Callable[[Audio], None]) -> Iterator[npt.NDArray[np.float32]]:
    for audio in pieces:
        watch(audio)
        yield audio.samples


def _stream(args: argparse.Namespace, engine: Engine, text: Text, options: GenerationOptions) -> int:
    """Write while the text comes and the speech is made. What was written stays, as a whole WAV file."""
    start = time.perf_counter()
    voice = interruptible(lambda cancel: engine.voice(args.voice, cancel=cancel))
    session = engine.session(voice, options, long_text=_long_text(args))
    stop_text, lexicon = _stop_of(text), lexicon_of(args)

    def feed() -> None:
        try:
            for chunk in windows(text if lexicon is None else lexicon.all_said(text)):
                session.feed(chunk, timeout=None)
            session.end()
        except RequestCancelledError:
            pass  # the reader knows why
        except BaseException:
            session.cancel()
            raise

    def listen(_: CancelToken) -> None:
        with ThreadPoolExecutor(1) as pool, session:
            fed = pool.submit(feed)
            try:
                if args.play:
                    play_chunks(session, session.sample_rate)
                elif args.output == "-":
                    out, rate = sys.stdout.buffer, session.sample_rate
                    with writing_to_stdout():
                        write_wav_stream(out, session, rate, rewind=False)
                else:
                    _into_file(args.output, session, None if args.no_tags else session.provenance)
            except RequestCancelledError:
                fed.result()  # what was wrong with the text
                raise
            finally:
                stop_text()  # of which nobody wants the rest

    def stop() -> None:
        session.cancel()
        stop_text()

    interruptible(listen, stop, settle=args.output != "-")
    seconds = session.report.audio_seconds
    rtf = (time.perf_counter() - start) / seconds if seconds else math.nan
    _tell(args, session.warnings, seconds, rtf)
    return 0


def _into_file(output: str, session: Session, provenance: Provenance | None) -> None:
    first = next(session, None)  # until then what was there stays
    if first is None:
        raise InvalidInputError("there is nothing to speak in this text")
    try:
        with Path(output).open("wb") as file:
            chunks = itertools.chain((first,), session)
            write_wav_stream(file, chunks, session.sample_rate, rewind=True, provenance=provenance)
    except OSError as error:
        raise cannot_write(output, error) from error
    except BaseException:
        _warn(f"what was spoken before the end is kept: {output}")
        raise


def _check(args: argparse.Namespace) -> None:
    """Raise `InvalidInputError` for what is known to fail before a model is fetched and loaded."""
    check_engine_options(args)
    _check_sampling(args)
    _check_voice(args)
    if args.play:
        check_playable()
        if args.output is not None or args.stream or args.srt or args.vtt or args.words:
            raise InvalidInputError("--play writes no file: leave -o, --stream, --srt, --vtt and --words out")
        return
    if args.output is None:
        raise InvalidInputError("say where to write the speech: give -o FILE, or --play")
    if args.loudness is not None or args.speaker:
        raise InvalidInputError("--loudness and --speaker are for books: give -o FILE.m4b, or a folder")
    if args.output != "-":
        check_output(args.output, (f".{name}" for name in FORMATS), args.voice)
    elif sys.stdout is None:
        raise InvalidInputError("stdout is closed, so WAV cannot be written there: open it, or give -o FILE")
    elif sys.stdout.isatty():
        raise InvalidInputError("stdout is a terminal, which shows no WAV: redirect it, or give -o FILE")
    for path, suffix in ((args.srt, ".srt"), (args.vtt, ".vtt"), (args.words, ".json")):
        if path is not None:
            check_output(path, (suffix,), None)
            if args.output == "-":
                raise InvalidInputError("subtitles go with a file of speech: give -o FILE")
    if args.stream and args.output != "-" and not args.output.lower().endswith(".wav"):
        raise InvalidInputError(f"cannot stream into {args.output}: --stream writes WAV, name a .wav file")


def _check_voice(args: argparse.Namespace) -> None:
    entry = CATALOG.get(args.model) if args.model else None
    if args.voice == args.text == "-":
        raise InvalidInputError("stdin cannot be the text and the recording: give one of them as a file")
    if args.voice is not None:
        check_input(args.voice, "the voice", voice_names(args))
    elif entry is not None and entry.location == "hub":
        raise InvalidInputError(
            f"{args.model} brings no voice of its own: add --voice recording.wav (5 to 15 s of one speaker)"
        )


def _check_sampling(args: argparse.Namespace) -> None:
    for option in _SAMPLING:
        value = getattr(args, option.name)
        if value is not None:
            option.checked(value)


def _demo_note() -> str:
    size = download_bytes(SUGGESTED)
    return (
        "no --model given, so this is the small built-in demo voice; for "
        f"{SUGGESTED.summary.partition(',')[0]} add --model {SUGGESTED.name} --voice recording.wav "
        f"(downloads {megabytes(size)} once)"
    )

"""A book for `loquor say`: text or an EPUB, spoken into chapters, and gone on with where it stopped."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..audio.audio import FORMATS
from ..book.chapters import Book, Chapter, chapters_of_text, read_text_file
from ..book.epub import read_epub
from ..book.lexicon import Lexicon, read_lexicon
from ..book.page import page_of
from ..book.segments import Segment, segments_of
from ..book.speaking import identity_of, speak_segments
from ..book.unfinished import Unfinished, unfinished_folder
from ..book.writing import BOOK_SUFFIXES, Mark, check_book_output, gain_for, write_book
from ..errors import InvalidInputError
from .console import note, speech_progress
from .engines import check_input, interruptible, load_engine, voice_names

if TYPE_CHECKING:
    from .. import Audio, CancelToken, Engine, GenerationOptions, LongTextOptions, Voice

__all__ = [
    "add_book_arguments",
    "book_of",
    "check_book",
    "is_book_output",
    "lexicon_of",
    "speak_book",
    "speaker_names",
]

_LOUDEST, _QUIETEST = -5.0, -60.0
_MOST_COVER = 16 << 20
_MOST_TITLE = 250
_NO_TEXT = (
    *(".aac", ".azw3", ".doc", ".docx", ".flac", ".m4a", ".m4b", ".mobi", ".mp3", ".odt", ".ogg", ".opus"),
    *(".pdf", ".rtf", ".safetensors", ".wav", ".webm"),
)


def add_book_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "books, which are spoken into a .m4b file or a folder, and gone on with by the same command"
    )
    group.add_argument("--title", help="the book's (default: as the EPUB says, or the file is called)")
    group.add_argument("--author", help="(default: as the EPUB says)")
    group.add_argument("--cover", metavar="FILE", help="a picture, JPEG or PNG (default: the EPUB's)")
    group.add_argument(
        "--speaker",
        action="append",
        default=[],
        metavar="NAME=VOICE",
        help="speak paragraphs that begin with 'NAME:' in this voice (may be given several times)",
    )
    group.add_argument(
        "--loudness", type=float, metavar="LUFS", help="bring the whole book to this loudness, such as -18"
    )
    group.add_argument(
        "--chapter-format", default="mp3", choices=FORMATS, help="of the files in a folder (default: mp3)"
    )


def is_book_output(output: str | None) -> bool:
    """Whether it is a file with chapters, or a folder."""
    if output is None:
        return False
    return output.lower().endswith(BOOK_SUFFIXES) or _is_folder(output)


def _is_folder(output: str) -> bool:
    if output.endswith(("/", "\\")):
        return True
    try:
        return not Path(output).suffix and Path(output).is_dir()
    except (OSError, ValueError):  # no name at all
        return False


def book_of(args: argparse.Namespace, text: str, path: Path | None) -> Book:
    """Read what is to be spoken: the file at `path`, or the text itself. Raises `InvalidInputError`."""
    if path is not None and path.suffix.lower() == ".epub":
        book = read_epub(path)
    else:
        title = path.stem if path is not None else "Speech"
        content = _text_in(path) if path is not None else text
        book = Book(title, chapters_of_text(content, title))
    if not book.chapters:
        raise InvalidInputError("there is nothing to speak in this text")
    cover = book.cover
    if args.cover is not None:
        try:
            with Path(args.cover).open("rb") as file:
                cover = file.read(_MOST_COVER)
        except OSError as error:
            raise InvalidInputError(f"cannot read the cover {args.cover}: {error.strerror}") from error
        if not cover.startswith((b"\xff\xd8\xff", b"\x89PNG")):
            raise InvalidInputError(f"the cover {args.cover} is no JPEG or PNG")
    lexicon = lexicon_of(args)
    chapters = tuple(
        Chapter(_told(each.title), each.text if lexicon is None else lexicon.said(each.text))
        for each in book.chapters
    )
    title, author = _told(args.title or book.title), _told(args.author or book.author)
    return replace(book, title=title, author=author, cover=cover, chapters=chapters)


def _told(text: str) -> str:
    """A title as tags take it: printable, and no longer than anybody shows."""
    return "".join(each if each.isprintable() else " " for each in text)[:_MOST_TITLE].strip()


def _text_in(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in _NO_TEXT:
        raise InvalidInputError(f"{path} is no text: give UTF-8 text, HTML or an EPUB")
    text = read_text_file(path)
    return page_of(text).text if suffix in (".html", ".htm", ".xhtml") else text


def lexicon_of(args: argparse.Namespace) -> Lexicon | None:
    """The one that is asked for."""
    if args.lexicon is None:
        return None
    check_input(args.lexicon, "the lexicon")
    return read_lexicon(Path(args.lexicon))


def check_book(args: argparse.Namespace) -> None:
    """Raise `InvalidInputError` for what is known to fail before a model is loaded."""
    check_book_output(Path(args.output), folder=_is_folder(args.output), chapter_format=args.chapter_format)
    if args.stream or args.srt or args.vtt:
        raise InvalidInputError(
            "--stream, --srt and --vtt are not for books: name a .wav, .flac or .mp3 file"
        )
    if args.loudness is not None and not _QUIETEST <= args.loudness <= _LOUDEST:
        raise InvalidInputError(
            f"--loudness must be from {_QUIETEST:g} to {_LOUDEST:g} LUFS, not {args.loudness:g}"
        )
    for name, voice in _speakers(args).items():
        check_input(voice, f"the voice of {name}", voice_names(args))


def _speakers(args: argparse.Namespace) -> dict[str, str]:
    found = {}
    for each in args.speaker:
        name, separator, voice = each.partition("=")
        if not separator or not name.strip() or not name.isprintable():
            raise InvalidInputError(
                f"--speaker takes NAME=VOICE, not {each!r}: write --speaker Anna=anna.wav"
            )
        found[name.strip()] = voice
    return found


def speaker_names(args: argparse.Namespace) -> list[str]:
    """Those that paragraphs may begin with."""
    return list(_speakers(args))


def speak_book(
    args: argparse.Namespace, book: Book, options: GenerationOptions, long_text: LongTextOptions
) -> int:
    """Speak it, or what is left of it, and write it."""
    output = Path(args.output)
    speakers = _speakers(args)
    segments = segments_of(book, speakers)
    with load_engine(args) as engine:
        rate = engine.capabilities.sample_rate

        def make(cancel: CancelToken) -> None:
            voices = {
                name: engine.voice(source, cancel=cancel)
                for name, source in {"": args.voice, **speakers}.items()
            }
            told = identity_of(engine, segments, voices, options, long_text, args.language)
            with Unfinished(unfinished_folder(output), told, rate) as work:
                if work.resumed and not args.quiet:
                    note(f"going on behind the first {work.samples / rate / 60:.1f} minutes")
                _speak(args, engine, segments, voices, work, options, long_text, cancel)
                with engine.session(voices[""]) as session:
                    provenance = session.provenance
                gain, loudness = gain_for(work, args.loudness)
                write_book(
                    output,
                    book,
                    _marks(book, segments, work),
                    work,
                    folder=_is_folder(args.output),
                    chapter_format=args.chapter_format,
                    gain=gain,
                    provenance=None if args.no_tags else provenance,
                )
                work.remove()
            if args.loudness is not None and abs(loudness - args.loudness) > 0.1:
                note(f"warning: it is at {loudness:.1f} LUFS, since its peaks leave no room for more")
            if not args.quiet:
                minutes = work.samples / rate / 60
                note(f"{minutes:.1f} minutes in {len(book.chapters)} chapters: {args.output}")

        try:
            interruptible(make)
        except BaseException:
            if unfinished_folder(output).is_dir():
                note(
                    f"what was spoken is kept in {unfinished_folder(output)}: the same command goes on there"
                )
            raise
    return 0


def _speak(
    args: argparse.Namespace,
    engine: Engine,
    segments: Sequence[Segment],
    voices: Mapping[str, Voice],
    work: Unfinished,
    options: GenerationOptions,
    long_text: LongTextOptions,
    cancel: CancelToken,
) -> None:
    warned: set[str] = set()
    left = [segment for number, segment in enumerate(segments) if not work.ended(number)]
    with speech_progress(args.quiet, sum(len(segment.text.encode()) for segment in left)) as bar:

        def watch(number: int, audio: Audio) -> None:
            bar.spoken(audio)
            for warning in audio.warnings:
                if warning not in warned:
                    warned.add(warning)
                    note(f"warning: {warning}")

        speak_segments(
            engine,
            segments,
            voices,
            work,
            options,
            long_text,
            language=args.language,
            cancel=cancel,
            watch=watch,
            progress=bar.tokens,
        )


def _marks(book: Book, segments: Sequence[Segment], work: Unfinished) -> list[Mark]:
    firsts: dict[int, int] = {}
    for number, segment in enumerate(segments):
        firsts.setdefault(segment.chapter, number)
    starts = [work.start(number) for number in firsts.values()]
    ends = [*starts[1:], work.samples]
    titles = [book.chapters[chapter].title for chapter in firsts]
    return [Mark(*each) for each in zip(titles, starts, ends, strict=True)]

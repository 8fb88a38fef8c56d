"""`loquor say --dry-run`: the text as it will be read, without a model in memory."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import LongTextOptions, _core
from ..book.chapters import Book
from ..book.segments import segments_of
from ..bundle.text_rules import measure_of, prepare_text, text_rules_of
from ..sentences.pieces import Splitter
from .book import book_of, speaker_names
from .console import emit
from .engines import BUILT_IN, check_engine_options
from .text_input import StdinText

__all__ = ["dry_run"]


def dry_run(args: argparse.Namespace, given: str | None, path: Path | None) -> int:
    """Print each chapter's title, and its pieces, as the tokenizer will get them."""
    from ..bundle.hub import resolve

    check_engine_options(args)
    if given is None:
        given = "".join(StdinText(lambda _: None))
    book: Book = book_of(args, given, path)
    folder = resolve(args.model or BUILT_IN, dtype=args.dtype, progress=False if args.quiet else None)
    rules = text_rules_of(folder, _core.read_bundle(str(folder)))
    normalizer = rules.normalizer if args.normalize == "auto" else args.normalize
    language = args.language or "en"
    limit = args.piece_characters or rules.piece_characters
    chapter = -1
    for segment in segments_of(book, speaker_names(args)):
        if segment.chapter != chapter:
            chapter = segment.chapter
            emit(f"# {book.chapters[chapter].title}")
        splitter = Splitter(
            limit,
            join_below=LongTextOptions.join_below,
            language=language.lower(),
            measure=measure_of(normalizer),
        )
        pieces = [*splitter.add(segment.text), *splitter.flush("paragraph")]
        for piece in pieces:
            if piece.spoken:
                said = prepare_text(piece.text, normalizer, rules.profile, args.language, folder)
                mark = f"{segment.speaker}: " if segment.speaker else ""
                emit(f"{mark}{said.text}")
    return 0

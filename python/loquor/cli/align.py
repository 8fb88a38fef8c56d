"""`loquor align`: the heads of a language model that tell when it says each word."""

from __future__ import annotations

import argparse

from ..prepare import prepare_bundle
from .console import emit, note

__all__ = ["add", "run"]

_SHOWN = 8


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Let a model speak a few sentences, find the attention heads that go along the text meanwhile, keep "
        "them beside its prepared graphs, and prepare its language model anew: speech in it then tells when "
        "each word is said. For a model whose heads nobody told. The exit code is 1 if no head goes along."
    )
    parser.add_argument("model", metavar="MODEL", help="a name, hub id or folder, as in `loquor say`")
    parser.add_argument("--dtype", default="auto", metavar="D", help="precision, as in `loquor say`")
    parser.add_argument("--dry-run", action="store_true", help="only print the heads, and keep nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..bundle.hub import resolve
    from ..prepare.align import find_heads
    from ..prepare.heads import keep_heads

    folder = resolve(args.model, dtype=args.dtype, progress=False if args.quiet else None)
    found = find_heads(folder, args.dtype)
    for each in found.scores[:_SHOWN]:
        chosen = "*" if (each.layer, each.head) in found.heads else " "
        emit(f"{chosen} layer {each.layer} head {each.head}: {each.score:.2f}")
    if not found.heads:
        note("no head of this language model goes along the text: nothing is kept")
        return 1
    if args.dry_run:
        return 0
    file = keep_heads(found.source, found.heads)
    prepare_bundle(folder, args.dtype)
    if not args.quiet:
        pairs = [list(pair) for pair in found.heads]
        note(
            f'kept in {file}; a bundle says so itself with "alignment_heads": {pairs} in its '
            "generation_config.json"
        )
    return 0

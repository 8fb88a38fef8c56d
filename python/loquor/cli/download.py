"""`loquor download`: a model's files into the cache."""

from __future__ import annotations

import argparse

from .console import emit

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = "Fetch a model into the Hugging Face cache and print the folder that holds it."
    parser.add_argument(
        "model", metavar="MODEL", help="a name that `loquor models` lists, or a hub id owner/name"
    )
    parser.add_argument("--dtype", default="auto", metavar="D", help="precision, as in `loquor say`")
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit of the repository")
    parser.add_argument("--force", action="store_true", help="fetch again what the cache has")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..bundle.hub import download

    folder = download(
        args.model,
        dtype=args.dtype,
        revision=args.revision,
        force=args.force,
        progress=False if args.quiet else None,
        inspected=True,
    )
    emit(str(folder))
    return 0

"""`loquor prepare`: a model's graphs rewritten so that they run fast."""

from __future__ import annotations

import argparse

from ..prepare import KV_DTYPES, VOCODER, prepare_bundle
from .console import emit, note
from .engines import add_decoder_precision

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Rewrite a model's graphs so that they run fast, check them against the published ones, "
        "keep them in the cache, and print which file serves each graph. The first load of a model does this "
        "by itself. The exit code is 1 if a graph was refused, which then serves as published."
    )
    parser.add_argument("model", metavar="MODEL", help="a name, hub id or folder, as in `loquor say`")
    parser.add_argument("--dtype", default="auto", metavar="D", help="precision, as in `loquor say`")
    parser.add_argument("--kv-dtype", default="auto", choices=KV_DTYPES, help="type of the KV cache")
    add_decoder_precision(parser)
    parser.add_argument("--force", action="store_true", help="do it again, whatever the cache holds")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..bundle.hub import resolve

    folder = resolve(args.model, dtype=args.dtype, progress=False if args.quiet else None)
    graphs = prepare_bundle(
        folder,
        args.dtype,
        kv_dtype=args.kv_dtype,
        decoder_precision=args.decoder_precision,
        force=args.force,
    )
    for name, graph in graphs.items():
        emit(f"{name}: {graph.file or graph.source}")
        if graph.vocoder is not None:
            emit(f"{VOCODER}: {graph.vocoder}")
        if not args.quiet:
            note(f"{name}: {graph.state}" + (f" ({', '.join(graph.changes)})" if graph.changes else ""))
    return int(any(graph.state == "refused" for graph in graphs.values()))

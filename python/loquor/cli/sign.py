"""`loquor sign`: content credentials (C2PA) into files of speech."""

from __future__ import annotations

import argparse

from ..audio.credentials import ALGORITHMS, sign_file
from .console import note

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Sign files of speech in place (C2PA): that they were made by a machine, and what their tags say. "
        "Needs no network; takes loquor[c2pa]. `loquor verify` reads it back."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="wav, flac or mp3")
    parser.add_argument(
        "--certificates", required=True, metavar="PEM", help="the signer's certificate and those above it"
    )
    parser.add_argument("--key", required=True, metavar="PEM", help="its private key (PKCS 8)")
    parser.add_argument("--algorithm", default="es256", choices=ALGORITHMS, help="(default: es256)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    for file in args.files:
        sign_file(file, args.certificates, args.key, algorithm=args.algorithm)
        if not args.quiet:
            note(f"signed: {file}")
    return 0

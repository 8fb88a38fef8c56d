"""`loquor verify`: what recordings say of where they come from; and `watermark-graph`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..errors import InvalidInputError
from .console import emit, exit_code, note, one_line

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    if parser.get_default("command") == "watermark-graph":
        parser.description = (
            "Print the path of the graph that marks speech, which programs in C give an engine as its "
            "watermark. It is made of the weights in resemble-perth, once."
        )
        parser.set_defaults(run=_print_graph)
        return
    parser.description = (
        "Look for the watermark in recordings, and read what their tags say. This is evidence, no proof: "
        "a mark can be removed, tags can be written by anybody."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a recording: wav, flac, ogg, mp3, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    status, found = 0, []
    for file in args.files:
        try:
            facts = _examined(file)
        except InvalidInputError as error:  # of this file; the others are looked at
            note(f"error: {one_line(error)}")
            status = status or exit_code(error)
            continue
        found.append(facts)
        if not args.json:
            emit(_line(facts))
    if args.json:
        emit(json.dumps(found, indent=1))
    return status


def _examined(file: str) -> dict[str, Any]:
    from ..audio.credentials import credentials_in
    from ..audio.provenance import provenance_in
    from ..watermark import detect

    detection, tags, credentials = detect(file), provenance_in(file), credentials_in(file)
    return {
        "file": file,
        **asdict(detection),
        "tags": None if tags is None else asdict(tags),
        "credentials": None if credentials is None else asdict(credentials),
    }


def _line(facts: Mapping[str, Any]) -> str:
    tags = facts["tags"]
    said = "no tags of ours"
    if tags is not None:
        said = "tags say AI-generated, " + ", ".join(f"{name} {text}" for name, text in tags.items())
    if (credentials := facts["credentials"]) is not None:
        claim = "AI-generated" if credentials["ai_generated"] else "not AI-generated"
        said += f"; credentials ({credentials['state']}, by {credentials['signer']}) say {claim}"
    return f"{facts['file']}: {facts['verdict']} ({facts['reason']}); {said}"


def _print_graph(_: argparse.Namespace) -> int:
    from ..watermark.weights import encoder_file

    emit(str(encoder_file()))
    return 0

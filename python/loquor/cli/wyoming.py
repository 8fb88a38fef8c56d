"""`loquor wyoming`: speech for Home Assistant."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
from typing import TYPE_CHECKING

from ..errors import InvalidInputError
from .console import note
from .engines import (
    add_engine_arguments,
    add_voices_by_name,
    check_engine_options,
    load_engine,
    voices_by_name,
)
from .process import hold_signals

if TYPE_CHECKING:
    from .. import Engine

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = "Serve speech to Home Assistant, by its protocol Wyoming."
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="H", help="where to listen (default: 127.0.0.1)"
    )
    parser.add_argument("--port", type=int, default=10200, metavar="N", help="(default: 10200)")
    add_voices_by_name(parser)
    parser.add_argument("--language", metavar="CODE", help="that of all text, for a model that speaks many")
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    check_engine_options(args)
    if importlib.util.find_spec("wyoming") is None:
        raise InvalidInputError("this takes a package that is not installed: pip install 'loquor[wyoming]'")
    if not 0 < args.port <= 65_535:
        raise InvalidInputError(f"cannot listen on port {args.port}: ports are 1 to 65535")
    own = voices_by_name(args.voice)
    from ..adapters.speaking import Speaker
    from ..adapters.wyoming import serve

    with load_engine(args) as engine:
        language = _language(args.language, engine)
        bundled = ["default"] if engine.capabilities.has_default_voice else []
        bundled += engine.voices
        sources = own | {name: None if name == "default" else name for name in bundled if name not in own}
        if not sources:
            raise InvalidInputError("this model brings no voice of its own: add --voice me=recording.wav")
        told = language if len(engine.capabilities.languages) > 1 else None
        speakers = {name: Speaker(engine, source, language=told) for name, source in sources.items()}
        if not args.quiet:
            note(f"serving {', '.join(speakers)} on tcp://{args.host}:{args.port} (Ctrl-C ends it)")
        try:
            asyncio.run(serve(args.host, args.port, speakers, language))
        except OSError as error:
            raise InvalidInputError(
                f"cannot listen on {args.host} port {args.port} ({error}): choose another one"
            ) from error
        except KeyboardInterrupt:
            hold_signals()
    return 0


def _language(given: str | None, engine: Engine) -> str:
    """The language that all text is in: clients name a voice, and no language then."""
    known = engine.capabilities.languages
    if given is None and len(known) > 1:
        raise InvalidInputError(f"this model speaks {', '.join(known)}: choose one with --language")
    if given is not None and given not in known:
        raise InvalidInputError(f"this model does not speak {given!r}, but {', '.join(known)}")
    return given or known[0]

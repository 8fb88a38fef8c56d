"""`loquor serve`: speech over HTTP."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInputError
from ..speech.option_table import ENGINE
from .console import note
from .engines import (
    BUILT_IN,
    add_engine_arguments,
    add_voices_by_name,
    check_engine_options,
    check_input,
    load_engine,
    voices_by_name,
)
from .option_flags import add_option
from .process import hold_signals

if TYPE_CHECKING:
    from ..server.settings import Settings

__all__ = ["add", "run"]

_KEY_VARIABLE = "LOQUOR_API_KEY"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EXTRA = ("starlette", "uvicorn", "websockets", "prometheus_client", "python_multipart")

_LIMITS: tuple[tuple[str, type, str], ...] = (
    ("queue", int, "requests that may wait for a slot; more are refused (default: 64)"),
    ("max_text", int, "characters of one request, up to 20000 (default: 4096)"),
    ("max_upload", int, "bytes of an uploaded recording (default: 20971520)"),
    ("max_voices", int, "uploaded voices that are kept (default: 64)"),
    ("max_sockets", int, "WebSockets that may be open (default: 256)"),
    ("wait_seconds", float, "how long a request may wait for a slot (default: 60)"),
    ("idle_seconds", float, "how long a WebSocket may be open without text to say (default: 300)"),
    ("speech_seconds", float, "how long a request may take altogether (default: 900)"),
    ("stall_seconds", float, "how long a client may leave speech unread (default: 120)"),
    ("drain_seconds", float, "how long what plays may go on at the end (default: 60)"),
    ("unload_minutes", float, "give a model's memory back after so long without a request (default: never)"),
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Serve speech over HTTP: a page at /, OpenAI's /v1/audio/speech, and more. "
        f"An API key, which requests must bring then, is taken from {_KEY_VARIABLE}."
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help="as --model; the first is the default one")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="H", help="where to listen (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, metavar="N", help="(default: 8000; 0 takes a free one)"
    )
    add_voices_by_name(parser)
    parser.add_argument("--api-key-file", metavar="FILE", help="API keys, one a line")
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="another site whose pages may ask (CORS)",
    )
    parser.add_argument(
        "--host-name",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that requests may call the server by (default: any, or this machine's own where only it "
        "is listened to)",
    )
    add_option(parser, ENGINE["slots"])
    add_option(parser, ENGINE["realtime"])
    for name, kind, text in _LIMITS:
        metavar = "N" if kind is int else "M" if name == "unload_minutes" else "S"
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=text)
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    check_engine_options(args)
    ENGINE["slots"].checked(args.slots)
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidInputError(
            f"a server takes packages that are not installed ({', '.join(missing)}): "
            "pip install 'loquor[server]'"
        )
    from ..server.app import create_app
    from ..server.running import bind, serve

    settings = _settings(args)
    app = create_app(settings)
    with bind(args.host, args.port) as listener:
        next(iter(app.state.service.models.values())).open_now()
        if not args.quiet:
            host = f"[{args.host}]" if ":" in args.host else args.host
            address = f"http://{host}:{listener.getsockname()[1]}"
            note(f"serving {', '.join(settings.models)} on {address} (Ctrl-C ends it)")
        if args.host not in _LOOPBACK and not settings.api_keys:
            note(f"warning: whoever reaches {args.host} may ask: set {_KEY_VARIABLE} to a key")
        try:
            asyncio.run(serve(app, listener, settings))
        except KeyboardInterrupt:  # which uvicorn raises once it has ended in order
            hold_signals()
    return 0


def _settings(args: argparse.Namespace) -> Settings:
    from ..server.settings import LOOPBACK_HOSTS, Settings

    names = tuple(dict.fromkeys([*args.models, *([args.model] if args.model else [])])) or (BUILT_IN,)
    own = LOOPBACK_HOSTS if args.host in _LOOPBACK else ("*",)
    limits = {name: getattr(args, name) for name, _, _ in _LIMITS if getattr(args, name) is not None}
    return Settings(
        models={
            name: partial(load_engine, argparse.Namespace(**{**vars(args), "model": name})) for name in names
        },
        voices=voices_by_name(args.voice),
        api_keys=_keys(args.api_key_file),
        origins=tuple(args.allow_origin),
        hosts=tuple(args.host_name) or own,
        **limits,
    )


def _keys(file: str | None) -> tuple[str, ...]:
    keys = [os.environ[_KEY_VARIABLE]] if os.environ.get(_KEY_VARIABLE) else []
    if file is not None:
        check_input(file, "the API keys")
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                f"cannot read the API keys in {file} ({error}): give a text file"
            ) from error
        keys += [line.strip() for line in lines if line.strip()]
        if not keys:
            raise InvalidInputError(f"there is no API key in {file}: write one a line")
    return tuple(keys)

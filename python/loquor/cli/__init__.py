"""The command line: `loquor say`, `serve`, `voice`, `models`, `download`, `prepare`, `bench` and others."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from .. import _core
from ..errors import InvalidInputError, LoquorError
from .console import exit_code, logs_on_stderr, note, one_line, writing_to_stdout
from .process import drop_unwritable_output, ended_by_signals, hold_signals, standard_streams

__all__ = ["main"]

_COMMANDS = {
    "say": ("say", "speak text into a file"),
    "serve": ("serve", "serve speech over HTTP: a page, OpenAI's API, a WebSocket"),
    "wyoming": ("wyoming", "serve speech to Home Assistant, by its protocol Wyoming"),
    "verify": ("verify", "look for the watermark, and for what tags say, in recordings"),
    "sign": ("sign", "sign files of speech (C2PA)"),
    "voice": ("voice", "make a voice file from a recording"),
    "convert": ("convert", "say what a recording says in another voice"),
    "voices": ("voices", "list the voices that a model brings"),
    "models": ("models", "list the models known by name"),
    "download": ("download", "fetch a model and print its folder"),
    "prepare": ("prepare", "rewrite a model's graphs so that they run fast"),
    "align": ("align", "find what tells when a model says each word"),
    "bench": ("bench", "measure how fast a model is here"),
    "eval": ("eval", "measure how well a model speaks here"),
    "doctor": ("doctor", "check this installation"),
    "cmake-dir": ("dirs", "print the folder for CMake's find_package"),
    "watermark-graph": ("verify", "print the graph that marks speech, for programs in C"),
    "pkgconfig-dir": ("dirs", "print the folder for pkg-config"),
}
"""The module here of each, which is imported if it is asked for: none waits for what another needs."""

_EPILOG = """\
exit codes:
  0    done
  1    a graph failed while it ran, or another error
  2    wrong usage, or text, audio, a voice or an option that cannot be used
  3    ONNX Runtime is missing, too old, or lacks the device
  4    a model's files are missing, damaged, of another kind, or could not be downloaded
  130  interrupted by Ctrl-C, 143 by SIGTERM, 129 by a terminal that was closed; nothing half-written is left
       (of a long text, what was spoken: NAME.partial.wav)
"""


class _Parser(argparse.ArgumentParser):
    """Usage errors take the way of all errors: one line, and the exit code of bad input."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(f"{message} (see {self.prog} --help)")


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The whole command line, in which only the command that is asked for knows its options."""
    asked = next((argument for argument in argv if not argument.startswith("-")), None)
    parser: argparse.ArgumentParser = _Parser(
        prog="loquor",
        description="Text to speech with the Chatterbox models on ONNX Runtime.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"loquor {_core.version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "-v", "--verbose", action="count", default=0, help="log to stderr, with tracebacks; -vv logs more"
    )
    common.add_argument("-q", "--quiet", action="store_true", help="only warnings and errors on stderr")
    for name, (module, sentence) in _COMMANDS.items():
        its_parser = commands.add_parser(name, parents=[common], help=sentence)
        its_parser.set_defaults(command=name)
        if name == asked:
            importlib.import_module(f".{module}", __name__).add(its_parser)
    return parser


def _parsed(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    args, unknown = parser.parse_known_args(argv)
    if unknown:  # which argparse itself would blame on the whole, not on the command
        parser.prog = f"{parser.prog} {args.command}"
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command with arguments `argv` (default: those of the process) and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    # Imports the command, before a signal becomes an exception, which an import might lose.
    try:
        parser = _parser(argv)
    except ImportError as error:
        note(f"error: {one_line(error)}")
        return exit_code(error)
    with standard_streams(), ended_by_signals():
        return _run(parser, argv)


def _run(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    verbose = 0
    try:
        try:
            args = _parsed(parser, argv)
        except SystemExit as end:  # argparse ends so after --help and --version
            status = int(end.code or 0)
        else:
            verbose = args.verbose
            with logs_on_stderr(verbose):
                status = args.run(args)
        if sys.stdout is not None:
            with writing_to_stdout():
                sys.stdout.flush()
        hold_signals()
    except BrokenPipeError:  # who read our output has had enough, as `| head` does
        status = 1
    except (LoquorError, OSError, ImportError, KeyboardInterrupt) as error:
        hold_signals()
        if verbose:
            traceback.print_exception(error)
        note(f"error: {one_line(error)}")
        status = exit_code(error)
    drop_unwritable_output()
    return status

"""What the commands that load a model share: their options, loading, interrupting, and early checks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .. import _core
from .._core import CancelToken
from ..base.output import output_target
from ..base.pipes import Piped, from_pipe, whole
from ..base.runtime import add_plugin, advised_dtype, open_runtime
from ..bundle.catalog import CATALOG, check_dtype
from ..errors import InvalidInputError, LoquorError
from ..prepare import DECODER_PRECISIONS, KV_DTYPES, check_preparation
from ..speech.option_table import ENGINE
from .option_flags import add_option
from .process import hold_signals

if TYPE_CHECKING:
    from ..speech.engine import Engine

__all__ = [
    "BUILT_IN",
    "DEVICES",
    "add_decoder_precision",
    "add_engine_arguments",
    "add_model_by_position",
    "add_voices_by_name",
    "check_engine_options",
    "check_input",
    "check_output",
    "interruptible",
    "load_engine",
    "take_model_by_position",
    "voice_names",
    "voice_source",
    "voices_by_name",
]

BUILT_IN = "mini"

FALLBACKS = ("none", "torch")

DEVICES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "webgpu": "WebGpuExecutionProvider",
}
"""The engine's devices, and the execution provider that each needs in ONNX Runtime."""

_OFFERED = ("dtype", "device", "threads", "reference_seconds", "window_prompt", "watermark")
"""Options of an engine that matter to one request at a time."""

_T = TypeVar("_T")


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of an engine."""
    parser.add_argument(
        "--model",
        metavar="M",
        help=f"{', '.join(CATALOG)}, a hub id owner/name[@revision], or a folder (default: {BUILT_IN})",
    )
    for name in _OFFERED:
        choices = {"choices": ("auto", *DEVICES)} if name == "device" else {}
        add_option(parser, ENGINE[name], **choices)
    parser.add_argument(
        "--kv-dtype",
        default="auto",
        choices=KV_DTYPES,
        help="type of the KV cache of a prepared model (default: auto, as published)",
    )
    add_decoder_precision(parser)
    parser.add_argument(
        "--no-prepare", action="store_true", help="run the graphs as published (see `loquor prepare`)"
    )
    parser.add_argument(
        "--fallback",
        default="none",
        choices=FALLBACKS,
        help="torch: `loquor say` speaks a model that is no ONNX bundle by an installed chatterbox-tts",
    )
    parser.add_argument(
        "--variant",
        default="english",
        metavar="NAME",
        help="what form of model that is then (default: english; a wrong name lists all)",
    )


def add_decoder_precision(parser: argparse.ArgumentParser) -> None:
    """Add `--decoder-precision`, of commands that prepare graphs."""
    parser.add_argument(
        "--decoder-precision",
        default="auto",
        choices=DECODER_PRECISIONS,
        help="auto: a prepared decoder in float32 multiplies in 16 bits where its samples allow it; "
        "fp32: it never does (default: auto)",
    )


def check_engine_options(args: argparse.Namespace) -> None:
    """Raise `InvalidInputError` for options of an engine that no model could take."""
    check_dtype(args.dtype)
    for name in _OFFERED:
        ENGINE[name].checked(getattr(args, name))
    check_preparation(not args.no_prepare, args.kv_dtype, decoder_precision=args.decoder_precision)


def add_model_by_position(parser: argparse.ArgumentParser) -> None:
    """Let the model be given as an argument too, for commands that are about a model."""
    parser.add_argument("place", nargs="?", metavar="MODEL", help="the same as --model")


def take_model_by_position(args: argparse.Namespace) -> None:
    """Make it `args.model`. Raises `InvalidInputError` if another one is given as an option."""
    if args.place is not None and args.model not in (None, args.place):
        raise InvalidInputError(f"models {args.place!r} and {args.model!r} are both given: give one")
    args.model = args.model or args.place


def load_engine(args: argparse.Namespace, *, keep_encoder: bool = False) -> Engine:
    """Load the engine that the options ask for, downloading it first with a bar unless --quiet."""
    from ..bundle.hub import resolve
    from ..speech.engine import Engine

    model = args.model or BUILT_IN
    if args.fallback != "none" and args.command != "say":
        raise InvalidInputError(
            f"chatterbox-tts only speaks, and whole texts: --fallback {args.fallback} is for `loquor say`, "
            f"not for `loquor {args.command}`"
        )
    runtime = open_runtime()  # without which, or the device's provider, a download would be for nothing
    add_plugin(runtime, args.device)
    prefer = advised_dtype(runtime, args.device)
    resolve(model, dtype=args.dtype, prefer=prefer, progress=False if args.quiet else None, inspected=True)
    return Engine(
        model,
        normalize=getattr(args, "normalize", "auto"),  # only of commands that speak
        slots=getattr(args, "slots", 0),  # only of commands that speak to many
        prepare=not args.no_prepare,
        kv_dtype=args.kv_dtype,
        decoder_precision=args.decoder_precision,
        realtime=getattr(args, "realtime", False),  # of the same
        keep_encoder=keep_encoder,
        **{name: getattr(args, name) for name in _OFFERED},
    )


def voice_names(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the voices that the model brings, if it is at hand without a download."""
    from ..bundle.hub import resolve

    model = args.model or BUILT_IN
    try:
        return tuple(_core.read_bundle(str(resolve(model) if model == BUILT_IN else model))["voices"])
    except LoquorError:  # what opens it says why
        return ()


def interruptible(
    work: Callable[[CancelToken], _T], interrupt: Callable[[], None] | None = None, *, settle: bool = True
) -> _T:
    """Return what `work` returns; Ctrl-C cancels the token and calls `interrupt`, to end a running graph.

    On the main thread the interrupt would have to wait for the graph's end. With `settle` the work is waited
    for all the same; else it may be stuck in somebody's pipe. Raises what `work` raises.
    """
    cancel = CancelToken()
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(work, cancel)
    try:
        while not wait((future,), timeout=0.1).done:  # Windows notices Ctrl-C only between waits
            pass
    except KeyboardInterrupt:
        hold_signals()
        cancel.cancel()
        if interrupt is not None:
            interrupt()
        pool.shutdown(wait=settle)
        raise
    pool.shutdown()
    return future.result()


def voice_source(given: str | None) -> str | Piped | None:
    """Return what `Engine.voice` takes: what comes from a pipe, or from stdin for "-", is read now.

    On the main thread, where Ctrl-C ends the waiting. Raises `InvalidInputError`.
    """
    if given == "-":
        if sys.stdin is None:
            raise InvalidInputError("cannot read the recording from stdin, which is closed: give a file")
        return whole(sys.stdin.buffer, "the recording on stdin")
    piped = from_pipe(given) if given is not None else None
    return given if piped is None else piped


def add_voices_by_name(parser: argparse.ArgumentParser) -> None:
    """Add `--voice NAME=FILE`, of which there may be several."""
    parser.add_argument(
        "--voice",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a recording or saved voice that requests may name (may be given several times)",
    )


def voices_by_name(given: list[str]) -> dict[str, Path]:
    """Return the files by name. Raises `InvalidInputError` for what is none, and a file that is not there."""
    voices = {}
    for each in given:
        name, separator, file = each.partition("=")
        if not separator or not name.isprintable() or not name.strip():
            raise InvalidInputError(f"--voice takes NAME=FILE, not {each!r}: write --voice me=me.wav")
        check_input(file, "the voice")
        voices[name] = Path(file).absolute()
    return voices


def check_input(path: str, what: str, names: Iterable[str] = ()) -> None:
    """Raise `InvalidInputError` if there is no file to read, before a model is loaded in vain.

    `names` may be given instead of a file, and "-" for stdin.
    """
    if not path:
        raise InvalidInputError(f"the name of {what} is empty: give that of a file")
    if path != "-" and path not in (known := tuple(names)) and not Path(path).exists():
        from ..voice.voice import nearest_name  # seldom needed, and slow to import

        meant = f": did you mean {close!r}?" if (close := nearest_name(path, known)) else ""
        advice = f"{meant} (voices by name: {', '.join(known)})" if known else ""
        raise InvalidInputError(f"cannot read {what} {path}: there is no such file{advice}")


def check_output(path: str, suffixes: Iterable[str], source: str | None) -> None:
    """Raise `InvalidInputError` if a file cannot be written, before minutes are spent on its content.

    `source` is the input file that the output must not replace.
    """
    target, expected = Path(path), tuple(suffixes)
    if target.suffix.lower() not in expected:
        raise InvalidInputError(f"cannot write {path}: the name must end in {' or '.join(expected)}")
    output_target(path)
    if source is not None and target.exists() and Path(source).exists() and target.samefile(source):
        raise InvalidInputError(
            f"cannot write {path}: that would replace the voice it is made from, choose another name"
        )

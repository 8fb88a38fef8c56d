"""`loquor eval`: how well a model speaks here, as far as a machine can tell."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..base.numbers import finite
from ..errors import InvalidInputError
from .console import emit, note
from .engines import (
    add_engine_arguments,
    add_model_by_position,
    check_engine_options,
    check_input,
    check_output,
    interruptible,
    load_engine,
    take_model_by_position,
    voice_names,
)

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Have sentences spoken and tell how many words a recogniser gets wrong, how long, how clipped and "
        "how fast they are, which ran away, and how far the next tokens are from the same model's in float32 "
        "where the bundle has both."
    )
    add_model_by_position(parser)
    parser.add_argument(
        "--voice", metavar="V", help="a recording, a voice file or a voice of the model (default: its own)"
    )
    parser.add_argument("--sentences", metavar="FILE", help="a line each, UTF-8 (default: 20 English ones)")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N of them (default: all)")
    parser.add_argument("--language", metavar="CODE", help="theirs, such as de (default: en, or the model's)")
    parser.add_argument(
        "--recogniser",
        default="small",
        metavar="M",
        help="faster-whisper's model, a name that it may download or a folder; none counts no words "
        "(default: small)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of every sentence (default: 0)")
    parser.add_argument(
        "--most-wrong",
        type=float,
        metavar="SHARE",
        help="end with status 1 if a larger share of words is wrong, such as 0.05, or anything ran away",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures here too")
    add_engine_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..bench import document, evaluate, machine, sentences_of, table, whisper, write_document

    take_model_by_position(args)
    _check(args)
    sentences = sentences_of(args.sentences)[: args.limit]
    recogniser = None if args.recogniser == "none" else whisper(args.recogniser)

    def tell(text: str) -> None:
        if not args.quiet:
            note(text)

    with load_engine(args) as engine:
        rows, facts = interruptible(
            lambda cancel: evaluate(
                engine,
                sentences,
                args.voice,
                language=args.language,
                seed=args.seed,
                recogniser=recogniser,
                cancel=cancel,
                tell=tell,
            )
        )
        able = engine.capabilities
        about = {"model": able.model, "device": able.device, "dtypes": dict(able.dtypes), "seed": args.seed}
    if args.json is not None:
        write_document(Path(args.json), document("eval", rows, machine(), {**about, **facts}))
    heading = f"{able.model} on {able.device}: " + ", ".join(f"{n} {d}" for n, d in able.dtypes.items())
    emit("\n".join([heading, _told(facts), *table(rows)]))
    return _gate(args, facts)


def _told(facts: dict[str, object]) -> str:
    wrong = facts.get("word_error_share")
    parts = [f"{facts['sentences']} sentences"]
    parts += [] if wrong is None else [f"{wrong:.1%} of words wrong"]
    parts += [f"{facts['runaway_share']:.0%} ran away", f"{facts['truncated_share']:.0%} truncated"]
    parts += [str(facts["next_tokens"])] if "next_tokens" in facts else []
    return ", ".join(parts)


def _gate(args: argparse.Namespace, facts: dict[str, float]) -> int:
    if args.most_wrong is None:
        return 0
    wrong = facts["word_error_share"] > args.most_wrong
    astray = facts["runaway_share"] > 0 or facts["truncated_share"] > 0
    if wrong or astray:
        note("not good enough: " + ("too many words are wrong" if wrong else "some speech ran away"))
    return 1 if wrong or astray else 0


def _check(args: argparse.Namespace) -> None:
    check_engine_options(args)
    if args.limit is not None and args.limit < 1:
        raise InvalidInputError(f"--limit must be 1 or more, not {args.limit}")
    if args.most_wrong is not None:
        if not 0 <= finite(args.most_wrong, "--most-wrong") <= 1:
            raise InvalidInputError(f"--most-wrong must be a share from 0 to 1, not {args.most_wrong}")
        if args.recogniser == "none":
            raise InvalidInputError("--most-wrong needs a recogniser: name one, or leave it out")
    if args.voice is not None:
        check_input(args.voice, "the voice", voice_names(args))
    if args.json is not None:
        check_output(args.json, (".json",), args.voice)

"""python -m voice all --work DIR: the built-in voice, stage by stage; every stage may be stopped and
goes on."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path


def _fetch(work: Path, options: argparse.Namespace) -> None:
    from . import sources

    sources.run(work)


def _text(work: Path, options: argparse.Namespace) -> None:
    from . import text
    from .scowl import unpack

    text.run(work, unpack(work), options.texts)


def _time(work: Path, options: argparse.Namespace) -> None:
    from . import timing

    timing.run(work)


def _speak(work: Path, options: argparse.Namespace) -> None:
    from . import parallel

    parallel.run(work, options.processes, options.bfloat16, options.hours)


def _analyse(work: Path, options: argparse.Namespace) -> None:
    from . import analysis

    analysis.run(work)


def _decoder(work: Path, options: argparse.Namespace) -> None:
    from . import decoder_training
    from .trainer import Schedule

    steps = options.steps
    training = decoder_training.Training(Schedule(steps, 1.5e-3), steps * 2 // 5, options.bfloat16)
    decoder_training.run(work, training)


def _gate(work: Path, options: argparse.Namespace) -> None:
    from . import gate

    gate.run(work)


def _encode(work: Path, options: argparse.Namespace) -> None:
    from . import coded

    coded.run(work)


def _train(work: Path, options: argparse.Namespace) -> None:
    from . import speech_training
    from .trainer import Schedule

    speech_training.run(work, Schedule(options.speech_steps, 1.5e-3), options.bfloat16)


def _listen(work: Path, options: argparse.Namespace) -> None:
    from . import listening
    from .trainer import Schedule

    listening.run(work, Schedule(1500, 2e-3), options.bfloat16)


def _export(work: Path, options: argparse.Namespace) -> None:
    from . import bundle

    bundle.run(work)


def _evaluate(work: Path, options: argparse.Namespace) -> None:
    from . import evaluate

    evaluate.run(work)


def _keep(work: Path, options: argparse.Namespace) -> None:
    from . import keep

    keep.keep(work)


def _start(work: Path, options: argparse.Namespace) -> None:
    from . import keep

    keep.start(work)


STAGES: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "fetch": _fetch,
    "text": _text,
    "start": _start,
    "time": _time,
    "speak": _speak,
    "analyse": _analyse,
    "decoder": _decoder,
    "gate": _gate,
    "encode": _encode,
    "train": _train,
    "listen": _listen,
    "export": _export,
    "evaluate": _evaluate,
    "keep": _keep,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m voice", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "all"])
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for everything that is made (some 3 GB)"
    )
    parser.add_argument("--texts", type=int, default=26_000, help="texts in all, 20 hours and more of timing")
    parser.add_argument(
        "--hours", type=float, default=6.0, help="hours of sound, all timbres together, at which `speak` ends"
    )
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="of one thread each, for `speak`"
    )
    parser.add_argument("--steps", type=int, default=12_000, help="of the decoder's training")
    parser.add_argument("--speech-steps", type=int, default=7000, help="of the language model's training")
    parser.add_argument(
        "--bfloat16", action="store_true", help="speak in half the time, on a CPU with bfloat16 instructions"
    )
    options = parser.parse_args()
    work: Path = options.work.resolve()
    if Path(__file__).resolve().parents[2] in (work, *work.parents):
        parser.error(f"--work {work} is inside the repository: name a folder outside it")
    work.mkdir(parents=True, exist_ok=True)
    # `keep` writes into the repository: only when it is asked for
    wanted = [name for name in STAGES if name != "keep"] if options.stage == "all" else [options.stage]
    for name in wanted:
        if name == "text" and options.stage == "all" and (work / "texts.txt").exists():
            continue
        print(f"stage {name}", flush=True)
        STAGES[name](work, options)


if __name__ == "__main__":
    main()

"""python -m mini all --work DIR: make the voice, stage by stage; a finished stage is not run again."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from .config import CONFIGS, Config


def _sysroot(work: Path) -> Path:
    from .debian import unpack

    return unpack(work)


def _text(work: Path, config: Config) -> None:
    from . import text

    text.run(work, _sysroot(work) / "usr/share/dict/scowl", config.texts)


def _teacher(work: Path, config: Config) -> None:
    from . import teacher

    teacher.run(work, _sysroot(work))


def _align(work: Path, config: Config) -> None:
    from . import corpus

    corpus.run(work)


def _codec(work: Path, config: Config) -> None:
    from . import codec

    codec.run_codec(work, config)


def _encode(work: Path, config: Config) -> None:
    from . import codec

    codec.run_encode(work)


def _pretrain(work: Path, config: Config) -> None:
    from . import speech_training

    speech_training.run_pretrain(work, config)


def _train(work: Path, config: Config) -> None:
    from . import speech_training

    speech_training.run_train(work, config)


def _decoder(work: Path, config: Config) -> None:
    from . import codec

    codec.run_decoder(work, config)


def _student(work: Path, config: Config) -> None:
    from . import student

    student.run(work, config)


def _export(work: Path, config: Config) -> None:
    from . import bundle

    bundle.run(work)


def _evaluate(work: Path, config: Config) -> None:
    from . import evaluate

    evaluate.run(work, config)


@dataclass(frozen=True)
class Stage:
    run: Callable[[Path, Config], None]
    needs: tuple[str, ...] = ()


STAGES = {
    "text": Stage(_text),
    "teacher": Stage(_teacher, ("text",)),
    "align": Stage(_align, ("teacher",)),
    "codec": Stage(_codec, ("align",)),
    "encode": Stage(_encode, ("codec",)),
    "pretrain": Stage(_pretrain, ("align",)),
    "train": Stage(_train, ("encode", "pretrain")),
    "decoder": Stage(_decoder, ("encode",)),
    "student": Stage(_student, ("decoder",)),
    "export": Stage(_export, ("train", "student")),
    "evaluate": Stage(_evaluate, ("export",)),
}


def forget(name: str, work: Path) -> None:
    """What was made from `name` is stale."""
    (work / f".{name}.done").unlink(missing_ok=True)
    for later, stage in STAGES.items():
        if name in stage.needs:
            forget(later, work)


def run_stage(name: str, work: Path, config: Config) -> None:
    missing = [need for need in STAGES[name].needs if not (work / f".{need}.done").exists()]
    if missing:
        raise SystemExit(f"stage {name} needs {' and '.join(missing)} first: run them, or 'all'")
    forget(name, work)
    STAGES[name].run(work, config)
    (work / f".{name}.done").touch()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m mini", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "all"], help="all runs every stage that is not done yet")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for data and checkpoints (some 3 GB)"
    )
    parser.add_argument(
        "--config", choices=CONFIGS, default="full", help="tiny only shows that everything runs"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--bfloat16", action="store_true", help="train in half the time, on a CPU with bfloat16 instructions"
    )
    arguments = parser.parse_args()
    work: Path = arguments.work.resolve()
    if Path(__file__).resolve().parents[2] in (work, *work.parents):
        parser.error(f"--work {work} is inside the repository: name a folder outside it")
    work.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    config = replace(CONFIGS[arguments.config], bfloat16=arguments.bfloat16)
    names = list(STAGES) if arguments.stage == "all" else [arguments.stage]
    for name in names:
        if arguments.stage == "all" and (work / f".{name}.done").exists():
            continue
        print(f"stage {name}", flush=True)
        run_stage(name, work, config)


if __name__ == "__main__":
    main()

"""What the benchmarks share: rivals that take turns, figures with their machine, a table, a plot."""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from loquor import Engine, bench
from loquor.bench import (
    Questions,
    Row,
    document,
    key_of,
    measure,
    read_bandwidth,
    row_of,
    table,
    take_turns,
    write_document,
)

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # the bundle makers and the plain loop

from bundles import EXPORTED_FORMS, FORMS, SIZES, make_bundle  # noqa: E402

__all__ = [
    "RATE", "ROOT", "TRUE", "TRUE_DTYPE", "Row", "aloud", "dry_seconds", "heading",
    "keep", "machine", "main_of", "main_of_text", "measure", "questions",
    "read_bandwidth", "recording", "report", "row_of", "table", "take_turns", "title", "true_bundle",
]  # fmt: skip

RATE = 24_000
SHARED = ROOT.parent / "shared"
MAKER = SHARED / "arch" / "fill.py"
TRUE, TRUE_DTYPE = "true", "q4,speech_encoder=fp32,conditional_decoder=fp32"
"""Turbo's true encoder and decoder: as a size, and the precisions they come in."""


def main_of(
    question: str | None,
    answer: Callable[[argparse.Namespace, Path], None],
    add_arguments: Callable[[argparse.ArgumentParser], None],
    *,
    speaks: bool = False,
) -> int:
    """A script: `question` is its docstring, `answer` gets the options and the bundle they name.

    One that `speaks` takes Turbo's true encoder and decoder where their maker is at hand.
    """
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=question, formatter_class=raw)
    parser.add_argument("--bundle", type=Path, help="your own, instead of one with random weights")
    usual = TRUE if speaks and MAKER.is_file() else "nano"
    parser.add_argument("--size", choices=[*SIZES, *([TRUE] if speaks else [])], default=usual)
    parser.add_argument("--form", choices=list(itertools.chain(FORMS, EXPORTED_FORMS)), default="concat")
    parser.add_argument("--dtype", default="q4", help="a precision; of your own bundle as for an engine")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures here, and a plot beside them")
    add_arguments(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.bundle is None and args.size == TRUE:
            args.dtype = TRUE_DTYPE
            answer(args, true_bundle(Path(folder)))
            return 0
        random = {"size": args.size, "form": args.form, "dtype": args.dtype, "stop_bias": -1000.0}
        answer(args, args.bundle or make_bundle(Path(folder), **random))
    return 0


def main_of_text(question: str | None, what: str, rows: Callable[[int], Sequence[Row]]) -> int:
    """A script about text alone: `question` is its docstring, `rows` are measured in so many rounds."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=question, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures here, and a plot beside them")
    args = parser.parse_args()
    report(what, rows(args.rounds), args.json)
    return 0


def title(what: str, args: argparse.Namespace) -> str:
    return f"{what} of {args.bundle or f'{args.size} {args.form}'} {args.dtype}, {args.threads} threads"


def recording(seconds: float = 15) -> np.ndarray:
    """A tone in syllables, float32 at `RATE`; the longest that a voice is made of, by default."""
    time = np.arange(int(RATE * seconds)) / RATE
    tone = np.sin(2 * np.pi * 140 * time) * (0.55 + 0.45 * np.sin(2 * np.pi * 3 * time))
    noise = np.random.default_rng(0).standard_normal(time.size)
    return (0.2 * tone + 0.01 * noise).astype(np.float32)


def true_bundle(folder: Path) -> Path:
    """Turbo's true decoder and encoder with random weights, its language model in q4; with the real tokenizer
    where it is at hand, so that texts have as many ids as they have in earnest."""
    if not MAKER.is_file():
        raise SystemExit(f"skipped: {MAKER} is not there, which makes the true graphs; give a --bundle")
    subprocess.run([sys.executable, MAKER, folder / "onnx"], check=True, capture_output=True)
    bundle = make_bundle(
        folder, size="turbo", dtype="q4", graphs=("embed_tokens", "language_model"), stop_bias=-1000.0
    )
    if (tokenizer := SHARED / "turbo" / "tokenizer.json").is_file():
        shutil.copyfile(tokenizer, bundle / "tokenizer.json")
    return bundle


def aloud(rivals: Mapping[str, Callable[[], float]], factor: float = 1e3, unit: str = "ms") -> dict[str, Any]:
    """The same, each figure printed when it is there."""

    def said(label: str, work: Callable[[], float]) -> float:
        figure = work()
        print(f"  {label}: {factor * figure:.1f} {unit}", flush=True)
        return figure

    return {label: partial(said, label, work) for label, work in rivals.items()}


def dry_seconds(chunks: Iterable[tuple[float, float]]) -> list[float]:
    """The gaps that a player hears who starts with the first chunk: of (when it came, seconds of sound)."""
    gaps, plays_until = [], None
    for came, seconds in chunks:
        if plays_until is not None and came > plays_until:
            gaps.append(came - plays_until)
        plays_until = seconds + (came if plays_until is None else max(came, plays_until))
    return gaps


def questions(engine: Engine) -> Questions:
    """To an engine that speaks in the voice of the recording."""
    return Questions(engine, engine.voice((recording(), RATE)))


def machine() -> dict[str, Any]:
    """What a figure is worthless without; `changed`: the tree has what the commit has not."""
    changed = bool(_git("status", "--porcelain"))
    return {**bench.machine(), "commit": _git("rev-parse", "--short", "HEAD"), "changed": changed}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def report(question: str, rows: Sequence[Row], out: Path | None, **facts: Any) -> None:
    """Prints a table; writes `out` as JSON and, where matplotlib is at hand, a plot beside it."""
    about = heading(question)
    print("\n".join(table(rows)))
    if out is not None:
        keep(rows, out, about, question=question, **facts)
        _plot(question, rows, out.with_suffix(".png"))


def heading(question: str) -> dict[str, Any]:
    """Prints what is asked, and where; returns the machine."""
    about = machine()
    changed = " and changes" if about["changed"] else ""
    units = about["vector_unit"] + ("" if about["matrix_unit"] == "none" else f" and {about['matrix_unit']}")
    where = f"{about['cpu']} ({units}), {about['cores']} cores, load {about['load']}"
    print(f"{question}\n{where}, commit {about['commit']}{changed}", flush=True)
    return about


def keep(rows: Sequence[Row], out: Path, about: dict[str, Any], **facts: Any) -> None:
    """Writes the figures of this script as JSON, by loquor.bench.SCHEMA."""
    facts = {"arguments": sys.argv[1:], **facts}
    write_document(out, document(key_of(Path(sys.argv[0]).stem), rows, about, facts))


def _plot(question: str, rows: Sequence[Row], path: Path) -> None:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print(f"\nno plot: matplotlib is missing (pip install -r {ROOT / 'benchmarks' / 'requirements.txt'})")
        return
    units = list(dict.fromkeys(row.unit for row in rows))
    sizes = [sum(row.unit == unit for row in rows) for unit in units]
    figure, panels = plt.subplots(
        len(units), squeeze=False, figsize=(9, 1 + 0.7 * len(units) + 0.3 * len(rows)), height_ratios=sizes
    )
    for unit, axes in zip(units, panels[:, 0], strict=True):
        shown = [row for row in rows if row.unit == unit]
        labels = [" ".join(filter(None, [row.label, row.title])) for row in shown]
        errors = [[row.median - row.least for row in shown], [row.p95 - row.median for row in shown]]
        axes.barh(labels, [row.median for row in shown], xerr=errors, color="#4878a8", ecolor="#888888")
        axes.invert_yaxis()
        axes.set_xlabel(f"{unit}: median, best and p95")
    figure.suptitle(question)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)

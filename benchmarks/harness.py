"""What the benchmarks share: rivals that take turns, figures with their machine, a table, a plot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loquor import bench
from loquor.bench import Row, measure, read_bandwidth, row_of, table, take_turns

__all__ = ["ROOT", "Row", "machine", "measure", "read_bandwidth", "report", "row_of", "take_turns"]

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # the bundle makers and the plain loop


def machine() -> dict[str, Any]:
    """What a figure is worthless without; `changed`: the tree has what the commit has not."""
    changed = bool(_git("status", "--porcelain"))
    return {**bench.machine(), "commit": _git("rev-parse", "--short", "HEAD"), "changed": changed}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def report(question: str, rows: Sequence[Row], out: Path | None, **facts: Any) -> None:
    """Prints a table; writes `out` as JSON and, where matplotlib is at hand, a plot beside it."""
    about = machine()
    changed = " and changes" if about["changed"] else ""
    print(f"{question}\n{about['cpu']}, {about['cores']} cores, load {about['load']}, "
          f"commit {about['commit']}{changed}")  # fmt: skip
    print("\n".join(table(rows)))
    if out is None:
        return
    content = {"question": question, **facts, "machine": about, "rows": [asdict(row) for row in rows]}
    out.write_text(json.dumps(content, indent=1), encoding="utf-8")
    _plot(question, rows, out.with_suffix(".png"))


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
        labels = [" ".join([row.rival, *map(str, row.condition.values())]) for row in shown]
        errors = [[row.median - row.fastest for row in shown], [row.p95 - row.median for row in shown]]
        axes.barh(labels, [row.median for row in shown], xerr=errors, color="#4878a8", ecolor="#888888")
        axes.invert_yaxis()
        axes.set_xlabel(f"{unit or 'real-time factor'}: median, best and p95")
    figure.suptitle(question)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)

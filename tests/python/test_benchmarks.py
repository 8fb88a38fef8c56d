"""The scripts in benchmarks/ run, at tiny size: figures in their JSON, a plot where matplotlib is at hand."""

from __future__ import annotations

import importlib.util
import json
import math
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "harness.py")

SHORT = ["--tokens", "8", "--seconds", "6"]
QUICK = {
    "prefill.py": (["--text", "10"], {"public loop", "public loop, level 4", "loquor, new voice"}),
    "latency.py": (SHORT, {"first token, recording", "first sound, voice known", "whole utterance"}),
    "pipeline.py": (SHORT, {"prefill", "decode steps", "decoder", "rest", "all"}),
    "batch.py": (
        ["--batch", "1", "3", "--context", "450", "--steps", "1"],
        {"B = 1, by turns", "B = 3, by turns", "B = 3, together"},
    ),
}  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """(script, arguments) -> its exit code; it runs in this process, as `python benchmarks/SCRIPT` would."""

    def start(script: str, *arguments: str) -> object:
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(FOLDER / script), run_name="__main__")
        return end.value.code

    monkeypatch.syspath_prepend(str(FOLDER))
    return start


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_says_what_it_asks(run: Any, script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(script, "--help") == 0
    assert "--" in capsys.readouterr().out


@pytest.mark.parametrize("script", QUICK)
def test_figures(run: Any, script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, expected = QUICK[script]
    out = tmp_path / "figures.json"
    small = ["--size", "tiny", "--dtype", "q4", "--rounds", "2", "--threads", "1", "--json", str(out)]
    assert run(script, *small, *arguments) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert {"cpu", "cores", "load", "versions", "commit", "changed", "time"} <= found["machine"].keys()
    assert found["question"]
    rows = found["rows"]
    assert expected <= {row["rival"] for row in rows}
    for row in rows:
        assert 0 < row["fastest"] <= row["median"] <= row["p95"] < math.inf, row
        assert (row["rounds"] == 2 and row["ratio"] is None) or row["ratio"] > 0, row
    printed = capsys.readouterr().out
    assert all(row["rival"] in printed for row in rows)
    if importlib.util.find_spec("matplotlib") is None:
        assert "no plot: matplotlib is missing" in printed
    else:
        assert (tmp_path / "figures.png").read_bytes().startswith(b"\x89PNG")


def test_a_rival_that_is_not_installed_is_left_out(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    small = ["--size", "tiny", "--dtype", "q4", "--rounds", "1", "--text", "10", "--json", str(out)]
    assert run("prefill.py", *small, "--rivals", str(tmp_path / "no-python")) == 0
    missing = json.loads(out.read_text(encoding="utf-8"))["rivals_missing"]
    assert set(missing) == {"llama.cpp", "onnxruntime-genai"}
    assert all("does not start" in problem for problem in missing.values())
    assert "left out: llama.cpp: " in capsys.readouterr().out


@pytest.mark.parametrize("worker", ["llama_cpp_worker.py", "genai_worker.py"])
def test_a_worker_without_its_package_says_so(run: Any, worker: str, tmp_path: Path) -> None:
    import rivals

    package = {"llama_cpp_worker.py": "llama_cpp", "genai_worker.py": "onnxruntime_genai"}[worker]
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(rivals.RivalMissingError, match=f"No module named '{package}'"):
        rivals.Child(sys.executable, worker, {"folder": str(tmp_path), "dtype": "q4"})


_WORKER = """
import json, sys
facts = json.loads(sys.stdin.readline())
sys.stderr.write("chatter " * 100_000)
print(json.dumps({"name": "stand-in", "version": "1"}), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    if question["context"] == 13:
        sys.exit("out of luck")
    if question["context"] == 14:
        print(json.dumps({"error": "no such context"}), flush=True)
        continue
    figures = {"prefill": question["context"] * facts["unit"], "step": question["steps"] * facts["unit"]}
    print(json.dumps(figures), flush=True)
"""


def test_a_rival_in_a_process_of_its_own_takes_turns(run: Any, tmp_path: Path) -> None:
    """One that talks, refuses, and dies: its figures and its last words arrive."""
    import rivals

    (tmp_path / "worker.py").write_text(_WORKER, encoding="utf-8")
    child = rivals.Child(sys.executable, str(tmp_path / "worker.py"), {"unit": 0.5})
    try:
        found = rivals.Rivals({"it": (child, {}), "again": (child, {})})
        assert {name: ask() for name, ask in found.steps(450, 4).items()} == {"it": 2.0, "again": 2.0}
        assert found.prefills(430)["it"]() == 215.0
        with pytest.raises(rivals.RivalMissingError, match="no such context"):
            found.prefills(14)["it"]()
        assert found.prefills(2)["again"]() == 1.0
        with pytest.raises(rivals.RivalMissingError, match=r"its process ended: .*out of luck"):
            found.prefills(13)["it"]()
    finally:
        child.close()


def test_the_loop_at_level_four_hears_nearly_the_same(run: Any, tmp_path: Path) -> None:
    """It is the graph as published but for int8 activations: other logits, though hardly."""
    import harness
    import numpy as np
    from rivals import public_loop

    from bundles import make_bundle

    bundle = make_bundle(tmp_path / "tiny", size="tiny", dtype="q4", stop_bias=-1000.0)
    loops = public_loop.loops(bundle, "q4", 1)
    assert list(loops) == ["public loop", "public loop, level 4"]
    assert list(public_loop.loops(make_bundle(tmp_path / "tiny"), "fp32", 1)) == ["public loop"]
    ids = [72] * 5 + [50256] * 2
    logits = [next(loop.steps(ids, loop.encode(harness.recording()))) for loop in loops.values()]
    difference = np.abs(logits[0] - logits[1])[:6561]
    assert 0 < difference.max() < 0.2 * np.abs(logits[0][:6561]).max()

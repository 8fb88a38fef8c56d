"""The scripts in benchmarks/ run, at tiny size: figures in their JSON, a plot where matplotlib is at hand."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import runpy
import statistics
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import loquor
from loquor.bench import SCHEMA

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "harness.py")

MINI = str(Path(loquor.__file__).parent / "mini")
SMALL = ["--size", "tiny", "--dtype", "q4", "--rounds", "2", "--threads", "1"]
SHORT = [*SMALL, "--tokens", "8", "--seconds", "6"]
KNOWN = ("voice", "known")
QUICK = {
    "prefill.py": ([*SMALL, "--text", "10"], {("public_loop",), ("public_loop_level_4",), ("loquor", KNOWN)}),
    "latency.py": (
        SHORT,
        {("first_token", ("voice", "recording")), ("first_sound", KNOWN), ("whole_utterance",)},
    ),
    "pipeline.py": (SHORT, {("prefill",), ("steps",), ("decoder",), ("rest",), ("all",)}),
    "batch.py": (
        [*SMALL, "--batch", "1", "3", "--context", "450", "--steps", "1"],
        {("by_turns", ("batch", 1)), ("by_turns", ("batch", 3)), ("together", ("batch", 3))},
    ),
    "decode.py": (
        [*SMALL, "--rounds", "1", "--context", "450", "--steps", "2"],
        {("public_loop", ("context", 450)), ("loquor",), ("loquor_int8_kv",)},
    ),
    "decoder.py": (
        ["--bundle", MINI, "--dtype", "auto", "--tokens", "10", "--seconds", "6", "--rounds", "1",
         "--threads", "1"],
        {("as_published", ("tokens", 10)), ("prepared",)},
    ),
    "memory.py": (
        ["--size", "tiny", "--dtype", "q4", "--threads", "1"],
        {
            ("resident", ("held", "engine")),
            ("peak", ("held", "published_four")),
            ("kv_cache", ("held", "spoken")),
        },
    ),
    "asyncio_streams.py": (
        ["--streams", "2", "--tokens", "5", "--threads", "1"],
        {("lag", ("streams", 0)), ("lag", ("streams", 2))},
    ),
    "streams.py": (
        ["mini", "--streams", "1", "2", "--tokens", "8", "--rounds", "1", "--cancels", "2", "--threads", "1"],
        {("first_sound", ("streams", 2)), ("tokens_per_second", ("way", "one_at_a_time")), ("cancel",)},
    ),
    "server.py": (
        ["--streams", "1", "--rounds", "1", "--formats", "pcm", "--threads", "1"],
        {("first_sound", ("way", "engine")), ("all_texts", ("way", "pcm")), ("processor_time",)},
    ),
    "server_load.py": (["--clients", "3", "--seconds", "2"], {("memory",), ("first_sound",), ("lag",)}),
    "interference.py": (
        ["--size", "tiny", "--rounds", "1", "--newcomers", "1", "--tokens", "12", "--codes", "10",
         "--seconds", "6", "--threads", "1"],
        {("first_sound", ("beside", "nothing")), ("longest_gap", ("beside", "encode")),
         ("the_disturber", ("beside", "speak"))},
    ),
    "split.py": (["--rounds", "1"], {("split", ("text", "index")), ("split", ("normalize", "en"))}),
    "watermark.py": (["--rounds", "1"], {("mark", ("threads", 1)), ("mark", ("threads", 2))}),
    "text.py": (["--rounds", "1"], {("spell", ("text", "prose")), ("spell", ("characters", 3200))}),
    "kv_quality.py": (
        ["--steps", "2", "--threads", "1"],
        {("divergence", ("graph", "prepared_int8_kv")), ("same_draw", ("graph", "published"))},
    ),
    "determinism.py": (
        ["--size", "tiny", "--dtypes", "q4", "--tokens", "5", "--price"],
        {("first_difference", ("against", "streamed")), ("logit_difference", ("kv_dtype", "int8")),
         ("tokens_per_second", ("steps", "by_turns"))},
    ),
}  # fmt: skip
"""{script: (arguments, (name, parts of the condition) of rows that must be there)}."""
PLOTTED = ("prefill.py", "latency.py", "pipeline.py", "batch.py")


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
def test_every_script_has_its_question_command_and_duration_in_the_readme(script: str) -> None:
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(f"- `{script}")], "no line says what it asks"
    assert [line for line in lines if re.match(rf"\| `{script}[ `].*\| .+ \|$", line)], "no command line"


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_says_what_it_asks(run: Any, script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(script, "--help") == 0
    assert "--" in capsys.readouterr().out


@pytest.mark.parametrize("script", QUICK)
def test_figures(run: Any, script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if script == "watermark.py" and importlib.util.find_spec("perth") is None:
        pytest.skip("needs the weights of resemble-perth")
    arguments, expected = QUICK[script]
    out = tmp_path / "figures.json"
    assert run(script, *arguments, "--json", str(out)) in (0, None)
    found = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(found, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert {"commit", "changed"} <= found["machine"].keys()
    assert found["benchmark"] == Path(script).stem
    seen = [
        {(row["name"],), *((row["name"], item) for item in row["condition"].items())} for row in found["rows"]
    ]
    assert [one for one in expected if not any(one in keys for keys in seen)] == []
    for row in found["rows"]:
        assert row["least"] == pytest.approx(min(row["samples"]), rel=1e-5), row
        assert row["median"] == pytest.approx(statistics.median(row["samples"]), rel=1e-5), row
        assert row["least"] <= row["median"] <= row["p95"] < math.inf, row
        assert row["unit"] != "s" or row["least"] > 0 or row["name"] in ("dry", "lag", "rest"), row
        assert (row["ratio"] is None) == (row["baseline"] is None)
    printed = capsys.readouterr().out
    if script not in PLOTTED:
        return
    assert printed[printed.index("median") :].count(" ms") == len(found["rows"])  # in the table
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
    missing = json.loads(out.read_text(encoding="utf-8"))["facts"]["rivals_missing"]
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

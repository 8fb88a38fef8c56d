"""`loquor bench` and what it shares with benchmarks/: the figures are there and are what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile

import loquor
from loquor import Engine
from loquor.bench import (
    SCHEMA,
    Questions,
    document,
    machine,
    measure,
    memory,
    read_bandwidth,
    row_of,
    step_bytes,
    table,
    take_turns,
)
from loquor.bench.machine import forget_peak
from loquor.cli import main
from loquor.errors import ExecutionError, InvalidInputError

# --- Rounds ---


def test_rivals_take_turns_and_the_warm_up_does_not_count() -> None:
    calls: list[str] = []

    def rival(name: str, figures: list[float]) -> Callable[[], float]:
        def ask() -> float:
            calls.append(name)
            return figures.pop(0)

        return ask

    told: list[int] = []
    rivals = {"a": rival("a", [9.0, 1.0, 2.0, 3.0]), "b": rival("b", [9.0, 4.0, 5.0, 6.0])}
    taken = take_turns(rivals, rounds=3, tell=told.append)
    assert taken == {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]}
    assert "".join(calls) == "baabbaab"
    assert told == [-1, 0, 1, 2]


def test_a_row_is_median_p95_best_and_the_median_of_the_ratios() -> None:
    taken, baseline = [0.002, 0.001, 0.004], [0.004, 0.004, 0.004]
    other = row_of("the other", baseline)
    row = row_of("it, fp16", taken, shared={"context": 450}, facts={"a_share": 0.07}).against(other)
    assert (row.name, row.median, row.least, row.ratio) == ("it_fp16", 0.002, 0.001, 2.0)
    assert row.p95 == pytest.approx(0.0038)
    lines = "\n".join(table([row, row_of("alone", [0.001]), row_of("speed", [0.5], unit="1")]))
    assert "context 450" in lines and "2.00x" in lines and "a share 7%" in lines and "alone" in lines
    assert "2.00      3.80      1.00 ms" in lines and "0.500" in lines


def test_a_document_has_the_samples_and_says_what_was_compared() -> None:
    base = row_of("by turns", [0.004, 0.004], condition={"batch": 1})
    row = row_of("together", [0.002, 0.001], condition={"batch": 2}, facts={"a_share": 0.5}).against(base)
    content = document("batch", [row], machine(), {"steps": 40})
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(json.dumps(content)), schema)
    assert content["rows"] == [
        {
            "name": "together", "condition": {"batch": 2}, "unit": "s", "samples": [0.002, 0.001],
            "median": 0.0015, "p95": 0.00195, "least": 0.001, "ratio": 3.0,
            "baseline": {"name": "by_turns", "condition": {"batch": 1}}, "facts": {"a_share": 0.5},
        }
    ]  # fmt: skip
    content["rows"][0]["name"] = "a label, for people"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)


def test_ratios_are_those_within_a_round() -> None:
    """The second round was disturbed for both: medians alone would call b 2.5 times slower."""
    a, b = iter([1.0, 1.0, 50.0, 1.0]), iter([1.0, 2.0, 100.0, 2.5])
    rows = measure({"a": lambda: next(a), "b": lambda: next(b)}, baseline="a", rounds=3)
    assert [row.ratio for row in rows] == [1.0, 0.5]


# --- The machine ---


def test_bandwidth_and_memory_are_of_this_machine() -> None:
    assert 1e8 < read_bandwidth(1, tries=1) < 1e13
    if not Path("/proc/self/status").exists():
        pytest.skip("peaks are forgotten on Linux only")
    forget_peak()
    before = memory()
    kept = np.ones(30_000_000)
    after = memory()
    assert after["peak"] - before["peak"] > 0.5 * kept.nbytes / 1e6


@pytest.mark.parametrize(("dtype", "bits"), [("fp32", 32), ("q4", 5.125)])
@pytest.mark.parametrize("form", ["concat", "gqa"])
def test_a_step_reads_the_weights_and_the_cache(
    engine_of: Callable[..., Engine], form: str, dtype: str, bits: float
) -> None:
    """Against the file's size without the table of positions."""
    able = engine_of(form=form, dtype=dtype).capabilities
    suffix = {"fp32": "", "q4": "_q4"}[dtype]
    stored = (able.folder / "onnx" / f"language_model{suffix}.onnx_data").stat().st_size
    weights = stored - able.max_positions * able.hidden_size * bits / 8
    assert step_bytes(able, 0) == pytest.approx(weights, rel=0.01)
    assert step_bytes(able, 100) - step_bytes(able, 0) == 100 * able.layers * able.hidden_size * 2 * 4


# --- Questions ---


@pytest.fixture
def asked(engine_of: Callable[..., Engine], recording: Any) -> Questions:
    engine = engine_of(form="gqa")
    return Questions(engine, engine.voice((recording, 24_000)))


def test_a_context_is_a_prompt_of_so_many_positions(asked: Questions) -> None:
    prefix = len(asked.voice.audio_features)
    ids = asked.ids(prefix + 20)
    assert len(ids) == 20 and list(ids[-2:]) == list(asked.engine.tokenize("Hello.")[-2:])
    done = asked._generate(ids, asked.voice, loquor.GenerationOptions(max_new_tokens=1))
    assert done["prompt_length"] == prefix + 20
    with pytest.raises(InvalidInputError, match=f"a context of {prefix + 2} positions is too short"):
        asked.ids(prefix + 2)


def test_a_fresh_voice_is_another_and_sounds_the_same(asked: Questions) -> None:
    one, other = asked.fresh_voice(), asked.fresh_voice()
    assert not np.array_equal(one.audio_features, other.audio_features)
    np.testing.assert_allclose(one.audio_features, asked.voice.audio_features, rtol=1e-5)


def test_every_answer_is_a_time(asked: Questions) -> None:
    ids = asked.engine.tokenize("Hello.")
    answers = [
        asked.prefill(ids, asked.voice),
        asked.step(len(asked.voice.audio_features) + 9, 5),
        asked.decoder(10),
        asked.first_token("Hello.", asked.voice),
        asked.first_audio("Hello.", asked.fresh_voice(), 10),
        asked.real_time_factor("Hello.", 10),
    ]
    assert all(0 < answer < 60 for answer in answers)


def test_a_model_that_stops_at_once_has_no_step(bundle_of: Callable[..., Path], recording: Any) -> None:
    with Engine(bundle_of(stop_bias=1e6), prepare=False, threads=1) as engine:
        asked = Questions(engine, engine.voice((recording, 24_000)))
        with pytest.raises(ExecutionError, match="said stop at once"):
            asked.step(len(asked.voice.audio_features) + 9, 5)


# --- The command ---


def test_the_figures_of_a_bundle(
    bundle_of: Callable[..., Path], tmp_path: Path, recording: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    voice, out = tmp_path / "me.wav", tmp_path / "out.json"
    soundfile.write(voice, recording, 24_000)
    flags = [
        str(bundle_of(form="concat", dtype="q4")),
        "--dtype",
        "q4",
        "--voice",
        str(voice),
        "--repeat",
        "2",
    ]
    flags += ["--threads", "1", "--kv-dtype", "int8", "--context", "450", "500", "--steps", "4"]
    assert main(["bench", *flags, "--json", str(out)]) == 0
    captured = capsys.readouterr()
    found = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(found, json.loads(SCHEMA.read_text(encoding="utf-8")))
    facts = found["facts"]
    assert (found["benchmark"], facts["threads"]) == ("bench", 1)
    assert (facts["kv_mode"], facts["kv_dtype"]) == ("in_place", "int8")
    assert facts["dtypes"]["language_model"] == "q4"
    assert facts["prepared"]["language_model"] == "prepared"
    assert facts["gigabytes_per_second"] > 0
    rows = {(row["name"], *row["condition"].values()): row for row in found["rows"]}
    assert {key[0] for key in rows} == {
        "load", "encode", "prefill", "decode_step", "decoder", "first_sound", "real_time_factor"
    }  # fmt: skip
    for row in rows.values():
        assert 0 < row["least"] <= row["median"] <= row["p95"], row
        assert len(row["samples"]) == 2
    for label in ("load", "voice from its recording", "decode step at 500", "first sound, voice known"):
        assert label in captured.out
    assert rows["decode_step", 450]["facts"]["bandwidth_share"] > 0
    assert rows["first_sound", "new"]["ratio"] == 1
    assert rows["first_sound", "known"]["baseline"] == {"name": "first_sound", "condition": {"voice": "new"}}
    assert rows["real_time_factor",]["unit"] == "1"
    assert "round 2 of 2" in captured.err


def test_as_published_and_quiet(bundle_of: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle without a voice of its own is measured with the built-in model's recording."""
    flags = ["--no-prepare", "--repeat", "1", "--context", "450", "--steps", "2", "-q"]
    assert main(["bench", str(bundle_of()), *flags]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "language_model as published" in captured.out and "voice from its recording" in captured.out


def test_a_saved_voice_is_not_encoded_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "mini", "--voice", "man", "--repeat", "1", "--steps", "2", "-q"]) == 0
    out = capsys.readouterr().out
    assert "voice from its recording" not in out
    assert "decode step at 450" in out and "decode step at 1000" in out


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--repeat", "0"], "repeat must be a whole number from 1 to 1000, not 0"),
        (["--steps", "5000"], "steps must be a whole number from 1 to 1000, not 5000"),
        (["--voice", "nobody.wav"], "cannot read the voice nobody.wav: there is no such file"),
        (["--json", "figures.txt"], "the name must end in .json"),
        (["--repeat", "few"], "invalid int value: 'few'"),
    ],
)
def test_wrong_usage_is_noticed_before_the_model_is_loaded(
    flags: list[str], problem: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a model was loaded before the arguments were checked")

    monkeypatch.setattr("loquor.speech.engine.Engine", refuse)
    assert main(["bench", "mini", *flags]) == 2
    assert problem in capsys.readouterr().err


def test_a_context_that_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "mini", "--repeat", "1", "--context", "5000"]) == 2
    assert "a context of 5000 positions does not fit" in capsys.readouterr().err

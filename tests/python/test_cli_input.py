"""What the command line is given to say and to sound like: texts that are hardly meant, and pipes."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

import loquor
from loquor import Engine, InvalidInputError
from loquor.cli import main

RECORDING = str(Path(loquor.__file__).parent / "mini" / "default_voice.wav")


@contextmanager
def piped(content: bytes) -> Iterator[str]:
    """The name that a shell gives to `<(...)`."""
    if not Path("/dev/fd").exists():
        pytest.skip("pipes have no names here")
    read, write = os.pipe()

    def feed() -> None:
        with open(write, "wb") as file, suppress(BrokenPipeError):  # noqa: PTH123
            file.write(content)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield f"/dev/fd/{read}"
    finally:
        os.close(read)
        thread.join()


def test_what_is_hardly_meant_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warnings(*argv: str) -> list[str]:
        assert main(["say", "-o", str(tmp_path / "out.wav"), "-q", "--max-new-tokens", "20", *argv]) == 0
        lines = [line.removeprefix("loquor: warning: ") for line in capsys.readouterr().err.splitlines()]
        return [line for line in lines if not line.startswith("speech was cut")]

    ssml = "<speak>Hello <break time='1s'/> there.</speak>"
    (told,) = [line for line in warnings(ssml) if "SSML" in line]
    assert told.startswith("the text holds SSML (<speak>, <break>), ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{ssml}\n\n{ssml}".encode()), "utf-8"))
    assert [line for line in warnings("-") if "SSML" in line] == [told]
    assert not [line for line in warnings("a < b and c > d, or <breakfast>") if "SSML" in line]
    assert warnings("bok.txt") == ["there is no file bok.txt: its name is spoken"]
    assert warnings("That is all.") == []
    three = "One sentence.\n\nAnother one.\n\nA third."
    (seed,) = warnings(three, "--seed", "5", "--top-k", "9")
    assert seed.startswith("top_k and seed change no token: this model takes the likeliest")
    assert warnings(three, "--seed", "5", "--temperature", "0.8") == []
    assert warnings(three, "--seed", "5", "--temperature", "0") == warnings(three) == []


def test_a_saved_voice_may_come_from_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, saved, out = Engine(), tmp_path / "me.safetensors", str(tmp_path / "out.wav")
    voice = engine.voice(RECORDING)
    voice.save(saved)
    content = saved.read_bytes()
    with piped(content) as pipe:
        assert main(["say", "Tea.", "-o", out, "--voice", pipe, "-q"]) == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "ascii"))
    assert main(["say", "Tea.", "-o", out, "--voice", "-", "-q"]) == 0
    assert capsys.readouterr().err == ""
    with piped(content) as pipe:
        assert np.array_equal(engine.voice(pipe).audio_features, voice.audio_features)
    with piped(content[:-9]) as pipe:
        assert main(["say", "Tea.", "-o", out, "--voice", pipe, "-q"]) == 2
        assert f"{pipe} is damaged or no voice file" in capsys.readouterr().err
    if hasattr(os, "mkfifo"):
        fifo = tmp_path / "fifo.safetensors"
        os.mkfifo(fifo)
        feeder = threading.Thread(target=fifo.write_bytes, args=(content,))
        feeder.start()
        assert np.array_equal(engine.voice(fifo).audio_tokens, voice.audio_tokens)
        feeder.join()


def test_what_comes_from_a_pipe_is_called_what_the_user_calls_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.wav")
    with piped(b"neither sound nor voice") as pipe:
        assert main(["say", "Tea.", "-o", out, "--voice", pipe, "-q"]) == 2
        assert f"cannot read {pipe} as a recording" in capsys.readouterr().err
    twice = io.BytesIO()
    samples, rate = soundfile.read(RECORDING)
    soundfile.write(twice, np.tile(samples, 9), rate, format="WAV")
    with piped(twice.getvalue()) as pipe:
        warnings = Engine().voice(pipe).warnings
    assert f"{pipe} is longer than 15 s: only its first 15 s are used" in warnings


def test_an_empty_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "Tea.", "-o", str(tmp_path / "out.wav"), "--voice", ""]) == 2
    assert "the name of the voice is empty: give that of a file" in capsys.readouterr().err
    assert main(["voice", "", "-o", str(tmp_path / "me.safetensors")]) == 2
    assert "the name of the recording is empty" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match="the name of the recording is empty"):
        Engine().voice("")


def test_a_recording_may_come_from_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = [tmp_path / name for name in ("file.wav", "pipe.wav", "stdin.wav")]
    recording = Path(RECORDING).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(recording), "ascii"))
    with piped(recording) as pipe:
        for out, source in zip(outs, (RECORDING, pipe, "-"), strict=True):
            assert main(["say", "Hello.", "-o", str(out), "--voice", source, "-q"]) == 0
    first, *others = (soundfile.read(out)[0] for out in outs)
    for other in others:  # but for the decoder's noise
        assert len(first) == len(other) and np.corrcoef(first, other)[0, 1] > 0.99
    with piped(recording) as pipe:
        assert np.array_equal(Engine().voice(pipe).audio_features, Engine().voice(RECORDING).audio_features)
    with piped(b"") as pipe:
        assert main(["voice", pipe, "-o", str(tmp_path / "me.safetensors")]) == 2
    assert "nothing comes from it" in capsys.readouterr().err
    assert main(["say", "-", "-o", str(outs[0]), "--voice", "-"]) == 2
    assert "stdin cannot be the text and the recording" in capsys.readouterr().err
    with piped(recording) as pipe:
        assert main(["bench", "--voice", pipe]) == 2
    assert "more than once" in capsys.readouterr().err

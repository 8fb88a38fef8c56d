"""The command line, in this process through `main`."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import loquor
from bundles import make_bundle
from bundles.breakages import BREAKAGES, broken_copy
from hubserver import HubServer
from loquor import Engine, GenerationOptions
from loquor.base.runtime import LIBRARY_VARIABLE
from loquor.bundle import catalog
from loquor.bundle.hub import resolve
from loquor.cli import main
from loquor.cli.console import logs_on_stderr, note, speech_progress
from loquor.errors import ExecutionError, InvalidInputError
from tinyhub import TINY, WEIGHTS, serving_tiny

RECORDING = str(Path(loquor.__file__).parent / "mini" / "default_voice.wav")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving_tiny(tmp_path / "home", monkeypatch) as running:
        yield running


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a model now does so in vain."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a model was loaded before the arguments were checked")

    monkeypatch.setattr("loquor.speech.engine.Engine", refuse)


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one error line; notes may come before it, a traceback may not."""
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if not line.startswith("loquor: ")] == []
    assert [line.startswith("loquor: error: ") for line in lines].count(True) == 1
    return lines[-1].removeprefix("loquor: error: ")


def same_speech(one: Any, other: Any) -> bool:
    """The same tokens in the same voice; the decoder's own noise differs from run to run."""
    a, b = (soundfile.read(file)[0] for file in (one, other))
    return len(a) == len(b) and np.corrcoef(a, b)[0, 1] > 0.99


# --- say ---


def test_say_streams_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = tmp_path / "one.wav", tmp_path / "other.wav"
    assert main(["say", "Hello there.", "-o", str(one), "--stream"]) == 0
    assert re.search(
        r"[\d.]+ s of speech, real-time factor [\d.]+: .*one.wav$", capsys.readouterr().err, re.M
    )
    assert main(["say", "Hello there.", "-o", str(other), "-q"]) == 0
    assert same_speech(one, other)
    assert main(["say", "Hello.", "-o", str(tmp_path / "out.flac"), "--stream"]) == 2
    assert "--stream writes WAV" in error_line(capsys)


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3"])
def test_say_writes_a_file_and_two_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    out = tmp_path / f"out.{format}"
    assert main(["say", "Hello there.", "-o", str(out)]) == 0
    samples, rate = soundfile.read(out)
    captured = capsys.readouterr()
    assert captured.out == ""
    demo, summary = captured.err.splitlines()
    assert "built-in demo voice" in demo and "--model turbo" in demo
    found = re.fullmatch(r"loquor: ([\d.]+) s of speech, real-time factor [\d.]+: (.*)", summary)
    assert found and found[2] == str(out)
    assert float(found[1]) == pytest.approx(len(samples) / rate, abs=0.05)
    assert list(tmp_path.iterdir()) == [out]


def test_say_is_what_the_engine_says(tmp_path: Path) -> None:
    out, same, plain = (tmp_path / f"{name}.wav" for name in ("out", "same", "plain"))
    assert main(["say", "Hello.", "-o", str(out), "-q", "--seed", "5", "--temperature", "1.5"]) == 0
    engine = Engine()
    engine.speak("Hello.", options=GenerationOptions(seed=5, temperature=1.5)).save(same)
    engine.speak("Hello.").save(plain)
    assert same_speech(out, same) and not same_speech(out, plain)


def test_every_option_reaches_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = GenerationOptions(
        temperature=0.5, top_k=7, top_p=0.6, min_p=0.125, repetition_penalty=1.25, seed=9, max_new_tokens=11
    )
    seen: list[object] = []
    init, begin = Engine.__init__, Engine._request

    def spy_init(self: Engine, *args: Any, **kwargs: Any) -> None:
        seen.extend((args, kwargs))
        init(self, *args, **kwargs)

    def spy_open(self: Engine, text: str, *, options: Any, **kwargs: Any) -> Any:
        seen.extend((text, options))
        return begin(self, text, options=options, **kwargs)

    monkeypatch.setattr(Engine, "__init__", spy_init)
    monkeypatch.setattr(Engine, "_request", spy_open)
    flags = ["--temperature=0.5", "--top-k=7", "--top-p=0.6", "--min-p=0.125", "--repetition-penalty=1.25"]
    flags += [
        "--seed=9",
        "--max-new-tokens=11",
        "--device=cpu",
        "--dtype=fp32",
        "--threads=1",
        "--model=mini",
        "--normalize=none",
        "--no-prepare",
        "--kv-dtype=fp32",
        "--decoder-precision=fp32",
        "--reference-seconds=2.5",
        "--window-prompt=1.5",
        "--watermark=none",
    ]
    assert main(["say", "Hello.", "-o", str(tmp_path / "out.wav"), *flags]) == 0
    engine_options = {"device": "cpu", "dtype": "fp32", "threads": 1, "normalize": "none"}
    engine_options |= {"prepare": False, "kv_dtype": "fp32", "reference_seconds": 2.5, "slots": 0}
    engine_options |= {"window_prompt": 1.5, "watermark": "none", "decoder_precision": "fp32"}
    engine_options |= {"keep_encoder": False, "realtime": False}
    assert seen == [("mini",), engine_options, "Hello.", options]


def test_say_warns_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["say", "Hello [foo].", "-o", str(tmp_path / "out.wav"), "--max-new-tokens", "3", "--quiet"]
    assert main(argv) == 0
    tag, cut = capsys.readouterr().err.splitlines()
    assert tag.startswith("loquor: warning: [foo] is no tag")
    assert cut == "loquor: warning: speech was cut at 3 tokens, before the model said stop"


def test_quiet_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["say", "Hello.", "-o", str(tmp_path / "out.wav"), "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_say_reads_stdin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    assert main(["say", "Caf\u00e9.", "-o", str(one)]) == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffCaf\u00e9.\n".encode()), "ascii"))
    assert main(["say", "-", "-o", str(two)]) == 0
    assert same_speech(one, two)
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Caf\xe9"), "ascii"))
    assert main(["say", "-", "-o", str(two)]) == 2
    assert "stdin is not UTF-8 (byte 0xe9 at offset 3)" in error_line(capsys)


def test_stdin_is_decoded_as_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Stra\u00dfe \u4f60\u597d, \U0001f642. " * 5

    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(1 + self.tell() % 3)

    spoken: list[str] = []
    begin = Engine._request

    def spy(self: Engine, text: str, *args: Any, **kwargs: Any) -> Any:
        spoken.append(text)
        return begin(self, text, *args, **kwargs)

    monkeypatch.setattr(Engine, "_request", spy)
    say = ["say", "-", "-o", str(tmp_path / "out.wav"), "-q", "--max-new-tokens", "2"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Slow(b"\xef\xbb\xbf\n\n" + text.encode()), "ascii"))
    assert main(say) == 0
    assert "".join(spoken).split() == text.split()
    for data, offset in ((b"ab\xe4\xbd", 2), (b"\xef\xbb\xbfab\xe4\xbdx", 5), (b"\n" * 9 + b"\xff", 9)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Slow(data), "ascii"))
        capsys.readouterr()
        assert main(say) == 2
        assert f"at offset {offset})" in error_line(capsys)


def test_a_long_text_is_spoken_in_pieces_with_subtitles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, srt, vtt = (tmp_path / f"out.{suffix}" for suffix in ("flac", "srt", "vtt"))
    text = "Chapter 1\n\nIt was late when Mr. Hill came home, and he [foo] was tired. Nobody saw it."
    argv = ["say", text, "-o", str(out), "--srt", str(srt), "--vtt", str(vtt), "--sentence-pause", "2"]
    assert main(argv) == 0
    times = re.findall(r"(\d\d):(\d\d),(\d{3})", srt.read_text())
    seconds = [int(m) * 60 + int(s) + int(ms) / 1000 for m, s, ms in times]
    assert seconds == sorted(seconds) and len(seconds) == 6
    assert seconds[-1] == pytest.approx(soundfile.info(out).duration, abs=0.002)
    assert 1.2 < seconds[-2] - seconds[-3] < 2.01  # the pause counts the quiet end of what is said
    assert vtt.read_text().startswith("WEBVTT\n\n00:00:00.000 --> ")
    err = capsys.readouterr().err.splitlines()
    assert [line for line in err if "[foo] is no tag" in line] == err[1:2]
    assert err[2].startswith(f"loquor: {seconds[-1]:.2f} s of speech")
    assert sorted(tmp_path.iterdir()) == [out, srt, vtt]


def test_voice_makes_what_say_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "me.safetensors"
    assert main(["voice", RECORDING, "-o", str(saved)]) == 0
    assert capsys.readouterr().err == f"loquor: voice 'default_voice' for mini: {saved}\n"
    a, b = tmp_path / "a.wav", tmp_path / "b.wav"
    for out, source in ((a, str(saved)), (b, RECORDING)):
        assert main(["say", "Hello.", "-o", str(out), "--voice", source, "-q"]) == 0
    assert same_speech(a, b)


def test_what_harms_a_voice_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples, rate = soundfile.read(RECORDING, dtype="float32")
    soundfile.write(tmp_path / "quiet.wav", 0.01 * samples, rate, subtype="FLOAT")
    quiet, text = str(tmp_path / "quiet.wav"), "It was late. Nobody was there. " * 9
    assert main(["voice", quiet, "-o", str(tmp_path / "me.safetensors")]) == 0
    assert capsys.readouterr().err.count("is very quiet") == 1
    for extra in ([], ["--stream"]):
        assert main(["say", text, "-o", str(tmp_path / "out.wav"), "--voice", quiet, "-q", *extra]) == 0
        assert capsys.readouterr().err.count("is very quiet") == 1


# --- What is refused, and how ---


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["say", "Hi.", "-o", "out.doc"], "must end in .wav or .flac or .ogg or .mp3"),
        (["say", "Hi.", "-o", "out"], "must end in .wav"),
        (["say", "Hi.", "-o", "nowhere/out.wav"], "there is no folder nowhere"),
        (["say", "Hi.", "-o", "folder.wav"], "not a regular file"),
        (["say", "Hi.", "-o", "me.wav", "--voice", "./me.wav"], "replace the voice"),
        (["say", "Hi.", "-o", "out.wav", "--voice", "you.wav"], "no such file"),
        (["say", "Hi.", "-o", "out.wav", "--voice", "Womn"], "no such file: did you mean 'woman'?"),
        (["say", "Hi.", "-o", "out.wav", "--srt", "out.vtt"], "must end in .srt"),
        (["say", "Hi.", "-o", "out.wav", "--vtt", "nowhere/out.vtt"], "there is no folder nowhere"),
        (["say", "Hi.", "-o", "-", "--srt", "out.srt"], "subtitles go with a file of speech"),
        (["say", "Hi.", "-o", "out.wav", "--model", "turbo"], "add --voice"),
        (["say", "Hi.", "-o", "out.wav", "--model", "turbo", "--dtype", "auto:q4"], "not understood at"),
        (
            ["say", "Hi.", "-o", "out.wav", "--model", "turbo", "--min-p", "2"],
            "min_p must be in [0, 1], not 2",
        ),
        (
            ["say", "Hi.", "-o", "out.wav", "--model", "turbo", "--top-p", "nan"],
            "must be a finite number, not nan",
        ),
        (["say", "Hi.", "-o", "out.wav", "--threads", "100000"], "to 1024, not 100000"),
        (["voice", "you.wav", "-o", "me.wav", "--reference-seconds", "-1"], "be 0 (all) to 3600, not -1"),
        (["say", "  ", "-o", "out.wav"], "text is empty"),
        (["say", "bad\udcff", "-o", "out.wav"], "bytes that this locale cannot decode, at index 3"),
        (["voice", "me.wav", "-o", "me.wav"], "must end in .safetensors"),
        (["voice", "you.wav", "-o", "me.safetensors"], "no such file"),
        ([], "required: COMMAND (see loquor --help)"),
        (["say", "Hi."], "say where to write the speech: give -o FILE, or --play"),
        (
            ["say", "Hi.", "-o", "out.wav", "--louder"],
            "unrecognized arguments: --louder (see loquor say --help)",
        ),
        (["models", "mini", "all"], "unrecognized arguments: all (see loquor models --help)"),
        (["say", "./me.wav", "-o", "out.wav"], "me.wav is no text: give UTF-8 text, HTML or an EPUB"),
        (["say", "Hi.", "-o", "out.wav", "--dtype", "auto:q4"], "not understood at 'auto:q4'"),
        (["say", "Hi.", "-o", f"{'n' * 300}.wav"], "the name is too long"),
        (["download", "turbo", "--dtype", "auto:q4"], "not understood at 'auto:q4'"),
        (["prepare", "mini", "--dtype", "auto:q4"], "not understood at 'auto:q4'"),
        (["say", "Hi.", "-o", "out.wav", "--seed", "x"], "invalid int value: 'x'"),
        (["say", "Hi.", "-o", "out.wav", "--device", "tpu"], "invalid choice: 'tpu'"),
        (["sing"], "invalid choice: 'sing'"),
        (["download", "nosuch"], "there is no model 'nosuch'"),
    ],
)
@pytest.mark.usefixtures("no_engine")
def test_wrong_arguments_fail_early(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.wav").mkdir()
    Path("me.wav").write_bytes(b"mine")
    Path("book.txt").write_text("Once upon a time.")
    assert main(argv) == 2
    assert message in error_line(capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.txt", "folder.wav", "me.wav"]
    assert Path("me.wav").read_bytes() == b"mine"


def test_exit_codes_by_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say = ["say", "Hi.", "-o", str(tmp_path / "out.wav")]
    assert main([*say, "--temperature", "-1"]) == 2
    assert "temperature" in error_line(capsys)
    assert main([*say, "--model", str(tmp_path)]) == 4
    assert "contains no onnx/" in error_line(capsys)
    name = next(iter(BREAKAGES))
    broken = broken_copy(make_bundle(tmp_path / "sound"), tmp_path / "broken", BREAKAGES[name])
    assert main([*say, "--model", str(broken), "--voice", RECORDING]) == 4
    assert "\n" not in error_line(capsys)

    def fail(*_: object, **__: object) -> None:
        raise ExecutionError("first line\nsecond line")

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_request", fail)
        assert main(say) == 1
    assert error_line(capsys) == "first line second line"
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "nothing.so"))
    assert main(say) == 3
    assert "pip install" in error_line(capsys)
    assert not (tmp_path / "out.wav").exists()


def test_verbose_logs_and_shows_tracebacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("loquor")
    before = (logger.level, list(logger.handlers))
    say = ["say", "Hi.", "-o", str(tmp_path / "out.wav")]
    assert main(say) == 0
    assert "info:" not in capsys.readouterr().err
    assert main([*say, "-v"]) == 0
    err = capsys.readouterr().err
    assert "loquor: info: loading " in err and "debug:" not in err
    assert main([*say, "-v", "--top-p", "2"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err and "\nloquor: error: top_p " in err
    assert main([*say, "-vv"]) == 0
    assert "loquor: debug: " in capsys.readouterr().err
    assert before == (logger.level, list(logger.handlers))


# --- models, download, cmake-dir, pkgconfig-dir ---


def test_models_tells_what_the_catalogue_knows(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    def listed() -> dict[str, dict[str, Any]]:
        assert main(["models", "--json"]) == 0
        return {facts["name"]: facts for facts in json.loads(capsys.readouterr().out)}

    before = listed()
    assert list(before) == list(catalog.CATALOG)
    tiny = catalog.CATALOG["tiny"]
    wanted = catalog.pick_files(tiny.files, "auto", "tiny")
    assert before["tiny"]["download_bytes"] == sum(file.size or 0 for file in wanted)
    assert before["tiny"]["auto"] == dict.fromkeys(catalog.GRAPHS, "q4")
    assert before["english"]["download_bytes"] is None and before["english"]["cached"] is None
    assert not before["tiny"]["cached"] and hub.log == []
    assert main(["download", "tiny"]) == 0
    capsys.readouterr()
    assert listed()["tiny"]["cached"]

    assert main(["models"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    cells = {row.split()[0]: re.split(r" {2,}", row) for row in rows}
    columns = ["NAME", "WHERE", "PRECISIONS", "DOWNLOAD", "LANGUAGES", "LICENCE", "RUNS HERE", "IN CACHE"]
    assert re.split(r" {2,}", header) == columns
    assert cells["tiny"] == ["tiny", f"{TINY}@0123456", "q4,fp32", "0 MB", "en", "MIT", "yes", "yes"]
    assert cells["mini"] == ["mini", "built-in", "fp32", "-", "en", "MIT", "yes", "-"]
    assert cells["nano"][2:5] == ["mixed", "573 MB", "en"]
    assert cells["multilingual"][4] == "23"


def test_one_model_is_told_whole(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    def told(model: str) -> dict[str, Any]:
        assert main(["models", model, "--json"]) == 0
        about: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert main(["models", model]) == 0
        text = capsys.readouterr().out
        assert about["licence"] in text and about["family"] in text and about["runs_here"] in text
        return about

    mini = told("mini")
    assert (mini["family"], mini["languages"], mini["cached"]) == ("turbo", ["en"], True)
    folder = told(str(resolve("mini")))
    assert folder["location"] == "folder" and folder["bytes"] == mini["bytes"]
    many = told("multilingual")
    assert len(many["languages"]) == 23 and many["download_bytes"] is None and many["bytes_at_least"] > 1e9
    assert hub.log == []
    assert main(["models", "nosuch"]) == 2
    assert "there is no model 'nosuch'" in error_line(capsys)


def test_what_needs_more_memory_than_there_is_says_so(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 150_000}[name])
    assert main(["models", "turbo"]) == 0
    assert "no: 1.1 GB of memory wanted, 0.6 here" in capsys.readouterr().out


def test_download_prints_the_folder(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "tiny", "--dtype", "fp32"]) == 0
    out, err = capsys.readouterr()
    folder = Path(out.removesuffix("\n"))
    assert (folder / "onnx" / "language_model.onnx").is_file()
    assert not (folder / WEIGHTS).exists() and err == ""
    count = len(hub.requests("GET", WEIGHTS.replace("_q4", "")))
    assert main(["download", TINY, "--revision", "main", "--dtype", "fp32", "--force"]) == 0
    assert Path(capsys.readouterr().out.strip()) == folder
    assert len(hub.requests("GET", WEIGHTS.replace("_q4", ""))) == count + 1
    assert main(["download", TINY, "--revision", "nosuch"]) == 4
    assert "has no revision nosuch" in error_line(capsys)


@pytest.mark.parametrize(
    ("command", "place", "file"),
    [
        ("cmake-dir", "lib/cmake/loquor", "loquorConfig.cmake"),
        ("pkgconfig-dir", "lib/pkgconfig", "loquor.pc"),
    ],
)
def test_the_folders_for_c_are_where_their_files_are(
    command: str,
    place: str,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(loquor, "__path__", [str(tmp_path)])
    assert main([command]) == 1
    assert file in error_line(capsys)
    folder = tmp_path / place
    folder.mkdir(parents=True)
    (folder / file).touch()
    assert main([command]) == 0
    assert capsys.readouterr().out == f"{folder}\n"


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"loquor {loquor.__version__}\n"
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for word in ("say", "voice", "models", "download", "bench", "doctor", "cmake-dir", "exit codes:", "130"):
        assert word in text


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_told_meanwhile_is_not_glued_to_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with logs_on_stderr(0), speech_progress(False, 100) as bar:
        bar.tokens(527)
        note("one")
        bar.tokens(528)
        logging.getLogger("loquor").warning("two")
    text = terminal.getvalue()
    assert "527 tokens" in text
    for line in ("loquor: one\n", "loquor: warning: two\n"):
        assert text[: text.index(line)].endswith("\r")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("temperature", value) for value in (-0.1, 10.1)),
        *(("top_p", value) for value in (0.0, 1.1)),
        *(("min_p", value) for value in (-0.1, 1.1)),
        *(("repetition_penalty", value) for value in (0.0, float("inf"))),
        *((option, -1) for option in ("top_k", "max_new_tokens")),
        ("max_new_tokens", 0),
    ],
)
def test_what_is_refused_before_loading_would_be_refused_after(
    capsys: pytest.CaptureFixture[str],
    engine_of: Callable[..., Engine],
    recording: NDArray[np.float32],
    option: str,
    value: float,
) -> None:
    flag = f"--{option.replace('_', '-')}={value}"
    assert main(["say", "Hi.", "-o", "out.wav", "--model", "turbo", flag]) == 2
    assert option in error_line(capsys)
    engine = engine_of()
    with pytest.raises(InvalidInputError, match=option):
        engine.generate_tokens(
            [50256, 50256], engine.voice((recording, 24_000)), GenerationOptions(**{option: value})
        )

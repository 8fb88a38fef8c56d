"""tests/consumer: C and C++ programs that know Loquor by its wheel alone, and say what Python says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import loquor
from bundles import make_bundle
from loquor.base.runtime import open_runtime
from loquor.cli import main as cli_main
from loquor.voice.reference_audio import load_reference

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Hello there, how are you?"
SPEECH_CODES = 6561
CLOSING_SILENCE = 3
CANCELLED = 1
SAMPLES_PER_TOKEN = 960
INVALID_INPUT, RUNTIME_MISSING, MODEL, USAGE, FILE = 2, 3, 4, 64, 74


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs, built against the installed package."""
    config = Path(loquor.__file__).parent / "lib" / "cmake" / "loquor"
    if not config.is_dir():
        pytest.skip(f"loquor is not an installed wheel: there is no {config}")
    cmake = shutil.which("cmake")
    if cmake is None or not any(map(shutil.which, ("cc", "gcc", "clang", "cl"))):
        pytest.skip("building the consumer needs cmake and a C compiler")
    build = tmp_path_factory.mktemp("consumer")
    for step in (
        [
            "-S",
            ROOT / "tests" / "consumer",
            "-B",
            build,
            f"-Dloquor_DIR={config}",
            "-DCMAKE_BUILD_TYPE=Release",
            *(["-G", "Ninja"] if shutil.which("ninja") else []),  # a new machine has no make
        ],
        ["--build", build, "--config", "Release"],
    ):
        done = run(cmake, *step)
        assert done.returncode == 0, done.stdout + done.stderr
    return build


@pytest.fixture(scope="module")
def runtime_library() -> str:
    """The ONNX Runtime library that Python uses too."""
    path: str = open_runtime().path
    return path


@dataclass(frozen=True)
class Scene:
    """A bundle, a text for it, and a voice that Python and C share as the same samples."""

    engine: loquor.Engine
    bundle: Path
    ids: NDArray[np.int64]
    voice: loquor.Voice
    samples_file: Path


@pytest.fixture(scope="module", params=["tiny", "mini"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "tiny":
        engine = loquor.Engine(make_bundle(folder / "bundle", stop_bias=4.0))
    else:
        engine = loquor.Engine("mini")
    time = np.arange(24000 * 6) / 24000
    recording = (0.3 * np.sin(2 * np.pi * 140 * time) * (1 + np.sin(2 * np.pi * 3 * time))).astype(np.float32)
    samples_file = folder / "reference.f32"
    load_reference((recording, 24000)).samples.astype(np.float32).tofile(samples_file)
    return Scene(
        engine=engine,
        bundle=engine.capabilities.folder,
        ids=engine.tokenize(TEXT),
        voice=engine.voice((recording, 24000)),
        samples_file=samples_file,
    )


def said(done: subprocess.CompletedProcess[str]) -> list[int]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return [int(token) for token in done.stdout.split()]


def checked_wave(path: Path, tokens: list[int]) -> NDArray[np.int16]:
    """Checks for 24 kHz, mono, 16 bits, and the samples of each token and of the closing silence."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)
        codes = sum(token < SPEECH_CODES for token in tokens)
        assert file.getnframes() == SAMPLES_PER_TOKEN * (codes + CLOSING_SILENCE)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert path.stat().st_size == 44 + samples.nbytes
    return samples


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_c_says_what_python_says(
    programs: Path, runtime_library: str, scene: Scene, tmp_path: Path, seed: int
) -> None:
    out = tmp_path / "out.wav"
    options = loquor.GenerationOptions(seed=seed, max_new_tokens=60)
    expected = scene.engine.generate_tokens(scene.ids, scene.voice, options)
    tokens = said(
        run(programs / "speak", "--reference", scene.samples_file, "--seed", seed, "--max-new-tokens", 60,
            runtime_library, scene.bundle, out, *scene.ids)
    )  # fmt: skip
    assert len(tokens) > 0
    assert tokens == expected.tolist()
    heard = checked_wave(out, tokens).astype(np.float32) / 32767
    np.testing.assert_allclose(heard, scene.engine.decode(expected, scene.voice), atol=1 / 32767)


def test_cpp_says_what_python_says(programs: Path, runtime_library: str, scene: Scene) -> None:
    expected = scene.engine.generate_tokens(scene.ids, scene.voice, loquor.GenerationOptions(seed=7))
    done = run(programs / "speak_cpp", runtime_library, scene.bundle, scene.samples_file, 7, *scene.ids)
    assert said(done) == expected.tolist()


def test_c_streams_what_python_says(
    programs: Path, runtime_library: str, scene: Scene, tmp_path: Path
) -> None:
    out = tmp_path / "out.f32"
    expected = scene.engine.generate_tokens(scene.ids, scene.voice, loquor.GenerationOptions(seed=9))
    whole = scene.engine.decode(expected, scene.voice)
    for first_chunk in (0, 5):
        arguments = (runtime_library, scene.bundle, scene.samples_file, out, 9, first_chunk)
        tokens = said(run(programs / "stream", *arguments, 0, *scene.ids))
        assert tokens == expected.tolist()
        heard = np.fromfile(out, np.float32)
        assert heard.shape == whole.shape
        np.testing.assert_allclose(heard, whole, atol=1e-4)
    done = run(programs / "stream", *arguments, 1, *scene.ids)
    assert (done.returncode, done.stdout) == (CANCELLED, "")
    assert "the request was cancelled" in done.stderr
    assert np.fromfile(out, np.float32).size == 5 * SAMPLES_PER_TOKEN


def test_the_example_of_the_header_is_the_one_that_is_compiled() -> None:
    header = Path(loquor.__file__).parent / "include" / "loquor" / "loquor.h"
    example = re.findall(
        r"^ \*   (.*)$", header.read_text(encoding="utf-8").split("Conventions")[0], re.MULTILINE
    )
    assert 10 < len(example) <= 15
    program = (ROOT / "tests" / "consumer" / "example.c").read_text(encoding="utf-8")
    assert "\n".join(f"  {line}" for line in example) in program


def test_the_example_of_the_header_speaks(programs: Path, runtime_library: str, scene: Scene) -> None:
    command = [programs / "example", runtime_library, scene.bundle, scene.samples_file, TEXT]
    done = subprocess.run([str(part) for part in command], capture_output=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    heard = np.frombuffer(done.stdout, np.float32)
    whole = scene.engine.decode(scene.engine.generate_tokens(scene.ids, scene.voice), scene.voice)
    assert heard.shape == whole.shape
    np.testing.assert_allclose(heard, whole, atol=1e-4)
    refused = run(programs / "example", runtime_library, scene.bundle, scene.samples_file, "<|endoftext|>")
    assert refused.returncode == INVALID_INPUT and "end of a prompt" in refused.stderr


def test_the_built_in_tone_is_a_voice(
    programs: Path, runtime_library: str, scene: Scene, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    runs = []
    for _ in range(2):
        done = run(programs / "speak", "--seed", 1, runtime_library, scene.bundle, out, *scene.ids)
        runs.append(said(done))
        assert checked_wave(out, runs[-1]).any()
    assert runs[0] == runs[1] != []


def test_the_token_limit_is_kept(programs: Path, runtime_library: str, scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    done = run(programs / "speak", "--max-new-tokens", 1, runtime_library, scene.bundle, out, *scene.ids)
    assert len(said(done)) <= 1
    checked_wave(out, said(done))


@pytest.mark.slow
def test_turbo_size_says_the_same_in_c_in_python_and_on_the_command_line(
    programs: Path, runtime_library: str, tmp_path: Path
) -> None:
    """Published dimensions and q4 format, a voice synthesised by espeak-ng."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: no clip to make a voice from")
    bundle = make_bundle(tmp_path / "turbo", size="turbo", dtype="q4", stop_bias=-1000.0)
    clip = tmp_path / "clip.wav"
    run("espeak-ng", "-w", clip, "This is a clip of some seconds, so that there is a voice to copy.")
    load_reference(clip).samples.tofile(tmp_path / "clip.f32")
    text, count = "Hello there, all of you.", 20
    limit = ["--max-new-tokens", str(count)]
    said_wave = tmp_path / "said.wav"
    command = [
        "say",
        text,
        "-o",
        said_wave,
        "--model",
        bundle,
        "--voice",
        clip,
        "--seed",
        "5",
        *limit,
        "--no-prepare",
        "--no-tags",
    ]
    assert cli_main([str(part) for part in command]) == 0
    with loquor.Engine(bundle, device="cpu", prepare=False) as engine:  # as the C program runs it
        ids = engine.tokenize(text)
        options = loquor.GenerationOptions(seed=5, max_new_tokens=count)
        expected = engine.generate_tokens(ids, engine.voice(clip), options).tolist()
    reference = ["--reference", tmp_path / "clip.f32", "--seed", "5", *limit]
    out = tmp_path / "c.wav"
    assert said(run(programs / "speak", *reference, runtime_library, bundle, out, *ids)) == expected
    # The two writers scale by 32767 and by 32768.
    waves = [checked_wave(path, expected).astype(int) for path in (out, said_wave)]
    np.testing.assert_allclose(*waves, rtol=0, atol=2)


def test_header_and_library_have_one_abi(programs: Path) -> None:
    done = run(programs / "version")
    header = Path(loquor.__file__).parent / "include" / "loquor" / "loquor.h"
    declared = re.search(r"#define LOQUOR_ABI_VERSION (\d+)", header.read_text(encoding="utf-8"))
    assert declared is not None
    abi = declared.group(1)
    assert done.returncode == 0
    assert done.stdout == f"loquor {loquor.__version__}, ABI {abi}, header ABI {abi}\n"


def test_pkg_config_serves_a_wheel_that_was_moved(tmp_path: Path) -> None:
    """Another folder with a space, a compiler's command line, and a library that is found by its SONAME."""
    installed = Path(loquor.__file__).parent
    compiler, pkg_config = shutil.which("cc"), shutil.which("pkg-config")
    if not (installed / "lib" / "pkgconfig").is_dir() or compiler is None or pkg_config is None:
        pytest.skip("needs an installed wheel, cc and pkg-config")
    for folder in ("lib", "include"):
        shutil.copytree(installed / folder, tmp_path / "moved wheel" / folder)
    library = tmp_path / "moved wheel" / "lib"
    told = subprocess.run(
        [pkg_config, "--cflags", "--libs", "loquor"],
        capture_output=True,
        text=True,
        env={**os.environ, "PKG_CONFIG_PATH": str(library / "pkgconfig")},
    )
    assert told.returncode == 0, told.stderr
    program = tmp_path / "version"
    source = ROOT / "tests" / "consumer" / "version.c"
    done = run(compiler, source, "-o", program, *shlex.split(told.stdout), f"-Wl,-rpath,{library}")
    assert done.returncode == 0, done.stderr
    assert run(program).stdout.startswith(f"loquor {loquor.__version__}, ABI ")


@pytest.mark.parametrize("program", ["speak", "speak_cpp"])
def test_failures_name_what_is_wrong_and_leave_no_file(
    programs: Path, runtime_library: str, scene: Scene, tmp_path: Path, program: str
) -> None:
    out = tmp_path / "out.wav"
    rest = [out] if program == "speak" else [scene.samples_file, 0]
    no_library, no_bundle = tmp_path / "libonnxruntime.so", tmp_path / "no-bundle"

    def refused(code: int, *arguments: object) -> str:
        done = run(programs / program, *arguments)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        assert not out.exists()
        return done.stderr

    told = refused(RUNTIME_MISSING, no_library, scene.bundle, *rest, *scene.ids)
    assert str(no_library) in told and "pip install onnxruntime" in told
    assert str(no_bundle) in refused(MODEL, runtime_library, no_bundle, *rest, *scene.ids)
    assert "end-of-text" in refused(INVALID_INPUT, runtime_library, scene.bundle, *rest, *scene.ids[:-1])
    assert "usage: " in refused(USAGE, runtime_library, scene.bundle, *rest)


def test_c_says_which_argument_or_file_it_cannot_use(
    programs: Path, runtime_library: str, scene: Scene, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    good = (runtime_library, scene.bundle, out, *scene.ids)
    speak = programs / "speak"
    for option, value in (("--seed", "-1"), ("--seed", 2**64), ("--max-new-tokens", 0), ("--wrong", 1)):
        done = run(speak, option, value, *good)
        assert done.returncode == USAGE
        assert f"at {option}\n" in done.stderr
    done = run(speak, *good, "12x")
    assert done.returncode == USAGE and "at 12x\n" in done.stderr
    (tmp_path / "odd.f32").write_bytes(b"12345")
    for file in ("odd.f32", "absent.f32"):
        done = run(speak, "--reference", tmp_path / file, *good)
        assert done.returncode == FILE and str(tmp_path / file) in done.stderr
    assert not out.exists()
    for place, reason in (
        (tmp_path / "absent" / "out.wav", "No such file"),
        (Path("/dev/full"), "No space left"),
    ):
        if place.parent == tmp_path / "absent" or place.exists():
            done = run(speak, runtime_library, scene.bundle, place, *scene.ids)
            assert done.returncode == FILE and reason in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="it looks in /proc where the library lies")
def test_a_library_that_is_unloaded_and_loaded_again_speaks(
    programs: Path, runtime_library: str, scene: Scene
) -> None:
    """With the hole filled that it left, into which ONNX Runtime, which stays, would call."""
    library = Path(loquor.__file__).parent / "lib" / f"libloquor.so.{loquor._core.abi_version()}"
    done = run(programs / "unload", library, 3, runtime_library, scene.bundle, scene.samples_file, *scene.ids)
    assert (done.returncode, done.stderr) == (0, "")
    rounds = done.stdout.splitlines()
    assert len(rounds) == 3 and set(rounds) == {rounds[0]} and rounds[0]


@pytest.mark.skipif(os.name != "posix", reason="forks")
@pytest.mark.parametrize(
    ("way", "steps"), [("child", ["refused", "ended", "spoken"]), ("daemon", ["refused", "opened", "spoken"])]
)
def test_a_process_that_forks_beside_an_engine(
    programs: Path, runtime_library: str, scene: Scene, way: str, steps: list[str]
) -> None:
    done = run(programs / "fork", way, runtime_library, scene.bundle, scene.samples_file, *scene.ids)
    assert done.stdout.splitlines() == [f"{step} done" for step in ["opened", *steps]]
    assert (done.returncode, done.stderr) == (0, "")

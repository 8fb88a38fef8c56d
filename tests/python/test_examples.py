"""examples/: programs in other languages that speak a text, as `loquor say --stream` does, without Python."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import loquor
from loquor import Engine
from loquor.base.runtime import open_runtime
from loquor.cli import main as cli_main

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(loquor.__file__).parent
TEXT = "Dr. Smith paid three pounds."
INVALID_INPUT, USAGE = 2, 64

pytestmark = pytest.mark.skipif(
    not (PACKAGE / "lib").is_dir() or os.name != "posix", reason="needs an installed wheel on a POSIX system"
)


def linked(compiler: str, *flags: str) -> Callable[[Path, Path], list[str]]:
    def command(source: Path, program: Path) -> list[str]:
        found = [shutil.which(compiler), shutil.which("pkg-config")]
        if None in found:
            pytest.skip(f"needs {compiler} and pkg-config")
        environment = os.environ | {"PKG_CONFIG_PATH": str(PACKAGE / "lib" / "pkgconfig")}
        told = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "loquor"], capture_output=True, text=True, env=environment
        )
        assert told.returncode == 0, told.stderr
        rest = [*flags, "-Wall", "-Wextra", "-pedantic", "-Werror", *shlex.split(told.stdout)]
        return [compiler, str(source), "-o", str(program), *rest, f"-Wl,-rpath,{PACKAGE / 'lib'}"]

    return command


def by_rustc(source: Path, program: Path) -> list[str]:
    if shutil.which("rustc") is None:
        pytest.skip("rustc is not installed")
    lib = PACKAGE / "lib"
    return ["rustc", str(source), "-o", str(program), "-L", str(lib), "-C", f"link-arg=-Wl,-rpath,{lib}"]


COMPILERS: dict[str, tuple[str, Callable[[Path, Path], list[str]]]] = {
    "c": ("speak.c", linked("cc", "-std=c11")),
    "cpp": ("speak.cpp", linked("c++", "-std=c++17")),
    "rust": ("speak.rs", by_rustc),
}


def mix_environment(build: Path) -> dict[str, str]:
    """What mix runs in: its own build folder, the package beside this Python, and a quiet virtual machine."""
    if shutil.which("mix") is None or shutil.which("cc") is None:
        pytest.skip("needs Elixir (Debian: elixir, erlang-dev) and a C compiler")
    return os.environ | {
        "LC_ALL": "C.UTF-8",
        "MIX_BUILD_PATH": str(build),
        "LOQUOR_PREFIX": str(PACKAGE),
        "LOQUOR_ORT_LIBRARY": str(open_runtime().path),
        "ELIXIR_ERL_OPTIONS": "+sbwt none +sbwtdcpu none +sbwtdio none",
    }


@pytest.fixture(scope="module", params=[*COMPILERS, "ctypes", "elixir"])
def speak(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs the program of one language."""
    folder = ROOT / "examples" / request.param
    environment = dict(os.environ)
    if request.param == "ctypes":
        command = [sys.executable, str(folder / "speak.py")]
        environment["LOQUOR_LIBRARY"] = str(next((PACKAGE / "lib").glob("libloquor.*.[0-9]*")))
    elif request.param == "elixir":
        environment = mix_environment(tmp_path_factory.mktemp("elixir"))
        done = subprocess.run(["mix", "compile"], capture_output=True, text=True, cwd=folder, env=environment)
        assert done.returncode == 0, done.stderr + done.stdout
        command = ["mix", "run", "--no-compile", "speak.exs"]
    else:
        name, compiled = COMPILERS[request.param]
        program = tmp_path_factory.mktemp(request.param) / "speak"
        done = subprocess.run(compiled(folder / name, program), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        command = [str(program)]

    def run(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        whole = [*command, *map(str, arguments)]
        return subprocess.run(whole, capture_output=True, timeout=300, env=environment, cwd=folder)

    return run


def written_by_say(out: Path, *flags: str) -> np.ndarray:
    """The samples, int16 [n], of the file that `loquor say` writes, with the graphs that C finds prepared."""
    common = ["--voice", "man", "--no-tags", "--device", "cpu", "--quiet"]
    assert cli_main(["say", TEXT, "-o", str(out), *common, *flags]) == 0
    with wave.open(str(out), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_a_text_is_spoken_as_python_speaks_it(
    speak: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    with Engine("mini", device="cpu") as engine, engine.stream(TEXT, "man") as chunks:
        expected = np.concatenate(list(chunks))
    done = speak(open_runtime().path, PACKAGE / "mini", "man", TEXT)
    assert (done.returncode, done.stderr) == (0, b"")
    samples = np.frombuffer(done.stdout, np.float32)
    assert samples.size > 24000 and np.array_equal(samples, expected)
    written = written_by_say(tmp_path / "out.wav", "--stream")
    assert np.array_equal(np.rint(samples * 32767), written)


@pytest.mark.parametrize("speak", ["c"], indirect=True)
def test_c_speaks_the_samples_of_say(
    speak: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    done = speak(open_runtime().path, PACKAGE / "mini", "man", TEXT, 0)
    samples = np.frombuffer(done.stdout, np.float32)
    with Engine("mini", device="cpu") as engine:
        assert np.array_equal(samples, engine.speak_long(TEXT, "man").collect().samples)
    written = written_by_say(tmp_path / "out.wav")  # whose writer scales by 32768 and rounds down
    assert written.size == samples.size and np.abs(np.rint(samples * 32767) - written).max() <= 2


def test_what_is_wrong_is_said(speak: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    library = open_runtime().path
    read = speak(library, PACKAGE / "mini", "man", "In 1999, NASA paid $3.50.")
    assert read.returncode == 0 and len(read.stdout) > 100_000 and read.stderr == b""
    for text, part in (("a\x07b", "U+0007"), ("<|endoftext|>", "end of a prompt")):
        done = speak(library, PACKAGE / "mini", "man", text)
        assert (done.returncode, done.stdout) == (INVALID_INPUT, b"")
        assert part in done.stderr.decode()
    done = speak(library, PACKAGE / "mini", "nobody", TEXT)
    assert done.returncode == INVALID_INPUT and b"nobody" in done.stderr
    warned = speak(library, PACKAGE / "mini", "man", "Well. [sob]")
    assert warned.returncode == 0 and b"warning: [sob] is no tag" in warned.stderr
    assert speak("too few").returncode in (USAGE, 1)


def test_the_elixir_project_passes_its_own_tests(tmp_path: Path) -> None:
    folder = ROOT / "examples" / "elixir"
    environment = mix_environment(tmp_path / "build") | {"MIX_ENV": "test"}
    for command in (["mix", "format", "--check-formatted"], ["mix", "test"]):
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=folder, env=environment, timeout=1500
        )
        assert done.returncode == 0, done.stdout + done.stderr

"""csrc/kernels: one set of macros decides which vector units a build has, on every architecture."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "csrc" / "kernels"
BODIES = sorted(KERNELS.glob("*_body.cpp"))
EVERYTHING = [f"-DLOQUOR_WITH_{unit}=1" for unit in ("VECTORS", "AVX2", "AVX512", "AMX")]
NOTHING = [flag.replace("=1", "=0") for flag in EVERYTHING]
WARNINGS = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'csrc'}"]


def compiled(compiler: str, sources: list[Path], folder: Path, *flags: str) -> set[str]:
    """Compiles each source and returns what all of them define and ask for, as C++ names."""
    folder.mkdir()
    command = [compiler, *WARNINGS, *flags, "-c", *map(str, sources)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    objects = map(str, sorted(folder.glob("*.o")))
    listed = subprocess.run(["nm", "-C", *objects], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r" [TUW] (loquor::\S+?)\(", listed))


def test_macros_of_compilers_and_processors_are_read_in_one_place() -> None:
    """But for what a register file or a compiler's spelling changes inside a kernel."""
    asked = re.compile(r"^#.*(__AVX|__ARM_NEON|__x86_64__|_M_X64|__SSE|LOQUOR_WITH_)", re.MULTILINE)
    found = {path.name for path in KERNELS.iterdir() if asked.search(path.read_text(encoding="utf-8"))}
    assert found == {"units.hpp"}


def cross_compiler() -> str:
    found = shutil.which("aarch64-linux-gnu-g++")
    if found is None or shutil.which("nm") is None:
        pytest.skip("needs a compiler for another architecture: Debian's package g++-aarch64-linux-gnu")
    return found


@pytest.mark.parametrize("unit", ["avx2", "avx512", "amx"])
def test_bodies_of_another_architecture_compile_to_nothing(unit: str, tmp_path: Path) -> None:
    """So a universal build, which compiles each file for each architecture, links."""
    flags = [*EVERYTHING, f"-DLOQUOR_UNIT={unit}"]
    assert compiled(cross_compiler(), BODIES, tmp_path / unit, *flags) == set()


@pytest.mark.parametrize("macros", [EVERYTHING, NOTHING], ids=["everything", "nothing"])
def test_kernels_ask_for_no_unit_that_the_architecture_lacks(macros: list[str], tmp_path: Path) -> None:
    callers = [path for path in sorted(KERNELS.glob("*.cpp")) if path not in BODIES]
    compiler = cross_compiler()
    plain = compiled(compiler, BODIES, tmp_path / "plain", *macros, "-DLOQUOR_UNIT=plain")
    asked = compiled(compiler, callers, tmp_path / "callers", *macros)
    bodies = {name for name in asked if re.match(r"loquor::(plain|avx2|avx512|amx)::", name)}
    assert len(bodies) > 6
    assert bodies <= plain


def test_flags_of_the_whole_build_make_no_other_unit_of_the_plain_one(tmp_path: Path) -> None:
    """Such as those of CXXFLAGS=-march=native where the builder's processor has AVX-512."""
    if platform.machine() != "x86_64" or shutil.which("c++") is None or shutil.which("nm") is None:
        pytest.skip("needs a C++ compiler for x86-64")
    flags = [*EVERYTHING, "-DLOQUOR_UNIT=plain"]
    expected = compiled("c++", BODIES, tmp_path / "expected", *flags)
    assert "loquor::plain::attend_body" in expected
    assert compiled("c++", BODIES, tmp_path / "native", *flags, "-march=x86-64-v4") == expected


@pytest.mark.slow
def test_a_build_without_vector_units_links_and_is_right() -> None:
    if any(shutil.which(tool) is None for tool in ("cmake", "c++")):
        pytest.skip("needs cmake and a C++ compiler")
    done = subprocess.run([ROOT / "scripts" / "portable-kernels"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout


@pytest.mark.slow
def test_a_build_for_another_architecture_than_the_hosts_links(tmp_path: Path) -> None:
    """The compiler is asked what it compiles for; that this machine is another changes nothing."""
    cmake = shutil.which("cmake")
    if cmake is None or not Path("/usr/include/doctest").is_dir():
        pytest.skip("needs cmake and doctest")
    settings = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": platform.machine(),
        "CMAKE_CXX_COMPILER": cross_compiler(),
        "LOQUOR_BUILD_TESTS": "ON",
        "DOCTEST_INCLUDE_DIR": "/usr/include",
    }
    given = [f"-D{name}={value}" for name, value in settings.items()]
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    for step in (
        [cmake, "-S", ROOT, "-B", tmp_path, *generator, *given],
        [cmake, "--build", tmp_path, "--target", "loquor_kernel_tests"],
    ):
        done = subprocess.run(step, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.glob("CMakeFiles/loquor_kernels_avx*"))
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is not None:
        program = tmp_path / "tests" / "cpp" / "loquor_kernel_tests"
        done = subprocess.run(
            [
                emulator,
                "-L",
                "/usr/aarch64-linux-gnu",
                program,
                "--no-colors",
                "--test-case=*half*",
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout

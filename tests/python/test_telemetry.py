"""ONNX Runtime's reports to its maker: none is made, unless the user asks for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loquor.base.runtime import find_library

ROOT = Path(__file__).resolve().parents[2]
SWITCH = "ORT_DISABLE_TELEMETRY"
SPEAK = 'import loquor\nwith loquor.Engine("mini", device="cpu") as engine:\n    engine.speak("Hi.")\n'

# Says so and ends the process where one asks for a socket or an address, whichever library it is in.
INTERPOSER = r"""
#define _GNU_SOURCE
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

static void told(const char* name, unsigned long size) {
  ssize_t ignored = write(2, name, size);
  (void)ignored;
  _exit(86);
}
int socket(int domain, int type, int protocol) {
  told("socket", 6);
  return domain + type + protocol;
}
int getaddrinfo(const char* node, const char* service, const struct addrinfo* hints, struct addrinfo** out) {
  told("getaddrinfo", 11);
  return node == 0 && service == 0 && hints == 0 && out == 0;
}
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with an empty home, outside any test system."""
    left_out = {SWITCH, "CI", "GITHUB_ACTIONS", "TF_BUILD"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    folder = tmp_path / "home"
    folder.mkdir()
    folders = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache"), "TMPDIR": str(tmp_path)}
    return kept | folders


def run(program: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def files_of(environment: dict[str, str]) -> list[Path]:
    return [path for path in Path(environment["HOME"]).rglob("*") if path.is_file()]


def test_a_run_leaves_no_file_in_the_users_home(home: dict[str, str]) -> None:
    done = run(SPEAK, home)
    assert done.returncode == 0, done.stderr
    assert files_of(home) == []


def test_a_run_opens_no_socket(home: dict[str, str], tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs LD_PRELOAD and a C compiler")
    source, library = tmp_path / "no_sockets.c", tmp_path / "no_sockets.so"
    source.write_text(INTERPOSER, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, timeout=300)
    guarded = home | {"LD_PRELOAD": str(library)}
    seen = run("import socket; socket.socket()", guarded)
    assert (seen.returncode, seen.stderr) == (86, "socket"), "the interposer does not see what it should"
    done = run(SPEAK, guarded)
    assert done.returncode == 0, done.stderr


def test_the_installed_runtime_knows_the_switch() -> None:
    """Where it has the client at all: another name would turn nothing off."""
    library = find_library().read_bytes()
    if b"TELEMETRY" not in library:
        pytest.skip("this runtime has no telemetry client")
    assert SWITCH.encode() in library

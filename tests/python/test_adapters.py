"""The adapters for voice-agent frameworks, each with its host as released, in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("host", ["livekit", "pipecat"])
def test_in_its_host(host: str) -> None:
    found = subprocess.run([ROOT / "scripts" / "hosts"], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(found.stderr.strip())
    theirs = ("-W", "default::DeprecationWarning")  # Pipecat 1.14 imports what it calls deprecated
    options = ("-q", "-p", "no:cacheprovider", *theirs)
    command = [found.stdout.strip(), "-m", "pytest", *options, f"tests/hosts/test_{host}.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr

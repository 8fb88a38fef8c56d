"""Adapters for voice-agent frameworks and Ray, each with its host as released, beside `.venv`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("hosts", "host"), [("agents", "livekit"), ("agents", "pipecat"), ("ray", "ray")])
def test_in_its_host(hosts: str, host: str) -> None:
    found = subprocess.run([ROOT / "scripts" / "hosts", hosts], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(found.stderr.strip())
    theirs = ("-W", "default::DeprecationWarning")  # Pipecat 1.14 and Ray 2.60 use what is called so
    options = ("-q", "-p", "no:cacheprovider", *theirs)
    command = [found.stdout.strip(), "-m", "pytest", *options, f"tests/hosts/test_{host}.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr

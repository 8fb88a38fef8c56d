"""A short run of benchmarks/soak.py: many clients, cancels and failures at random, nothing left behind."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[2] / "benchmarks" / "soak.py"


@pytest.mark.parametrize("form", ["gqa", "concat"])
def test_three_hundred_requests(tmp_path: Path, form: str) -> None:
    if not Path("/proc/self/statm").is_file():
        pytest.skip("memory and open files are read from /proc")
    spec = importlib.util.spec_from_file_location("soak", SOAK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["soak"] = module
    spec.loader.exec_module(module)
    assert module.soak(tmp_path, requests=300, clients=16, form=form, seed=1) == []

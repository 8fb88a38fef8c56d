"""What differs elsewhere and can be had here: integers of 32 bits by default, a system without /proc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loquor.base import resident as module
from loquor.base.resident import resident

NARROW = """
import json, sys
import numpy as np

# As NumPy 1.x does on Windows: an integer that nobody gave a dtype has 32 bits.
def narrow(function):
    def made(*values, **given):
        array = function(*values, **given)
        told = "dtype" in given or len(values) > 1 and not isinstance(values[1], int)
        own = bool(values) and isinstance(values[0], (np.ndarray, np.generic))
        return array.astype(np.int32) if array.dtype == np.int64 and not told and not own else array
    return made

for name in ("arange", "array", "asarray"):
    setattr(np, name, narrow(getattr(np, name)))

from pathlib import Path
from loquor.prepare import prepare_bundle
found = prepare_bundle(Path(sys.argv[1]), "fp32", kv_dtype="int8", threads=1)
print(json.dumps({name: [graph.state, graph.reason, len(graph.changes)] for name, graph in found.items()}))
"""


def test_preparation_where_integers_have_32_bits(bundle_of: Callable[..., Path], tmp_path: Path) -> None:
    bundle = bundle_of(sines=True, noise=True)
    found = {}
    for name, script in (("narrow", NARROW), ("usual", NARROW.replace("setattr(np,", "(np,"))):
        environment = {**os.environ, "LOQUOR_CACHE": str(tmp_path / name)}
        command = [sys.executable, "-c", script, bundle]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found[name] = json.loads(done.stdout)
    assert found["narrow"] == found["usual"]
    assert [found["usual"][name][0] for name in ("language_model", "conditional_decoder")] == ["prepared"] * 2


def test_memory_is_told_by_what_the_system_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = resident()
    block = np.ones(8 << 20)  # 64 MB
    now, most = resident()
    assert before is not None and now is not None and most is not None
    assert now - before > 0.9 * block.nbytes and most >= now
    if sys.platform == "linux":
        monkeypatch.setattr(module, "_STATUS", tmp_path / "nothing")
        assert resident() == (None, pytest.approx(most, rel=0.1))

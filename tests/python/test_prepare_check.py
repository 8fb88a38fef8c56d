"""The comparison that a rewritten graph must pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loquor import ExecutionError, _core
from loquor.base.runtime import open_runtime
from loquor.prepare.check import distance
from loquor.prepare.graph import RefusedError


@pytest.mark.parametrize("outlier", [0.0, -1000.0, np.finfo(np.float16).min])
def test_one_huge_value_does_not_hide_wrong_ones(outlier: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((2, 6563)).astype(np.float32)
    logits[:, 6562] = outlier
    wrong = logits.copy()
    wrong[0, 7] += 0.5
    assert distance(logits, logits, "the logits", 0.03) == 0
    with pytest.raises(RefusedError, match=r"the logits are .* off"):
        distance(wrong, logits, "the logits", 0.03)


def test_a_huge_value_may_be_off_by_its_own_rounding() -> None:
    logits = np.zeros(1000, np.float32)
    logits[0] = -1000
    off = distance(np.where(logits < 0, logits + 0.5, logits), logits, "the logits", 0.001)
    assert off == pytest.approx(0.0005)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(RefusedError):
        distance(np.full(3, value, np.float32), np.ones(3, np.float32), "the samples", 0.1)


# --- One graph by itself ---


def test_a_session_refuses_wrong_arrays(bundle_of: Callable[..., Path]) -> None:
    session = _core.Graph(open_runtime(), str(bundle_of() / "onnx" / "embed_tokens.onnx"), threads=1)
    assert session.run({"input_ids": np.zeros((1, 3), np.int64)})["inputs_embeds"].shape == (1, 3, 64)
    with pytest.raises(ValueError, match="complex128"):
        session.run({"input_ids": np.zeros((1, 3), complex)})
    with pytest.raises(ExecutionError, match=r"embed_tokens\.onnx: Unexpected input data type"):
        session.run({"input_ids": np.zeros((1, 3), np.float32)})

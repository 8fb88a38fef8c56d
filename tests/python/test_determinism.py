"""The same seed gives the same tokens: streamed or whole, and beside others where steps take turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bundles import DTYPES
from loquor import Engine, GenerationOptions

TEXT = "The train to the coast leaves at seven."


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("form", ["concat", "gqa"])
@pytest.mark.parametrize("dtype", list(DTYPES))
def test_streamed_and_beside_others(
    bundle_of: Callable[..., Path], recording: NDArray[np.float32], dtype: str, form: str, prepare: bool
) -> None:
    folder, arguments = bundle_of(form=form, dtype=dtype), {"threads": 1, "device": "cpu", "slots": 4}
    options = [GenerationOptions(max_new_tokens=40, seed=seed) for seed in range(4)]
    with Engine(folder, dtype=dtype, prepare=prepare, batching=False, **arguments) as engine:
        voice = engine.voice((recording, 24_000))
        alone = [engine.generate_tokens(engine.tokenize(TEXT), voice, one) for one in options]
        streams = [engine.stream(TEXT, voice, one) for one in options]
        for stream, tokens in zip(streams, alone, strict=True):
            list(stream)
            np.testing.assert_array_equal(stream.tokens, tokens)
    assert len({tuple(tokens) for tokens in alone}) == 4

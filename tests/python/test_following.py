"""A Llama whose head goes along its text by construction and which ends by itself: its words, and what
the guard makes of it where it skips, repeats and runs on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bundles.following import follow_text
from loquor import Engine, GenerationOptions, StreamOptions, Voice
from loquor.prepare.align import find_heads

TEXT = "the quick brown fox jumps over the lazy dog and then it runs away"
PACE = 3  # codes an id
EngineFor = Callable[[Callable[[int], int]], tuple[Engine, Voice]]


@pytest.fixture(scope="module")
def engine_for(
    llama_bundle_of: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
    recording: NDArray[np.float32],
) -> EngineFor:
    published = llama_bundle_of(stop_bias=0.0)

    def open_engine(path: Callable[[int], int]) -> tuple[Engine, Voice]:
        folder = tmp_path_factory.mktemp("following") / "bundle"
        shutil.copytree(published, folder)
        engine = Engine(follow_text(folder, path), threads=1, device="cpu")
        return engine, engine.voice((recording, 24_000))

    return open_engine


def ids_of(engine: Engine) -> int:
    """Of the text, without its frame `6563 255 ... 0 6561 6561`."""
    return len(engine.tokenize(TEXT)) - 5


@pytest.mark.parametrize("cfg_weight", [0.0, 0.5])
def test_words_in_order_and_an_end_of_its_own(engine_for: EngineFor, cfg_weight: float) -> None:
    engine, voice = engine_for(lambda step: step // PACE)
    with engine:
        assert engine.capabilities.word_times
        options = GenerationOptions(seed=1, cfg_weight=cfg_weight)
        with engine.stream(TEXT, voice, options, chunks=StreamOptions(first_chunk=0)) as stream:
            list(stream)
        assert len(stream.tokens) == PACE * ids_of(engine)
        assert [word.text for word in stream.words] == TEXT.split()
        edges = [edge for word in stream.words for edge in (word.start, word.end)]
        assert edges == sorted(edges) and stream.report.text_faults == ()
        lengths = [round((word.end - word.start) / 0.04) for word in stream.words]
        assert all(length >= PACE for length in lengths)


def test_its_head_is_found(llama_bundle_of: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(llama_bundle_of(stop_bias=0.0), folder)
    found = find_heads(follow_text(folder, lambda step: step // PACE), threads=1, sentences=[TEXT])
    assert found.heads == ((0, 0),)


PATHS: dict[str, Callable[[int, int], int]] = {
    "skipped": lambda said, ids: said + (ids // 3 if said >= 8 else 0),
    "repeated": lambda said, ids: said - (ids // 2 if said >= ids - 4 else 0),
    "past_end": lambda said, ids: min(said, ids - 1),
}
"""Which id is said, by how many a plain path would have said before, and how many there are."""


@pytest.mark.parametrize("fault", PATHS)
def test_what_it_skips_repeats_and_adds_is_told(engine_for: EngineFor, fault: str) -> None:
    ids = len(TEXT) + 1  # letters, and the full stop that is added
    engine, voice = engine_for(lambda step: PATHS[fault](step // PACE, ids))
    heard = []
    with engine:
        assert ids_of(engine) == ids
        for chunk, level in ((0, 0), (0, 2), (6, 2)):
            options = GenerationOptions(
                seed=1, cfg_weight=0, max_new_tokens=PACE * ids + 120, text_guard=level
            )
            with engine.stream(TEXT, voice, options, chunks=StreamOptions(first_chunk=chunk)) as stream:
                list(stream)
            assert stream.report.text_faults == ((fault,) if level else ()), (chunk, level)
            assert any("of its text" in warning for warning in stream.warnings) == (level > 0)
            heard.append(stream.tokens)
    np.testing.assert_array_equal(heard[1], heard[2])
    if fault == "past_end":
        assert PACE * ids <= len(heard[1]) <= PACE * ids + 20 < len(heard[0])
    else:
        np.testing.assert_array_equal(heard[0], heard[1])

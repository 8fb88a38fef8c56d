"""The makers of English and Multilingual, and the plain loop of their families, which others trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bundles import LLAMA_FORMS, LLAMA_VARIANTS, data_bytes
from reference import LlamaLoop, uniform

Make = Callable[..., Path]
IDS = [6563, 255, 21, 18, 25, 25, 28, 9, 0, 6561, 6561]


@pytest.mark.parametrize(
    ("graph", "variant", "dtype", "published"),
    [
        ("language_model", "english", "fp32", 2_080_632_832),
        ("language_model", "multilingual", "fp16", 1_040_316_416),
        ("language_model", "multilingual", "q4", 353_621_248),
        ("embed_tokens", "multilingual", "fp32", 68_390_912),
        ("embed_tokens", "multilingual-v3", "fp32", 68_808_704),
    ],
)
def test_true_sizes_are_the_published_ones(graph: str, variant: str, dtype: str, published: int) -> None:
    assert data_bytes(graph, size="llama", dtype=dtype, variant=variant) == published


def loop_of(make: Make, **arguments: str) -> LlamaLoop:
    variant = LLAMA_VARIANTS[arguments.get("variant", "english")]
    folder = make(**arguments)
    return LlamaLoop(folder, arguments.get("dtype", "fp32"), multilingual=variant.multilingual, threads=1)


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "q4", "q4f16"])
def test_every_form_gives_the_same_tokens(
    llama_bundle_of: Make, recording: NDArray[np.float32], dtype: str
) -> None:
    spoken = []
    for form in LLAMA_FORMS:
        loop = loop_of(llama_bundle_of, form=form, dtype=dtype)
        voice = loop.encode(recording)
        assert voice["audio_features"].shape == (1, 33, 64)
        spoken.append(loop.generate(IDS, voice, max_new_tokens=12))
    assert spoken[0] == spoken[1] == spoken[2]
    assert len(set(spoken[0])) > 6


@pytest.mark.parametrize("variant", LLAMA_VARIANTS)
def test_the_embedding_graph_is_the_tables_but_for_its_latent_faults(
    llama_bundle_of: Make, variant: str
) -> None:
    loop = loop_of(llama_bundle_of, variant=variant)
    conditioned = {"text_conditioning": np.ones(1, np.float32)} if variant == "multilingual-v3" else {}

    def embed(ids: list[int], positions: list[int], feeling: float = 0.7) -> NDArray[np.float32]:
        feeds = {"input_ids": np.array([ids]), "position_ids": np.array([positions])}
        feeds["exaggeration"] = np.array([feeling], np.float32)
        found: NDArray[np.float32] = loop.embed_tokens.run(None, feeds | conditioned)[0]
        return found

    positions = [0, *range(len(IDS) - 3), 0, 0]
    np.testing.assert_array_equal(embed(IDS, positions), loop.embed_prompt(IDS, 0.7))
    np.testing.assert_array_equal(embed([77], [5])[0, 0], loop.embed_token(77, 5))
    assert np.abs(embed([0], [5])[0, 0] - loop.embed_token(0, 5)).max() > 0.1  # read as text
    np.testing.assert_array_equal(embed([0, 0], [0, 5])[0, 1], loop.embed_token(0, 5))  # behind a 0 it is not
    np.testing.assert_array_equal(embed([6563], [5])[0, 0], loop.embed_prompt(IDS, 0.7)[0, 0])  # a feeling


def test_text_conditioning_zero_is_the_row_without_text(llama_bundle_of: Make) -> None:
    loop = loop_of(llama_bundle_of, variant="multilingual-v3")
    feeds = {"input_ids": np.array([IDS]), "position_ids": np.array([[0, *range(len(IDS) - 3), 0, 0]])}
    feeds |= {"exaggeration": np.full(1, 0.5, np.float32), "text_conditioning": np.zeros(1, np.float32)}
    expected = loop.embed_prompt(IDS, 0.5, with_text=False)
    np.testing.assert_array_equal(loop.embed_tokens.run(None, feeds)[0], expected)


@pytest.mark.parametrize("variant", LLAMA_VARIANTS)
def test_the_tokenizer_writes_the_published_prompt(llama_bundle_of: Make, variant: str) -> None:
    tokenizer = Tokenizer.from_file(str(llama_bundle_of(variant=variant) / "tokenizer.json"))
    assert tokenizer.encode("a b.").ids == [6563, 255, 14, 2, 15, 9, 0, 6561, 6561]


def test_what_the_loop_is_asked_changes_what_it_says(
    llama_bundle_of: Make, recording: NDArray[np.float32]
) -> None:
    loop = loop_of(llama_bundle_of)
    voice = loop.encode(recording)
    uniforms = [uniform(3, step) for step in range(25)]
    runs = [
        loop.generate(IDS, voice, max_new_tokens=25, **options)
        for options in (
            {},
            {"cfg_weight": 0.0},
            {"cfg_weight": 1.5},
            {"exaggeration": 2.0},
            {"temperature": 0.8, "uniforms": uniforms},
            {"temperature": 0.8, "uniforms": uniforms, "min_p": 0.5},
            {"temperature": 0.8, "uniforms": uniforms, "top_p": 0.2},
        )
    ]
    assert len(set(map(tuple, runs))) == len(runs)
    assert loop.generate(IDS, voice, max_new_tokens=7) == runs[0][:7]


def test_the_penalty_counts_an_id_once(llama_bundle_of: Make) -> None:
    found = loop_of(llama_bundle_of).penalised(np.array([2, -2, 1], np.float32), [0, 0, 1], 2.0)
    np.testing.assert_array_equal(found, [1, -4, 1])


def test_multilingual_cuts_the_sound_of_the_last_code(
    llama_bundle_of: Make, recording: NDArray[np.float32]
) -> None:
    for variant, cut in (("english", 0), ("multilingual", 1)):
        loop = loop_of(llama_bundle_of, variant=variant)
        voice = loop.encode(recording)
        wave = loop.decode([5, 6, 6600, 7], voice)
        assert wave.size == 960 * (3 - cut)
        np.testing.assert_array_equal(wave, loop.decode_codes([5, 6, 7], voice)[: wave.size])
        assert loop.decode([5], voice).size == 960

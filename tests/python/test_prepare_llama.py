"""The language model of English and Multilingual, prepared: every form against the published graph."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions
from loquor.prepare.graph import Graph
from loquor.prepare.language_model import load, rewrite_language_model
from loquor.prepare.own_attention import OWN_ATTENTION
from reference import LlamaLoop, uniform

Make = Callable[..., Path]
FORMS = ("gqa", "gqa-positions")
TEXT = "Hello there, you."


def rewritten(folder: Path, dtype: str) -> tuple[onnx.ModelProto, list[str]]:
    suffix = {"fp32": "", "fp16": "_fp16", "q4": "_q4", "q4f16": "_q4f16"}[dtype]
    file = folder / "onnx" / f"language_model{suffix}.onnx"
    return rewrite_language_model(load(file), file.parent, own_operators=True, own_products=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "q4", "q4f16"])
def test_attention_and_products_are_the_cores_own(llama_bundle_of: Make, form: str, dtype: str) -> None:
    model, done = rewritten(llama_bundle_of(form=form, dtype=dtype), dtype)
    graph = Graph(model, Path())
    assert len(graph.nodes(OWN_ATTENTION)) == 2 and not graph.nodes("GroupQueryAttention"), done
    assert len(graph.nodes("RotaryEmbedding")) == 4
    assert len(graph.nodes("BlockProduct")) == (2 * 5 + 1 if dtype.startswith("q4") else 0)
    positions = {node.input[1] for node in graph.nodes("RotaryEmbedding")}
    assert len(positions) == 1
    assert ("position_ids" in positions) == (form == "gqa-positions")


@pytest.mark.parametrize("form", FORMS)
def test_prepared_tokens_are_the_plain_loops(
    llama_bundle_of: Make, recording: NDArray[np.float32], form: str
) -> None:
    folder = llama_bundle_of(form=form)
    loop = LlamaLoop(folder, threads=1, piece=64)
    with Engine(folder, device="cpu", threads=1) as engine:
        assert engine.capabilities.prepared["language_model"] == "prepared"
        assert engine.capabilities.kv_mode == "in_place" and engine.capabilities.batched
        voice, ids = engine.voice((recording, 24_000)), engine.tokenize(TEXT)
        plain = {
            "audio_features": voice.audio_features[None],
            "audio_tokens": voice.audio_tokens[None],
        }
        for seed, weight in ((1, 0.5), (2, 0.0), (3, 1.2)):
            options = GenerationOptions(seed=seed, cfg_weight=weight, max_new_tokens=80)
            uniforms = [uniform(seed, step) for step in range(80)]
            expected = loop.generate(
                ids.tolist(),
                plain,
                max_new_tokens=80,
                temperature=0.8,
                cfg_weight=weight,
                uniforms=uniforms,
            )
            assert engine.generate_tokens(ids, voice, options).tolist() == expected


@pytest.mark.parametrize("dtype", ["fp32", "q4", "q4f16"])
@pytest.mark.parametrize("kv_dtype", ["auto", "fp16", "int8"])
def test_every_cache(
    llama_bundle_of: Make, recording: NDArray[np.float32], dtype: str, kv_dtype: str
) -> None:
    """Prepared graphs are compared with the published one; speech is alike alone and beside others."""
    with Engine(
        llama_bundle_of(dtype=dtype), dtype="auto", device="cpu", threads=1, slots=3, kv_dtype=kv_dtype
    ) as engine:
        capabilities = engine.capabilities
        assert capabilities.dtypes["language_model"] == dtype
        assert capabilities.prepared["language_model"] == "prepared"
        assert capabilities.kv_dtype == {"auto": {"q4f16": "fp16"}.get(dtype, "fp32")}.get(kv_dtype, kv_dtype)
        voice = engine.voice((recording, 24_000))
        asked = [
            GenerationOptions(seed=seed, cfg_weight=weight, max_new_tokens=20)
            for seed, weight in ((1, 0.5), (2, 0.0), (3, 0.7))
        ]
        streams = [engine.stream(TEXT, voice, options) for options in asked]
        for stream in streams:
            assert sum(chunk.size for chunk in stream) > 0
        ids = engine.tokenize(TEXT)
        for options in asked:
            once = engine.generate_tokens(ids, voice, options).tolist()
            assert engine.generate_tokens(ids, voice, options).tolist() == once and len(once) == 20


def test_a_rotation_that_is_written_out_runs_as_published_and_says_so(
    llama_bundle_of: Make, recording: NDArray[np.float32], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, "loquor"),
        Engine(llama_bundle_of(form="concat"), device="cpu", threads=1) as engine,
    ):
        assert engine.capabilities.prepared["language_model"] in ("refused", "as published")
        voice = engine.voice((recording, 24_000))
        options = GenerationOptions(max_new_tokens=5)
        assert engine.generate_tokens(engine.tokenize(TEXT), voice, options).size == 5
    assert any("language_model" in record.message for record in caplog.records)


def test_an_attention_that_asks_for_more_stays_the_runtimes(llama_bundle_of: Make) -> None:
    file = llama_bundle_of() / "onnx" / "language_model.onnx"
    for attribute, value in (("softcap", 30.0), ("local_window_size", 64)):
        model = load(file)
        for node in model.graph.node:
            if node.op_type == "GroupQueryAttention":
                node.attribute.append(onnx.helper.make_attribute(attribute, value))
        model, _ = rewrite_language_model(model, file.parent, own_operators=True, own_products=True)
        assert Graph(model, Path()).nodes("GroupQueryAttention")

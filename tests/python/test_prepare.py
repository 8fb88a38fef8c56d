"""Rewritten graphs: the same logits and tokens as published ones, an honest cache, and a loud way back."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from bundles import DTYPES, EXPORTED_FORMS, FORMS
from loquor import Engine, GenerationOptions, InvalidInputError, _core
from loquor.base.runtime import open_runtime
from loquor.cli import main
from loquor.prepare import PreparedGraph, prepare_bundle
from loquor.prepare.check import Port, Trace, compare, trace_language_model
from loquor.prepare.kv_cache import KV_TYPES
from reference import PlainLoop, uniform

STEPS = 220
IDS = [84, 200, 39, 68, 75, 75, 78, 50271, 13, 50256, 50256]
SUFFIXES = {"fp32": "", "fp16": "_fp16", "q8": "_quantized", "q4": "_q4", "q4f16": "_q4f16"}
CASES = [(form, dtype) for form in FORMS for dtype in DTYPES]
CASES += [("torchscript", "fp32"), ("torchscript", "fp16"), ("dynamo", "fp32"), ("dynamo", "q4")]
VOICE_NAMES = ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features")

BundleOf = Callable[..., Path]
EngineOf = Callable[..., Engine]


@pytest.fixture
def copy(bundle_of: BundleOf, tmp_path: Path) -> Path:
    """A bundle that a test may change."""
    return Path(shutil.copytree(bundle_of(dtype="q4"), tmp_path / "copy"))


def language_model(bundle: Path, dtype: str) -> Path:
    return bundle / "onnx" / f"language_model{SUFFIXES[dtype]}.onnx"


def prepare(bundle: Path, dtype: str, **options: bool) -> PreparedGraph:
    return prepare_bundle(bundle, dtype, threads=1, **options)["language_model"]


def trace(source: Path, prepared: Path | None = None) -> Trace:
    session = _core.Graph(open_runtime(), str(source), prepared=str(prepared or ""), threads=1)
    model = onnx.load(str(source), load_external_data=False)
    return trace_language_model(session.run, {port.name: Port.of(port) for port in model.graph.input})


def operators(file: Path | None) -> Counter[str]:
    assert file is not None
    return Counter(node.op_type for node in onnx.load(str(file), load_external_data=False).graph.node)


def edit(file: Path, change: Callable[[ModelProto], None]) -> None:
    model = onnx.load(str(file), load_external_data=False)
    change(model)
    file.write_bytes(model.SerializeToString())


# --- What is rewritten, and that it means the same ---


@pytest.mark.parametrize(("form", "dtype"), CASES)
def test_logits_and_caches(bundle_of: BundleOf, form: str, dtype: str) -> None:
    bundle = bundle_of(form=form, dtype=dtype)
    result = prepare(bundle, dtype)
    assert result.state == "prepared" and result.reason == ""
    found, expected = trace(result.source, result.file), trace(result.source)
    assert len(expected.logits) == 9 and expected.logits[-1].shape == (2, 6563)
    # int8 activations round to 1 / 127 of a block's largest; float16 keeps eleven bits.
    exact = 1e-5 if dtype == "fp32" else 0.02
    assert compare(found, expected, exact if dtype in ("fp32", "fp16") else 0.1) > 0


@pytest.mark.parametrize("form", ["concat", "gqa"])
def test_rows_of_different_lengths_step_together(bundle_of: BundleOf, form: str) -> None:
    """Padded on the right, each row goes on at its own end, as it would alone."""
    result = prepare(bundle_of(form=form), "fp32")
    session = _core.Graph(open_runtime(), str(result.source), prepared=str(result.file), threads=1)
    embeds = np.random.default_rng(0).standard_normal((2, 10, 64)).astype(np.float32)
    names = [f"{layer}.{kind}" for layer in range(2) for kind in ("key", "value")]

    def run(rows: list[int], lengths: list[int], count: int, past: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """`count` new positions of rows that are `lengths` long after them."""
        total = max(lengths)
        ends = np.asarray(lengths)[:, None]
        positions = np.maximum(ends - count, 0) + np.arange(count) if past else np.arange(count) + 0 * ends
        feeds = {
            "inputs_embeds": np.stack([embeds[row][at] for row, at in zip(rows, positions, strict=True)]),
            "attention_mask": (np.arange(total) < ends).astype(np.int64),
            "position_ids": positions,
        }
        empty = np.zeros((len(rows), 2, 0, 32), np.float32)
        return session.run(feeds | {f"past_key_values.{n}": past.get(f"present.{n}", empty) for n in names})

    together = run([0, 1], [10, 6], 1, run([0, 1], [9, 5], 9, {}))["logits"]
    for row, length in ((0, 9), (1, 5)):
        alone = run([row], [length + 1], 1, run([row], [length], length, {}))["logits"]
        np.testing.assert_allclose(together[row], alone[0], atol=1e-4)


@pytest.mark.parametrize(("form", "dtype"), CASES)
def test_every_pattern_was_found(bundle_of: BundleOf, form: str, dtype: str) -> None:
    result = prepare(bundle_of(form=form, dtype=dtype), dtype)
    after = operators(result.file)
    own = 0 if _core.vector_unit() == "plain" else 2
    assert (after["CausalAttention"], after["GroupQueryAttention"]) == (own, 2 - own)
    assert after["FastGelu"] == 2
    assert after["SkipLayerNormalization"] == 5
    assert after["GatherND"] == 1  # the head's
    left = {"Softmax", "LayerNormalization", "MultiHeadAttention", "Split", "Tanh", "Pow", "Where", "Range"}
    assert not left & after.keys()
    if dtype in ("q8", "q4", "q4f16"):
        assert after["Add"] == 0  # each bias is inside its product
        model = onnx.load(str(result.file), load_external_data=False)
        levels = [a.i for n in model.graph.node for a in n.attribute if a.name == "accuracy_level"]
        ours = 9 if _core.vector_unit() in ("avx2", "avx512") else 0
        assert after["BlockProduct"] == ours
        assert levels == [4] * (9 - ours)
    elif form != "torchscript":  # there the biases are in Gemm
        assert after["Add"] == 3  # of the two c_attn and the head


@pytest.mark.parametrize("form", [*FORMS, *EXPORTED_FORMS])
def test_queries_keys_and_values_stay_packed(bundle_of: BundleOf, form: str) -> None:
    result = prepare(bundle_of(form=form), "fp32")
    model = onnx.load(str(result.file), load_external_data=False)
    for node in model.graph.node:
        if node.op_type == "CausalAttention":
            assert list(node.input[1:3]) == ["", ""]
            assert next(a.f for a in node.attribute if a.name == "scale") == pytest.approx(32**-0.5)


@pytest.mark.parametrize("form", [*FORMS, *EXPORTED_FORMS])
def test_tokens_are_those_of_the_plain_loop(
    bundle_of: BundleOf, engine_of: EngineOf, recording: NDArray[np.float32], form: str
) -> None:
    """In float32 the rewrite changes only the order of additions."""
    engine = engine_of(form=form, prepare=True)
    plain = PlainLoop(bundle_of(form=form), "fp32", threads=1)
    voice = engine.voice((recording, 24_000))
    plain_voice = {name: getattr(voice, name)[np.newaxis] for name in VOICE_NAMES}
    penalty = float(np.float32(1.2))
    greedy = plain.generate(IDS, plain_voice, max_new_tokens=STEPS, repetition_penalty=penalty)
    options = GenerationOptions(temperature=0, max_new_tokens=STEPS)
    assert engine.generate_tokens(IDS, voice, options).tolist() == greedy
    assert len(set(greedy)) > STEPS / 2
    for seed in (1, 2):
        sampled = plain.generate(
            IDS,
            plain_voice,
            max_new_tokens=STEPS,
            temperature=float(np.float32(0.8)),
            top_k=1000,
            top_p=float(np.float32(0.95)),
            repetition_penalty=penalty,
            uniforms=[uniform(seed, step) for step in range(STEPS)],
        )
        options = GenerationOptions(seed=seed, max_new_tokens=STEPS)
        assert engine.generate_tokens(IDS, voice, options).tolist() == sampled


@pytest.mark.parametrize("dtype", ["q4", "q8"])
@pytest.mark.parametrize("form", FORMS)
def test_tokens_of_quantised_forms_are_each_others(
    engine_of: EngineOf, recording: NDArray[np.float32], form: str, dtype: str
) -> None:
    """All forms become one graph, so that even its rounding is the same."""
    engine, other = (engine_of(form=name, dtype=dtype, prepare=True) for name in (form, "concat"))
    voice = engine.voice((recording, 24_000))
    for options in (
        GenerationOptions(temperature=0, max_new_tokens=STEPS),
        GenerationOptions(seed=5, max_new_tokens=STEPS),
    ):
        expected = other.generate_tokens(IDS, other.voice((recording, 24_000)), options)
        np.testing.assert_array_equal(engine.generate_tokens(IDS, voice, options), expected)


@pytest.mark.parametrize(("form", "dtype"), CASES)
def test_the_engine_keeps_the_cache_in_place(engine_of: EngineOf, form: str, dtype: str) -> None:
    seen = engine_of(form=form, dtype=dtype, prepare=True).capabilities
    assert seen.kv_mode == "in_place"
    assert seen.prepared["language_model"] == "prepared"
    assert seen.kv_dtype == ("fp16" if dtype in ("fp16", "q4f16") else "fp32")


def test_other_requests_and_grown_buffers_leave_no_trace(
    bundle_of: BundleOf, recording: NDArray[np.float32]
) -> None:
    with Engine(bundle_of(form="concat", dtype="q4"), threads=1, device="cpu") as engine:
        voice = engine.voice((recording, 24_000))

        def run(steps: int, seed: int = 3) -> list[int]:
            options = GenerationOptions(seed=seed, max_new_tokens=steps)
            tokens: list[int] = engine.generate_tokens(IDS, voice, options).tolist()
            return tokens

        fresh = run(60)
        assert run(700)[:60] == fresh
        run(30, seed=4)
        assert run(60) == fresh


def test_prepare_false(bundle_of: BundleOf, fresh_cache: Path) -> None:
    with Engine(bundle_of(), threads=1, prepare=False) as engine:
        seen = engine.capabilities
    assert set(seen.prepared.values()) == {"as published"} and seen.kv_mode == "ping_pong"
    assert not fresh_cache.exists()


def test_the_built_in_model_is_prepared(fresh_cache: Path) -> None:
    with Engine("mini", threads=1) as engine, Engine("mini", threads=1, prepare=False) as published:
        assert engine.capabilities.prepared["language_model"] == "prepared"
        assert engine.capabilities.kv_mode == "in_place"
        ids, options = engine.tokenize("The same tokens."), GenerationOptions(seed=1)
        found = engine.generate_tokens(ids, engine.voice(), options)
        np.testing.assert_array_equal(found, published.generate_tokens(ids, published.voice(), options))


# --- Types of the KV cache ---


@pytest.mark.parametrize("kv_dtype", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("dtype", ["fp32", "q4", "fp16", "q4f16"])
def test_the_cache_in_other_types(
    bundle_of: BundleOf, recording: NDArray[np.float32], dtype: str, kv_dtype: str
) -> None:
    bundle = bundle_of(dtype=dtype)
    result = prepare_bundle(bundle, dtype, kv_dtype=kv_dtype, threads=1)["language_model"]
    assert result.state == "prepared" and result.file is not None
    # On the check's input, which the scales were not chosen for; tiny's logits go up to 9.
    assert compare(trace_as(result), trace(result.source), 0.1) < 0.1
    with (
        Engine(bundle, dtype=dtype, threads=1, device="cpu", kv_dtype=kv_dtype) as engine,
        Engine(bundle, dtype=dtype, threads=1, device="cpu") as other,
    ):
        seen = engine.capabilities
        assert (seen.kv_mode, seen.prepared["language_model"]) == ("in_place", "prepared")
        assert seen.kv_dtype == kv_dtype
        options = GenerationOptions(temperature=0, max_new_tokens=STEPS)
        voices = [each.voice((recording, 24_000)) for each in (engine, other)]
        tokens = [
            each.generate_tokens(IDS, voice, options).tolist()
            for each, voice in zip((engine, other), voices, strict=True)
        ]
        assert tokens[0][:3] == tokens[1][:3]  # rounding leads them apart later
        # A slot that was used before leaves nothing behind.
        assert engine.generate_tokens(IDS, voices[0], options).tolist() == tokens[0]


def trace_as(result: PreparedGraph) -> Trace:
    """Of a rewritten graph whose inputs are not those of the published one."""
    assert result.file is not None
    session = _core.Graph(open_runtime(), str(result.source), prepared=str(result.file), threads=1)
    model = onnx.load(str(result.file), load_external_data=False)
    return trace_language_model(session.run, {port.name: Port.of(port) for port in model.graph.input})


def test_int8_has_its_scales_from_a_calibration(bundle_of: BundleOf) -> None:
    result = prepare_bundle(bundle_of(), "fp32", kv_dtype="int8", threads=1)["language_model"]
    model = onnx.load(str(result.file), load_external_data=False)
    tensors = [tensor for tensor in model.graph.initializer if tensor.name.startswith("loquor_scale_")]
    assert len(tensors) == 4  # of keys and values in two layers
    scales = np.concatenate([numpy_helper.to_array(tensor) for tensor in tensors])
    largest = [np.abs(array.astype(np.float32)).max() for array in trace(result.source).caches]
    assert len(set(scales.tolist())) == 4
    assert (scales * 127 > 0.7 * min(largest)).all() and (scales * 127 < 2 * max(largest)).all()


def test_a_type_that_cannot_be_had_is_left_out(
    bundle_of: BundleOf, fresh_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a runtime whose attention has no such kernel."""
    monkeypatch.setitem(KV_TYPES, "int8", onnx.TensorProto.UINT16)
    with caplog.at_level(logging.WARNING, "loquor"):
        engine = Engine(bundle_of(), threads=1, device="cpu", kv_dtype="int8")
    assert engine.capabilities.prepared["language_model"] == "prepared"
    assert engine.capabilities.kv_dtype == "fp32"
    assert "keeps its published KV cache: its KV cache cannot be kept in int8" in caplog.text


def test_kv_dtype_takes_a_prepared_graph(bundle_of: BundleOf, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "loquor"):
        Engine(bundle_of(), threads=1, prepare=False, kv_dtype="int8").close()
    assert "kv_dtype='int8' is left out" in caplog.text
    for wrong in ("int4", None, 8):
        with pytest.raises(InvalidInputError, match="kv_dtype must be auto, fp32, fp16, int8"):
            Engine(bundle_of(), kv_dtype=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="prepare must be True or False"):
        Engine(bundle_of(), prepare="yes")  # type: ignore[arg-type]


# --- Graphs that must not be rewritten ---


def look_both_ways(model: ModelProto) -> None:
    """Attention that is not causal: the pattern fits, the meaning does not."""
    causal = next(node for node in model.graph.node if node.op_type == "LessOrEqual")
    causal.op_type = "GreaterOrEqual"


def normalise_keys(model: ModelProto) -> None:
    """Keys that are changed between the product and the cache."""
    for node in model.graph.node:
        if node.op_type == "Concat" and "present.1.key" in node.output:
            model.graph.node.insert(
                list(model.graph.node).index(node), helper.make_node("Tanh", [node.input[1]], ["tamed"])
            )
            node.input[1] = "tamed"
            return


def be_old(model: ModelProto) -> None:
    model.opset_import[0].version = 13


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (look_both_ways, "of their range off the untouched graph's"),
        (
            normalise_keys,
            "layer 1: queries, keys and values should be split into heads and transposed, not come from Tanh",
        ),
        (be_old, "its opset is 13"),
    ],
)
def test_a_refused_graph_runs_as_published_and_says_so(
    copy: Path,
    fresh_cache: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[ModelProto], None],
    reason: str,
) -> None:
    edit(language_model(copy, "q4"), change)
    if change is be_old:
        assert prepare(copy, "q4").reason.startswith(reason)
        return
    for _ in range(2):  # also when the cache knows it
        caplog.clear()
        with caplog.at_level(logging.WARNING, "loquor"), Engine(copy, threads=1) as engine:
            assert engine.capabilities.prepared["language_model"] == "refused"
            assert engine.capabilities.kv_mode == "ping_pong"
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert reason in record.getMessage() and "language_model_q4.onnx" in record.getMessage()
    assert prepare(copy, "q4").cached


def test_a_prepared_graph_that_does_not_load_is_left_aside(
    copy: Path, fresh_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a provider that refuses what the CPU took."""
    good = prepare(copy, "q4")
    assert good.file is not None
    broken = b"no graph at all"
    good.file.write_bytes(broken)
    note = good.file.with_suffix(".json")
    note.write_text(
        json.dumps({**json.loads(note.read_text()), "sha256": hashlib.sha256(broken).hexdigest()})
    )
    with caplog.at_level(logging.WARNING, "loquor"), Engine(copy, threads=1) as engine:
        assert engine.capabilities.prepared["language_model"] == "refused"
        assert engine.capabilities.kv_mode == "ping_pong"
    assert "used as published, not prepared" in caplog.text


# --- The command line ---


def test_the_command(bundle_of: BundleOf, fresh_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", str(bundle_of(dtype="q4")), "--dtype=q4"]) == 0
    shown = capsys.readouterr()
    line = shown.out.splitlines()[0]
    assert line.startswith("language_model: ") and Path(line.partition(": ")[2]).parent == fresh_cache
    assert "language_model: prepared (2 GroupQueryAttention, " in shown.err
    assert main(["prepare", str(fresh_cache)]) == 4

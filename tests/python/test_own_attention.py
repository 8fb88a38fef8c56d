"""Our own attention against the runtime's GroupQueryAttention, and where the latter must stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from loquor.prepare import operators_library, prepare_bundle
from loquor.prepare.graph import Graph
from loquor.prepare.own_attention import use_own_attention

HEADS, KV_HEADS, DIM, CAPACITY = 6, 2, 16, 24
PACKED = (HEADS + 2 * KV_HEADS) * DIM
Arrays = dict[str, NDArray[Any]]

TYPES = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "int8": TensorProto.INT8}
DTYPES = {"fp32": np.float32, "fp16": np.float16, "int8": np.int8}
SCALES: Arrays = {"k_scale": np.asarray([0.03], np.float32), "v_scale": np.asarray([0.02], np.float32)}


def attention(own: bool, cache: str, dim: int = DIM, extra: tuple[str, ...] = (), **given: Any) -> ModelProto:
    """One node over packed queries, keys and values, or over those `extra` inputs besides."""
    inputs = ["query", "", "", "past_key", "past_value", "seqlens_k", "total", *extra]
    attributes = {"num_heads": HEADS, "kv_num_heads": KV_HEADS, "scale": 0.3, **given}
    if cache == "int8":
        inputs += [*([] if own else [""] * 5), *SCALES]
        quantised = {"k_quant_type": "PER_TENSOR", "v_quant_type": "PER_TENSOR", "kv_cache_bit_width": 8}
        attributes |= {} if own else quantised
    kind = TYPES[cache]
    types = {
        "query": (TensorProto.FLOAT, 3),
        "seqlens_k": (TensorProto.INT32, 1),
        "total": (TensorProto.INT32, 0),
    }
    types |= dict.fromkeys(SCALES, (TensorProto.FLOAT, 1))
    caches = {name: [None, KV_HEADS, None, dim] for name in ("past_key", "past_value")}
    ports = [
        helper.make_tensor_value_info(
            name, *(kind, caches[name]) if name in caches else (types[name][0], [None] * types[name][1])
        )
        for name in inputs
        if name and name not in extra
    ]
    outputs = ["context", "present_key", "present_value"]
    graph = helper.make_graph(
        [
            helper.make_node(
                "CausalAttention" if own else "GroupQueryAttention",
                inputs,
                outputs,
                domain="loquor" if own else "com.microsoft",
                **attributes,
            )
        ],
        "attention",
        ports,
        [
            helper.make_tensor_value_info(
                name, kind if index else TensorProto.FLOAT, [None] * (4 if index else 3)
            )
            for index, name in enumerate(outputs)
        ],
    )
    opsets = [
        helper.make_opsetid(name, version)
        for name, version in (("", 21), ("com.microsoft", 1), ("loquor", 1))
    ]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def runner(model: ModelProto) -> Callable[[Arrays], list[NDArray[Any]]]:
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(str(operators_library()))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {port.name for port in session.get_inputs()}

    def run(feeds: Arrays) -> list[NDArray[Any]]:
        made: list[NDArray[Any]] = session.run(
            None, {name: value for name, value in feeds.items() if name in wanted}
        )
        return made

    return run


@pytest.mark.parametrize("cache", ["fp32", "fp16", "int8"])
def test_it_means_what_the_runtimes_means(cache: str) -> None:
    """A padded prompt, then steps of rows at different positions, in a cache of fixed capacity."""
    ours, theirs = runner(attention(True, cache)), runner(attention(False, cache))
    rng = np.random.default_rng(3)
    lengths = np.asarray([11, 7, 1])
    past = np.zeros((3, KV_HEADS, CAPACITY, DIM), DTYPES[cache])
    pasts = [(past, past), (past, past)]  # ours and theirs
    for step in range(5):
        count = 1 if step else 11
        feeds: Arrays = {
            "query": rng.standard_normal((3, count, PACKED)).astype(np.float32),
            "seqlens_k": (lengths + step - 1).astype(np.int32),
            "total": np.asarray(11 + step, np.int32),
            **SCALES,
        }
        found, expected = (
            run({**feeds, "past_key": keys, "past_value": values})
            for run, (keys, values) in zip((ours, theirs), pasts, strict=True)
        )
        pasts = [(found[1], found[2]), (expected[1], expected[2])]
        for row, length in enumerate(lengths):
            real = count if step else length
            # In other types the runtime may take a new position before it is rounded.
            np.testing.assert_allclose(
                found[0][row, :real], expected[0][row, :real], atol=3e-6 if cache == "fp32" else 2e-3
            )
            for mine, other in zip(found[1:], expected[1:], strict=True):
                assert mine.dtype == other.dtype and mine.shape == other.shape
                # int8 may fall on either side of a tie where the factor was rounded.
                mine, other = (array[row, :, : length + step].astype(np.float32) for array in (mine, other))
                np.testing.assert_allclose(mine, other, atol=1 if cache == "int8" else 0)


def test_several_positions_behind_a_past() -> None:
    ours, theirs = runner(attention(True, "fp32")), runner(attention(False, "fp32"))
    rng = np.random.default_rng(4)
    past = rng.standard_normal((1, KV_HEADS, 9, DIM)).astype(np.float32)
    feeds: Arrays = {
        "query": rng.standard_normal((1, 5, PACKED)).astype(np.float32),
        "past_key": past,
        "past_value": past[..., ::-1].copy(),
        "seqlens_k": np.asarray([13], np.int32),
        "total": np.asarray(14, np.int32),
    }
    for found, expected in zip(ours(feeds), theirs(feeds), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=3e-6)


# --- What is replaced ---


def replaced(model: ModelProto) -> Counter[str]:
    graph = Graph(model, Path())
    count = use_own_attention(graph)
    found = Counter(node.op_type for node in graph.finish().graph.node)
    assert found["CausalAttention"] == count
    return found


def test_what_asks_for_nothing_else_is_replaced() -> None:
    unused: dict[str, Any] = {"do_rotary": 0, "local_window_size": -1, "softcap": 0.0, "k_quant_type": "NONE"}
    model = attention(False, "fp32", **unused)
    model.graph.node[0].input.extend([""] * 3)
    assert replaced(model) == {"CausalAttention": 1}
    (node,) = model.graph.node
    assert list(node.input) == ["query", "", "", "past_key", "past_value", "seqlens_k", "total"]
    assert list(node.output) == ["context", "present_key", "present_value"]
    assert {attribute.name for attribute in node.attribute} == {"num_heads", "kv_num_heads", "scale"}


@pytest.mark.parametrize(
    "given",
    [
        {"do_rotary": 1},
        {"local_window_size": 64},
        {"softcap": 30.0},
        {"smooth_softmax": 1},
        {"something_new": 0},
        {"extra": ("cos_cache", "sin_cache")},
        {"dim": 12},
        {"dim": 512},
        {"kv_num_heads": 3},
        {"num_heads": 5},
    ],
)
def test_what_asks_for_more_keeps_the_runtimes(given: dict[str, Any]) -> None:
    assert replaced(attention(False, "fp32", **given)) == {"GroupQueryAttention": 1}


@pytest.mark.parametrize("cache", ["fp16", "int8"])
def test_a_published_cache_in_other_types_keeps_the_runtimes(cache: str) -> None:
    """Its queries need not be float32."""
    assert replaced(attention(False, cache)) == {"GroupQueryAttention": 1}


def test_a_device_keeps_the_runtimes(
    bundle_of: Callable[..., Path], fresh_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loquor.prepare.advised_dtype", lambda *_: "fp32")  # the device is not here
    result = prepare_bundle(bundle_of(form="gqa"), "fp32", threads=1, device="cuda")["language_model"]
    assert result.file is not None and result.file.parent == fresh_cache
    nodes = Counter(node.op_type for node in onnx.load(str(result.file), load_external_data=False).graph.node)
    assert (nodes["GroupQueryAttention"], nodes["CausalAttention"]) == (2, 0)

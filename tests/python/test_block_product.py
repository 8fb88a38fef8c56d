"""The operator BlockProduct: MatMulNBits' results on the same weights; which of those are rewritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from loquor import Engine, ExecutionError, GenerationOptions, ModelError, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import prepare_bundle
from loquor.prepare.graph import Graph
from loquor.prepare.language_model import rewrite_language_model
from loquor.prepare.products import read_weights_in_place, spell_out_products

Change = Callable[[dict[str, Any], dict[str, NDArray[Any]]], None]


def product(
    bits: int = 4,
    n: int = 37,
    k: int = 160,
    change: Change | None = None,
    bias: bool = True,
    block: int = 32,
    float_zeros: bool = False,
) -> ModelProto:
    """y = MatMulNBits(x) with bias and zero points; `change` edits attributes and arrays."""
    rng = np.random.default_rng(n * k + bits)
    blocks = -(-k // block)
    given: dict[str, Any] = {"K": k, "N": n, "bits": bits, "block_size": block, "accuracy_level": 4}
    arrays: dict[str, NDArray[Any]] = {
        "values": rng.integers(0, 256, (n, blocks, block // 8 * bits), np.uint8),
        "scales": (rng.random((n, blocks)) * 0.02).astype(np.float32),
        "zeros": rng.integers(0, 256, (n, -(-blocks * bits // 8)), np.uint8),
    }
    if float_zeros:
        arrays["zeros"] = (rng.random((n, blocks)) * (1 << bits)).astype(np.float32)
    if bias:
        arrays["bias"] = rng.standard_normal(n).astype(np.float32)
    if change is not None:
        change(given, arrays)
    names = [name if name in arrays else "" for name in ("values", "scales", "zeros", "order", "bias")]
    node = helper.make_node("MatMulNBits", ["x", *names], ["y"], domain="com.microsoft", **given)
    elem_type = helper.np_dtype_to_tensor_dtype(arrays["scales"].dtype)
    ports = [helper.make_tensor_value_info(name, elem_type, ["b", "s", "w"]) for name in ("x", "y")]
    graph = helper.make_graph(
        [node], "g", ports[:1], ports[1:], [numpy_helper.from_array(a, name) for name, a in arrays.items()]
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def rewritten(model: ModelProto) -> ModelProto:
    graph = Graph(ModelProto.FromString(model.SerializeToString()), Path())
    assert read_weights_in_place(graph) == 1
    return graph.finish()


def run(model: ModelProto, x: NDArray[Any], folder: Path, threads: int = 1) -> NDArray[Any]:
    file = folder / "graph.onnx"
    file.write_bytes(model.SerializeToString())
    session = _core.Graph(open_runtime(), str(file), prepared=str(file), threads=threads)
    return session.run({"x": x})["y"]


def without(name: str) -> Change:
    return lambda _, arrays: arrays.__delitem__(name)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(("n", "k"), [(37, 160), (8, 32), (3, 96), (256, 1024)])
@pytest.mark.parametrize("change", [None, without("zeros"), without("bias")])
def test_it_is_the_runtimes_product(tmp_path: Path, bits: int, n: int, k: int, change: Change | None) -> None:
    model = product(bits, n, k, change)
    for rows in ((1, 1), (2, 1), (1, 7), (3, 20)):
        x = np.random.default_rng(rows[1]).standard_normal((*rows, k)).astype(np.float32)
        found, expected = run(rewritten(model), x, tmp_path), run(model, x, tmp_path)
        assert found.shape == (*rows, n)
        # Both round activations to 127 steps of a block's largest; they may differ where one lies half-way.
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, atol=0.02 * float(scale))
        assert float(np.abs(found - expected).mean()) < 0.002 * float(scale)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("block", [64, 128, 256])
@pytest.mark.parametrize("float_zeros", [False, True])
def test_larger_blocks_and_float_zero_points(
    tmp_path: Path, bits: int, block: int, float_zeros: bool
) -> None:
    """Against the operator's definition in double precision: of 8 bits with floats the runtime has none."""
    n, k = 45, 1024
    model = product(bits, n, k, block=block, float_zeros=float_zeros)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    codes, zeros = stored["values"].reshape(n, -1), stored["zeros"]
    if bits == 4:
        codes = np.stack([codes & 15, codes >> 4], axis=-1)
        if not float_zeros:
            zeros = np.stack([zeros & 15, zeros >> 4], axis=-1).reshape(n, -1)[:, : k // block]
    weights = codes.reshape(n, -1, block) - zeros.astype(np.float64)[..., None]
    weights = (weights * stored["scales"][..., None]).reshape(n, k)
    x = np.random.default_rng(3).standard_normal((2, 5, k)).astype(np.float32)
    expected = x @ weights.T + stored["bias"]
    found = run(rewritten(model), x, tmp_path)
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, atol=0.02 * scale)
    assert float(np.abs(found - expected).mean()) < 0.003 * scale
    alone = np.concatenate([run(rewritten(model), x[:1, i : i + 1], tmp_path) for i in range(5)], axis=1)
    np.testing.assert_array_equal(alone[0], found[0])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("k", [256, 80])
def test_products_written_out_mean_the_same(tmp_path: Path, bits: int, flat: bool, k: int) -> None:
    def flatten(_: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        if flat:
            arrays.update(scales=arrays["scales"].ravel(), zeros=arrays["zeros"].ravel())

    model = product(bits, 45, k, block=64, float_zeros=True, change=flatten)
    graph = Graph(ModelProto.FromString(model.SerializeToString()), tmp_path)
    assert spell_out_products(graph) == 1
    written = graph.finish()
    assert "MatMulNBits" not in {node.op_type for node in written.graph.node}
    x = np.random.default_rng(3).standard_normal((2, 5, k)).astype(np.float32)
    found = run(written, x, tmp_path)
    if k % 64 == 0:
        rounded = run(rewritten(model), x, tmp_path)
        np.testing.assert_allclose(found, rounded, atol=0.02 * float(np.abs(found).max()))
    if bits == 4:
        np.testing.assert_allclose(found, run(model, x, tmp_path), atol=1e-4 * float(np.abs(found).max()))


@pytest.mark.parametrize("bits", [4, 8])
def test_a_row_has_the_same_bits_beside_others_and_on_any_number_of_threads(
    tmp_path: Path, bits: int
) -> None:
    """More rows than are rounded at a time, at 128 blocks a row: 12."""
    model = rewritten(product(bits, 523, 4096))
    x = np.random.default_rng(0).standard_normal((1, 31, 4096)).astype(np.float32)
    together = run(model, x, tmp_path, threads=2)
    for threads in (1, 3):
        np.testing.assert_array_equal(run(model, x, tmp_path, threads), together)
    for start, count in ((0, 1), (12, 1), (30, 1), (5, 2), (10, 5), (0, 30)):
        alone = run(model, x[:, start : start + count], tmp_path)
        np.testing.assert_array_equal(alone[0], together[0, start : start + count])


@pytest.mark.parametrize(
    "change",
    [
        lambda given, _: given.update(block_size=16),
        lambda given, _: given.update(block_size=64),
        lambda given, _: given.update(bits=2),
        lambda given, _: given.update(accuracy_level=0),
        lambda given, _: given.update(K=161),
        lambda given, arrays: given.update(K=144, block_size=64),
        lambda given, _: given.update(K=49184),
        lambda _, arrays: arrays.update(order=np.zeros(160, np.int32)),
        lambda _, arrays: arrays.update(scales=arrays["scales"].astype(np.float16)),
        lambda _, arrays: arrays.update(zeros=arrays["zeros"].astype(np.float32)),
        lambda _, arrays: arrays.update(zeros=np.zeros((37, 5), np.float16)),
        lambda _, arrays: arrays.update(values=arrays["values"].reshape(37, 80)),
    ],
)
def test_other_products_stay(change: Change) -> None:
    assert read_weights_in_place(Graph(product(change=change), Path())) == 0


def test_flattened_scales_and_zero_points_are_taken(tmp_path: Path) -> None:
    def flatten(_: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        arrays.update(scales=arrays["scales"].ravel(), zeros=arrays["zeros"].ravel())

    x = np.ones((1, 2, 160), np.float32)
    flat = run(rewritten(product(change=flatten)), x, tmp_path)
    np.testing.assert_array_equal(flat, run(rewritten(product()), x, tmp_path))


@pytest.mark.parametrize(
    ("name", "shape"), [("values", (37, 5, 8)), ("scales", (37, 4)), ("zeros", (37, 2)), ("bias", (36,))]
)
def test_arrays_that_do_not_fit_are_an_error(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    model = rewritten(product())
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    array = np.zeros(shape, numpy_helper.to_array(tensor).dtype)
    tensor.CopyFrom(numpy_helper.from_array(array, name))
    with pytest.raises(ExecutionError, match="BlockProduct takes x"):
        run(model, np.ones((1, 1, 160), np.float32), tmp_path)


def test_activations_of_another_width_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="BlockProduct takes x"):
        run(rewritten(product()), np.ones((1, 1, 128), np.float32), tmp_path)


def test_no_rows_give_no_rows(tmp_path: Path) -> None:
    assert run(rewritten(product()), np.ones((1, 0, 160), np.float32), tmp_path).shape == (1, 0, 37)


@pytest.mark.parametrize("dtype", ["q4", "q8", "q4f16"])
def test_language_models_have_it_where_asked(bundle_of: Callable[..., Path], dtype: str) -> None:
    suffix = {"q4": "_q4", "q8": "_quantized", "q4f16": "_q4f16"}[dtype]
    file = bundle_of(form="concat", dtype=dtype) / "onnx" / f"language_model{suffix}.onnx"

    def operators(own: bool, rounded: bool) -> list[str]:
        model = onnx.load(str(file), load_external_data=False)
        changed, _ = rewrite_language_model(
            model, file.parent, int8_activations=rounded, own_operators=own, own_products=own
        )
        return [node.op_type for node in changed.graph.node]

    for own, rounded in ((True, True), (True, False), (False, True)):
        found = operators(own, rounded)
        ours = 9 if own and rounded else 0
        assert (found.count("BlockProduct"), found.count("MatMulNBits")) == (ours, 9 - ours)


# --- Bundles whose zero points are floats ---


@pytest.mark.parametrize("dtype", ["q4", "q8"])
def test_a_bundle_with_float_zero_points(
    bundle_of: Callable[..., Path], recording: NDArray[np.float32], dtype: str
) -> None:
    """As HQQ quantisers write them: ONNX Runtime 1.32 is slow with 4 bits and does not load 8."""
    bundle = bundle_of(dtype=dtype, block=64, float_zeros=True)
    results = prepare_bundle(bundle, dtype, threads=1)
    assert {result.state for result in results.values()} == {"prepared"}
    if _core.vector_unit() == "plain":
        pytest.skip("the core's own products are left out without vector instructions")
    language_model = onnx.load(str(results["language_model"].file), load_external_data=False)
    names = [node.op_type for node in language_model.graph.node]
    assert (names.count("BlockProduct"), names.count("MatMulNBits")) == (9, 0)
    for graph in ("speech_encoder", "conditional_decoder"):
        written = onnx.load(str(results[graph].file), load_external_data=False)
        assert "MatMulNBits" not in {node.op_type for node in written.graph.node}
        assert any("float zero points written out" in change for change in results[graph].changes)
    with Engine(bundle, dtype=dtype, threads=1, device="cpu") as engine:
        voice = engine.voice((recording, 24_000))
        options = GenerationOptions(seed=1, max_new_tokens=20)
        tokens = engine.generate_tokens([84, 200, 39, 50256, 50256], voice, options)
        assert len(tokens) == 20
        assert np.isfinite(engine.decode(tokens[tokens < 6561], voice)).all()


def test_eight_bits_with_float_zero_points_load_only_when_prepared(bundle_of: Callable[..., Path]) -> None:
    bundle = bundle_of(dtype="q8", block=64, float_zeros=True)
    with pytest.raises(ModelError, match="8-bit weights with floating-point zero points"):
        Engine(bundle, dtype="q8", threads=1, device="cpu", prepare=False)


@pytest.mark.parametrize("dtype", ["q4", "q8"])
def test_without_operators_of_our_own_float_zero_points_are_written_out(
    bundle_of: Callable[..., Path], dtype: str
) -> None:
    bundle = bundle_of(dtype=dtype, block=64, float_zeros=True)
    result = prepare_bundle(bundle, dtype, threads=1, own_operators=False)["language_model"]
    assert result.state == "prepared" and "9 products with float zero points written out" in result.changes


@pytest.mark.parametrize(("dtype", "block", "told"), [("q4", 32, False), ("q4", 64, True), ("q8", 64, False)])
def test_products_whose_rows_hang_on_their_neighbours_are_told(
    bundle_of: Callable[..., Path], dtype: str, block: int, told: bool
) -> None:
    """Where the runtime's own stay, which treat rows alone in small blocks only (docs/determinism.md)."""
    bundle = bundle_of(dtype=dtype, block=block)
    result = prepare_bundle(bundle, dtype, threads=1, own_operators=False)["language_model"]
    assert any("hang on its neighbours" in remark for remark in result.remarks) == told
    if _core.vector_unit() in ("avx2", "avx512"):
        assert prepare_bundle(bundle, dtype, threads=1)["language_model"].remarks == ()

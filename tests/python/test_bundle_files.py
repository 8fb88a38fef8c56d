"""A bundle's files: published names and sizes, edges, quantised nodes, tokenizer; same seed, same bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest
from tokenizers import Tokenizer

from bundles import DTYPES, GRAPHS, PRECISIONS, SIZES, data_bytes, make_bundle

TINY = SIZES["tiny"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny bundle in all precisions."""
    out = tmp_path_factory.mktemp("files") / "bundle"
    for dtype in DTYPES:
        make_bundle(out, dtype=dtype)
    return out


# Published sizes of the weights, in bytes: Turbo's by ResembleAI; Nano's by owensong and Masterx.
PUBLISHED = {
    ("turbo", "language_model"): (1_269_724_812, 634_862_406, 367_962_860, 204_456_572, 183_981_430),
    ("turbo", "embed_tokens"): (232_812_544, 116_406_272, 67_297_376, 37_286_384, 33_648_688),
    ("nano", "language_model"): (None, None, None, None, 55_911_658),
    ("nano", "embed_tokens"): (None, 87_304_704, None, 27_964_788, None),
}


@pytest.mark.parametrize(("size", "graph"), PUBLISHED)
def test_weights_are_as_large_as_published(size: str, graph: str) -> None:
    for dtype, published in zip(DTYPES, PUBLISHED[size, graph], strict=True):
        assert published in (None, data_bytes(graph, size=size, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_counted_bytes_are_written(bundle: Path, dtype: str) -> None:
    for graph in ("language_model", "embed_tokens"):
        written = bundle / "onnx" / f"{graph}{PRECISIONS[dtype].suffix}.onnx_data"
        assert written.stat().st_size == data_bytes(graph, size="tiny", dtype=dtype)


def test_same_seed_same_bytes_and_precisions_add_up(tmp_path: Path) -> None:
    for name in ("first", "again", "other"):
        for dtype in DTYPES:
            make_bundle(tmp_path / name, dtype=dtype, seed=1 if name == "other" else 0)
    digests = {name: digest(tmp_path / name) for name in ("first", "again", "other")}
    expected = {
        f"onnx/{graph}{precision.suffix}.{ending}"
        for graph in GRAPHS
        for precision in (PRECISIONS[dtype] for dtype in DTYPES)
        for ending in ("onnx", "onnx_data")
    }
    assert {name for name in digests["first"] if name.startswith("onnx/")} == expected
    assert digests["first"] == digests["again"]
    weights = [name for name in expected if name.endswith("_data")]
    assert all(digests["first"][name] != digests["other"][name] for name in weights)


def digest(bundle: Path) -> dict[str, str]:
    files = [path for path in bundle.rglob("*") if path.is_file()]
    return {
        path.relative_to(bundle).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.mark.parametrize("dtype", DTYPES)
def test_boundaries_are_float32_but_for_the_cache(bundle: Path, dtype: str) -> None:
    half = PRECISIONS[dtype].half
    for graph in GRAPHS:
        path = bundle / "onnx" / f"{graph}{PRECISIONS[dtype].suffix}.onnx"
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        for edge in [*session.get_inputs(), *session.get_outputs()]:
            cache = edge.name.startswith(("past_key_values.", "present."))
            whole = edge.name.endswith(("_ids", "_mask", "_tokens"))
            allowed = "int64" if whole else "float16" if cache and half else "float"
            assert edge.type == f"tensor({allowed})", edge.name


def test_language_model_edges(bundle: Path) -> None:
    model = ort.InferenceSession(bundle / "onnx" / "language_model.onnx", providers=["CPUExecutionProvider"])
    heads, head_dim = TINY.heads, TINY.head_dim
    suffixes = [f"{layer}.{part}" for layer in range(TINY.layers) for part in ("key", "value")]
    assert {edge.name: edge.shape for edge in model.get_inputs()} == {
        "inputs_embeds": ["batch_size", "sequence_length", TINY.hidden],
        "attention_mask": ["batch_size", "total_sequence_length"],
        "position_ids": ["batch_size", "sequence_length"],
        **{
            f"past_key_values.{end}": ["batch_size", heads, "past_sequence_length", head_dim]
            for end in suffixes
        },
    }
    assert {edge.name: edge.shape for edge in model.get_outputs()} == {
        "logits": ["batch_size", "sequence_length", 6563],
        **{f"present.{end}": ["batch_size", heads, "total_sequence_length", head_dim] for end in suffixes},
    }


def test_quantised_nodes(bundle: Path) -> None:
    """Every linear layer and table is block-wise quantised; the accuracy level is left alone."""
    for dtype, bits in (("q4", 4), ("q4f16", 4), ("q8", 8)):
        path = bundle / "onnx" / f"language_model{PRECISIONS[dtype].suffix}.onnx"
        nodes = onnx.load(path, load_external_data=False).graph.node
        linear = [node for node in nodes if node.op_type == "MatMulNBits"]
        assert len(linear) == 4 * TINY.layers + 1
        assert sum(node.op_type == "GatherBlockQuantized" for node in nodes) == 1
        for node in linear:
            attributes = {attribute.name: attribute.i for attribute in node.attribute}
            assert (attributes["bits"], attributes["block_size"]) == (bits, 32)
            assert "accuracy_level" not in attributes
            assert len(node.input) == 4


def test_tokenizer_appends_two_ends_and_knows_the_tags(bundle: Path) -> None:
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == 276
    encoded = tokenizer.encode("Hi [clear throat]é[laugh]").ids
    assert encoded == [39, 72, 220, 50267, 127, 102, 50275, 50256, 50256]
    assert tokenizer.decode(encoded) == "Hi é"
    text = "Ünïcödé \t\n\x00 漢字 🙂"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert tokenizer.token_to_id("[angry]") == 50257
    assert tokenizer.encode("").ids == [50256, 50256]


def test_metadata(bundle: Path) -> None:
    config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "chatterbox"
    assert config["text_config"]["n_layer"] == TINY.layers
    generation = json.loads((bundle / "generation_config.json").read_text(encoding="utf-8"))
    assert generation == {"bos_token_id": 6561, "eos_token_id": 6562}

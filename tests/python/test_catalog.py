"""The catalogue's facts, and the choice of files by precision."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from bundles import PRECISIONS
from loquor import Engine
from loquor._core import graph_files, parse_dtype
from loquor.bundle.catalog import (
    CATALOG,
    DTYPES,
    GRAPHS,
    BundleFile,
    check_dtype,
    choose_dtypes,
    offered_dtypes,
    pick_files,
)
from loquor.bundle.hub import download, resolve
from loquor.errors import InvalidInputError, ModelError
from loquor.prepare import prepare_bundle


def paths_of(model: str) -> list[str]:
    return [file.path for file in CATALOG[model].files]


def _mebibytes(model: str, dtype: str) -> float:
    return sum(file.size or 0 for file in pick_files(CATALOG[model].files, dtype, model)) / 2**20


def test_the_names_and_what_this_version_runs() -> None:
    assert {name: entry.supported for name, entry in CATALOG.items()} == {
        "mini": True,
        "turbo": True,
        "nano": True,
        "english": True,
        "multilingual": True,
    }
    assert [name for name, entry in CATALOG.items() if entry.location == "builtin"] == ["mini"]
    for name, entry in CATALOG.items():
        assert entry.name == name and entry.summary and entry.licence == "MIT"
        assert (entry.repo is None) == (entry.location == "builtin")
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOG["turbo"].repo = "else/where"  # type: ignore[misc]


def test_revisions_are_full_commits_except_where_none_is_known() -> None:
    pinned = {name for name, entry in CATALOG.items() if re.fullmatch("[0-9a-f]{40}", entry.revision or "")}
    assert pinned == {"turbo", "nano", "multilingual"}
    assert CATALOG["english"].revision == "main"


@pytest.mark.parametrize("name", [name for name in CATALOG if name != "mini"])
def test_every_graph_has_its_weights_and_every_hash_is_one(name: str) -> None:
    entry = CATALOG[name]
    paths = [file.path for file in entry.files]
    assert len(set(paths)) == len(paths)
    assert "tokenizer.json" in paths
    for file in entry.files:
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size is None or file.size > 0
        if file.path.endswith(".onnx"):
            assert f"{file.path}_data" in paths
    hashes = [file.sha256 for file in entry.files if file.sha256]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize(
    ("dtype", "published"), [("fp32", 3168), ("fp16", 1587), ("q8", 1071), ("q4", 691), ("q4f16", 539)]
)
def test_the_sizes_of_turbo_add_up_to_those_reported(dtype: str, published: int) -> None:
    assert published <= _mebibytes("turbo", dtype) < published + 1


def test_nano_shares_its_decoder_weights_and_tokenizer_with_turbo() -> None:
    nano, turbo = ({file.path: file for file in CATALOG[name].files} for name in ("nano", "turbo"))
    for path in ("tokenizer.json", "onnx/conditional_decoder_q4.onnx_data"):
        assert nano[path] == turbo[path] and nano[path].sha256


def test_auto_takes_one_file_of_each_graph() -> None:
    picked = {
        name: [file.path for file in pick_files(CATALOG[name].files, "auto", name)]
        for name in CATALOG
        if name != "mini"
    }
    assert {path for path in picked["turbo"] if path.endswith(".onnx")} == {
        f"onnx/{g}_q4.onnx" for g in GRAPHS
    }
    assert {path for path in picked["nano"] if path.endswith(".onnx")} == {
        "onnx/embed_tokens_fp16.onnx",
        "onnx/speech_encoder_q4f16.onnx",
        "onnx/language_model_q4f16.onnx",
        "onnx/conditional_decoder_q4.onnx",
    }
    assert {path for path in picked["multilingual"] if path.endswith(".onnx")} == {
        "onnx/embed_tokens.onnx",
        "onnx/speech_encoder.onnx",
        "onnx/language_model_q4.onnx",
        "onnx/conditional_decoder.onnx",
    }
    for paths in picked.values():
        assert {f"{path}_data" for path in paths if path.endswith(".onnx")} <= set(paths)
        assert len([path for path in paths if path.startswith("onnx/")]) == 8


@pytest.mark.parametrize(
    ("dtype", "chosen"),
    [
        ("auto", ("q4", "q4", "q4", "q4")),
        ("q8,language_model=auto", ("q8", "q8", "q4", "q8")),
        ("fp16", ("fp16", "fp16", "fp16", "fp16")),
        ("language_model=q4f16,conditional_decoder=fp32", ("q4", "q4", "q4f16", "fp32")),
        (" fp16 , conditional_decoder = fp32 ", ("fp16", "fp16", "fp16", "fp32")),
        ("conditional_decoder=auto,q8", ("q8", "q8", "q8", "q4")),
    ],
)
def test_a_precision_for_all_or_for_each(dtype: str, chosen: tuple[str, ...]) -> None:
    assert choose_dtypes(paths_of("turbo"), dtype, "turbo") == dict(zip(GRAPHS, chosen, strict=True))


@pytest.mark.parametrize(
    "dtype",
    ["", "int4", "q4,", "decoder=q4", "language_model=", "=q4 ", "a=b=q4", "Q4", "auto:", "auto:q4", "q4:q8"],
)
def test_a_malformed_precision_lists_the_known_ones(dtype: str) -> None:
    with pytest.raises(InvalidInputError, match="not understood") as caught:
        choose_dtypes(paths_of("turbo"), dtype, "turbo")
    assert all(known in str(caught.value) for known in (*DTYPES, *GRAPHS))


def test_a_preference_is_given_up_where_it_is_not_on_offer() -> None:
    usual = choose_dtypes(paths_of("nano"), "auto", "nano")
    assert "fp32" not in usual.values()
    assert choose_dtypes(paths_of("nano"), "auto", "nano", prefer="fp32") == usual
    mixed = choose_dtypes(paths_of("turbo"), "q4,language_model=auto", "turbo", prefer="fp32")
    assert mixed == dict.fromkeys(GRAPHS, "q4") | {"language_model": "fp32"}


def test_a_precision_not_on_offer_lists_the_offer() -> None:
    with pytest.raises(
        InvalidInputError, match=r"nano has no speech_encoder of dtype q4 \(found: speech_encoder: q4f16;"
    ):
        pick_files(CATALOG["nano"].files, "q4", "nano")


def test_a_missing_graph_is_named() -> None:
    files = [file for file in CATALOG["turbo"].files if "embed_tokens" not in file.path]
    with pytest.raises(ModelError, match=r"mine is not a four-graph bundle.*onnx/embed_tokens\*\.onnx"):
        pick_files(files, "auto", "mine")


def test_numbered_and_dotted_weights_belong_to_their_graph_only() -> None:
    paths = [f"onnx/{graph}.onnx" for graph in GRAPHS]
    paths += [
        "onnx/language_model.onnx_data",
        "onnx/language_model.onnx_data_1",
        "onnx/embed_tokens.onnx.data",
    ]
    other = [
        "onnx/language_model_int4.onnx",
        "onnx/language_model_q4.onnx_data",
        "onnx/sub/language_model.onnx",
    ]
    other += ["notes.md", "nested/config.json", "onnx/language_model.onnx.bak"]
    assert offered_dtypes([*paths, *other]) == dict.fromkeys(GRAPHS, ("fp32",))
    picked = pick_files([BundleFile(path) for path in [*paths, *other]], "auto", "mine")
    assert [file.path for file in picked] == paths


@pytest.fixture(scope="module")
def all_precisions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("all")
    (folder / "onnx").mkdir()
    for graph in GRAPHS:
        for dtype in DTYPES:
            (folder / f"onnx/{graph}{PRECISIONS[dtype].suffix}.onnx").touch()
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, None])
    taking_ids = helper.make_model(helper.make_graph([], "table", [ids], []))
    for path in folder.glob("onnx/embed_tokens*.onnx"):  # by which the family is told
        path.write_bytes(taking_ids.SerializeToString())
    return folder


_ITEMS = st.sampled_from([*DTYPES, *GRAPHS, "auto", "auto:q4", "=", "=", " ", "\t", "", "Q4", "x", ":"])
_LISTS = st.lists(st.lists(_ITEMS, max_size=4).map("".join), min_size=1, max_size=3).map(",".join)


@settings(deadline=None)
@given(_LISTS)
@example("fp32, conditional_decoder=fp32")
@example("auto:q4")
@example(" q4 ,\tembed_tokens = fp32\n")
def test_the_core_reads_a_precision_as_the_download_does(all_precisions: Path, dtype: str) -> None:
    """Else a model is fetched and then refused, or refused and could be run."""
    listed = [path.relative_to(all_precisions).as_posix() for path in all_precisions.glob("onnx/*")]

    def outcome(choose: Callable[[], dict[str, str]]) -> dict[str, str] | None:
        try:
            return choose()
        except InvalidInputError as error:
            assert re.search(r"is not understood at|says twice what", str(error))
            return None

    before = outcome(lambda: choose_dtypes(listed, dtype, "x"))
    after = outcome(lambda: {name: f[1] for name, f in graph_files(str(all_precisions), dtype).items()})
    asked = outcome(lambda: parse_dtype(dtype))
    assert before == after
    assert (asked is None) == (before is None)
    if asked is not None and before is not None:
        assert {name: before[name] if value == "auto" else value for name, value in asked.items()} == before


@settings(deadline=None)
@given(st.text(max_size=12))
def test_no_text_is_more_than_refused(dtype: str) -> None:
    try:
        check_dtype(dtype)
    except InvalidInputError:
        return
    assert {part.strip() for part in re.split("[,=]", dtype)} <= {*DTYPES, *GRAPHS, "auto"}


@pytest.mark.parametrize("dtype", ["auto:q4", "q4;fp32", 4])
def test_a_precision_that_cannot_be_is_refused_before_anything_is_looked_for(dtype: Any) -> None:
    for use in (Engine, resolve, download):
        with pytest.raises(InvalidInputError, match="dtype"):
            use("nobody/nothing", dtype=dtype)
    with pytest.raises(InvalidInputError, match="dtype"):
        prepare_bundle(Path("nowhere"), dtype)

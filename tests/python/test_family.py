"""What the core tells of families and of a bundle, fact by fact, as Python gets it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import loquor
from loquor import Engine, InvalidInputError, ModelError, _core
from loquor.bundle.catalog import CATALOG

MINI = Path(loquor.__file__).with_name("mini")
FAMILIES = {family["name"]: family for family in _core.families()}


@pytest.mark.parametrize(
    ("fact", "turbo", "english"),
    [
        ("models", "Turbo, Nano, mini", "English"),
        ("runnable", True, True),
        ("embed_inputs", ("input_ids",), ("input_ids", "position_ids", "exaggeration")),
        ("positions", "language_model", "embed_tokens"),
        ("rows_per_sequence", 1, 2),
        (
            "logits_stages",
            ("temperature", "top_k", "top_p", "min_p", "repetition_penalty"),
            ("repetition_penalty", "temperature", "min_p", "top_p"),
        ),
        ("dropped_tokens", 0, 0),
        ("text_profile", "turbo", "english"),
    ],
)
def test_a_fact_of_a_family(fact: str, turbo: Any, english: Any) -> None:
    assert FAMILIES["turbo"][fact] == turbo
    assert FAMILIES["english"][fact] == english


def test_the_families_that_are_known() -> None:
    assert list(FAMILIES) == ["turbo", "english", "multilingual"]
    assert FAMILIES["multilingual"]["dropped_tokens"] == 1
    tags = FAMILIES["turbo"]["tags"]
    assert len(tags) == 19 and "[laugh]" in tags and FAMILIES["english"]["tags"] == ()


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("default_voice", str(MINI / "voices" / "woman.safetensors")),
        ("text_normalizer", "en"),
        ("piece_characters", 200),
        ("sample_rate", 24_000),
        ("samples_per_token", 960),
        ("max_positions", 1200),
        ("voice_prefix_positions", 1),
        ("closing_silence_tokens", 3),
        ("text_vocab_size", 50_276),
        ("start_token", 6561),
        ("stop_token", 6562),
        ("silence_token", 4299),
        ("end_of_text_token", 50_256),
        ("prompt_opening", ()),
        ("prompt_closing", (50_256, 50_256)),
    ],
)
def test_a_fact_of_a_bundle(fact: str, value: Any) -> None:
    assert _core.read_bundle(str(MINI))[fact] == value


def test_the_files_of_a_bundle(bundle_of: Callable[..., Path]) -> None:
    facts = _core.read_bundle(str(bundle_of()), "auto", "fp16")
    assert {dtype for _, dtype in facts["files"].values()} == {"fp32"}
    assert tuple(facts["files"]) == _core.graph_names()
    assert all(Path(file).is_file() for file, _ in facts["files"].values())


def test_the_engine_tells_the_family_that_was_chosen() -> None:
    with Engine() as engine:
        assert engine.capabilities.family == _core.read_bundle(str(MINI))["family"]["name"] == "turbo"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"family": "english"}, "family is 'english', whose embed_tokens takes .*but this bundle's takes"),
        ({"family": "klingon"}, "family is 'klingon', and this Loquor knows turbo, english, multilingual"),
        ({"text_config": {"model_type": "llama"}}, "text_config.model_type is 'llama', but"),
    ],
)
def test_a_config_that_contradicts_its_graphs(
    bundle_of: Callable[..., Path], tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    folder = Path(shutil.copytree(bundle_of(), tmp_path / "copy"))
    (folder / "config.json").write_text(json.dumps(config))
    for read in (lambda: _core.read_bundle(str(folder)), lambda: Engine(folder, device="cpu")):
        with pytest.raises(ModelError, match=f"config.json: {message}"):
            read()


def test_kv_types_are_named_as_users_name_them() -> None:
    assert _core.kv_dtypes() == {"fp32": "float32", "fp16": "float16", "int8": "int8"}


def test_a_catalogue_entry_that_cannot_be_run_names_those_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    later = dataclasses.replace(CATALOG["english"], name="later", supported=False)
    monkeypatch.setitem(CATALOG, "later", later)
    with pytest.raises(InvalidInputError, match="cannot run later yet: it runs mini, turbo, nano, english"):
        Engine("later")


def test_text_is_not_cut_at_a_null_character() -> None:
    for call in (
        lambda: _core.parse_dtype("q4\0x"),
        lambda: _core.read_bundle(f"{MINI}\0x"),
        lambda: _core.choose_files(["a\0"], "auto", "", "it"),
    ):
        with pytest.raises(InvalidInputError, match="null character"):
            call()

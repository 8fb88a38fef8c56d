"""What is parsed is bounded and of the types it should be, or refused in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loquor import Engine, InvalidInputError, ModelError, Voice, _core
from loquor.base.files import read_json
from loquor.bundle.hub_cache import read_note, write_note
from loquor.bundle.text_rules import text_rules_of
from loquor.bundle.tokenizer import Tokenizer
from loquor.prepare import cache

BundleOf = Callable[..., Path]


@pytest.fixture
def copy(bundle_of: BundleOf, tmp_path: Path) -> Path:
    """A bundle that a test may change."""
    return Path(shutil.copytree(bundle_of(), tmp_path / "copy"))


def refusal(bundle: Path, kind: type[Exception] = ModelError) -> str:
    with pytest.raises(kind) as caught:
        Engine(bundle, threads=1, device="cpu", prepare=False)
    assert type(caught.value) is kind and "\n" not in str(caught.value)
    return str(caught.value)


# --- Types ---


@pytest.mark.parametrize("value", [[], {}, 5, True, ["a"], 1.5], ids=repr)
@pytest.mark.parametrize("name", ["default_voice", "text_normalizer", "model_type", "text_config"])
def test_a_setting_of_another_type_is_refused_by_name(copy: Path, name: str, value: Any) -> None:
    if name == "text_config" and isinstance(value, dict):
        return
    (copy / "config.json").write_text(json.dumps({name: value}))
    message = refusal(copy)
    assert "config.json" in message
    assert name in message or "JSON line 1: expected" in message


@pytest.mark.parametrize("value", [[], {}, "5", "many", True, 5.5, ["a"]], ids=repr)
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("config.json", "piece_characters"),
        ("config.json", "sample_rate"),
        ("config.json", "guard_tokens_at_least"),
        ("generation_config.json", "top_k"),
    ],
)
def test_a_number_of_another_type_is_refused(copy: Path, file: str, name: str, value: Any) -> None:
    (copy / file).write_text(json.dumps({name: value}))
    assert file in refusal(copy)


def test_null_counts_as_absent(copy: Path) -> None:
    names = ("default_voice", "text_normalizer", "piece_characters", "model_type", "guards", "text_config")
    (copy / "config.json").write_text(json.dumps(dict.fromkeys(names)))
    Engine(copy, threads=1, device="cpu", prepare=False).close()


FINITE = st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    value=ANYTHING, name=st.sampled_from(["default_voice", "text_normalizer", "piece_characters", "family"])
)
def test_any_value_is_taken_or_refused(copy: Path, value: object, name: str) -> None:
    (copy / "config.json").write_text(json.dumps({name: value}))
    try:
        text_rules_of(copy, _core.read_bundle(str(copy)))
    except ModelError as error:
        assert name in str(error)


# --- Sizes ---


@pytest.mark.parametrize(
    "content",
    [
        '{"a": [' + "1," * 2_000_000 + "1]}",
        '{"a": "' + "x" * (1 << 20) + '"}',
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=["numbers", "text", "nesting"],
)
@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
def test_settings_larger_than_any_real_ones_are_refused(copy: Path, file: str, content: str) -> None:
    (copy / file).write_text(content)
    message = refusal(copy)
    assert file in message
    assert len(message) < 500


def test_a_huge_tokenizer_is_refused(copy: Path) -> None:
    with (copy / "tokenizer.json").open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(ModelError, match=r"tokenizer\.json is not a readable tokenizer \(it has more than"):
        Tokenizer(copy, _core.read_bundle(str(copy)))


def test_a_graph_of_more_structure_than_any_real_one_is_refused(copy: Path) -> None:
    """Before anything reads it whole: also by preparation, which is slower still."""
    graph = copy / "onnx" / "conditional_decoder.onnx"
    with graph.open("ab") as file:
        file.write(b"\x32\xff\xff\xff\x7f")  # the head of a documentation string of 256 MB
        file.truncate(file.tell() + (1 << 28) - 1)
    with pytest.raises(ModelError, match=r"conditional_decoder\.onnx .*its structure is too large"):
        _core.weight_files(str(graph))
    assert "its structure is too large" in refusal(copy)


def test_a_voice_with_a_huge_header_is_refused(tmp_path: Path) -> None:
    voice = tmp_path / "voice.safetensors"
    with voice.open("wb") as file:
        file.write((90_000_000).to_bytes(8, "little") + b"{")
        file.truncate(90_000_008)
    with pytest.raises(InvalidInputError, match="its header has 90000000 bytes"):
        Voice.load(voice)


def test_a_huge_note_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    write_note("verified.json", {"a": 1})
    assert read_note("verified.json") == {"a": 1}
    (tmp_path / "loquor" / "verified.json").write_text('{"a": "' + "x" * (16 << 20) + '"}')
    assert read_note("verified.json") is None
    (tmp_path / "loquor" / "verified.json").write_text("[" * 100_000)
    assert read_note("verified.json") is None


@pytest.mark.parametrize(
    "content",
    ['{"source": 1}', '{"source": "a", "changes": 5}', '{"source": "a", "changes": "ab"}', "[" * 9**5],
)
def test_a_note_of_other_types_is_made_again(fresh_cache: Path, content: str) -> None:
    fresh_cache.mkdir(parents=True)
    (fresh_cache / "graph.json").write_text(content)
    assert cache.load("graph") is None


def test_reading_is_bounded_to_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"{}" + b" " * 98)
    assert read_json(file, 100) == {}
    with pytest.raises(ValueError, match="more than 99 bytes"):
        read_json(file, 99)

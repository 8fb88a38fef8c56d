"""The tokenizer against a small file of our own, damaged in every way that matters, and against Turbo's."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loquor
from loquor import _core
from loquor.bundle.tokenizer import Tokenizer
from loquor.errors import InvalidInputError, ModelError

END = "<|endoftext|>"
FACTS = _core.read_bundle(str(Path(loquor.__file__).with_name("mini")))
END_OF_TEXT_ID = FACTS["end_of_text_token"]
TAGS = FACTS["family"]["tags"]
TURBO = Path(__file__).parents[3] / "shared" / "turbo" / "tokenizer.json"
TURBO_SHA256 = "3f04e34bea22f9144d1a19151154095bc9ce0430bf421304f5797e716288a906"


def gpt2_byte_letters() -> list[str]:
    """The printable letter that GPT-2 writes for each byte value."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(0x100, 0x200))
    return [chr(value if value in printable else next(spare)) for value in range(256)]


def bundle_json() -> dict[str, Any]:
    """A byte-level tokenizer with Turbo's special ids and template, and one merge ("h" "i")."""
    vocabulary = {letter: value for value, letter in enumerate(gpt2_byte_letters())}
    vocabulary["hi"] = 256
    added = {END: END_OF_TEXT_ID} | {tag: END_OF_TEXT_ID + 1 + i for i, tag in enumerate(TAGS)}
    flags = {"special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    end = {"SpecialToken": {"id": END, "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token_id, "content": content, **flags} for content, token_id in added.items()
        ],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, end, end],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {END: {"id": END, "ids": [END_OF_TEXT_ID], "tokens": [END]}},
        },
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": {**vocabulary, **added}, "merges": [["h", "i"]]},
    }


def write(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer(write(tmp_path_factory.mktemp("bundle"), bundle_json()), FACTS)


def test_text_becomes_ids_with_two_closing_tokens(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("hi [sigh]A")
    assert ids.dtype == np.int64 and ids.shape == (6,)
    sigh = END_OF_TEXT_ID + 1 + TAGS.index("[sigh]")
    assert ids.tolist() == [256, ord(" "), sigh, ord("A"), END_OF_TEXT_ID, END_OF_TEXT_ID]


def test_tags_are_those_of_the_bundle_by_id(tmp_path: Path, tokenizer: Tokenizer) -> None:
    assert tokenizer.tags == TAGS
    content = bundle_json()
    content["added_tokens"].insert(0, {**content["added_tokens"][1], "id": 50276, "content": "[yawn]"})
    content["model"]["vocab"]["[yawn]"] = 50276
    more = Tokenizer(write(tmp_path, content), FACTS)
    assert more.tags == (*TAGS, "[yawn]")
    assert more.unknown_tags("[yawn]") == () and tokenizer.unknown_tags("[yawn]") == ("[yawn]",)


def test_unknown_tags_are_named_once_each(tokenizer: Tokenizer) -> None:
    text = "[sigh] [giggle][clear throat] [Laugh] [giggle] [big yawn] [ sigh ] [1] [] [ ] [a-b] (cough) [open"
    assert tokenizer.unknown_tags(text) == ("[giggle]", "[Laugh]", "[big yawn]", "[ sigh ]")


@pytest.mark.parametrize("text", [f"a{END}", END, None, b"a", 3, "a\ud800b"])
def test_text_that_cannot_be_encoded_is_refused(tokenizer: Tokenizer, text: Any) -> None:
    with pytest.raises(InvalidInputError):
        tokenizer.encode(text)


@settings(deadline=None)
@given(text=st.text())
def test_any_text_keeps_its_bytes(tokenizer: Tokenizer, text: str) -> None:
    *ids, first, second = tokenizer.encode(text).tolist()
    assert (first, second) == (END_OF_TEXT_ID, END_OF_TEXT_ID)
    names = {token_id: tag.encode() for token_id, tag in enumerate(TAGS, END_OF_TEXT_ID + 1)} | {256: b"hi"}
    assert b"".join(names.get(i) or bytes([i]) for i in ids) == text.encode()


def test_truncation_and_padding_left_in_the_file_do_nothing(tmp_path: Path) -> None:
    content = bundle_json()
    content["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    content["padding"] = {
        "strategy": {"Fixed": 99},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "!",
    }
    assert len(Tokenizer(write(tmp_path, content), FACTS).encode("a" * 20)) == 22


def with_ends(count: int) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        single = content["post_processor"]["single"]
        content["post_processor"]["single"] = single[:1] + single[1:2] * count

    return change


def open_with_end(content: dict[str, Any]) -> None:
    single = content["post_processor"]["single"]
    content["post_processor"]["single"] = [single[1], *single]


def other_end_id(content: dict[str, Any]) -> None:
    content["post_processor"]["special_tokens"][END]["ids"] = [0]


def no_template(content: dict[str, Any]) -> None:
    content["post_processor"] = None


@pytest.mark.parametrize("change", [with_ends(0), with_ends(3), open_with_end, other_end_id, no_template])
def test_another_template_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = copy.deepcopy(bundle_json())
    change(content)
    with pytest.raises(
        ModelError,
        match=r"tokenizer\.json: .*with \[\] and close it with \[50256, 50256\]: expected \[.*found \[",
    ):
        Tokenizer(write(tmp_path, content), FACTS)


@pytest.mark.parametrize("tag", [TAGS[0], "[clear throat]", TAGS[-1]])
def test_a_missing_tag_is_refused(tmp_path: Path, tag: str) -> None:
    content = bundle_json()
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] != tag]
    with pytest.raises(
        ModelError, match=rf"tokenizer\.json: expected one token for the tag \{tag[:-1]}\], found"
    ):
        Tokenizer(write(tmp_path, content), FACTS)


def test_an_added_token_with_another_id_than_it_gets_is_refused(tmp_path: Path) -> None:
    content = bundle_json()
    last = content["added_tokens"][-1]
    last["id"] += 1
    told = f"the token {last['content']} has the id {last['id']} where {last['id'] - 1} is expected"
    with pytest.raises(ModelError, match=re.escape(told)):
        Tokenizer(write(tmp_path, content), FACTS)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no file .*tokenizer\.json"):
        Tokenizer(tmp_path, FACTS)


@pytest.mark.parametrize("damage", [b"", b"{}", b"null", b"RIFF\xff\xfe", b"cut"])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path, bundle_json())
    path = tmp_path / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:-40] if damage == b"cut" else damage)
    with pytest.raises(ModelError, match=r"tokenizer\.json is not a readable tokenizer"):
        Tokenizer(tmp_path, FACTS)


@pytest.mark.skipif(not TURBO.is_file(), reason=f"Turbo's tokenizer is not at {TURBO}")
def test_turbo() -> None:
    assert hashlib.sha256(TURBO.read_bytes()).hexdigest() == TURBO_SHA256
    turbo = Tokenizer(TURBO.parent, FACTS)
    assert turbo.tags == TAGS
    assert turbo.encode("Hello world.").tolist() == [15496, 995, 13, 50256, 50256]
    assert turbo.encode("Oh [sigh] no[laugh]").tolist() == [5812, 220, 50268, 645, 50275, 50256, 50256]
    every_tag = turbo.encode("".join(TAGS))
    assert every_tag.tolist() == [*range(50257, 50276), 50256, 50256]

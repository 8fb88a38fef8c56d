"""Token ids of the bundle, and its tokenizer.json: bytes and tags, no merges."""

from __future__ import annotations

from typing import Any

SPEECH_CODES = 6561
START, STOP = 6561, 6562
VOCABULARY = 6563
SILENCE = 4299
END_OF_TEXT = 50256

STYLE_TAGS = (
    "angry", "fear", "surprised", "whispering", "advertisement", "dramatic", "narration", "crying", "happy",
    "sarcastic",
)  # fmt: skip
EVENT_TAGS = ("clear throat", "sigh", "shush", "cough", "groan", "sniff", "gasp", "chuckle", "laugh")
TAG_SYMBOLS = {tag: 1 + i for i, tag in enumerate(STYLE_TAGS + EVENT_TAGS)}
TEXT_VOCABULARY = END_OF_TEXT + 1 + len(TAG_SYMBOLS)


def byte_characters() -> list[str]:
    """[256]: the printable character that GPT-2's byte-level tokenizer writes for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    rest = iter(range(256, 512))
    return [chr(byte if byte in printable else next(rest)) for byte in range(256)]


def byte_ids() -> list[int]:
    """[256]: the id of each byte, in GPT-2's order: printable bytes first."""
    order = sorted(range(256), key=lambda byte: (ord(byte_characters()[byte]) > 255, byte))
    ids = [0] * 256
    for index, byte in enumerate(order):
        ids[byte] = index
    return ids


def tokenizer() -> dict[str, Any]:
    """tokenizer.json: GPT-2's byte ids, the end of text twice after every text, each tag one token."""
    added = {END_OF_TEXT: "<|endoftext|>"} | {END_OF_TEXT + i: f"[{tag}]" for tag, i in TAG_SYMBOLS.items()}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    vocabulary = dict(sorted(zip(byte_characters(), byte_ids(), strict=True), key=lambda pair: pair[1]))
    end = {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": text, "special": True} | flags for i, text in added.items()],
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, end, end],
            "pair": [first, second],
            "special_tokens": {
                "<|endoftext|>": {"id": "<|endoftext|>", "ids": [END_OF_TEXT], "tokens": ["<|endoftext|>"]}
            },
        },
        "decoder": level | {"add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary | {text: i for i, text in added.items()},
            "merges": [],
        },
    }

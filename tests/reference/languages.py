"""Text of each language as upstream's Multilingual reads it: `punc_norm` of mtl_tts.py, then `MTLTokenizer`.

Written from the published rules, one after the other. Two are left to the caller: words of Chinese, and
readings of Japanese kanji.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

PUNCTUATION = (
    ("...", ", "), ("…", ", "), (":", ","), (" - ", ", "), (";", ", "), ("—", "-"), ("–", "-"),  # noqa: RUF001
    (" ,", ","), ("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"),  # noqa: RUF001
)  # fmt: skip


def upstream_text(
    text: str,
    language: str,
    chinese_words: Sequence[str] | None = None,
    cangjie: Mapping[str, str] | None = None,
) -> str:
    """What upstream's tokenizer gets, spaces as they are."""
    if text[0].islower():
        text = text[0].upper() + text[1:]
    text = " ".join(text.split())
    for old, new in PUNCTUATION:
        text = text.replace(old, new)
    text = text.rstrip(" ")
    if not any(text.endswith(mark) for mark in (".", "!", "?", "-", ",", "、", "，", "。", "？", "！")):  # noqa: RUF001
        text += "."
    text = unicodedata.normalize("NFKD", text.lower())
    if language == "zh" and cangjie is not None:
        text = "".join(
            "".join(f"[cj_{letter}]" for letter in cangjie[glyph]) + "[cj_.]" if glyph in cangjie else glyph
            for glyph in (" ".join(chinese_words) if chinese_words is not None else text)
        )
    return f"[{language}]{text}"

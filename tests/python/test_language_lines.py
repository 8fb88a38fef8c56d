"""Twenty lines of each language against upstream's published rules, and their ids against the tokenizer."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from loquor.languages.profile import LANGUAGES, prepare_language
from reference.languages import upstream_text

FILE = Path(__file__).with_name("language_lines.tsv")
SHARED = Path(__file__).parents[3] / "shared" / "family"
LINES = {
    language: sentences
    for language, *sentences in (line.split("\t") for line in FILE.read_text("utf-8").splitlines())
}
SPELLINGS = ("{}", "  {} !", "{}...", "“{}” — {}?", "{}: {}")
"""Ways in which people write a sentence: spaces, dots, quotation marks, dashes and colons."""
SPOKEN = [language for language in LANGUAGES if language != "zh"]
"""Chinese is written in codes: test_languages.py has it."""


def lines_of(language: str) -> list[str]:
    return [spelling.format(each, each) for each in LINES[language] for spelling in SPELLINGS]


def upper(text: str, language: str) -> str:
    return text.upper() if language not in ("tr", "de", "el") else text  # where capitals lose letters


def test_there_are_twenty_of_each() -> None:
    assert set(LINES) == set(LANGUAGES)
    assert all(len(set(lines_of(language))) == 20 for language in LANGUAGES)


@pytest.mark.parametrize("language", SPOKEN)
def test_lines_are_read_as_upstream_reads_them(language: str) -> None:
    for line in lines_of(language):
        for text in (line, upper(line, language)):
            assert prepare_language(text, language, Path("nowhere"))[0] == upstream_text(text, language), text


@pytest.mark.parametrize("language", SPOKEN)
def test_ids_are_the_published_tokenizers(language: str) -> None:
    """Every letter of every language is in the vocabulary, and the language's tag is one id."""
    file = SHARED / "grapheme_mtl_merged_expanded_v1.json"
    if not file.is_file():
        pytest.skip("the published Multilingual tokenizer is not at hand")
    tokenizer = Tokenizer.from_file(str(file))
    tag, unknown = tokenizer.token_to_id(f"[{language}]"), tokenizer.token_to_id("[UNK]")
    for line in lines_of(language):
        prepared = prepare_language(line, language, Path("nowhere"))[0]
        ids = tokenizer.encode(prepared.replace(" ", "[SPACE]")).ids
        expected = tokenizer.encode(upstream_text(line, language).replace(" ", "[SPACE]")).ids
        assert ids == expected and ids[0] == tag and ids.count(tag) == 1, line
        assert unknown not in ids, line


def test_chinese_is_written_in_the_codes_of_the_published_kind_of_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = SHARED / "Cangjie5_TC.json"
    if not table.is_file():
        pytest.skip("a Cangjie table is not at hand")
    monkeypatch.setitem(sys.modules, "jieba", Jieba("jieba"))
    codes: dict[str, str] = {}
    glyphs: dict[str, list[str]] = {}
    for glyph, code in (entry.split("\t")[:2] for entry in json.loads(table.read_text("utf-8"))):
        if glyph not in codes:
            codes[glyph] = code
        glyphs.setdefault(code, []).append(glyph)
    for glyph, code in codes.items():
        place = glyphs[code].index(glyph)
        codes[glyph] = code + (str(place) if place else "")
    for line in lines_of("zh"):
        plain = upstream_text(line, "zh").removeprefix("[zh]")
        words = [plain[start : start + 2] for start in range(0, len(plain), 2)]
        expected = upstream_text(line, "zh", words, codes)
        assert prepare_language(line, "zh", SHARED)[0] == expected
        assert "[cj_" in expected


class Jieba(types.ModuleType):
    """Two characters a word."""

    @staticmethod
    def cut(text: str) -> list[str]:
        return [text[start : start + 2] for start in range(0, len(text), 2)]

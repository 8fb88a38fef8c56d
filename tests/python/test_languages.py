"""Text of each language of Multilingual by upstream's rules, and what is right where those are not."""

from __future__ import annotations

import json
import re
import sys
import types
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bundles import LLAMA_VARIANTS
from bundles.metadata import LANGUAGES as TAGS
from bundles.metadata import make_llama_tokenizer
from loquor import Engine
from loquor.bundle.text_rules import MULTILINGUAL, prepare_text
from loquor.errors import InvalidInputError, ModelError
from loquor.languages import detection, japanese
from loquor.languages.detection import detected
from loquor.languages.profile import LANGUAGES, check_language, prepare_language

NOWHERE = Path("nowhere")
SHARED = Path(__file__).parents[3] / "shared" / "family"
LINES = {
    "ar": ("كيف حالك؟", "كيف حالك؟"),
    "da": ("Rødgrød med fløde", "rødgrød med fløde."),
    "de": ("Größe; ja: 'gut' …", "größe,  ja, 'gut',"),
    "el": ("Τι κάνεις;", "τι κάνεις?"),
    "en": ("It's me — hello", "it's me - hello."),
    "es": ("¿Qué tal?", "¿qué tal?"),
    "fi": ("Hyvää päivää!", "hyvää päivää!"),
    "fr": ("Ça va, l'été", "ça va, l'été."),
    "he": ("שָׁלוֹם", "שָׁלוֹם."),
    "hi": ("नमस्ते।", "नमस्ते।"),
    "it": ("Perché no", "perché no."),
    "ja": ("ありがとう。", "ありがとう。"),
    "ko": ("한국어", "한국어."),
    "ms": ("Selamat pagi", "selamat pagi."),
    "nl": ("Één ding", "één ding."),
    "no": ("Blåbær", "blåbær."),
    "pl": ("Zażółć gęślą", "zażółć gęślą."),
    "pt": ("Não, coração", "não, coração."),
    "ru": ("Ёлка и чай", "ёлка и чай."),
    "sv": ("Räksmörgås", "räksmörgås."),
    "sw": ("Habari yako", "habari yako."),
    "tr": ("IŞIK ve İĞNE", "ışık ve iğne."),
    "zh": ("OK!", "ok!"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_line_of_each_language(language: str) -> None:
    text, expected = LINES[language]
    prepared, warnings = prepare_language(text, language, NOWHERE)
    assert prepared == f"[{language}]" + unicodedata.normalize("NFKD", expected)
    assert warnings == ()


def test_there_are_23_and_each_has_its_tag() -> None:
    assert len(LANGUAGES) == 23 and set(LANGUAGES) == set(TAGS)


def test_a_language_is_known_by_its_code_in_any_case() -> None:
    assert check_language("DE") == "de"
    for tag, code in {
        "pt-BR": "pt",
        "zh-Hans": "zh",
        "zh_Hant_TW": "zh",
        "EN-us": "en",
        "nb-NO": "no",
        "iw": "he",
    }.items():
        assert check_language(tag) == code
    with pytest.raises(InvalidInputError, match=r"say which with language=, one of ar .Arabic.*zh .Chinese"):
        check_language(None)
    for wrong in (
        "xx",
        "",
        "German",
        5,
        b"de",
        "de-",
        "de--AT",
        "-de",
        "de AT",
        "d",
        "deu",
        "pt-BRAZILIAN",
        "dé",
    ):
        with pytest.raises(InvalidInputError, match="language must be one of"):
            check_language(wrong)


def test_hangul_is_taken_apart_into_jamo() -> None:
    assert (
        prepare_language("각", "ko", NOWHERE)[0] == "[ko]" + "".join(map(chr, (0x1100, 0x1161, 0x11A8))) + "."
    )


def test_hebrew_without_points_is_said() -> None:
    assert "vowel points" in prepare_language("שלום", "he", NOWHERE)[1][0]


class Jieba(types.ModuleType):
    """Two characters a word."""

    @staticmethod
    def cut(text: str) -> list[str]:
        return [text[start : start + 2] for start in range(0, len(text), 2)]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle's folder with a table in which 子 shares its code with 好."""
    monkeypatch.setitem(sys.modules, "jieba", Jieba("jieba"))
    entries = ["你\tonf", "好\tvnd", "子\tvnd", "好\tother"]
    (tmp_path / "Cangjie5_TC.json").write_text(json.dumps(entries), encoding="utf-8")
    return tmp_path


def test_chinese_is_cut_into_words_and_written_in_codes(table: Path) -> None:
    text = prepare_language("你好子〇A", "zh", table)[0]
    you, good = "[cj_o][cj_n][cj_f][cj_.]", "[cj_v][cj_n][cj_d]"
    assert text == f"[zh]{you}{good}[cj_.] {good}[cj_1][cj_.]〇 a."


def test_chinese_without_its_library_or_table_is_refused(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(ModelError, match=r"no file .*Cangjie5_TC.json"):
        prepare_language("你好", "zh", tmp_path / "other")
    for damaged in ("<html>", "5"):
        (tmp_path / "other" / "Cangjie5_TC.json").write_text(damaged)
        with pytest.raises(ModelError, match="cannot be read"):
            prepare_language("你好", "zh", tmp_path / "other")
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(InvalidInputError, match=r'pip install "loquor\[zh\]"'):
        prepare_language("你好", "zh", table)
    assert prepare_language("ok", "zh", table)[0] == "[zh]ok."  # nothing to write in codes


def words(*pairs: tuple[str, str | None]) -> list[Any]:
    """What fugashi gives: surfaces with the readings of their kanji."""

    class Word(str):
        feature: Any
        white_space = ""

    made = []
    for surface, kana in pairs:
        word = Word(surface)
        word.feature = types.SimpleNamespace(kana=kana)
        made.append(word)
    return made


def test_japanese_is_read_before_marks_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    found = words(("母", "ハハ"), ("は", "ハ"), ("パン", "パン"), ("を", "ヲ"), ("食べる", "タベル"))
    monkeypatch.setattr(japanese, "_tagger", lambda: lambda text: found)
    text = prepare_language("母はパンを食べる", "ja", NOWHERE)[0]
    assert text == unicodedata.normalize("NFKD", "[ja]ははは" + "パンをたべる.")


def test_japanese_needs_its_library_for_kanji_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fugashi", None)
    japanese._tagger.cache_clear()
    with pytest.raises(InvalidInputError, match=r'Japanese .* fugashi.* pip install "loquor\[ja\]"'):
        prepare_language("食べる", "ja", NOWHERE)
    assert prepare_language("たべる", "ja", NOWHERE)[0].startswith("[ja]た")


def test_normalizers_of_many_languages() -> None:
    def said(text: str, normalizer: str, language: str) -> str:
        return prepare_text(text, normalizer, "multilingual", language, NOWHERE).text

    assert said("5", "none", "de") == "[de]5."
    assert said("6", "numbers", "de") == "[de]sechs."
    assert said("It's 5", "en", "en") == "[en]it's five."
    with pytest.raises(InvalidInputError, match="writes English"):
        said("5", "en", "de")
    with pytest.raises(InvalidInputError, match="speaks English only, not German"):
        prepare_text("5", language="de")
    assert prepare_text("5", language="en").text == "5."
    assert prepare_text("5", "numbers").text == "Five."


@given(text=st.text(min_size=1, max_size=80), language=st.sampled_from(sorted(set(LANGUAGES) - {"ja", "zh"})))
def test_any_text_comes_out_with_its_tag_and_an_end(text: str, language: str) -> None:
    prepared, _ = prepare_language(text, language, NOWHERE)
    assert prepared.startswith(f"[{language}]")
    assert unicodedata.is_normalized("NFKD", prepared)
    assert len(prepared) > 4


def test_ids_of_every_language_with_the_published_tokenizer() -> None:
    path = SHARED / "mtl_tokenizer.json"
    if not path.is_file():
        pytest.skip("Multilingual's own tokenizer is not at hand")
    tokenizer = Tokenizer.from_file(str(path))
    unknown = tokenizer.token_to_id("[UNK]")
    for language, tag in TAGS.items():
        text = prepare_language(LINES[language][0], language, NOWHERE)[0].replace(" ", "[SPACE]")
        ids = tokenizer.encode(text).ids
        assert ids[0] == tag == tokenizer.token_to_id(f"[{language}]")
        assert len(ids) > 2 and (unknown not in ids or language in ("ar", "hi")), (language, text)


def test_ids_of_the_makers_tokenizer_begin_with_the_tag() -> None:
    tokenizer = make_llama_tokenizer(LLAMA_VARIANTS["multilingual"])
    ids = tokenizer.encode(prepare_language("Guten Tag", "de", NOWHERE)[0]).ids
    assert ids[:3] == [6563, 255, TAGS["de"]] and 1 not in ids


def test_what_becomes_a_control_token_is_read_as_words(llama_bundle_of: Callable[..., Path]) -> None:
    """Small letters and plain forms make tags of what was none as it was written; lines, of broken ones."""
    with Engine(llama_bundle_of(variant="multilingual"), prepare=False) as engine:
        for text in ("x[DE]y", "x[ＤＥ]y"):
            prepared, ids = engine._loaded.prepare(text, "en")
            assert TAGS["de"] not in ids.tolist()
            assert any("only a model may write them: [de]" in warning for warning in prepared.warnings)
        assert TAGS["it"] not in engine.tokenize("[İT]", language="tr").tolist()
    with Engine(llama_bundle_of(variant="english"), prepare=False) as engine:
        assert engine.tokenize("[STO\xad\nP] on").tolist().count(0) == 1  # the template's own


# --- Guessing ---


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wo ist die Bibliothek, bitte?", "de"),
        ("Πού είναι η βιβλιοθήκη;", "el"),
        ("図書館はどこですか。", "ja"),
        ("Kütüphane nerede, lütfen?", "tr"),
        ("Maktaba iko wapi tafadhali?", "sw"),
    ],
)
def test_a_language_is_guessed(text: str, language: str) -> None:
    pytest.importorskip("py3langid", reason="not installed: see scripts/setup --test")
    assert detected(text) == (language, ())


def test_an_unsure_guess_is_told() -> None:
    pytest.importorskip("py3langid", reason="not installed: see scripts/setup --test")
    code, warnings = detected("Ja, takk. " + "-" * 60)
    assert code in LANGUAGES and "not sure" in warnings[0] and len(warnings[0]) < 160
    prepared = prepare_text("Oui.", profile=MULTILINGUAL, language="auto")
    assert re.match(r"\[[a-z]{2}\]oui\.", prepared.text) and "taken for" in prepared.warnings[0]
    assert prepare_text("Wo ist die Bibliothek, bitte?", profile=MULTILINGUAL, language="auto").warnings == ()
    assert prepare_text("Hello.", language="auto").text == "Hello."  # of a model of one language


def test_guessing_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    detection._identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(InvalidInputError, match=r'pip install "loquor\[detect\]"'):
        detected("Hallo.")

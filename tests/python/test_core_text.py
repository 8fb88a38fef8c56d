"""The core reads text by itself: ids, texts, warnings and refusals as Python's, or a refusal of its own."""

from __future__ import annotations

import json
import random
import re
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models

import loquor
from bundles import LLAMA_VARIANTS
from bundles.metadata import make_llama_tokenizer, make_tokenizer
from loquor import Engine, _core
from loquor.bundle.text_rules import prepare_text
from loquor.errors import InvalidInputError, ModelError
from loquor.languages.profile import LANGUAGES
from wordtables import table_of

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
MINI = ROOT / "python" / "loquor" / "mini"
PUBLISHED = {
    "turbo": SHARED / "turbo" / "tokenizer.json",
    "english": SHARED / "family" / "tokenizer.json",
    "multilingual-pinned": SHARED / "family" / "mtl_tokenizer.json",
    "multilingual": SHARED / "family" / "grapheme_mtl_merged_expanded_v1.json",
}
WORDS = """the I'm don't we'll they've it'D said HELLO naïve coöperate straße 12 3.5 $ 100% x² ½ Ⅷ
    你好 食べる カナ Привет שלום 안녕 ㅋㅋ 🙂 👨‍👩‍👧 [laugh] [sigh] [STOP] [SPACE] [en] [de] [DE] [ＤＥ] [İT]
    [CJ_A] [cj_.] [UH] <|endoftext|> [laug h] [[STOP]] [STO[UNK]P] hello-world foo_bar Καλημέρα; ΟΔΟΣ ΣΑΣ.
    IĞDIR ﬁne ß ǆ x… wait... 10:30 <b>x</b> a\u200bb a;b “quoted” ‘so’ a—b – ؟ ।""".split()
CHARACTERS = [
    *map(chr, range(1, 0x250)),
    *"\u3000\u2028\u2029\u200b\u200c\u200d\ufeff\u180e\u2003ΑΣΏςσİIıßŉǰﬁ½™…—–“”‘’",
]
ASSIGNED = [chr(code) for code in range(1, 0x32000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]


def made_text(rng: random.Random) -> str:
    """Words, characters of Latin, any that there are, or pieces of control tokens."""
    kind = rng.random()
    if kind < 0.4:
        spaces = ("", "  ", "\n", "\t", " ", " ", " ")
        return "".join(rng.choice(WORDS) + rng.choice(spaces) for _ in range(rng.randrange(1, 12)))
    if kind < 0.9:
        characters = CHARACTERS if kind < 0.7 else ASSIGNED
        return "".join(rng.choice(characters) for _ in range(rng.randrange(30)))
    return "".join(rng.choice("[]abSTOPdelaughr UK<|>'") for _ in range(rng.randrange(1, 40)))


TEXTS = [made_text(rng) for rng in [random.Random(17)] for _ in range(20_000)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tokenizers that are made here, and the published ones that are there."""
    folder = tmp_path_factory.mktemp("tokenizers")
    made = {"tiny": make_tokenizer(), "tiny-one-end": make_tokenizer(1)}
    made |= {f"tiny-{name}": make_llama_tokenizer(variant) for name, variant in LLAMA_VARIANTS.items()}
    for name, tokenizer in made.items():
        tokenizer.save(str(folder / f"{name}.json"))
    return {name: folder / f"{name}.json" for name in made} | {"mini": MINI / "tokenizer.json"} | PUBLISHED


NAMES = ("tiny", "tiny-one-end", *(f"tiny-{name}" for name in LLAMA_VARIANTS), "mini", *PUBLISHED)


@pytest.mark.parametrize("name", NAMES)
def test_20000_texts_have_the_ids_that_the_library_gives(files: dict[str, Path], name: str) -> None:
    if not files[name].is_file():
        pytest.skip(f"the published tokenizer is not there: {files[name]}")
    theirs, ours = Backend.from_file(str(files[name])), _core.TokenizerFile(str(files[name]))
    for text in TEXTS:
        assert ours.encode(text, True) == theirs.encode(text).ids, ascii(text)


@given(text=st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=("Cs", "Cn"))))
def test_any_text_has_the_ids_that_the_library_gives(text: str) -> None:
    for theirs, ours in HELD:
        assert ours.encode(text, True) == theirs.encode(text).ids


def _held(tokenizer: Backend) -> tuple[Backend, Any]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        tokenizer.save(file.name)
        return tokenizer, _core.TokenizerFile(file.name)


HELD = [_held(make_tokenizer()), _held(make_llama_tokenizer(LLAMA_VARIANTS["multilingual"]))]


@given(
    merges=st.lists(st.text("abc", min_size=2, max_size=4), max_size=8, unique=True),
    text=st.text("abc ", max_size=40),
)
def test_merges_are_made_in_the_order_of_their_ranks(merges: list[str], text: str) -> None:
    vocabulary = {"a": 0, "b": 1, "c": 2, "[UNK]": 3}
    pairs = []
    for merge in merges:
        for cut in range(1, len(merge)):
            if merge[:cut] in vocabulary and merge[cut:] in vocabulary:
                vocabulary.setdefault(merge, len(vocabulary))
                pairs.append((merge[:cut], merge[cut:]))
    theirs, ours = _held(Backend(models.BPE(vocab=vocabulary, merges=pairs, unk_token="[UNK]")))
    assert ours.encode(text) == theirs.encode(text).ids


# --- A bundle's text ---


@pytest.fixture(scope="module")
def readers(
    bundle_of: Callable[..., Path], llama_bundle_of: Callable[..., Path]
) -> Callable[[str], tuple[Engine, Any]]:
    """(variant) -> an engine of Python, and the core's own reader of its bundle."""
    made: dict[str, tuple[Engine, Any]] = {}

    def make(variant: str) -> tuple[Engine, Any]:
        if variant not in made:
            folder = bundle_of() if variant == "turbo" else llama_bundle_of(variant=variant)
            made[variant] = Engine(folder, device="cpu", prepare=False), _core.TextReader(str(folder))
        return made[variant]

    return make


OWN_REFUSALS = re.compile("hyphen at the end of a line|by unicode-rbnf|by fugashi|by jieba")


def compared(engine: Engine, reader: Any, text: str, language: str | None = None) -> bool:
    """Asserts that both read the text alike; False where only the core refuses it, and says why."""
    loaded = engine._loaded
    wanted: Any
    try:
        prepared, ids = loaded.prepare(text, language)
        wanted = ids.tolist(), prepared.text, [*prepared.warnings, *loaded.tokenizer.warnings(text)]
    except InvalidInputError:
        wanted = None
    try:
        ids, written, warnings = reader.prepare(text, language)
    except InvalidInputError as error:
        assert wanted is None or OWN_REFUSALS.search(str(error)), ascii(text)
        return wanted is None
    assert wanted is not None, ascii(text)
    assert (ids, written) == wanted[:2], ascii(text)
    # What is markup is known to Python by name.
    assert [each for each in warnings if "markup" not in each] == [
        each for each in wanted[2] if "markup" not in each
    ]
    return True


@pytest.mark.parametrize("variant", ["turbo", "english"])
def test_a_users_text_becomes_what_python_makes_of_it(
    readers: Callable[[str], tuple[Engine, Any]], variant: str
) -> None:
    engine, reader = readers(variant)
    assert sum(compared(engine, reader, text) for text in TEXTS[:3000]) > 2700


def test_a_users_text_of_each_language_becomes_what_python_makes_of_it(
    readers: Callable[[str], tuple[Engine, Any]],
) -> None:
    engine, reader = readers("multilingual")
    languages = list(LANGUAGES)
    alike = [
        compared(engine, reader, text, languages[place % len(languages)])
        for place, text in enumerate(TEXTS[:3000])
    ]
    assert sum(alike) > 2000


def test_every_character_is_lowered_and_taken_apart_as_python_does(
    readers: Callable[[str], tuple[Engine, Any]],
) -> None:
    """Also beside a capital sigma, whose small form depends on what is around it."""
    engine, reader = readers("multilingual")
    spoken = [each for each in ASSIGNED if not each.isdigit() and unicodedata.category(each) != "Cc"]
    for start in range(0, len(spoken), 700):
        part = spoken[start : start + 700]
        assert compared(engine, reader, "x" + "".join(part), "de")
        assert compared(engine, reader, " ".join(f"a{each}Σ Σ{each}b" for each in part), "el")


def test_every_first_letter_is_capitalised_as_python_does(
    readers: Callable[[str], tuple[Engine, Any]],
) -> None:
    engine, reader = readers("turbo")
    small = [each for each in ASSIGNED if each.islower() or unicodedata.category(each) in ("Ll", "Lt")]
    assert len(small) > 1800
    assert all(compared(engine, reader, f"{each}bc") for each in small)


@pytest.mark.parametrize(
    "text",
    ["", " \u200b\n", "a\x07b", "x" * 5001, "<|endoftext|>", "a <|endoftext|> b"],
)
def test_what_python_refuses_is_refused(readers: Callable[[str], tuple[Engine, Any]], text: str) -> None:
    for variant in ("turbo", "english"):
        assert compared(*readers(variant), text)
        with pytest.raises(InvalidInputError):
            readers(variant)[1].prepare(text)


def test_what_needs_a_library_of_python_is_refused_by_name(
    readers: Callable[[str], tuple[Engine, Any]],
) -> None:
    reader = readers("multilingual")[1]
    for text, language, library in (
        ("食べる", "ja", "fugashi"),
        ("你好", "zh", "jieba"),
        ("12 Dinge", "de", "unicode-rbnf"),
    ):
        with pytest.raises(InvalidInputError, match=library):
            reader.prepare(text, language)
    assert reader.prepare("12 Dinge", "de", "none")[1] == "[de]12 dinge."
    assert reader.prepare("たべる", "ja")[1] == "[ja]" + unicodedata.normalize("NFKD", "たべる.")
    with pytest.raises(InvalidInputError, match="one of ar"):
        reader.prepare("x")
    with pytest.raises(InvalidInputError, match="English only"):
        readers("turbo")[1].prepare("x", "de")
    with pytest.raises(InvalidInputError, match="normalizer must be one of"):
        readers("turbo")[1].prepare("x", None, "fr")


def test_a_tokenizer_that_cannot_be_used_is_named(tmp_path: Path, files: dict[str, Path]) -> None:
    good = json.loads(files["tiny"].read_text(encoding="utf-8"))
    path = tmp_path / "tokenizer.json"
    for change, part in (
        ({"normalizer": {"type": "Lowercase"}}, "the normalizer Lowercase"),
        ({"pre_tokenizer": {"type": "Metaspace"}}, "the pre_tokenizer Metaspace"),
        ({"post_processor": {"type": "BertProcessing"}}, "the post_processor BertProcessing"),
        ({"model": {"type": "WordPiece"}}, "a model of type WordPiece"),
        ({"model": good["model"] | {"merges": [["a", "b"]]}}, "merges 'a' and 'b'"),
        ({"model": good["model"] | {"unk_token": "[UNK]"}}, "unk_token"),
        ({"added_tokens": [good["added_tokens"][0] | {"id": 7}]}, "has the id 7"),
        ({"added_tokens": [good["added_tokens"][0] | {"lstrip": True}]}, "lstrip"),
    ):
        path.write_text(json.dumps(good | change), encoding="utf-8")
        with pytest.raises(ModelError, match=re.escape(part)):
            _core.TokenizerFile(str(path))
    path.write_text("<html>", encoding="utf-8")
    with pytest.raises(ModelError, match="readable tokenizer"):
        _core.TokenizerFile(str(path))
    with pytest.raises(ModelError, match="no file"):
        _core.TokenizerFile(str(tmp_path / "absent.json"))


# --- English for the built-in voice, which knows letters alone ---

ENGLISH_WORDS = sorted(
    {
        word
        for file in (*(ROOT / "csrc" / "english" / "rules").glob("*.py"), *(ROOT / "docs").glob("*.md"))
        for word in re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", file.read_text(encoding="utf-8"))
    }
    | {
        *table_of("tables").TITLES,
        *table_of("tables").STARTERS,
        *table_of("tables").BEFORE_NAMES,
        *table_of("capital_words").RULERS,
    }
)
USUAL_WORDS = """the a I he she Dr. Mr Mrs. Smith said to in on of and Then went street Elm page part Henry
    Chapter army Corps was square per first""".split()


def made_english(rng: random.Random) -> str:
    def word() -> str:
        made = rng.choice(ENGLISH_WORDS if rng.random() < 0.6 else USUAL_WORDS)
        made = made.capitalize() if rng.random() < 0.1 else "[laugh]" if rng.random() < 0.03 else made
        made = rng.choice('"“') + made if rng.random() < 0.08 else made
        made = made + rng.choice('"”') if rng.random() < 0.05 else made
        return made + rng.choice(["", "", "", "", "", *".,?!;:"]) + rng.choice(["", "", "", '"', ""])

    return rng.choice(["", " "]) + " ".join(word() for _ in range(rng.randrange(1, 9)))


def test_english_is_read_as_python_reads_it() -> None:
    reader, rng = _core.TextReader(str(MINI)), random.Random(170)
    for _ in range(3000):
        text = made_english(rng)
        assert reader.prepare(text)[1] == prepare_text(text, "en").text, text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("In 1999 it rained.", "In nineteen ninety-nine it rained."),
        ("NASA said so.", "NASA said so."),
        ("5 km", "Five kilometers."),
        ("Elm St. is long.", "Elm street is long."),
        ("café", "Cafe."),
        ("Hello\nyou", "Hello, you."),
    ],
)
def test_english_that_is_not_in_words_is_read_by_the_core(text: str, spoken: str) -> None:
    assert _core.TextReader(str(MINI)).prepare(text)[1] == prepare_text(text, "en").text == spoken


def test_a_doctor_is_one() -> None:
    reader = _core.TextReader(str(Path(loquor.__file__).parent / "mini"))
    assert reader.prepare("Dr. Smith paid three pounds.")[1] == "Doctor Smith paid three pounds."
    assert reader.prepare("“Mrs. Hill,” said he, “isn’t here.”", None, "none")[2] == []

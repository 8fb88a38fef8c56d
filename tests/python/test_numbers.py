"""Twenty lines of numbers in each language, written before the code, and what stays in digits."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loquor.languages.numbers import spell_numbers
from loquor.languages.profile import LANGUAGES

FILE = Path(__file__).with_name("number_lines.tsv")
LINES = [line.split("\t") for line in FILE.read_text("utf-8").splitlines()]


def test_there_are_twenty_of_each() -> None:
    languages = [language for language, _, _ in LINES]
    assert {language: languages.count(language) for language in LANGUAGES} == dict.fromkeys(LANGUAGES, 20)


@pytest.mark.parametrize(("language", "text", "expected"), LINES)
def test_a_line_is_read_as_the_language_says_it(language: str, text: str, expected: str) -> None:
    spelled, warnings = spell_numbers(text, language)
    if expected == "=":
        assert spelled == text and "some digits are left" in warnings[0]
    else:
        assert (spelled, warnings) == (expected, ())


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Am 31.02.2024"),
        ("de", "3. Platz"),
        ("de", "5-7"),
        ("de", "1/2"),
        ("de", "1,234"),
        ("de", "1.5"),
        ("de", "14:30:15"),
        ("de", "25:70"),
        ("de", "5kg"),
        ("de", "€-5"),
        ("de", "9" * 40),
        ("de", "1984 gewann er"),
        ("de", "12.03.24"),
        ("en", "1.234"),
        ("en", "In 1984"),
        ("en", "x5"),
        ("en", "007"),
        ("es", "5 %s"),
        ("fi", "5:ssä"),
        ("it", "Il 1° maggio"),
        ("ko", "3km"),
        ("pt", "R$ 5"),
        ("ru", "на 3-й улице"),
        ("tr", "3. kat"),
        ("zh", "1/2"),
    ],
)
def test_what_is_not_sure_stays_as_it_was_with_a_warning(language: str, text: str) -> None:
    spelled, warnings = spell_numbers(text, language)
    assert spelled == text and "some digits are left" in warnings[0]


def test_what_is_sure_beside_what_is_not_is_written() -> None:
    assert spell_numbers("1 Haus, 5 Autos", "de")[0] == "1 Haus, fünf Autos"
    assert spell_numbers("no digits", "en") == ("no digits", ())


def test_characters_of_the_users_own_are_kept() -> None:
    text = "\U000f0000 5 \U000f0001"
    assert spell_numbers(text, "de")[0] == text


@pytest.mark.parametrize("missing", ["unicode_rbnf", "babel"])
def test_numbers_without_their_libraries_stay(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert spell_numbers("5", "de") == (
        "5",
        ('digits are left to the model, which may misread them: pip install "loquor[numbers]"',),
    )


@given(
    text=st.text("0123456789.,:/-% €$h年月日時点년시'" + "a٥५", max_size=40),
    language=st.sampled_from(sorted(LANGUAGES)),
)
def test_any_digits_and_marks_are_read_or_left(text: str, language: str) -> None:
    spelled, warnings = spell_numbers(text, language)
    assert not any(character >= "\U000f0000" for character in spelled)
    assert bool(warnings) == any(character.isdigit() for character in spelled)


@pytest.mark.parametrize(
    "text", ["1" * 6000, "1'" * 3000, "12:" * 2000, "1 " * 3000, "1 111" * 1200, "€ " * 3000 + "5"]
)
def test_cost_grows_with_length_alone(text: str) -> None:
    started = time.process_time()
    spell_numbers(text, "de")
    assert time.process_time() - started < 2  # a quadratic search takes tens of seconds

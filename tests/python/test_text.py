"""Text preparation: each of Turbo's rules, their order, and what a user may not write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loquor.bundle.text_rules import NORMALIZERS, prepare_text
from loquor.errors import InvalidInputError
from loquor.text.characters import MAX_CHARACTERS, check_text
from loquor.text.profiles import punc_norm


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello there.", "Hello there."),
        ("éclair.", "Éclair."),
        ("ßa.", "SSa."),
        (" hello.", "hello."),  # a leading space defeats the capital
        ("[sigh] well.", "[sigh] well."),
        ("A\n\n b\t c\u00a0d.", "A b c d."),
        ("A…b.", "A, b."),
        ("A… b.", "A,  b."),  # upstream's double space
        ("A … b.", "A,  b."),
        ("Note: this.", "Note, this."),
        ("A—b–c.", "A-b-c."),  # noqa: RUF001
        ("A , b.", "A, b."),
        ("A : b.", "A, b."),  # the colon's comma is seen by the later " ," rule
        ("“A” said ‘b’.", "\"A\" said 'b'."),  # noqa: RUF001
        ("A...b; c.", "A...b; c."),  # no rule of Turbo
        ("Wait…", "Wait,"),
    ],
)
def test_each_rule(text: str, expected: str) -> None:
    assert punc_norm(text) == expected


@pytest.mark.parametrize("text", ["A.", "A!", "A?", "A-", "A,"])
def test_an_ender_stays(text: str) -> None:
    assert punc_norm(text) == text


@pytest.mark.parametrize("text", ["A", 'He said "no."', "A [sigh]", "A;", "A)", "是。"])
def test_any_other_end_gets_a_full_stop(text: str) -> None:
    assert punc_norm(text) == text + "."


@given(st.text())
def test_normalised_text_ends_in_an_ender_and_settles_on_the_second_pass(text: str) -> None:
    once = punc_norm(text)
    assert once.endswith((".", "!", "?", "-", ","))
    assert not set(once) & set("…:—–“”‘’")  # noqa: RUF001
    twice = punc_norm(once)
    assert punc_norm(twice) == twice


@pytest.mark.parametrize("text", [" hello", "A… b", "A … , b"])
def test_one_pass_is_not_always_enough(text: str) -> None:
    once = punc_norm(text)
    assert punc_norm(once) != once


@pytest.mark.parametrize("text", ["Hello.", "?!", "…", "🙂", "👩‍🚀", "a\r\n\tb", "[sigh]", "7"])
def test_anything_visible_is_accepted(text: str) -> None:
    check_text(text)


@pytest.mark.parametrize("text", ["", " ", "\n\t\r ", "\u00a0\u3000", "\u200b", "\ufeff \u200d"])
def test_text_that_shows_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="empty or only white space"):
        check_text(text)


@pytest.mark.parametrize("text", [None, b"Hello.", 3, ["Hello."]])
def test_text_must_be_a_str(text: object) -> None:
    with pytest.raises(InvalidInputError, match=f"not {type(text).__name__}"):
        check_text(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [*range(9), *range(14, 28), *range(127, 133), *range(134, 160)])
def test_control_characters_are_refused_with_their_place(code: int) -> None:
    with pytest.raises(InvalidInputError, match=rf"control character U\+{code:04X} at index 2"):
        check_text(f"ab{chr(code)}c")


@pytest.mark.parametrize("code", [9, 10, 11, 12, 13, 28, 29, 30, 31, 133, 160, 0x2028])
@pytest.mark.parametrize("normalizer", NORMALIZERS)
def test_what_is_white_space_upstream_is_white_space(code: int, normalizer: str) -> None:
    assert prepare_text(f"It is {chr(code)}late.", normalizer).text == "It is late."


@pytest.mark.parametrize("code", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_lone_surrogates_are_refused_with_their_place(code: int) -> None:
    with pytest.raises(InvalidInputError, match=rf"lone surrogate U\+{code:04X} at index 1"):
        check_text(f"a{chr(code)}")


def test_the_limit_counts_characters_and_says_what_to_do() -> None:
    check_text("a" * MAX_CHARACTERS)
    with pytest.raises(
        InvalidInputError, match=r"100,000 characters.*limit of 5,000.*split it into sentences"
    ):
        check_text("a" * 100_000)
    with pytest.raises(InvalidInputError, match="limit of 3 "):
        check_text("abcd", max_characters=3)


def test_end_of_text_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"<\|endoftext\|> at index 3"):
        check_text("Hi <|endoftext|> there.")


@settings(deadline=None)
@given(st.text(st.characters()), st.sampled_from(NORMALIZERS))
def test_any_text_is_prepared_or_refused(text: str, normalizer: str) -> None:
    try:
        prepared = prepare_text(text, normalizer).text
    except InvalidInputError:
        return
    assert prepared.encode() and prepared.endswith((".", "!", "?", "-", ","))

"""Lines that end on purpose are told from wrapped ones, and words that a line's end broke become whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loquor.bundle.text_rules import prepare_text
from loquor.sentences.pieces import Splitter
from loquor.text.lines import Lines, with_whole_words


def given_out(*chunks: str) -> str:
    """The text as it is given out: | for the end of a line, ¶ for that of a paragraph."""
    lines = Lines()
    found = [pair for chunk in chunks for pair in lines.add(chunk)]
    found += lines.add("", last=True)
    return "".join(text + {"line": "|", "paragraph": "¶", None: ""}[end] for text, end in found)


WRAPPED = """The keeper of the lighthouse had not spoken to anybody since the day on which
Martha Hill and her brother left for the mainland, and so it was no wonder that
he did not know what to say to us when we stood before his door with Mr.
Price, who had brought
his lamp."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shopping list\nApples\nPears\nTwo loaves", "Shopping list|Apples|Pears|Two loaves"),
        ("milk\neggs\nbrown bread", "milk|eggs|brown bread"),
        ("- a cup\n- two eggs\n12) more\n(b) less", "- a cup|- two eggs|12) more|(b) less"),
        ("- an item that is\n  wrapped into two\n- two", "- an item that is wrapped into two|- two"),
        ("The Old Mill\n" + WRAPPED, "The Old Mill|" + " ".join(WRAPPED.split())),
        ("Buy these:\nBread\nButter", "Buy these:|Bread|Butter"),
        ("# What it is\nit is a mill.", "# What it is|it is a mill."),
        ("Title\n=====\nText that follows.", "Title|=====|Text that follows."),
        ("Anna Hill\n12 Elm Street\nSpringfield", "Anna Hill|12 Elm Street|Springfield"),
        (WRAPPED, " ".join(WRAPPED.split())),
        ("I went to the shop and\nbought some milk for\nJohn and Mary.", None),
        ("We had seen the\nAlps before.", None),
        ("It is late.\nHe went home.\n", "It is late. He went home."),
        ("Whether 'tis nobler in the mind to suffer\nThe slings and arrows,\nOr to end them.", None),
        ("One.\n \n\n  Two.\fThree\vFour\u2029Five", "One.¶Two.¶Three¶Four¶Five"),
        ("> It was late and\n> they left.\n>\n> So did we.", "It was late and they left.¶So did we."),
        ("very " * 30 + "long\nThe end", "very " * 30 + "long|The end"),
        ("under the Terms.\n.\nYou may copy it.", "under the Terms.|.|You may copy it."),
    ],
)  # fmt: skip
def test_the_ends_of_lines(text: str, expected: str | None) -> None:
    assert given_out(text) == (" ".join(text.split()) if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("an exam-\nple of it", "an example of it"),
        ("the infor-\n  mation, begin-\nning with", "the information, beginning with"),
        ("a well-\nknown self-\nemployed man", "a well-known self-employed man"),
        ("a twenty-\none year old, a long-\nterm plan", "a twenty-one year old, a long-term plan"),
        ("his mother-\nin-law and mother-in-\nlaw", "his mother-in-law and mother-in-law"),
        ("two-\nand three-year terms", "two- and three-year terms"),
        (
            "the Anglo-\nSaxon years 1990-\n95, a 20-\nyear plan",
            "the Anglo-Saxon years 1990-95, a 20-year plan",
        ),
        ("soft\xad\nware and hard\u2010\nware", "software and hardware"),
        ("see a.example/doc-\nmail or ftp-\nmaster", "see a.example/doc-mail or ftp-master"),
        ("he left -\nand came -- \nback--\nat last", "he left - and came -- back-- at last"),
        ("the end of exam-\n\nple", "the end of exam-¶ple"),
    ],
)
def test_words_broken_at_the_end_of_a_line(text: str, expected: str) -> None:
    assert given_out(text) == expected
    if "¶" not in expected:
        assert prepare_text(f"It is {text}.").text == f"It is {expected}."


def test_text_without_a_broken_word_is_left_alone() -> None:
    text = " a\n\nb - \u2028c\r\n"
    assert with_whole_words(text) is text


def test_a_heading_in_a_piece_ends_in_a_pause() -> None:
    splitter = Splitter(250, join_below=40, language="en")
    pieces = [
        *splitter.add("The Mill\nIt was old.\nBread\nTea [sigh]\n* * *\nMilk"),
        *splitter.flush("paragraph"),
    ]
    (piece,) = pieces
    assert piece.sentences == ("The Mill", "It was old.", "Bread", "Tea [sigh]", "* * *", "Milk")
    assert piece.text == "The Mill. It was old. Bread. Tea [sigh] * * * Milk"


LINES = st.lists(
    st.sampled_from(
        ["The Mill", "milk", "- an item", "1. one", "It was late.", "exam-", "ple", "well-", ">", "> no",
         "===",
         ".", "", "  ", "\t", "a", "I said:", "# Top", "and so", "word " * 14, "x" * 170, "soft\xad", "--",
         "   a", "a -   b", "page-", "server.conf",
         "(a", "(a) x", "12"]
    )
)  # fmt: skip


@settings(deadline=None)
@given(LINES, st.sampled_from(["\n", "\n", "\f"]), st.lists(st.integers(0, 300), max_size=8))
def test_how_the_lines_come_does_not_matter(lines: list[str], end: str, cuts: list[int]) -> None:
    text = end.join(lines)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    whole = given_out(text)
    assert given_out(*(text[a:b] for a, b in pairwise(edges))) == whole
    assert given_out(*text) == whole
    assert "".join(whole.split()).translate(dict.fromkeys(map(ord, "|¶->\xad"))) == "".join(
        text.split()
    ).translate(dict.fromkeys(map(ord, "->\xad")))

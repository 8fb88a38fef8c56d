"""Long text in pieces: nothing lost, nothing split that belongs together, nothing too long."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import sentencex  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loquor.errors import InvalidInputError
from loquor.sentences.pieces import WINDOW, Piece, Splitter, windows
from loquor.text.characters import TAG

SENTENCES = Path(__file__).parents[2] / "training" / "voice" / "sentences"


def split_pieces(
    text: str | Iterable[str],
    limit: int,
    *,
    join_below: int = 40,
    language: str = "en",
    measure: Callable[[str], int] = len,
) -> Iterator[Piece]:
    """The pieces of a whole text, which may come in chunks of any size."""
    splitter = Splitter(limit, join_below=join_below, language=language, measure=measure)
    for chunk in windows(text):
        yield from splitter.add(chunk)
    yield from splitter.flush("paragraph")


def sentences_of(text: str) -> list[str]:
    return [sentence for piece in split_pieces(text, 5000, join_below=0) for sentence in piece.sentences]


@pytest.mark.parametrize(
    "sentences",
    [
        ["I met Mr. Smith.", "He left."],
        ["Dr. Jones is in.", "Go."],
        ["It costs approx. 5 dollars."],
        ["See fig. 3 and p. 5 for more."],
        ["See vol. 3, ch. 2.", "Then stop."],
        ["Mt. Everest is high.", "Ft. Worth is not."],
        ["On Jan. 5 we met.", "On Feb. 6 we left."],
        ["The U.S. government agreed."],
        ["At 6 p.m. we left."],
        ["No. 5 is here.", "I said no.", "5 came."],
        ["Use e.g. apples, i.e. fruit, vs. bread."],
        ["J. K. Rowling and John F. Kennedy met."],
        ["Version 2.0.1 is out.", "It costs $3.50."],
        ["Visit www.example.com.", "It is good."],
        ["“Is it?”", "“Yes.”"],
        ["Wait... what?", "Really?!", "Yes."],
        ["Hello [laugh].", "Yes!", "[clear throat] Never."],
        ["He lives on St. John St. near the park."],
        ["Is it 3:45?", "Yes, 1,250.75 to be exact."],
        ["He said (not now. Later.) and left.", "OK."],
    ],
)
def test_sentences(sentences: list[str]) -> None:
    assert sentences_of(" ".join(sentences)) == sentences


def test_the_sentences_of_the_evaluation_stay_whole() -> None:
    lines = [
        line for path in SENTENCES.glob("*.txt") for line in path.read_text(encoding="utf-8").splitlines()
    ]
    for line in lines:
        assert " ".join(sentences_of(line)) == line
    whole = sum(sentences_of(line) == [line] for line in lines)
    assert whole > 0.9 * len(lines)  # a few are two sentences


def test_items_of_a_list_keep_their_numbers() -> None:
    text = "Buy:\n1. Apples. They are red.\n2. Pears\n- a hat\n* a coat\n12) Twelve eggs. Done."
    assert sentences_of(text) == [
        "Buy:", "1. Apples.", "They are red.", "2. Pears", "- a hat", "* a coat", "12) Twelve eggs.", "Done.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "begins"),
    [
        ("It was late, and he came home. ", "H"),
        ("It was late, and he came home\n", "- I"),
        ("It was late, and he came home.\n", "\n"),
        ('"It was late," he said. ', '"I'),
        ("It was late, and he came home. ", "[s"),
        ("He came home (it was late. Very late. Or was it?). ", "Y"),
        ("Mr. Hill paid $3.50 to e.g. J. K. Rowling on Jan. 5. ", "W"),
        ("今天很晚了。", "我"),
    ],
)
def test_a_sentence_is_cut_off_when_the_next_one_begins(first: str, begins: str) -> None:
    splitter = Splitter(250, join_below=0, language="en")
    for character in first + begins[:-1]:
        assert list(splitter.add(character)) == []
    (piece,) = splitter.add(begins[-1])
    assert piece.text == first.strip()


def test_an_open_quotation_waits_no_longer_than_a_piece() -> None:
    splitter = Splitter(50, join_below=0, language="en")
    text = 'He said "It is late. It rains. It is cold. It is dark now. And'
    pieces = [piece.text for piece in splitter.add(text)]
    assert pieces == ['He said "It is late.', "It rains.", "It is cold.", "It is dark now."]


def test_short_sentences_are_joined_within_their_paragraph() -> None:
    text = "Yes. Never. I know what you mean.\nOf course.\n\nWell. * * *\r\n\r\nTitle\f* * *\n \nEnd."
    assert list(split_pieces(text, 100, join_below=20)) == [
        Piece(("Yes.", "Never.", "I know what you mean."), "sentence"),
        Piece(("Of course.",), "paragraph"),
        Piece(("Well.", "* * *"), "paragraph"),
        Piece(("Title",), "paragraph"),
        Piece(("* * *",), "paragraph", spoken=False),
        Piece(("End.",), "paragraph"),
    ]


def test_long_sentences_are_parted_after_punctuation() -> None:
    text = (
        "It was the best of times, it was the worst of times; "
        "it was 1,250 years ago, [clear throat] or so I heard."
    )
    pieces = list(split_pieces(text, 60))
    assert [piece.text for piece in pieces] == [
        "It was the best of times, it was the worst of times;",
        "it was 1,250 years ago, [clear throat] or so I heard.",
    ]
    assert [piece.end for piece in pieces] == ["clause", "paragraph"]
    parts = [piece.text for piece in split_pieces("word " * 40, 50)]
    assert all(50 > len(part) > 20 for part in parts)


def test_the_measure_counts() -> None:
    text = "In 1999 there were 1,234,567 of them."
    assert len(list(split_pieces(text, 40))) == 1
    assert len(list(split_pieces(text, 40, measure=lambda part: len(re.sub(r"\d", 5 * "9", part))))) == 3


def test_chunks_must_be_text() -> None:
    with pytest.raises(InvalidInputError, match="text must come as str, not bytes"):
        list(split_pieces([b"no"], 10))  # type: ignore[list-item]


# --- Too long, and strange ---


def test_an_abbreviation_is_no_place_to_breathe() -> None:
    text = (
        "The rain had stopped and the lamps along the harbor were lit again when the clerk laid down his pen "
        "and asked for Mr. Hobbs (i.e. the man with a hat) and for J. R. Price, who knew vol. 2 of "
        "the code and art. 12 of the law and who had read it twice on Jan. 5 before the sun was up"
    )
    for limit in (60, 100, 150, 200, 250):
        pieces = list(split_pieces(text, limit))
        assert len(pieces) > 1
        for piece in pieces[:-1]:
            assert not piece.text.endswith("."), (limit, piece.text)


def test_an_ellipsis_is_one_sign() -> None:
    text = "It is a long road . . . and a hard one . . . for all of us who walk it day by day " * 6
    for limit in (40, 100, 250):
        for piece in split_pieces(text, limit):
            assert not re.match(r"\.|.*[^.] \.$|.*[^.] \. \.$", piece.text), piece.text
    assert sentences_of("It was art . . . And then it was not.") == [
        "It was art . . .",
        "And then it was not.",
    ]


def test_a_blank_to_fill_in_costs_no_more_than_its_length() -> None:
    blank = "_" * 300
    assert sentences_of(f"Sign here. {blank}x is late.") == ["Sign here.", f"{blank}x is late."]


def test_what_closes_a_sentence_stays_with_it() -> None:
    quotation = '"' + "It is late. It rains and it is cold. " * 9 + 'It was war." [Foo, p. 2] He left.'
    pieces = list(split_pieces(quotation, 250))
    assert not any(re.match(r"[\"”’)\]](?:\s|$)", piece.text) for piece in pieces)
    assert pieces[-1].sentences == ('It was war."', "[Foo, p. 2] He left.")


UNITS = """one,_ Mr._ a._ U.S._ ._ word,_12,_13\n He_said_"x._ (a._ no._3_ x,_ é,_ [a_ -\n exam-\nple_ ' #"""
UNITS += " ed._ a.\n._ 1\n"


@pytest.mark.parametrize("unit", [*(unit.replace("_", " ") for unit in UNITS.split(" ")), " ", "\n", "_"])
def test_the_work_grows_with_the_text_alone(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = [0, 0]
    segment = sentencex.segment

    def counted(language: str, text: str) -> list[str]:
        looked[0] += len(text)
        return segment(language, text)  # type: ignore[no-any-return]

    def measure(text: str) -> int:
        looked[1] += len(text)
        return 2 * len(text)

    monkeypatch.setattr(sentencex, "segment", counted)
    for size in (2_000, 16_000):
        looked[:] = [0, 0]
        list(split_pieces(unit * (size // len(unit)), 250, measure=measure))
        assert looked[0] <= 210 * size and looked[1] <= 5 * size + 1000, (size, looked)


# --- What holds for any text ---

WORDS = st.sampled_from(
    """a the Mr. Dr. St. no. No. 5 1,250 3.14 p.m. U.S. e.g. word Word The [laugh] [clear_throat] [_x_y_] ,
    ; : . ! ? ... … . " ” ( ) - — * é 你好。 \ue000 supercalifragilisticexpialidocious
    🙂 1. exam well""".split()
).map(lambda word: word.replace("_", " "))
SPACES = st.sampled_from(
    [
        "",
        " ",
        " ",
        " ",
        "  ",
        " \t   ",
        "\n",
        "\n",
        "\n  ",
        "-\n",
        "\n\n",
        "\r\n\r\n",
        "\t",
        "\f",
        "\u2029",
        "\u200b",
        "\n \n",
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\r\t\f\x85"), max_size=120),
    st.lists(st.tuples(WORDS, SPACES).map("".join), max_size=60).map("".join),
)


def bare(text: str) -> str:
    """Without white space, hyphens, which may go at a line's end, and marks of quoted lines."""
    return re.sub(r"[\s‐\xad>-]", "", text)


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.integers(1, 80), st.integers(0, 60))
@example("[clear throat]" * 8, 5, 40)
@example("Mr. " * 30, 10, 40)
def test_nothing_is_lost_and_only_words_are_too_long(text: str, limit: int, join_below: int) -> None:
    pieces = list(split_pieces(text, limit, join_below=join_below))
    assert bare("".join("".join(piece.sentences) for piece in pieces)) == bare(text)
    for piece in pieces:
        assert piece.sentences and all(sentence.strip() == sentence != "" for sentence in piece.sentences)
        words = TAG.sub("x", piece.text).split()
        assert len(piece.text) <= limit or len(words) == 1
    assert pieces == [] or pieces[-1].end == "paragraph"


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(1, 80))
def test_tags_are_never_split(text: str, limit: int) -> None:
    found = [tag for piece in split_pieces(text, limit) for tag in TAG.findall(piece.text)]
    expected = TAG.findall(text)
    assert sorted(set(expected) - set(found)) == []
    assert len(found) >= len(expected)


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.lists(st.integers(0, 200), max_size=12))
def test_how_the_text_comes_does_not_matter(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(text)]
    chunks = [text[a:b] for a, b in pairwise(edges)]
    assert list(split_pieces(chunks, 60)) == list(split_pieces(text, 60))


@pytest.mark.parametrize("unit", ["  a ", "a -   b ", " \t a", "a. \n   b ", "\f   a\n b "])
def test_cuts_in_white_space_do_not_matter(unit: str) -> None:
    text = unit * 80
    whole = list(split_pieces(text, 50))
    assert list(split_pieces(iter(text), 50)) == whole
    for cut in range(len(unit) + 1):
        assert list(split_pieces((text[: 9 * len(unit) + cut], text[9 * len(unit) + cut :]), 50)) == whole


def test_white_space_without_end_is_not_kept() -> None:
    for begin in ("a", "a -", "a\n", "\f", ""):
        splitter = Splitter(50, join_below=0, language="en")
        for chunk in (begin, *["    " * 500] * 40):
            assert list(splitter.add(chunk)) == []
            assert splitter.waiting <= 3 * WINDOW
        pieces = [*splitter.add("b"), *splitter.flush("paragraph")]
        assert bare("".join(piece.text for piece in pieces)) == bare(begin + "b")


@pytest.mark.parametrize("behind", [" is it. He left.", "\nis it. He left."])
@pytest.mark.parametrize("size", [600, WINDOW, WINDOW + 500, 2 * WINDOW])
def test_the_word_behind_what_is_left_out_is_spoken(behind: str, size: int) -> None:
    text = "This. " + "x1" * (size // 2) + behind
    expected = ["This.", "is it.", "He left."]
    for chunks in (text, iter(text), (text[:-20], text[-20:])):
        found = [sentence for piece in split_pieces(chunks, 250) for sentence in piece.sentences]
        assert found == expected


@pytest.mark.parametrize(
    "unit", ["word ", "word. ", "好", "[laugh] ", "[laugh]", "a,", "Mr. ", "\n", "\n\na", "No end, "]
)
def test_a_long_paragraph_needs_no_more_than_a_window(unit: str) -> None:
    text = unit * (5 * WINDOW // len(unit))
    pieces = list(split_pieces(text, 100))
    assert bare("".join(piece.text for piece in pieces)) == bare(text)
    assert all(len(piece.text) <= 100 for piece in pieces)


def test_a_book_passes_in_constant_memory() -> None:
    paragraph = "It was the best of times. It was the worst of times, said Mr. Dickens. " * 5 + "\n\n"

    def book(paragraphs: int) -> Iterator[str]:
        for _ in range(paragraphs):
            yield paragraph

    def peak(paragraphs: int) -> int:
        tracemalloc.start()
        count = sum(1 for _ in split_pieces(book(paragraphs), 250))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == 5 * paragraphs
        return most

    peak(10)
    assert peak(3000) < peak(30) + 100_000  # a million characters


def test_pieces_come_as_soon_as_their_paragraph_ends() -> None:
    given_out: list[str] = []

    def lines() -> Iterator[str]:
        for line in ("One is here.\n", "\n", "Two is here.\n", "\n", "Three is here.\n"):
            given_out.append(line)
            yield line

    first = next(split_pieces(lines(), 100))
    assert first.text == "One is here."
    assert len(given_out) == 2

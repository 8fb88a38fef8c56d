"""What no model can say: left out of a long text, and told where it was; the rest is spoken."""

from __future__ import annotations

import re

from loquor import Engine, GenerationOptions
from loquor.sentences.pieces import WINDOW, Piece, Splitter


def pieces_and_warnings(text: str, limit: int = 250) -> tuple[list[Piece], list[str]]:
    splitter = Splitter(limit, join_below=40, language="en")
    pieces = [*splitter.add(text), *splitter.flush("paragraph")]
    return pieces, splitter.take_warnings()


def bare(text: str) -> str:
    return "".join(text.split())


def test_a_word_too_long_for_a_piece_is_cut_but_data_is_left_out() -> None:
    address = "https://example.com/" + "/".join(["path"] * 70)
    pieces, warnings = pieces_and_warnings(f"See {address} for more.")
    assert warnings == [] and all(len(piece.text) <= 250 for piece in pieces)
    assert bare("".join(piece.text for piece in pieces)) == bare(f"See {address} for more.")
    for size in (1700, 3 * WINDOW):
        key = "aGVsbG8gd29y" * (size // 12)
        pieces, warnings = pieces_and_warnings(f"One.\n\nThe key\nis {key} and no other.\n\nTwo.")
        said = [" ".join(piece.sentences) for piece in pieces]
        assert said == ["One.", "The key is and no other.", "Two."]
        (warning,) = warnings
        assert re.fullmatch(
            r"left out [\d,]+ characters .*without a space \(aGVsbG8gd29yaGVsbG8g\.\.\.\), "
            r"in the paragraph from line 3 on", warning
        )  # fmt: skip


def test_control_characters_are_left_out_and_told() -> None:
    text = (
        "It is\x00 \x1b[1;31mred\x1b[0m.\n\nN\bNA\bAM\bME, _\bs_\bo.\udc80 \x1b]0;title\x07Go.<|endoftext|>"
    )
    pieces, warnings = pieces_and_warnings(text)
    assert [piece.text for piece in pieces] == ["It is red.", "NAME, so. Go."]
    assert warnings[:2] == [
        "left out the control character U+0000 at line 1, character 6",
        "left out a code for terminals at line 1, character 8",
    ]
    assert "left out the lone surrogate U+DC80 at line 3, character 20" in warnings
    assert warnings[-1].startswith(
        "left out the mark of a text's end (<|endoftext|>), in the paragraph from line 3"
    )
    assert not any("\x00" <= character < " " for warning in warnings for character in warning)


def test_a_log_in_colours_is_told_of_once() -> None:
    _, warnings = pieces_and_warnings("\x1b[32mok\x1b[0m\n" * 500)
    assert len(warnings) == 11 and "not told one by one, from the one at line 6" in warnings[-1]


def test_what_parts_an_address_cannot_make_the_mark_of_a_texts_end() -> None:
    pieces, warnings = pieces_and_warnings("He wrote <|endof-\ntext|> here.")
    assert pieces[0].text == "He wrote <|endof-text|> here." and warnings == []


def test_a_book_is_spoken_all_the_same_and_each_warning_comes_with_its_piece() -> None:
    text = "One is fine here.\n\nTwo is\x00 not.\n\n" + "x" * 1700 + "\n\nThree is fine."
    with Engine() as engine:
        parts = list(
            engine.speak_long(text.splitlines(keepends=True), None, GenerationOptions(max_new_tokens=2))
        )
    assert [mark.text for part in parts for mark in part.marks] == [
        "One is fine here.", "Two is not.", "Three is fine.",
    ]  # fmt: skip
    told = [[warning for warning in part.warnings if "left out" in warning] for part in parts]
    assert told[:2] == [[], ["left out the control character U+0000 at line 3, character 7"]]
    assert "1,700 characters without a space (xxxx" in told[2][0]

"""Real kinds of text, each line with the sentences that a careful reader finds in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loquor.sentences.pieces import Splitter

LINES = [
    line.split("\t")
    for line in (Path(__file__).parent / "split_lines.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def sentences_of(text: str) -> list[str]:
    splitter = Splitter(250, join_below=0, language="en")
    found, begun = [], ""
    for piece in (*splitter.add(text), *splitter.flush("paragraph")):
        (sentence,) = piece.sentences
        begun = f"{begun} {sentence}".lstrip()
        if piece.end != "clause":
            found.append(begun)
            begun = ""
    return found


@pytest.mark.parametrize(("kind", "text", "expected"), LINES)
def test_the_sentences_of_a_line(kind: str, text: str, expected: str) -> None:
    assert " ¦ ".join(sentences_of(text.replace("\\n", "\n"))) == expected

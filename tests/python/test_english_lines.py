"""Lines of all kinds that were written before the code, with the readings that are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loquor.english import spell

FILES = sorted(Path(__file__).parent.glob("english_lines_*.tsv"))


def lines() -> list[tuple[str, str, str]]:
    """(kind, written, accepted readings), and no line twice."""
    found = []
    for path in FILES:
        for row in path.read_text(encoding="utf-8").splitlines():
            kind, written, accepted = row.split("\t")
            found.append((kind, written.replace("\\n", "\n"), accepted))
    return found


def heard(text: str) -> str:
    """What two readings have to share: the words, pauses and ends, but for the last."""
    text = re.sub(r"[,;:]+", ",", re.sub(r"[.?!]+", ".", text.lower()))
    return re.sub(r"\s+", " ", text).strip(" .")


@pytest.mark.parametrize(
    ("written", "accepted"),
    [pytest.param(written, accepted, id=f"{kind}-{written}") for kind, written, accepted in lines()],
)
def test_a_line_is_read_as_a_careful_reader_would(written: str, accepted: str) -> None:
    assert heard(spell(written).text) in [heard(reading) for reading in accepted.split(" | ")]

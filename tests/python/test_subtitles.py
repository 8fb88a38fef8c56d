"""Marks as SubRip and WebVTT."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loquor import InvalidInputError, Mark, subtitles

MARKS = (Mark("Hello there.", 0.0, 1.2345), Mark("Yes.", 3599.9996, 3661.5))


def test_srt() -> None:
    assert subtitles(MARKS) == (
        "1\n00:00:00,000 --> 00:00:01,234\nHello there.\n\n2\n01:00:00,000 --> 01:01:01,500\nYes.\n\n"
    )


def test_vtt() -> None:
    assert subtitles(MARKS, "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.234\nHello there.\n\n01:00:00.000 --> 01:01:01.500\nYes.\n\n"
    )
    assert "a &lt;b&gt; &amp; c" in subtitles([Mark("a <b> & c", 0, 1)], "vtt")


def test_an_arrow_in_the_text_is_none_of_ours() -> None:
    for format in ("srt", "vtt"):
        assert subtitles([Mark("a --> b", 0, 1)], format).count("-->") == 1


def test_long_sentences_become_cues_of_two_lines_by_their_letters() -> None:
    text = "The quick brown fox jumps over the lazy dog and then it runs, " * 4
    written = subtitles([Mark(text.strip(), 10, 30)])
    cues = written.strip().split("\n\n")
    assert len(cues) == 3
    times = [re.findall(r"\d\d:\d\d:(\d\d),(\d{3})", cue) for cue in cues]
    edges = [[int(seconds) + int(rest) / 1000 for seconds, rest in pair] for pair in times]
    assert edges[0][0] == 10 and edges[-1][1] == 30
    assert all(before[1] == after[0] for before, after in pairwise(edges))
    for cue in cues:
        lines = cue.split("\n")[2:]
        assert 1 <= len(lines) <= 2 and all(len(line) <= 42 for line in lines)


def test_other_formats_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot write subtitles as 'ass'"):
        subtitles(MARKS, "ass")


@given(st.text(), st.sampled_from(["srt", "vtt"]))
def test_any_text_makes_a_well_formed_file(text: str, format: str) -> None:
    blocks = subtitles([Mark(text, 1, 2)], format).removeprefix("WEBVTT\n\n").rstrip("\n").split("\n\n")
    separator = "," if format == "srt" else r"\."
    for block in blocks if text.split() else ():
        lines = block.split("\n")
        time = lines[1] if format == "srt" else lines[0]
        assert re.fullmatch(rf"00:00:0\d{separator}\d{{3}} --> 00:00:0\d{separator}\d{{3}}", time)

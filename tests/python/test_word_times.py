"""When each word is said: from attention to words, on the built-in voice's own heads and on a Llama of which
one head goes along the text by construction."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import CancelToken, Engine, GenerationOptions, LongTextOptions, Mark, StreamOptions
from loquor.cli import main
from loquor.prepare.align import along, find_heads
from loquor.prepare.heads import keep_heads, kept_heads
from loquor.speech.alignment import WordTimes

TEXT = "The quick brown fox jumps over the lazy dog, and then it runs away from the bear."
STEP = 0.04


@pytest.fixture(scope="module")
def mini() -> Engine:
    return Engine("mini", threads=1)


def words_of(marks: tuple[Mark, ...] | list[Mark]) -> list[str]:
    return [mark.text for mark in marks]


# --- From ids to words ---


def letters(spoken: str) -> list[tuple[int, int]]:
    """One id a letter, and two that close."""
    return [*((place, place + 1) for place in range(len(spoken))), (0, 0), (0, 0)]


def said(ids: list[int]) -> NDArray[np.int32]:
    return np.array(ids, np.int32)


def test_words_end_where_the_next_id_begins() -> None:
    words = WordTimes("Hello, big world.", "Hello, big world.", letters("Hello, big world."), STEP)
    assert not words.told
    assert words.add(said([0, 1, 2, 3, 4])) == []
    assert words.add(said([5, 5, 7, 8])) == [Mark("Hello,", 0.0, 5 * STEP)]  # the comma is a pause
    assert words.add(said([9, 12, 15])) == [Mark("big", 7 * STEP, 10 * STEP)]
    assert words.finish() == [Mark("world.", 10 * STEP, 12 * STEP)]
    assert words.finish() == []
    assert words.text_until(12) == "Hello, big world." and words.text_until(11.9) == "Hello, big"
    assert words.text_until(4) == ""


def test_a_word_that_was_passed_over_has_no_length_and_keeps_its_place() -> None:
    words = WordTimes("one two three", "one two three", letters("one two three"), STEP)
    words.add(said([0, 2, 8, 12, 13]))
    assert words.marks == [
        Mark("one", 0, 2 * STEP),
        Mark("two", 2 * STEP, 2 * STEP),
        Mark("three", 2 * STEP, 4 * STEP),
    ]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("I paid $3 today.", "I paid three dollars today."),
        ("Dr. Smith, 2nd floor", "Doctor Smith, second floor."),
        ("**Yes** - no", "Yes no."),
        ("A 1,000 B", "A one thousand B"),
        ("x", "ex why zed"),
        ("été NAÏF", "été naïf"),
    ],
)
def test_words_are_the_users_however_they_are_spoken(text: str, spoken: str) -> None:
    words = WordTimes(text, spoken, letters(spoken), STEP)
    words.add(said(list(range(len(spoken)))))
    words.finish()
    expected = [word for word in text.split() if any(letter.isalnum() for letter in word)]
    assert words_of(words.marks) == expected
    times = [time for mark in words.marks for time in (mark.start, mark.end)]
    assert times == sorted(times) and times[-1] <= len(spoken) * STEP
    assert all(mark.end > mark.start for mark in words.marks)


def test_no_word_begins_in_the_silence_before_the_first() -> None:
    words = WordTimes("one two", "one two", letters("one two"), STEP)
    rate, noise = 24_000, np.random.default_rng(1).normal(0, 0.001, 4 * 960).astype(np.float32)
    loud = np.concatenate([noise[:3000], np.full(840, 0.1, np.float32)])  # from 0.125 s on
    words.listen(noise[:960], rate)
    words.add(said([0]))
    words.listen(loud[960:], rate)
    words.add(said([0, 0, 1, 2, 4]))
    words.listen(np.zeros(960, np.float32), rate)
    words.finish()
    first, second = words.marks
    assert first.start == pytest.approx(0.12) and first.end == pytest.approx(5 * STEP)
    assert second == Mark("two", 5 * STEP, 6 * STEP)


def test_the_words_between_ids() -> None:
    words = WordTimes(
        "I paid $3 today.", "I paid three dollars today.", letters("I paid three dollars today."), STEP
    )
    assert words.between(0, 99) == "I paid $3 today."
    assert words.between(6, 22) == "$3"
    assert words.between(8, 12) == ""


def test_text_without_a_word() -> None:
    words = WordTimes("...", "...", letters("..."), STEP)
    assert words.add(said([0, 1, 2])) == [] and words.finish() == [] and words.text_until(3) == ""


# --- The built-in voice ---


def test_every_word_in_order(mini: Engine) -> None:
    assert mini.capabilities.word_times
    audio = mini.speak(TEXT, options=GenerationOptions(seed=3))
    assert words_of(audio.words) == TEXT.split()
    edges = [edge for word in audio.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0 and edges[-1] <= audio.seconds
    lengths = [word.end - word.start for word in audio.words]
    assert min(lengths) >= 0.04 and max(lengths) < 1.0


def test_the_first_word_begins_with_the_sound(mini: Engine) -> None:
    audio = mini.speak(TEXT, options=GenerationOptions(seed=3))
    heard = np.flatnonzero(np.abs(audio.samples) > 0.05)
    assert 0.02 < audio.words[0].start <= heard[0] / audio.sample_rate
    assert audio.words[-1].end >= heard[-1] / audio.sample_rate - 0.08


def test_chunks_tell_the_words_that_end_in_them(mini: Engine) -> None:
    whole = mini.speak(TEXT, options=GenerationOptions(seed=3)).words
    told: list[Mark] = []
    heard = 0
    with mini.stream(TEXT, options=GenerationOptions(seed=3), chunks=StreamOptions(first_chunk=8)) as stream:
        for chunk in stream:
            assert isinstance(chunk, np.ndarray) and chunk.dtype == np.float32
            heard += len(chunk)
            told += chunk.words
            assert all(word.end <= heard / stream.sample_rate + 1e-6 for word in chunk.words)
            assert (chunk * 2).words == ()
    assert words_of(told) == TEXT.split() and tuple(told) == stream.words
    for one, other in zip(told, whole, strict=True):  # a chunk is told before later codes are known
        assert abs(one.start - other.start) <= 0.12 and abs(one.end - other.end) <= 0.12


def test_cancelled_speech_says_up_to_which_word(mini: Engine) -> None:
    stream = mini.stream(TEXT, options=GenerationOptions(seed=3), chunks=StreamOptions(first_chunk=8))
    for _ in range(3):
        next(stream)
    stream.cancel()
    told = stream.report.text
    assert told == " ".join(words_of(stream.words)) and TEXT.startswith(told)
    assert 0 < len(stream.words) < len(TEXT.split())


def test_long_text_and_sessions(mini: Engine, tmp_path: Path) -> None:
    text = "One two three. Four five six! Seven eight nine? Ten eleven twelve."
    options, parting = GenerationOptions(seed=1), LongTextOptions(piece_characters=30, join_below=0)
    pieces = list(mini.speak_long(text, options=options, long_text=parting))
    words = [word for piece in pieces for word in piece.words]
    assert len(pieces) > 2 and words_of(words) == text.split()
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    marks = [mark for piece in pieces for mark in piece.marks]
    for mark, first, last in zip(marks, words[::3], words[2::3], strict=True):
        assert mark.start - 0.05 <= first.start and last.end <= mark.end + 0.05
    files = {name: tmp_path / f"out.{name}" for name in ("wav", "srt", "json")}
    speech = mini.speak_long(text, options=options, long_text=parting)
    speech.save(files["wav"], srt=files["srt"], words=files["json"], cues="word")
    assert [entry["word"] for entry in json.loads(files["json"].read_text())] == text.split()
    assert files["srt"].read_text().count("-->") == 12
    session = mini.session(options=options, long_text=parting)
    session.feed(text)
    session.end()
    told = [word for chunk in session for word in chunk.words]
    assert words_of(told) == text.split() and session.words == tuple(told)
    assert session.text_until(session.words[4].end + 0.001).split() == text.split()[:5]


def test_a_cache_of_fewer_bytes_tells_the_same(mini: Engine) -> None:
    expected = mini.speak(TEXT, options=GenerationOptions(seed=3, temperature=0)).words
    for kv_dtype in ("fp16", "int8"):
        with Engine("mini", threads=1, kv_dtype=kv_dtype) as engine:
            assert engine.capabilities.word_times
            found = engine.speak(TEXT, options=GenerationOptions(seed=3, temperature=0)).words
        assert words_of(found) == words_of(expected)
        assert np.median([abs(a.start - b.start) for a, b in zip(found, expected, strict=True)]) <= 0.04


def test_as_published_nothing_is_told(tmp_path: Path) -> None:
    with Engine("mini", threads=1, prepare=False) as engine:
        assert not engine.capabilities.word_times
        audio = engine.speak("Hello there.")
        assert audio.words == ()
    command = ["say", "Hi.", "-o", str(tmp_path / "a.wav"), "--words", str(tmp_path / "a.json")]
    assert main([*command, "--no-prepare", "-q"]) == 2
    assert main([*command, "-q"]) == 0
    assert [entry["word"] for entry in json.loads((tmp_path / "a.json").read_text())] == ["Hi."]


# --- Finding heads ---


def test_the_built_in_voices_heads_are_found() -> None:
    import loquor

    found = find_heads(Path(loquor.__file__).parent / "mini", threads=1)
    assert found.heads and {layer for layer, _ in found.heads} == {0}
    assert found.scores[0].score > 0.7 > found.scores[4].score


def test_no_head_goes_along_random_weights(
    llama_bundle_of: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["align", str(llama_bundle_of()), "-q"]) == 1
    assert "no head of this language model" in capsys.readouterr().err


def test_heads_are_kept_by_the_language_models_content(fresh_cache: Path) -> None:
    import loquor

    source = Path(loquor.__file__).parent / "mini" / "onnx" / "language_model.onnx"
    assert kept_heads(source) is None
    keep_heads(source, ((0, 2),))
    assert kept_heads(source) == ((0, 2),)
    with Engine("mini", threads=1) as engine:
        assert engine.capabilities.word_times
        assert words_of(engine.speak("Hello there.").words) == ["Hello", "there."]


def test_the_path_of_a_staircase() -> None:
    attention = np.full((30, 10), 0.02)
    attention[np.arange(30), np.arange(30) // 3] = 0.8
    np.testing.assert_array_equal(along(attention), np.arange(30) // 3)


def test_a_cancelled_request_has_the_words_till_then(mini: Engine) -> None:
    token = CancelToken()
    stream = mini.stream(TEXT, cancel=token)
    next(stream)
    token.cancel()
    assert len(stream.report.text.split()) == len(stream.words)

"""Long text: one voice, a seed for each piece, pauses, marks, files that are whole or called partial."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from loquor import (
    Audio,
    Bookmark,
    CancelToken,
    Engine,
    GenerationOptions,
    InvalidInputError,
    LongTextOptions,
    Metrics,
    RequestCancelledError,
    piece_seed,
)
from loquor.audio.provenance import Provenance
from loquor.speech.chunk import Chunk
from loquor.speech.long_speech import LongSpeech
from loquor.speech.narration import Narration

RATE = 24_000
TEXT = """Chapter 1

It was late when Mr. Hill came home. He paid $3.50 for the cab, and he was not in a good mood at all.

* * *

"Who is there?" he asked, for there was light in the kitchen. Nobody answered. [sigh] He went in."""
PIECES = [
    "Chapter 1",
    "It was late when Mr. Hill came home. He paid $3.50 for the cab, and he was not in a good mood at all.",
    '"Who is there?" he asked, for there was light in the kitchen.',
    "Nobody answered. [sigh] He went in.",
]


class Spoken:
    """Samples as a request gives them, in one chunk."""

    def __init__(self, samples: NDArray[np.float32], tokens: int = 1, warnings: tuple[str, ...] = ()) -> None:
        self._chunks = [samples]
        self.finished = False
        self.warnings = warnings
        self.metrics = Metrics(3, 4, tokens, 0.1, 0.2, 0.3, 0.6, len(samples) / RATE)

    def read(self, timeout: float | None) -> Chunk | None:
        self.finished = not self._chunks
        return Chunk.of(self._chunks.pop(), ()) if self._chunks else None


class Speaker:
    """Says each character in 10 ms, half of it a tone, and 100 ms of silence at the end."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.fail_at = -1

    def __call__(
        self, text: str, *, options: GenerationOptions, progress: Callable[[int], None] | None
    ) -> Spoken:
        if len(self.calls) == self.fail_at:
            raise RequestCancelledError("the request was cancelled")
        self.calls.append((text, options.seed))
        tone = np.tile(np.r_[np.full(120, 0.2), np.zeros(120)], len(text)).astype(np.float32)
        samples = np.concatenate([tone, np.zeros(2400, np.float32)])
        if progress is not None:
            progress(len(text))
        return Spoken(samples, len(text), (f"{len(text)} characters", "always"))


def speech_of(
    text: str | Iterator[str] | list[str],
    speaker: Callable[..., Spoken] | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    limit: int = 120,
    **long_text: object,
) -> LongSpeech:
    parting = LongTextOptions(**long_text)  # type: ignore[arg-type]
    options = GenerationOptions(seed=seed)
    speak = speaker or Speaker()
    made_by = Provenance("tiny", "0" * 16, "loquor/0.1.0")
    rest = (options, parting, limit, len, progress)
    narration = Narration(speak, RATE, made_by, *rest, ahead=False)  # type: ignore[arg-type]
    return LongSpeech(text, narration)


# --- Pieces, seeds, pauses, marks ---


def test_each_piece_is_spoken_with_its_own_seed() -> None:
    speaker = Speaker()
    parts = list(speech_of(TEXT, speaker, seed=7))
    assert [text for text, _ in speaker.calls] == PIECES
    assert [seed for _, seed in speaker.calls] == [piece_seed(7, index) for index in range(4)]
    assert len(parts) == 4


def test_seeds_of_pieces() -> None:
    assert piece_seed(5, 0) == 5
    # SplitMix64's well-known outputs for the state 0
    assert [piece_seed(0, index) for index in (1, 2, 3)] == [
        0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F,
    ]  # fmt: skip
    seeds = {piece_seed(seed, index) for seed in range(50) for index in range(50)}
    assert len(seeds) == 2500 and all(0 <= seed < 2**64 for seed in seeds)
    assert 0 <= piece_seed(2**64 - 1, 10**9) < 2**64


def test_pauses_come_before_pieces_and_count_the_silence_there_is() -> None:
    parts = list(speech_of(TEXT, sentence_pause=0.3, paragraph_pause=0.7))
    spoken = [len(text) * 0.01 + 0.1 for text in PIECES]
    # 0.1 s and half of the last character's 10 ms are silent already
    silence = [0.0, 0.6, 0.7, 0.2]  # the line of asterisks: a whole paragraph's pause
    for part, seconds, before in zip(parts, spoken, silence, strict=True):
        assert part.seconds == pytest.approx(seconds + before, abs=0.011)
        assert not part.samples[: int((before - 0.011) * RATE) if before else 0].any()
    assert parts[0].samples[0] == np.float32(0.2)


def test_a_sentence_too_long_goes_on_after_a_short_pause() -> None:
    text = "It goes on and on and on, and it does not stop, and it goes on and on, and still on."
    parts = list(speech_of(text, limit=50, clause_pause=0.25))
    assert [part.marks[0].text for part in parts] == [
        "It goes on and on and on, and it does not stop,",
        "and it goes on and on, and still on.",
    ]
    assert parts[1].seconds == pytest.approx(0.36 + 0.1 + 0.15, abs=0.011)


def test_marks_tell_when_each_sentence_is_spoken() -> None:
    whole = speech_of(TEXT).collect()
    texts = [mark.text for mark in whole.marks]
    assert " ".join(texts) == " ".join(PIECES)
    assert len(texts) == 6
    assert whole.marks[0].start == 0 and whole.marks[-1].end == pytest.approx(whole.seconds)
    for mark in whole.marks:
        # 10 ms a character, here; the tone's gaps draw the edges by less than a few characters
        assert mark.end - mark.start == pytest.approx(len(mark.text) * 0.01, abs=0.2)
    for before, after in zip(whole.marks, whole.marks[1:], strict=False):
        assert before.end <= after.start + 1e-9


def test_sentences_of_one_piece_meet_where_it_is_quiet() -> None:
    def speak(text: str, **_: object) -> Spoken:
        samples = np.full(3 * RATE, 0.2, np.float32)
        samples[int(1.2 * RATE) : int(1.3 * RATE)] = 0
        return Spoken(samples)

    first, second = speech_of("This is one. This is two.", speak).collect().marks
    assert 1.2 <= first.end == second.start <= 1.3
    assert second.end == 3.0


def test_collecting_sums_up() -> None:
    counts: list[int] = []
    speech = speech_of(TEXT, progress=counts.append)
    whole = speech.collect()
    parts = list(speech_of(TEXT))
    np.testing.assert_array_equal(whole.samples, np.concatenate([part.samples for part in parts]))
    assert whole.metrics.speech_tokens == sum(map(len, PIECES)) == counts[-1]
    assert counts == sorted(counts)
    assert whole.metrics.total_seconds == pytest.approx(4 * 0.6)
    assert whole.warnings == ("9 characters", "always", "101 characters", "61 characters", "35 characters")
    with pytest.raises(InvalidInputError, match="nothing left to speak"):
        speech.collect()


@pytest.mark.parametrize("text", ["?!", "* * *\n\n...", "🙂"])
def test_a_text_without_words_is_given_to_the_model(text: str) -> None:
    assert len(speech_of(text).collect().marks) == 1


# --- Input ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text is empty"),
        (" \n\n ", "text is empty"),
        ("\x00\x07", "text is empty"),
        (b"bytes", "must be a str or an iterable of str, not bytes"),
        (5, "must be a str or an iterable of str, not int"),
        (None, "not NoneType"),
    ],
)
def test_wrong_text_is_refused_at_once(text: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        speech_of(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("piece_characters", 0), ("piece_characters", 5001), ("piece_characters", 2.5), ("join_below", -1),
        ("join_below", None), ("sentence_pause", -0.1), ("paragraph_pause", 61), ("clause_pause", math.nan),
        ("clause_pause", "1"), ("sentence_pause", True), ("language", "English"), ("language", None),
    ],
)  # fmt: skip
def test_options_out_of_range(option: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=option):
        speech_of("Hi.", **{option: value})


def test_what_is_wrong_later_in_the_text_comes_later() -> None:
    def chunks() -> Iterator[object]:
        yield "One is fine here.\n\nAnd so is two.\n\n"
        yield 3

    speech = speech_of(chunks())  # type: ignore[arg-type]
    assert next(speech).marks[0].text == "One is fine here."
    with pytest.raises(InvalidInputError, match="text must come as str, not int"):
        list(speech)


# --- Files ---


def test_a_file_is_written_piece_by_piece(tmp_path: Path) -> None:
    out, srt, vtt = tmp_path / "book.flac", tmp_path / "book.srt", tmp_path / "book.vtt"
    seen: list[list[Path]] = []
    speech = speech_of(TEXT)
    seconds = speech.save(out, srt=srt, vtt=vtt, watch=lambda _: seen.append(list(tmp_path.iterdir())))
    assert len(seen) == 4 and all(out not in files and srt not in files for files in seen)
    whole = speech_of(TEXT).collect()
    samples, rate = soundfile.read(out, dtype="float32")
    assert rate == RATE and seconds == pytest.approx(whole.seconds)
    np.testing.assert_allclose(samples, whole.samples, atol=1e-4)
    assert sorted(tmp_path.iterdir()) == [out, srt, vtt]
    assert srt.read_text(encoding="utf-8").count("-->") == vtt.read_text(encoding="utf-8").count("-->") >= 6


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3"])
def test_every_format(tmp_path: Path, format: str) -> None:
    out = tmp_path / f"out.{format}"
    seconds = speech_of(TEXT).save(out)
    assert soundfile.info(out).duration == pytest.approx(seconds, abs=0.1)


def test_what_was_spoken_before_the_end_is_kept_under_another_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, srt = tmp_path / "book.wav", tmp_path / "book.srt"
    out.write_bytes(b"what was there")
    speaker = Speaker()
    speaker.fail_at = 2
    with caplog.at_level(logging.WARNING, "loquor"), pytest.raises(RequestCancelledError):
        speech_of(TEXT, speaker).save(out, srt=srt)
    kept = tmp_path / "book.partial.wav"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "book.partial.srt", kept, out]
    assert out.read_bytes() == b"what was there"
    first, second, *_ = speech_of(TEXT)
    assert soundfile.info(kept).duration == pytest.approx(first.seconds + second.seconds)
    assert "Chapter 1" in (tmp_path / "book.partial.srt").read_text()
    assert re.search(r"kept the [\d.]+ s that were spoken before the end: .*book\.partial\.wav", caplog.text)


def test_without_a_finished_piece_nothing_is_left(tmp_path: Path) -> None:
    speaker = Speaker()
    speaker.fail_at = 0
    with pytest.raises(RequestCancelledError):
        speech_of(TEXT, speaker).save(tmp_path / "book.wav", srt=tmp_path / "book.srt")
    with pytest.raises(InvalidInputError, match="nothing to speak"):
        speech_of([" ", "\n"]).save(tmp_path / "book.wav")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"file": "book.doc"}, "cannot save audio as 'doc'"),
        ({"file": "nowhere/book.wav"}, "there is no folder nowhere"),
        ({"file": "."}, "cannot save audio as ''"),
        ({"file": "folder.wav"}, "not a regular file"),
        ({"file": "book.wav", "srt": "nowhere/x.srt"}, "there is no folder nowhere"),
        ({"file": "book.wav", "subtype": "PCM_99"}, "with subtype 'PCM_99'"),
    ],
)
def test_files_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.wav").mkdir()
    with pytest.raises(InvalidInputError, match=message):
        speech_of(TEXT).save(**arguments)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["folder.wav"]


def test_an_error_of_the_watcher_ends_the_speech(tmp_path: Path) -> None:
    def watch(audio: Audio) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        speech_of(TEXT).save(tmp_path / "book.wav", watch=watch)
    assert [path.name for path in tmp_path.iterdir()] == ["book.partial.wav"]


def test_a_book_is_saved_in_constant_memory(tmp_path: Path) -> None:
    def book(paragraphs: int) -> Iterator[str]:
        for index in range(paragraphs):
            yield f"This is paragraph {index}, which says little, but says it.\n\n"

    def forgetful(*args: Any, **kwargs: Any) -> Spoken:
        """What `Speaker` notes of each call grows with the book."""
        return Speaker()(*args, **kwargs)

    def peak(paragraphs: int) -> int:
        tracemalloc.start()
        seconds = speech_of(book(paragraphs), forgetful).save(tmp_path / "book.flac")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds > paragraphs * 0.5
        return most

    peak(100)  # fills the cache of sentences
    assert peak(400) < peak(20) + 150_000  # of 24 MB of samples


# --- The engine ---

SHORT = GenerationOptions(seed=11, max_new_tokens=6)


def test_the_engine_speaks_each_piece_as_speak_would(
    engine_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    engine = engine_of()
    voice = engine.voice((recording, RATE))
    speech = engine.speak_long(TEXT, voice, SHORT)
    parts = list(speech)
    texts = [piece for part in parts for piece in [" ".join(mark.text for mark in part.marks)]]
    assert texts == PIECES
    for index, (part, text) in enumerate(zip(parts, texts, strict=True)):
        alone = engine.speak(text, voice, dataclasses.replace(SHORT, seed=piece_seed(11, index)))
        assert part.metrics.speech_tokens == alone.metrics.speech_tokens
        assert part.warnings == alone.warnings
        assert len(part.samples) >= len(alone.samples)


@pytest.mark.parametrize("pieces", range(5))
def test_it_goes_on_from_a_bookmark_sample_for_sample(
    engine_of: Callable[..., Engine], recording: NDArray[np.float32], pieces: int
) -> None:
    engine = engine_of()
    voice = engine.voice((recording, RATE))
    whole = list(engine.speak_long(TEXT, voice, SHORT))
    assert len(whole) == 4
    begun = engine.speak_long(TEXT, voice, SHORT)
    spoken = list(itertools.islice(begun, pieces))
    assert begun.bookmark.samples == sum(len(part.samples) for part in spoken)
    rest = list(engine.speak_long(TEXT, voice, SHORT, bookmark=begun.bookmark))
    assert len(spoken) + len(rest) == 4
    for one, other in zip(whole, [*spoken, *rest], strict=True):
        assert np.array_equal(one.samples, other.samples)
        assert one.marks == other.marks


@pytest.mark.parametrize("bookmark", [3, (1, 2, 3.0), Bookmark(-1, 0, 0.0)])
def test_what_is_no_bookmark(
    engine_of: Callable[..., Engine], recording: NDArray[np.float32], bookmark: Any
) -> None:
    with pytest.raises(InvalidInputError, match="bookmark must be"):
        engine_of().speak_long(TEXT, (recording, RATE), bookmark=bookmark)


def test_a_text_of_one_piece_is_what_speak_says(
    engine_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    engine = engine_of()
    voice = engine.voice((recording, RATE))
    one, other = (
        engine.speak_long("Hello there.", voice, SHORT).collect(),
        engine.speak("Hello there.", voice, SHORT),
    )
    assert one.samples.shape == other.samples.shape
    assert one.metrics.speech_tokens == other.metrics.speech_tokens
    assert other.marks == () and len(one.marks) == 1


def test_the_bundle_says_how_long_pieces_may_be(engine_of: Callable[..., Engine]) -> None:
    long = "word " * 45 + "end."
    with Engine() as engine:  # 200 characters, in words: numbers count as they are said
        options = GenerationOptions(max_new_tokens=2)
        assert len(list(engine.speak_long(long, None, options))) == 2
        assert len(list(engine.speak_long("On 12/31/1999, 1,234,567 of 7,654,321 " * 2, None, options))) == 2
        parting = LongTextOptions(piece_characters=300)
        assert len(list(engine.speak_long(long, None, options, long_text=parting))) == 1


def test_cancel_ends_it_within_a_step(
    tmp_path: Path, engine_of: Callable[..., Engine], recording: NDArray[np.float32]
) -> None:
    engine, token, counts = engine_of(), CancelToken(), []

    def watch(count: int) -> None:
        counts.append(count)
        if count >= 3100:
            token.cancel()

    options = GenerationOptions(max_new_tokens=3000)
    with pytest.raises(RequestCancelledError):
        engine.speak_long(TEXT, (recording, RATE), options, cancel=token, progress=watch).save(
            tmp_path / "book.wav"
        )
    assert 3100 <= counts[-1] < 6000
    assert [path.name for path in tmp_path.iterdir()] == ["book.partial.wav"]
    assert soundfile.info(tmp_path / "book.partial.wav").duration == pytest.approx(3003 * 0.04)


def test_wrong_arguments_are_refused_before_anything_is_spoken(engine_of: Callable[..., Engine]) -> None:
    with Engine() as engine:
        with pytest.raises(InvalidInputError, match=r"long_text must be a loquor\.LongTextOptions, not dict"):
            engine.speak_long("Hi.", long_text={})  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match=r"options must be a loquor\.GenerationOptions"):
            engine.speak_long("Hi.", options=3)  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match="text is empty"):
            engine.speak_long("")

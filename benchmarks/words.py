"""Word times of the built-in voice beside a recogniser's: how far they are apart, and whether all are there.

    python benchmarks/words.py MODEL [--limit N] [--json FILE]

MODEL is a folder of faster-whisper (CTranslate2), of `base` or better. A recogniser's own times err
by some tens of milliseconds, and its first word begins with the recording: where sound begins and
ends is therefore compared with the sound itself, by its loudness.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import soxr
from faster_whisper import WhisperModel
from harness import heading, keep

import loquor
from loquor.bench.hearing import HEARING_RATE
from loquor.bench.rounds import row_of

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from voice.evaluation_texts import all_sentences


def bare(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())


def paired(told: list[loquor.Mark], heard: list[tuple[str, float, float]]) -> list[tuple[float, float]]:
    """Differences of starts and of ends, where both have the same word in the same place."""
    from difflib import SequenceMatcher

    one, other = [bare(mark.text) for mark in told], [bare(word) for word, _, _ in heard]
    found = []
    for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            mark, (_, start, end) = told[block.a + step], heard[block.b + step]
            found.append((mark.start - start, mark.end - end))
    return found


def sound(audio: loquor.Audio) -> tuple[float, float]:
    """Seconds at which the first 10 ms of 3 % of the greatest loudness or more begin, and the last end."""
    frame = audio.sample_rate // 100
    frames = audio.samples[: len(audio.samples) // frame * frame].reshape(-1, frame)
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    heard = np.flatnonzero(level > 0.03 * level.max())
    return float(heard[0]) / 100, float(heard[-1] + 1) / 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recogniser")
    parser.add_argument("--limit", type=int, default=120)
    parser.add_argument("--json", type=Path, help="write each difference here")
    args = parser.parse_args()
    texts = all_sentences()
    texts = texts[:: max(1, len(texts) // args.limit)][: args.limit]
    whisper = WhisperModel(args.recogniser, device="cpu", compute_type="int8", cpu_threads=2)
    differences, at_edges, missing, unordered, words = [], [], 0, 0, 0
    with loquor.Engine("mini", threads=1) as engine:
        for text in texts:
            audio = engine.speak(text)
            wanted = [word for word in text.split() if bare(word)]
            missing += [mark.text for mark in audio.words] != wanted
            edges = [edge for mark in audio.words for edge in (mark.start, mark.end)]
            unordered += edges != sorted(edges)
            words += len(wanted)
            first, last = sound(audio)
            at_edges.append((audio.words[0].start - first, audio.words[-1].end - last))
            heard_at = soxr.resample(audio.samples, audio.sample_rate, HEARING_RATE)
            segments, _ = whisper.transcribe(
                heard_at, language="en", beam_size=1, temperature=0.0, word_timestamps=True,
                condition_on_previous_text=False,
            )  # fmt: skip
            heard = [(w.word, w.start, w.end) for segment in segments for w in segment.words or ()]
            differences += paired(list(audio.words), heard)
    starts, ends = np.array(differences).T
    begins, closes = np.array(at_edges).T
    facts = {
        "sentences": len(texts), "words": words, "compared": len(starts),
        "sentences_with_a_word_missing": int(missing), "sentences_out_of_order": int(unordered),
        "start_median_error": round(float(np.median(np.abs(starts))), 3),
        "end_median_error": round(float(np.median(np.abs(ends))), 3),
        "start_bias": round(float(np.median(starts)), 3), "end_bias": round(float(np.median(ends)), 3),
        "sound_begins_median_error": round(float(np.median(np.abs(begins))), 3),
        "sound_ends_median_error": round(float(np.median(np.abs(closes))), 3),
        "start_within_100_ms": round(float(np.mean(np.abs(starts) <= 0.1)), 3),
    }  # fmt: skip
    print(json.dumps(facts, indent=1))
    if args.json is not None:
        compared = {"word_start": starts, "word_end": ends, "sound_begins": begins, "sound_ends": closes}
        found = [row_of(name, seconds, name=name) for name, seconds in compared.items()]
        keep(found, args.json, heading("words"), **facts)


if __name__ == "__main__":
    main()

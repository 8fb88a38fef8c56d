"""Stage `evaluate`: the bundle's voices by the judges, on sentences that no training data holds.

The shipped leaders say SENTENCES of the evaluation sentences each, strangers are imitated from the teacher's
own sound, and STOPS texts must end where they should. Writes `evaluation.json`, and the sounds into
`evaluation/`. Nobody listens in it: somebody should.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .analysis import MELS
from .codes import TOKEN_MS, UNIT_MS
from .evaluation_texts import GROUPS, sentences, stop_texts
from .items import LEAD
from .judges import Judges, prepare, report, spread
from .measures import final_rise
from .parallel import level
from .phonemes import Phonemes
from .ready import SHIPPED
from .speak import Speaker, Voice
from .spell import letters_only, spell_for_voice
from .teacher import RATE, Teacher
from .timbres import HELD_OUT, LEADING, read_styles, single

SENTENCES = 30
STOPS = 500
STRANGERS, DIFFERENT = 8, 0.75
"""Voices to imitate, and the similarity below which two of them are different."""
QUESTION = re.compile(r"(?i)((and|so|but|well),? )?(who|what|when|where|why|how|which)")
"""Questions that need not rise."""
SLACK, SLACK_TOKENS = 0.15, 8
"""A text ends rightly within this share plus this many tokens of the teacher's own length."""


def held_out(count: int) -> list[str]:
    """`count` sentences, of all groups by turns."""
    columns = [sentences(group) for group in GROUPS]
    return [columns[i % len(columns)][i // len(columns)] for i in range(count)]


def leader(work: Path, name: str) -> Voice:
    """A leader as a voice: its mean timbre and its own manner."""
    with np.load(work / "leaders.npz") as file:
        at = LEADING.index(name)
        timbre, prefix = file["timbres"][at], file["prefixes"][at]
    nothing = np.zeros((1, 0), np.int64), np.zeros((1, 0, MELS), np.float32)
    return Voice(prefix[None, None], nothing[0], timbre[None], nothing[1])


def say(speaker: Speaker, text: str, voice: Voice) -> NDArray[np.float32] | None:
    """Sound at RATE, or None if the language model found no end."""
    tokens = speaker.tokens(spell_for_voice(text), voice)
    return None if tokens is None else speaker.decode(tokens, voice)


def stops(work: Path, speaker: Speaker, count: int) -> dict[str, int]:
    """How many of `count` texts, one word to 300 characters, find no end, or one far from the teacher's."""
    phonemes, styles = Phonemes(work / "teacher/vocab.json"), read_styles(work / "teacher/styles")
    teacher = Teacher(work / "teacher", parts=("predictor",))
    found = {"endless": 0, "short": 0, "long": 0, "of": count}
    for index, text in enumerate(stop_texts(count)):
        name = LEADING[index % len(LEADING)]
        tokens = speaker.tokens(spell_for_voice(text), leader(work, name))
        if tokens is None:
            found["endless"] += 1
            continue
        string = phonemes.string(letters_only(text))
        numbers = phonemes.tokens(string)
        durations = teacher.plan(numbers, single(name).style(styles, len(numbers) - 2)).durations
        own = int((durations[1:-1].sum() * UNIT_MS + LEAD * TOKEN_MS) // TOKEN_MS)
        slack = SLACK * own + SLACK_TOKENS
        found["short"] += len(tokens) < own - slack
        found["long"] += len(tokens) > own + slack
    return found


def strangers(work: Path, judges: Judges) -> dict[str, list[NDArray[np.float32]]]:
    """{voice: two sentences by the teacher} of STRANGERS of timbres.HELD_OUT that are not like each other."""
    import soundfile

    folder = work / "strangers"
    folder.mkdir(exist_ok=True)
    phonemes, styles = Phonemes(work / "teacher/vocab.json"), read_styles(work / "teacher/styles")
    teacher: Teacher | None = None
    found: dict[str, list[NDArray[np.float32]]] = {}
    known: list[NDArray[np.float32]] = []
    for index, name in enumerate(HELD_OUT):
        sounds = []
        for which in range(2):
            path = folder / f"{name}-{which}.flac"
            if not path.exists():
                teacher = teacher or Teacher(work / "teacher")
                tokens = phonemes.tokens(phonemes.string(held_out(2 * len(HELD_OUT))[2 * index + which]))
                plan = teacher.plan(tokens, single(name).style(styles, len(tokens) - 2))
                soundfile.write(path, level(teacher.render(plan)), RATE)
            sounds.append(soundfile.read(path, dtype="float32")[0])
        own = judges.identity(prepare(np.concatenate(sounds), RATE))
        if all(float(own @ other) < DIFFERENT for other in known):
            known.append(own)
            found[name] = sounds
        if len(found) == STRANGERS:
            break
    return found


def imitation(work: Path, speaker: Speaker, judges: Judges) -> dict[str, object]:
    """Voices never trained on, imitated from one sentence: how like another sentence of theirs it is."""
    pairs = []
    for index, (first, other) in enumerate(strangers(work, judges).values()):
        made = say(speaker, held_out(SENTENCES)[index], speaker.voice(first))
        if made is not None and len(made):
            pairs.append([judges.identity(prepare(sound, RATE)) for sound in (other, made)])
    if not pairs:
        return {"of": 0}
    table = np.array([[float(made @ own) for own, _ in pairs] for _, made in pairs])
    nearest = int((table.argmax(1) == np.arange(len(table))).sum())
    return {"similarity": spread(np.diag(table).tolist()), "nearest": nearest, "of": len(table)}


def melody(sounds: dict[str, NDArray[np.float32]]) -> dict[str, float]:
    """Shares of the sentences {text: sound} that rise or fall at their end, as they should."""
    asked = [
        final_rise(x, RATE) for text, x in sounds.items() if text.endswith("?") and not QUESTION.match(text)
    ]
    said = [final_rise(x, RATE) for text, x in sounds.items() if text.endswith(".")]
    return {
        "questions_rise": round(float(np.mean(np.array(asked) > 0)), 3), "questions": len(asked),
        "statements_fall": round(float(np.mean(np.array(said) < 0)), 3), "statements": len(said),
    }  # fmt: skip


def loudness(sound: NDArray[np.float32]) -> float:
    """LUFS, integrated."""
    from loquor.audio.loudness import LoudnessMeter

    meter = LoudnessMeter(RATE)
    meter.add(sound)
    return meter.integrated()


def likeness(sounds: dict[str, list[NDArray[np.float32]]], judges: Judges) -> dict[str, float]:
    """Mean similarity of each two voices over pairs of their prepared sounds."""
    rows = {name: np.array([judges.identity(x) for x in part]) for name, part in sounds.items()}
    return {f"{a} {b}": round(float((rows[a] @ rows[b].T).mean()), 3) for a, b in combinations(rows, 2)}


def run(work: Path, count: int = SENTENCES, voices: Sequence[str] = tuple(SHIPPED.values())) -> None:
    import soundfile

    speaker, judges = Speaker(work / "bundle", threads=1), Judges(work)
    folder = work / "evaluation"
    folder.mkdir(exist_ok=True)
    found: dict[str, object] = {}
    heard: dict[str, list[NDArray[np.float32]]] = {}
    for name in voices:
        voice, sounds = leader(work, name), {}
        for index, text in enumerate(held_out(count)):
            sound = say(speaker, text, voice)
            if sound is not None and len(sound):
                soundfile.write(folder / f"{name}-{index:02d}.wav", sound, RATE)
                sounds[text] = sound
        heard[name] = [prepare(sound, RATE) for sound in sounds.values()]
        found[name] = (
            report(judges, heard[name], list(sounds), ("mos", "dns", "base"))
            | {
                "endless": count - len(sounds),
                "loudness": spread([loudness(sound) for sound in sounds.values()]),
            }
            | melody(sounds)
        )
        print(name, found[name], flush=True)
    found["likeness"] = likeness({name: part[:6] for name, part in heard.items()}, judges)
    found["imitation"] = imitation(work, speaker, judges)
    found["stops"] = stops(work, speaker, STOPS)
    (work / "evaluation.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found), flush=True)

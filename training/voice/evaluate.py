"""Stage `evaluate`: the bundle's voices by the judges, on sentences that no training data holds.

The shipped leaders say SENTENCES of the evaluation sentences each, strangers are imitated from the teacher's
own sound, and STOPS texts must end where they should. Writes `evaluation.json`, and the sounds into
`evaluation/`. Nobody listens in it: somebody should.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mini.corpus import LEAD
from mini.evaluate import spell_for_voice
from mini.evaluation_texts import GROUPS, sentences, stop_texts
from mini.export_voice import MELS
from mini.speak import Speaker, Voice
from mini.spell import letters_only
from numpy.typing import NDArray

from . import gate
from .codes import TOKEN_MS, UNIT_MS
from .judges import Judges, prepare, report
from .phonemes import Phonemes
from .teacher import RATE, Teacher
from .timbres import LEADING, read_styles, single

SENTENCES = 30
STOPS = 500
SHIPPED = ("af_heart", "bf_emma", "am_michael", "bm_george")
"""Two women and two men: the leaders that do not creak."""
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


def imitation(work: Path, speaker: Speaker, judges: Judges) -> dict[str, object]:
    """Voices never trained on, imitated from one sentence: how like another sentence of theirs it is."""
    pairs = []
    for name, said in gate.spoken(work).items():
        if name in LEADING:
            continue
        (_, first), (text, other) = said
        made = say(speaker, text, speaker.voice(first.sound))
        if made is not None and len(made):
            pairs.append([judges.identity(prepare(sound, RATE)) for sound in (other.sound, made)])
    if not pairs:
        return {"of": 0}
    table = np.array([[float(made @ own) for own, _ in pairs] for _, made in pairs])
    nearest = int((table.argmax(1) == np.arange(len(table))).sum())
    return {"similarity": round(float(np.diag(table).mean()), 3), "nearest": nearest, "of": len(table)}


def run(work: Path, count: int = SENTENCES, voices: Sequence[str] = SHIPPED) -> None:
    import soundfile

    speaker, judges = Speaker(work / "bundle", threads=1), Judges(work)
    folder = work / "evaluation"
    folder.mkdir(exist_ok=True)
    found: dict[str, object] = {}
    texts = held_out(count)
    for name in voices:
        voice, sounds, said, endless = leader(work, name), [], [], 0
        for index, text in enumerate(texts):
            sound = say(speaker, text, voice)
            if sound is None or not len(sound):
                endless += 1
                continue
            soundfile.write(folder / f"{name}-{index:02d}.wav", sound, RATE)
            sounds.append(prepare(sound, RATE))
            said.append(text)
        row = report(judges, sounds, said, ("mos", "dns", "base")) if sounds else {}
        found[name] = row | {"endless": endless}
        print(name, found[name], flush=True)
    found["imitation"] = imitation(work, speaker, judges)
    found["stops"] = stops(work, speaker, STOPS)
    (work / "evaluation.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found), flush=True)

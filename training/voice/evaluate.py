"""Stage `evaluate`: the bundle's voices by the judges, on sentences that no training data holds.

Each leader says `SENTENCES` of the evaluation sentences, and strangers are imitated from the teacher's own
sound. Writes `evaluation.json`, and the sounds into `evaluation/`. Nobody listens in it: somebody should.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from mini.evaluate import spell_for_voice
from mini.evaluation_texts import GROUPS, sentences
from mini.export_voice import MELS
from mini.speak import Speaker, Voice
from numpy.typing import NDArray

from . import gate
from .judges import Judges, prepare, report
from .teacher import RATE
from .timbres import LEADING

SENTENCES = 30


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


def run(work: Path, count: int = SENTENCES) -> None:
    import soundfile

    speaker, judges = Speaker(work / "bundle", threads=1), Judges(work)
    folder = work / "evaluation"
    folder.mkdir(exist_ok=True)
    found: dict[str, object] = {}
    texts = held_out(count)
    for name in LEADING:
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
    identities = {}
    for name, sentences_of in gate.spoken(work).items():
        if name in LEADING:
            continue
        (_, first), (text, other) = sentences_of
        made = say(speaker, text, speaker.voice(first.sound))
        if made is not None and len(made):
            identities[name] = [judges.identity(prepare(x, RATE)) for x in (other.sound, made)]
    if identities:
        table = np.array([[float(a @ b) for a, _ in identities.values()] for _, b in identities.values()])
        found["imitation"] = {
            "similarity": round(float(np.diag(table).mean()), 3),
            "nearest": int((table.argmax(1) == np.arange(len(table))).sum()),
            "of": len(table),
        }
    (work / "evaluation.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found), flush=True)

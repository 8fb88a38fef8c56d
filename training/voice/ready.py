"""The bundle's ready voices: the shipped leaders as saved voices, and the recording of the default one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .parallel import level
from .phonemes import Phonemes
from .teacher import RATE, Teacher
from .timbres import LEADING, read_styles, single

SHIPPED = {"woman": "af_heart", "man": "am_michael", "emma": "bf_emma", "george": "bm_george"}
"""{name in the bundle: leader}: two women and two men, two American and two British, who do not creak."""
DEFAULT = "woman"
RECORDED = "The boat crossed the wide water at noon, and everybody waved to the people on the shore."
"""What the recordings say."""
_PROMPT = 10
"""Tokens of the recording that a saved voice keeps: the decoder drops them, and a voice needs some."""


def recording(work: Path, leader: str) -> NDArray[np.float32]:
    """RECORDED by the teacher in the voice of `leader`."""
    tokens = (phonemes := Phonemes(work / "teacher/vocab.json")).tokens(phonemes.string(RECORDED))
    style = single(leader).style(read_styles(work / "teacher/styles"), len(tokens) - 2)
    teacher = Teacher(work / "teacher")
    return level(teacher.render(teacher.plan(tokens, style)))


def write(work: Path, folder: Path) -> None:
    """`voices/NAME.safetensors` and `default_voice.wav` beside the graphs of `folder`.

    A voice has its leader's mean timbre and own manner, which no single recording gives.
    """
    import soundfile

    import loquor

    (folder / "voices").mkdir(exist_ok=True)
    with np.load(work / "leaders.npz") as file:
        timbres, prefixes = file["timbres"], file["prefixes"]
    with loquor.Engine(folder, device="cpu") as engine:
        for name, leader in SHIPPED.items():
            sound, at = recording(work, leader), LEADING.index(leader)
            if name == DEFAULT:
                soundfile.write(folder / "default_voice.wav", sound, RATE, subtype="PCM_16")
            heard = engine.voice((sound, RATE))
            voice = replace(
                heard, name=name, audio_features=prefixes[at : at + 1], speaker_embeddings=timbres[at],
                audio_tokens=heard.audio_tokens[:_PROMPT],
                speaker_features=heard.speaker_features[: 2 * _PROMPT],
            )  # fmt: skip
            voice.save(folder / f"voices/{name}.safetensors")

"""Windows of the corpus as the decoder is trained on them: codes, a voice's frames, and how it sounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import codes
from .analysis import FRAMES_PER_TOKEN
from .decoder import pitch_numbers
from .melodies import at_frames, leaders, voice_of

BATCH, WINDOW = 8, 50
"""Windows of a step, and tokens of a window: 2 s."""
LEADING_SHARE = 0.25
"""Of the windows are the leader's, before the rest is drawn from all voices alike."""
HEARING = 125
"""Frames of the mel spectrum in which a timbre is heard: 2.5 s."""


@dataclass(frozen=True)
class Text:
    """A text in several voices: what is said, and how each of them says it."""

    name: str
    codes: NDArray[np.uint8]
    """(tokens, 3)."""
    frames: NDArray[np.float16]
    """(voices, frames, WIDTH) as analysed, the melody in place of the pitch."""
    mels: NDArray[np.float16]
    pitches: NDArray[np.float32]
    """(voices, 2): pitch_numbers."""


def read(work: Path, path: Path) -> Text:
    """Of one of `frames/*.npz`, with what the teacher decided about it."""
    with np.load(work / "speech" / path.name) as about:
        leader = leaders(work)[str(about["timbres"][0])]
        contour = codes.contour(about["pitch"][0], leader)
        made = codes.encode(str(about["phonemes"]), about["durations"], about["pitch"][0], leader)
    with np.load(path) as file:
        frames, mels = file["frames"], file["mels"]
    melody = at_frames(contour, frames.shape[1])
    pitches = []
    for voice in frames:
        found = voice_of(voice[:, 0], voice[:, 1] > 0.5, melody, leader)
        pitches.append(pitch_numbers(found.height, found.range))
        voice[:, 0] = melody
    return Text(path.stem, made, frames, mels, np.array(pitches, np.float32))


class Windows:
    """Batches drawn from their number alone, of all texts analysed so far but the `held` first."""

    def __init__(self, work: Path, held: int) -> None:
        self._work, self._held = work, held
        self._known: dict[Path, Text] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take in what has been analysed since."""
        paths = sorted((self._work / "frames").glob("*.npz"))
        for path in paths:
            if path not in self._known:
                self._known[path] = read(self._work, path)
        texts = [self._known[path] for path in paths]
        self.held, self.texts = texts[: self._held], texts[self._held :]
        if not self.texts:
            raise RuntimeError(
                f"training the decoder in {self._work}: {len(texts)} analysed texts, {self._held} of which "
                "are held out; run speak and analyse"
            )
        lengths = np.array([len(text.codes) for text in self.texts], np.float64)
        self._chance = lengths / lengths.sum()

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes (BATCH, WINDOW, 3), frames, mel spectra of another moment, pitch numbers."""
        rows: list[tuple] = []
        for index in rng.choice(len(self.texts), BATCH, p=self._chance):
            text = self.texts[index]
            length = len(text.codes)
            voice = 0 if rng.random() < LEADING_SHARE else int(rng.integers(len(text.frames)))
            first = int(rng.integers(0, max(length - WINDOW, 0) + 1))
            mels = text.mels[voice]
            start = int(rng.integers(0, max(len(mels) - HEARING, 0) + 1))
            frames = text.frames[voice, first * FRAMES_PER_TOKEN :]
            rows.append(
                (
                    _window(text.codes, first, WINDOW, "edge"),
                    _window(frames, 0, WINDOW * FRAMES_PER_TOKEN, "edge"),
                    _window(mels, start, HEARING, "wrap"),
                    text.pitches[voice],
                )
            )
        said, frames, mels, pitches = (np.stack(column) for column in zip(*rows, strict=True))
        return (
            torch.from_numpy(said.astype(np.int64)),
            *(torch.from_numpy(x.astype(np.float32)) for x in (frames, mels, pitches)),
        )


def _window(rows: NDArray, first: int, length: int, mode: str) -> NDArray:
    part = rows[first : first + length]
    return np.pad(part, ((0, length - len(part)), (0, 0)), mode=mode)

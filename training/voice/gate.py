"""Stage `gate`: is the codec good enough to train a language model on its codes?

Copy synthesis of the held-out texts: each voice through its codes and back in its own or another's timbre.
Sound is WORLD's own synthesis. Wanted: Distill-MOS of GATE_MOS or more, no more than GATE_ERRORS per cent of
words misheard by Whisper base. Writes `gate.json`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from . import analysis, codec_training
from .analysis import synthesise
from .judges import Judges, prepare, report
from .scaling import pitch_of
from .teacher import RATE

GATE_MOS, GATE_ERRORS = 3.6, 3.0


def run(work: Path) -> None:
    codec, scale = codec_training.load(work)
    texts = (work / "texts.txt").read_text().splitlines()
    stems = sorted((work / "frames").glob("*.npy"))[: codec_training.HELD]
    sounds: dict[str, list] = {"world": [], "itself": [], "another": []}
    said: dict[str, list[str]] = {kind: [] for kind in sounds}

    def add(kind: str, frames: np.ndarray, text: str) -> None:
        sounds[kind].append(prepare(synthesise(frames), RATE))
        said[kind].append(text)

    for path, voices in zip(stems, analysis.load(work), strict=False):
        text = texts[int(path.stem)]
        pitches = [pitch_of(frames) for frames in voices]
        with torch.inference_mode():
            inputs = [
                torch.from_numpy(scale.normal(f.astype(np.float32), p))[None]
                for f, p in zip(voices, pitches, strict=True)
            ]
            timbres = [codec.speaker(frames) for frames in inputs]
            for this, heard in enumerate(inputs):
                codes = codec.codes(heard, timbres[this])
                for kind, other in (("itself", this), ("another", (this + 1) % len(inputs))):
                    made = codec.decoder(codes, timbres[other])[0].numpy()
                    add(kind, scale.frames(made, pitches[other]), text)
        for frames in voices:
            add("world", frames, text)
    judges = Judges(work)
    found = {kind: report(judges, sounds[kind], said[kind], ("mos", "base")) for kind in sounds}
    (work / "gate.json").write_text(json.dumps(found, indent=1))
    print(json.dumps(found, indent=1), flush=True)
    own = found["itself"]
    passed = own["distillmos"]["mean"] >= GATE_MOS and own["wer_base"]["percent"] <= GATE_ERRORS
    print("gate passed" if passed else f"gate missed: {GATE_MOS} and {GATE_ERRORS} % are wanted", flush=True)

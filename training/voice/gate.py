"""Stage `gate`: are the codes and the decoder good enough to train a language model on?

Copy synthesis of everyday sentences that are in no training data: the leaders say them, what they decided
becomes codes, and the decoder says these again in a timbre heard in other sentences of the same voice, or of
a voice that was never trained on. Sound is the vocoder's that goes into the bundle. Wanted: Distill-MOS of
GATE_MOS or more, no more than GATE_ERRORS per cent of words misheard by Whisper base. Writes `gate.json`;
`gate/` keeps what the teacher said.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from . import analysis, codes, decoder_training, vocoder
from .decoder import pitch_numbers
from .evaluation_texts import sentences
from .judges import Judges, prepare, report
from .melodies import at_frames, leaders, voice_of
from .parallel import level, save
from .phonemes import Phonemes
from .teacher import RATE, Plan, Teacher
from .timbres import LEADING, read_styles, single

GATE_MOS, GATE_ERRORS = 3.6, 3.0
SENTENCES = 24
STRANGERS = ("af_kore", "am_santa", "bf_alice", "bm_lewis")
"""Of timbres.HELD_OUT: English voices whose timbre is borrowed."""


class Said:
    """One sentence by one voice of the teacher: its sound, its frames, and what it is in codes."""

    def __init__(
        self, plan: Plan, sound: NDArray[np.float32], phonemes: str, leader: codes.Voice | None
    ) -> None:
        self.sound = level(sound)
        self.frames = analysis.analyse(self.sound, plan.pitch).astype(np.float32)
        self.mel = analysis.mel_spectrum(self.sound).astype(np.float32)
        own = leader or codes.Voice.of(plan.pitch)
        contour = codes.contour(plan.pitch, own)
        melody = at_frames(contour, len(self.frames))
        self.voice = voice_of(self.frames[:, 0], self.frames[:, 1] > 0.5, melody, own)
        self.codes = codes.encode(phonemes, plan.durations.tolist(), plan.pitch, own)


def spoken(work: Path, count: int = SENTENCES) -> dict[str, list[tuple[str, Said]]]:
    """{voice: (text, Said) of each sentence}: of LEADING by turns, and two each of STRANGERS.

    Kept in `gate/`, since the teacher's work is the same each time.
    """
    folder = work / "gate"
    folder.mkdir(exist_ok=True)
    phonemes, known = Phonemes(work / "teacher/vocab.json"), leaders(work)
    lines = sentences("everyday")
    cast = [(LEADING[i % len(LEADING)], i) for i in range(count)]
    cast += [(name, count + 2 * i + k) for i, name in enumerate(STRANGERS) for k in range(2)]
    teacher: Teacher | None = None
    styles = read_styles(work / "teacher/styles")
    found: dict[str, list[tuple[str, Said]]] = {}
    for name, index in cast:
        text = lines[index % len(lines)]
        string = phonemes.string(text)
        tokens = phonemes.tokens(string)
        kept = folder / f"{index:05d}.npz"
        if not kept.exists():
            teacher = teacher or Teacher(work / "teacher")
            plan = teacher.plan(tokens, single(name).style(styles, len(tokens) - 2))
            about = {"durations": plan.durations, "pitch": plan.pitch[None], "timbres": np.array([name])}
            save(folder, index, [teacher.render(plan)], about)
        import soundfile

        with np.load(kept) as about:
            plan = Plan(about["durations"], np.empty(0), about["pitch"][0], np.empty(0), np.empty(0))
        sound, _ = soundfile.read(kept.with_suffix(".flac"), dtype="float32")
        found.setdefault(name, []).append((text, Said(plan, sound, string, known.get(name))))
    return found


class Copies:
    """Says codes again in a timbre that it has heard."""

    def __init__(self, work: Path) -> None:
        self.decoder, self.speaker, self.scaling = decoder_training.load(work)
        model = vocoder.graph().SerializeToString()
        self._vocoder = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def sound(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of (frames, WIDTH), by the vocoder."""
        return self._vocoder.run(None, {"frames": frames[None].astype(np.float32)})[0][0]

    def timbre(self, examples: list[Said]) -> torch.Tensor:
        """(1, TIMBRE), the mean over `examples` of one voice."""
        with torch.inference_mode():
            heard = torch.stack(
                [self.speaker(torch.from_numpy(said.mel)[None])[0] for said in examples]
            ).mean(0)
        numbers = np.mean([pitch_numbers(said.voice.height, said.voice.range) for said in examples], 0)
        return torch.cat([torch.from_numpy(numbers.astype(np.float32)), heard])[None]

    def frames(self, said: NDArray[np.uint8], timbre: torch.Tensor) -> NDArray[np.float32]:
        """Codes (tokens, 3) as frames in `timbre`, voicing 0 or 1."""
        with torch.inference_mode():
            got = self.decoder(torch.from_numpy(said.astype(np.int64))[None], timbre)[0]
            got = (got * self.scaling.deviation + self.scaling.mean).numpy()
        height, spread = timbre[0, 0] * 0.3 + 5.0, timbre[0, 1] * 0.06 + 0.18
        got[:, 0] = got[:, 0] * float(spread) + float(height)
        got[:, 1] = got[:, 1] > 0
        return got


def run(work: Path) -> None:
    copies, voices = Copies(work), spoken(work)
    sounds: dict[str, list] = {"teacher": [], "vocoder": [], "itself": [], "another": []}
    texts: list[str] = []
    strangers = {name: copies.timbre([said for _, said in voices[name]]) for name in STRANGERS}
    for name in LEADING:
        for index, (text, said) in enumerate(voices[name]):
            others = [other for _, other in voices[name] if other is not said]
            stranger = strangers[STRANGERS[index % len(STRANGERS)]]
            made = {
                "teacher": said.sound,
                "vocoder": copies.sound(said.frames),
                "itself": copies.sound(copies.frames(said.codes, copies.timbre(others or [said]))),
                "another": copies.sound(copies.frames(said.codes, stranger)),
            }
            texts.append(text)
            for kind, sound in made.items():
                sounds[kind].append(prepare(sound, RATE))
    judges, found = Judges(work), {}
    path = work / "gate.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    for kind in sounds:
        fixed = kind in ("teacher", "vocoder") and before.get(kind, {}).get("distillmos", {}).get("n") == len(
            texts
        )
        found[kind] = before[kind] if fixed else report(judges, sounds[kind], texts, ("mos", "base"))
    path.write_text(json.dumps(found, indent=1))
    print(json.dumps(found), flush=True)
    own = found["itself"]
    passed = own["distillmos"]["mean"] >= GATE_MOS and own["wer_base"]["percent"] <= GATE_ERRORS
    print("gate passed" if passed else f"gate missed: {GATE_MOS} and {GATE_ERRORS} % are wanted", flush=True)

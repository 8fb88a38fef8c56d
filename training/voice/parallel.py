"""Stage `speak`: the parallel corpus. Each text in several timbres, all in the same timing and intonation.

`speech/NNNNN.flac` has a channel for each timbre, 24,000 Hz, 16 bits, all at the same loudness.
`speech/NNNNN.npz` has
what the teacher decided: `durations` (tokens,) in frames of 25 ms, `pitch` in Hz and `energy`, both
(timbres, 2 * frames),
`phonemes`, `text` and the names of the `timbres`. A text is done when its .flac exists; files appear whole
or not at all.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np

from .phonemes import Phonemes
from .teacher import FRAME, RATE, Teacher
from .timbres import Timbre, cast, read_styles

LOUDNESS = 0.06
"""Root mean square of the loud parts: about -24 dB of full scale."""
PEAK = 0.95


def level(sound: np.ndarray) -> np.ndarray:
    """`sound` at LOUDNESS, counting what is within 40 dB of its peak, and no sample above PEAK."""
    peak = float(np.abs(sound).max(initial=0.0))
    if peak == 0.0:
        return sound
    loud = sound[np.abs(sound) > 0.01 * peak]
    gain = LOUDNESS / float(np.sqrt(np.mean(np.square(loud, dtype=np.float64))))
    return sound * min(gain, PEAK / peak)


def save(folder: Path, index: int, sounds: list[np.ndarray], about: dict) -> None:
    """Both files of one text, each written aside and renamed; the sound last."""
    import soundfile

    stem = folder / f"{index:05d}"
    part = stem.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, **about)
    part.replace(stem.with_suffix(".npz"))
    with part.open("wb") as file:
        soundfile.write(
            file, np.stack([level(s) for s in sounds], axis=1), RATE, format="FLAC", subtype="PCM_16"
        )
    part.replace(stem.with_suffix(".flac"))


def speak(
    teacher: Teacher, phonemes: Phonemes, styles: dict, text: str, timbres: list[Timbre]
) -> tuple[list, dict]:
    """The sounds of `text` in each of `timbres`, and what was decided."""
    spoken = phonemes.string(text)
    tokens = phonemes.tokens(spoken)
    plans = teacher.parallel(tokens, [timbre.style(styles, len(tokens) - 2) for timbre in timbres])
    about = {
        "text": np.array(text),
        "phonemes": np.array(spoken),
        "timbres": np.array([timbre.name for timbre in timbres]),
        "durations": plans[0].durations.astype(np.int16),
        "pitch": np.stack([plan.pitch for plan in plans]).astype(np.float16),
        "energy": np.stack([plan.energy for plan in plans]).astype(np.float16),
    }
    return [teacher.render(plan) for plan in plans], about


def hours(folder: Path) -> float:
    """Hours of sound in `folder`, every timbre counted, by what the .npz beside each .flac says."""
    total = 0
    for path in folder.glob("*.flac"):
        with np.load(path.with_suffix(".npz")) as about:
            total += int(about["durations"].sum()) * len(about["timbres"])
    return total * FRAME / RATE / 3600


def work_on(work: Path, part: int, parts: int, bfloat16: bool, wanted: float) -> None:
    """Texts number `part`, `part + parts` and so on, until there are `wanted` hours; a log line every
    minute."""
    teacher = Teacher(work / "teacher", bfloat16)
    phonemes = Phonemes(work / "teacher/vocab.json")
    styles = read_styles(work / "teacher/styles")
    folder = work / "speech"
    made, since, told = 0.0, time.process_time(), time.time()
    for index, text in enumerate((work / "texts.txt").read_text().splitlines()):
        if index % parts != part or (folder / f"{index:05d}.flac").exists():
            continue
        sounds, about = speak(teacher, phonemes, styles, text, cast(index))
        save(folder, index, sounds, about)
        made += sum(map(len, sounds)) / RATE
        if time.time() - told > 60:
            told, there, cost = time.time(), hours(folder), (time.process_time() - since) / made
            progress = f"text {index}, {there:.3f} h in all, {cost:.2f} CPU s a second"
            print(f"{time.strftime('%F %T')} part {part}: {progress}", flush=True)
            if there >= wanted:
                return


def run(work: Path, processes: int, bfloat16: bool, wanted: float) -> None:
    """Speak in `processes` processes of one thread each until there are `wanted` hours."""
    (work / "speech").mkdir(exist_ok=True)
    workers = [
        multiprocessing.Process(target=work_on, args=(work, part, processes, bfloat16, wanted))
        for part in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError(
            "a process of stage `speak` failed: its message is above; run the stage again, it goes on"
        )

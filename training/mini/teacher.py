"""Stage `teacher`: what Flite's clustergen voice predicts for every text, as parameters rather than sound."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS = 31
"""f0 in Hz (0: unvoiced), 25 mel-cepstra, 5 band strengths."""
FRAME_SECONDS = 0.005
CHUNK = 2000
VOICES = ("slt", "rms", "awb")


def build(sysroot: Path, work: Path) -> Path:
    """Compile teacher.c against the unpacked static libraries; return the program."""
    program = work / "teacher-dump"
    source = Path(__file__).with_name("teacher.c")
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    libraries = [f"cmu_us_{voice}" for voice in VOICES] + ["usenglish", "cmulex"]
    [folder] = (sysroot / "usr" / "lib").glob("*/libflite.a")
    command = [
        "cc",
        "-O2",
        "-std=gnu11",
        "-I",
        str(sysroot / "usr/include/flite"),
        str(source),
        "-o",
        str(program),
    ]
    command += [str(folder.parent / f"libflite_{name}.a") for name in libraries]
    # Flite's sound card output (ALSA) is linked in but never called: it need not be installed
    unused = ["-no-pie", "-Wl,--unresolved-symbols=ignore-all"]
    subprocess.run([*command, str(folder), "-lm", *unused], check=True)
    return program


def speak(program: Path, texts: Iterable[str], stem: Path, voice: str = "slt") -> None:
    """Write `<stem>.npy`, float16 [frames, CHANNELS], and `<stem>.jsonl`, one object a text."""
    raw, lines = stem.with_suffix(".f32"), stem.with_suffix(".tmp")
    subprocess.run([program, voice, raw, lines], input="\n".join(texts) + "\n", text=True, check=True)
    np.save(stem.with_suffix(".npy"), np.fromfile(raw, np.float32).reshape(-1, CHANNELS).astype(np.float16))
    raw.unlink()
    lines.rename(stem.with_suffix(".jsonl"))  # last: its presence says the chunk is whole


def load(stem: Path) -> list[tuple[dict[str, Any], NDArray[np.float16]]]:
    """[(utterance object, its frames)] of one chunk."""
    frames = np.load(stem.with_suffix(".npy"), mmap_mode="r")
    utterances = [json.loads(line) for line in stem.with_suffix(".jsonl").read_text().splitlines()]
    ends = np.cumsum([u["frames"] for u in utterances])
    if not len(ends) or ends[-1] != len(frames):
        raise ValueError(f"{stem}: utterances and frames differ: delete both files and run this stage again")
    return [(u, frames[end - u["frames"] : end]) for u, end in zip(utterances, ends, strict=True)]


def stems(work: Path) -> list[Path]:
    return sorted(p.with_suffix("") for p in (work / "teacher").glob("slt-*.jsonl"))


def run(work: Path, sysroot: Path) -> None:
    program = build(sysroot, work)
    (work / "teacher").mkdir(exist_ok=True)
    texts = (work / "texts.txt").read_text().splitlines()
    for start in range(0, len(texts), CHUNK):
        stem = work / "teacher" / f"slt-{start:06d}"
        if not stem.with_suffix(".jsonl").exists():
            speak(program, texts[start : start + CHUNK], stem)

"""Twelve synthetic voices to imitate: six of the teacher's family (Flite), six of another (eSpeak NG)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from .vocoder import SAMPLE_RATE

TEXT = (
    "the boat crossed the wide water at noon, and every sailor on the deck was waving to the people on shore."
)
FLITE = (("slt", 1.0), ("rms", 1.0), ("awb", 1.0), ("kal16", 1.0), ("slt", 1.18), ("rms", 0.88))
"""(voice, speed of replay)."""
ESPEAK = ("en-us", "en-us+m3", "en-us+m7", "en-us+f2", "en-us+f4", "en-gb-scotland+f5")


def _program(sysroot: Path, name: str) -> tuple[list[str], dict[str, str]]:
    [library] = (sysroot / "usr/lib").glob("*/libflite.so.1")
    extra = [f"--path={library.parent}"] if name == "espeak-ng" else []
    return [str(sysroot / "usr/bin" / name), *extra], os.environ | {"LD_LIBRARY_PATH": str(library.parent)}


def flite(sysroot: Path, voice: str, text: str, out: Path) -> None:
    command, environment = _program(sysroot, "flite")
    subprocess.run([*command, "-voice", voice, "-t", text, "-o", str(out)], env=environment, check=True)


def espeak(sysroot: Path, voice: str, text: str, out: Path) -> None:
    command, environment = _program(sysroot, "espeak-ng")
    subprocess.run([*command, "-v", voice, "-w", str(out), text], env=environment, check=True)


def read(path: Path, speed: float = 1.0) -> NDArray[np.float32]:
    """Mono float32 samples at SAMPLE_RATE, replayed at `speed`."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(1), rate * speed, SAMPLE_RATE).astype(np.float32)


def recordings(sysroot: Path, folder: Path) -> dict[str, NDArray[np.float32]]:
    folder.mkdir(parents=True, exist_ok=True)
    out = {}
    for voice, speed in FLITE:
        flite(sysroot, voice, TEXT, folder / "flite.wav")
        out[f"flite {voice} x {speed}"] = read(folder / "flite.wav", speed)
    for voice in ESPEAK:
        espeak(sysroot, voice, TEXT, folder / "espeak.wav")
        out[f"espeak-ng {voice}"] = read(folder / "espeak.wav")
    return out

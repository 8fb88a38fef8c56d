"""What is no speech is warned of, and speech is not, however it was recorded."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.signal  # type: ignore[import-untyped]
import soundfile

from clips import speech
from loquor.voice.reference_audio import load_reference


def likeness(samples: np.ndarray, rate: int = 24_000) -> list[str]:
    """The warnings about what is no speech."""
    found = load_reference((samples, rate)).warnings
    return [text for text in found if "give a recording of one speaker" in text]


def test_what_is_no_speech_is_warned_of() -> None:
    time, random = np.arange(8 * 24_000) / 24_000, np.random.default_rng(5)
    white = random.standard_normal(len(time))
    spectrum = np.fft.rfft(white) / np.sqrt(np.arange(1, len(time) // 2 + 2))
    clicks = np.zeros(len(time))
    clicks[::12_000] = 0.9
    odd = {
        "white noise": 0.1 * white,
        "pink noise": 3 * np.fft.irfft(spectrum),
        "hum": sum(0.2 / k * np.sin(2 * np.pi * 50 * k * time) for k in range(1, 9)) + 0.003 * white,
        "chord": sum(0.1 * np.sin(2 * np.pi * hertz * time) for hertz in (262, 330, 392)),
        "ringing": 0.3 * np.sin(2 * np.pi * 440 * time) * (time % 2 < 1),
        "clicks": clicks,
    }
    for name, samples in odd.items():
        assert len(likeness(samples.astype(np.float32))) == 1, name


def test_speech_is_not_warned_of() -> None:
    voice = speech(10.0)
    noise = np.random.default_rng(2).standard_normal(len(voice)) * np.sqrt(np.mean(np.square(voice)))
    decay = np.random.default_rng(3).standard_normal(12_000) * np.exp(-np.arange(12_000) / 2_400)
    decay[0] = 4
    echo = scipy.signal.fftconvolve(voice, decay)[: len(voice)]
    for samples in (voice, voice[:48_000], voice[:12_000].repeat(2), voice + 0.5 * noise, 0.02 * echo):
        assert likeness(samples.astype(np.float32)) == []
    assert likeness(speech(6, 8_000), 8_000) == []


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize("voice", ["en-us", "de", "zh", "en+whisper", "en+f3"])
def test_synthetic_speech_is_not_warned_of(voice: str, tmp_path: Path) -> None:
    text = "It was late when he came home. Nobody was there, or so it seemed, and the lamp was out."
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(tmp_path / "it.wav"), text], check=True)
    samples, rate = soundfile.read(tmp_path / "it.wav", dtype="float32")
    for clip in (samples, samples[: 3 * rate]):
        assert likeness(clip, rate) == []

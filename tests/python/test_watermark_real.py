"""The published weights, where resemble-perth is installed: what is marked is found, what is not is not."""

from __future__ import annotations

import importlib.metadata
import io
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from loquor import Audio, Engine, GenerationOptions, InvalidInputError, ModelError
from loquor.watermark import detect
from loquor.watermark.checkpoint import read_checkpoint
from loquor.watermark.weights import encoder_file

try:
    PACKAGE = importlib.metadata.distribution("resemble-perth")
except importlib.metadata.PackageNotFoundError:
    pytest.skip("resemble-perth is not installed (pip install 'loquor[watermark]')", allow_module_level=True)

Samples = Any
RATE = 24_000
TEXTS = (
    "The juice of lemons makes fine punch, and nobody minds.",
    "Four hours of steady work faced us, before the night came.",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(watermark="perth") as engine:
        yield engine


@pytest.fixture(scope="module")
def spoken(engine: Engine) -> list[Audio]:
    """By a woman and a man: a high voice loses most behind a telephone."""
    options = GenerationOptions(seed=3)
    return [
        engine.speak(text, voice, options=options)
        for text, voice in zip(TEXTS, ("woman", "man"), strict=True)
    ]


def through(samples: Samples, codec: str, container: str, rate: int, bits: int | None) -> tuple[Samples, int]:
    """Encoded and decoded by FFmpeg."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        if bits:
            stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(soxr.resample(samples, RATE, rate)[np.newaxis], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        to = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        for ready in [*to.resample(frame), None]:
            out.mux(stream.encode(ready))
    file.seek(0)
    with av.open(file) as back:
        to = av.AudioResampler(format="fltp", layout="mono", rate=rate)
        parts = [part.to_ndarray()[0] for whole in back.decode(audio=0) for part in to.resample(whole)]
    return np.concatenate(parts), rate


def telephone(samples: Samples, rate: int) -> tuple[Samples, int]:
    """8 kHz, 300 to 3400 Hz, in 8 bits by the mu-law."""
    narrow = soxr.resample(samples, rate, 8000)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    narrow = np.fft.irfft(spectrum, len(narrow))
    pressed = np.rint(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    return (np.sign(pressed) * (256 ** np.abs(pressed) - 1) / 255).astype(np.float32), 8000


CHANGES = {
    "as it is": lambda x: (x, RATE),
    "halved": lambda x: (x / 2, RATE),
    "quiet": lambda x: (x / 100, RATE),
    "mp3": lambda x: through(x, "libmp3lame", "mp3", RATE, 64_000),
    "opus": lambda x: through(x, "libopus", "ogg", 48_000, None),
    "telephone": lambda x: telephone(x, RATE),
    "16 bits": lambda x: (np.rint(x * 32767).astype(np.int16), RATE),
    "stereo at 44.1 kHz": lambda x: (np.stack([soxr.resample(x, RATE, 44_100)] * 2, axis=1), 44_100),
}


@pytest.mark.parametrize("change", CHANGES)
def test_our_speech_is_found(change: str, spoken: list[Audio]) -> None:
    for audio in spoken:
        found = detect(CHANGES[change](audio.samples))
        assert found.verdict == "marked", (change, found)
        assert 0.4 <= found.confidence <= 1
        assert found.seconds == pytest.approx(audio.seconds, abs=0.1)
    assert detect(spoken[0]).confidence > 0.9


@pytest.mark.parametrize("change", CHANGES)
def test_speech_without_a_mark_is_not(change: str) -> None:
    with Engine() as plain:
        audio = plain.speak(TEXTS[0], options=GenerationOptions(seed=3))
    assert detect(CHANGES[change](audio.samples)).verdict == "not found"


def test_speech_of_others_is_not(tmp_path: Path) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    for number, text in enumerate(TEXTS):
        file = tmp_path / f"{number}.wav"
        subprocess.run(["espeak-ng", "-w", file, text], check=True)
        assert detect(file).verdict == "not found"


def sounds() -> dict[str, Samples]:
    generator = np.random.default_rng(0)
    time = np.arange(5 * RATE) / RATE
    noise = generator.standard_normal(len(time))
    partials = [(pitch, harmonic) for pitch in (220, 277.2, 329.6) for harmonic in range(1, 8)]
    tones = [np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for pitch, harmonic in partials]
    chord = np.sum(tones, axis=0) * np.exp(-3 * (time % 1))
    return {
        "silence": np.zeros(len(time)),
        "the last bit": np.rint(0.3 * noise) / 2**23,
        "noise": 0.1 * noise,
        "hum": 0.1 * np.sin(2 * np.pi * 50 * time),
        "a tone": 0.1 * np.sin(2 * np.pi * 440 * time),
        "a chord": 0.05 * chord,
        "nothing": np.zeros(0),
        "not a number": np.full(len(time), np.nan),
        "short": 0.1 * noise[:2000],
    }


@pytest.mark.parametrize("sound", sounds())
def test_of_what_is_no_speech_nothing_is_said(sound: str) -> None:
    found = detect((sounds()[sound].astype(np.float32), RATE))
    assert found.verdict == "cannot tell", (sound, found)
    assert np.isfinite(found.confidence)
    assert found.reason


def test_a_long_recording_is_judged_in_parts(spoken: list[Audio]) -> None:
    with Engine() as plain:
        clean = plain.speak(TEXTS[0], options=GenerationOptions(seed=3)).samples
    marked = np.concatenate([audio.samples for audio in spoken] * 5)[: 30 * RATE]
    mixed = np.concatenate([np.resize(clean, 30 * RATE), np.resize(marked, 30 * RATE)])
    found = detect((mixed, RATE))
    assert [span.verdict for span in found.spans] == ["not found", "marked"]
    assert found.verdict == "marked"
    assert "1 of 2 parts" in found.reason


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        detect(tmp_path / "missing.wav")
    with pytest.raises(InvalidInputError):
        detect(7)


def test_nothing_clips(engine: Engine) -> None:
    """The network's own change of a loud wave goes beyond full scale; the limiter does not let it."""
    for seed in range(3):
        assert (
            np.abs(engine.speak("Yes! No! Stop!", options=GenerationOptions(seed=seed)).samples).max() <= 0.99
        )


def test_the_published_package_finds_our_mark_and_marks_alike(spoken: list[Audio], engine: Engine) -> None:
    """The same network under PyTorch, on the same frames; and its own path by way of 32 kHz."""
    torch = pytest.importorskip("torch")
    perth = pytest.importorskip("perth", exc_type=ImportError)
    if perth.PerthImplicitWatermarker is None:
        pytest.skip(
            "perth cannot be imported whole: it wants librosa, torchaudio, PyYAML and setuptools < 81"
        )
    from perth.perth_net.perth_net_implicit.utils import (  # type: ignore[import-not-found]
        cx_to_magphase,
        magphase_to_cx,
    )  # fmt: skip
    from torchaudio.transforms import InverseSpectrogram, Spectrogram  # type: ignore[import-not-found]

    package = perth.PerthImplicitWatermarker()
    network = package.perth_net
    forth = Spectrogram(n_fft=1536, hop_length=240, power=None)
    back = InverseSpectrogram(n_fft=1536, hop_length=240)
    with Engine() as plain:
        clean = [plain.speak(text, options=GenerationOptions(seed=3)) for text in TEXTS]
    for before, after in zip(clean, spoken, strict=True):
        levels, phases = cx_to_magphase(network.hp, forth(torch.from_numpy(before.samples)) * 4 / 3)
        with torch.no_grad():
            changed, _ = network.encoder(levels[np.newaxis])
            expected = back(magphase_to_cx(network.hp, changed[0], phases) * 3 / 4).numpy()
        assert np.abs(expected - after.samples[: len(expected)]).max() < 1e-5
        published = package.apply_watermark(before.samples, sample_rate=RATE)[: len(after.samples)]
        difference = published - after.samples[: len(published)]
        assert 20 * np.log10(after.samples.std() / difference.std()) > 45
        ours = package.get_watermark(after.samples, sample_rate=RATE, round=False)
        assert float(np.squeeze(ours)) > 0.95
        none = package.get_watermark(before.samples, sample_rate=RATE, round=False)
        assert float(np.squeeze(none)) < 0.5
        assert detect((published, RATE)).verdict == "marked"


def test_the_command_tells(tmp_path: Path, spoken: list[Audio], capsys: pytest.CaptureFixture[str]) -> None:
    from loquor.cli import main

    for format in ("wav", "flac", "ogg", "mp3"):
        spoken[0].save(tmp_path / f"a.{format}")
    spoken[0].save(tmp_path / "untold.wav", tags=False)
    names = [f"{tmp_path}/a.{format}" for format in ("wav", "flac", "ogg", "mp3")]
    assert main(["verify", *names, f"{tmp_path}/untold.wav"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(": marked (" in line for line in lines)
    assert all("tags say AI-generated, model mini, voice" in line for line in lines[:4])
    assert "no tags of ours" in lines[4]
    assert main(["verify", "--json", f"{tmp_path}/missing.wav", names[0]]) == 2
    assert '"verdict": "marked"' in capsys.readouterr().out
    assert main(["watermark-graph"]) == 0
    assert Path(capsys.readouterr().out.strip()) == encoder_file()


def test_say_marks(tmp_path: Path) -> None:
    from loquor.cli import main

    for extra in ([], ["--stream"]):
        file = tmp_path / f"a{len(extra)}.wav"
        assert main(["say", TEXTS[0], "-q", "-o", str(file), "--watermark", "perth", *extra]) == 0
        assert detect(file).verdict == "marked"
        with soundfile.SoundFile(file) as sound:
            assert sound.comment.endswith("watermark=perth")


def test_the_windows_are_the_checkpoints() -> None:
    tensors = read_checkpoint(Path(str(PACKAGE.locate_file(
        "perth/perth_net/pretrained/implicit/perth_net_250000.pth.tar"))))  # fmt: skip
    assert len(tensors) == 59
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    assert np.abs(tensors["ap.spectrogram.window"] - hann).max() < 1e-6


def test_a_damaged_package_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_cache: Path
) -> None:
    content = Path(str(PACKAGE.locate_file(
        "perth/perth_net/pretrained/implicit/perth_net_250000.pth.tar"))).read_bytes()  # fmt: skip
    file = tmp_path / "perth/perth_net/pretrained/implicit/perth_net_250000.pth.tar"
    file.parent.mkdir(parents=True)
    file.write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(
        importlib.metadata, "distribution",
        lambda _: type("Package", (), {"version": "1.0.1", "locate_file": lambda _, name: tmp_path / name})(),
    )  # fmt: skip
    with pytest.raises(ModelError, match="checkpoint"):
        Engine(watermark="perth")

"""On a desktop and in a notebook: playing, pictures, PCM at other rates and speeds, and what is awaited."""

from __future__ import annotations

import asyncio
import builtins
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from loquor import Audio, Engine, GenerationOptions, InvalidInputError, RequestCancelledError
from loquor.audio.audio import pcm16
from loquor.cli import main

TEXT = "Hello there. This is a small robot voice."


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as opened:
        yield opened


# --- Playing ---


class Loudspeaker(types.ModuleType):
    """The part of sounddevice that is used."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.played: list[NDArray[np.float32]] = []
        self.opened: dict[str, Any] = {}
        self.refuse = False
        outer = self

        class OutputStream:
            def __init__(self, **how: Any) -> None:
                if outer.refuse:
                    raise outer.PortAudioError("no device")
                outer.opened = how

            def __enter__(self) -> OutputStream:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def write(self, samples: NDArray[np.float32]) -> bool:
                assert samples.dtype == np.float32 and samples.shape[1:] == (1,)
                assert samples.flags["C_CONTIGUOUS"]
                outer.played.append(samples[:, 0])
                return False

        self.OutputStream = OutputStream


@pytest.fixture
def loudspeaker(monkeypatch: pytest.MonkeyPatch) -> Loudspeaker:
    made = Loudspeaker()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def test_speech_is_played(engine: Engine, loudspeaker: Loudspeaker) -> None:
    audio = engine.speak("Hello.")
    audio.play(device=3)
    assert np.array_equal(np.concatenate(loudspeaker.played), audio.samples)
    assert loudspeaker.opened == {"samplerate": 24_000, "channels": 1, "dtype": "float32", "device": 3}
    assert max(map(len, loudspeaker.played)) == 2_400  # between which Ctrl-C is heeded


def test_what_is_said_is_played_while_it_is_made(
    engine: Engine, loudspeaker: Loudspeaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", TEXT, "--play"]) == 0
    with engine.session() as session:
        session.feed(TEXT)
        session.end()
        assert np.array_equal(np.concatenate(loudspeaker.played), np.concatenate(list(session)))
    assert capsys.readouterr().err.endswith(": played\n")
    assert main(["say", TEXT, "--play", "-o", "out.wav"]) == 2
    assert "--play writes no file" in capsys.readouterr().err


def test_where_nothing_can_play_it_says_so(
    engine: Engine, loudspeaker: Loudspeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = engine.speak("Hello.")
    loudspeaker.refuse = True
    with pytest.raises(InvalidInputError, match=r"cannot play on this machine \(no device\)"):
        audio.play()
    real = builtins.__import__
    for error, sentence in (
        (ImportError("no"), r"pip install 'loquor\[play\]'"),
        (OSError("PortAudio library not found"), "libportaudio2"),
    ):

        def lacking(name: str, *rest: Any, error: Exception = error) -> Any:
            if name == "sounddevice":
                raise error
            return real(name, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(builtins, "__import__", lacking)
            with pytest.raises(InvalidInputError, match=sentence):
                audio.play()


# ALSA's own null device, before which a plugin writes down what is played; PortAudio opens it as any other.
DEVICE = """
pcm.!default {
  type plug
  slave { format FLOAT_LE rate 24000 channels 1
    pcm { type file file "%s" format raw slave.pcm { type null } } }
}
"""
PLAY = """
import sys, loquor
with loquor.Engine() as engine:
    engine.speak(sys.argv[1]).play()
"""


def with_device(folder: Path, device: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python where ALSA knows that device alone. Skips where PortAudio or ALSA is missing."""
    pytest.importorskip("sounddevice", exc_type=(ImportError, OSError))  # type: ignore[arg-type]
    (folder / "asound.conf").write_text(device, encoding="utf-8")
    environment = {**os.environ, "ALSA_CONFIG_PATH": str(folder / "asound.conf")}
    command = [sys.executable, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA's devices are Linux's")
@pytest.mark.parametrize("words", [("-c", PLAY, TEXT), ("-m", "loquor", "say", TEXT, "--play")])
def test_a_device_gets_every_sample(engine: Engine, tmp_path: Path, words: tuple[str, ...]) -> None:
    done = with_device(tmp_path, DEVICE % (tmp_path / "played"), *words)
    assert done.returncode == 0, done.stderr
    with engine.session() as session:  # as the command speaks
        session.feed(TEXT)
        session.end()
        spoken = np.concatenate(list(session)) if "say" in words else engine.speak(TEXT).samples
    assert np.array_equal(np.fromfile(tmp_path / "played", "<f4"), spoken)


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA's devices are Linux's")
def test_without_a_device_it_says_so(tmp_path: Path) -> None:
    missing = "pcm.!default { type hw card 31 }\nctl.!default { type hw card 31 }\n"
    done = with_device(tmp_path, missing, "-m", "loquor", "say", TEXT, "--play")
    assert done.returncode == 2
    assert "cannot play on this machine" in done.stderr
    assert "Traceback" not in done.stderr


# --- Notebooks ---


def test_a_notebook_shows_speech_and_voices(engine: Engine) -> None:
    shown = engine.speak("Hello.")._repr_html_()
    assert shown.count("<audio controls") == shown.count("<svg") == 1
    heights = [float(each) for each in re.findall(r"v([0-9.]+)", shown.partition("<audio")[0])]
    assert max(heights) == 64
    assert min(heights) >= 1
    voice = engine.voice("man")._repr_html_()
    assert re.search(r"<b>\w+</b>, [0-9.]+ s<br><svg", voice)
    assert "nan" not in voice


def test_what_is_shown_is_no_markup(engine: Engine) -> None:
    from dataclasses import replace

    voice = replace(engine.voice("man"), name="<script>", warnings=("a < b",))._repr_html_()
    assert "<script>" not in voice
    assert "a &lt; b" in voice


def test_a_moment_of_sound_is_shown(engine: Engine) -> None:
    audio = engine.speak("Hello.")
    for samples in (audio.samples[:1], np.zeros(5, np.float32)):
        assert "<svg" in Audio(samples, 24_000, audio.metrics)._repr_html_()


# --- PCM out of a stream ---


def test_a_stream_as_pcm(engine: Engine) -> None:
    with engine.stream(TEXT) as stream:
        expected = pcm16(np.concatenate(list(stream))).tobytes()
    with engine.stream(TEXT) as stream:
        assert b"".join(stream.pcm16()) == expected

    async def awaited() -> bytes:
        async with engine.stream(TEXT) as stream:
            return b"".join([part async for part in stream.pcm16()])

    assert asyncio.run(awaited()) == expected


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_at_another_rate(engine: Engine, rate: int) -> None:
    with engine.session() as session:
        session.feed(TEXT)
        session.end()
        pcm = session.pcm16(rate)
        assert pcm.sample_rate == rate
        made = np.frombuffer(b"".join(pcm), "<i2")
    with engine.session() as session:
        session.feed(TEXT)
        session.end()
        whole = np.concatenate(list(session))
    expected = soxr.resample(whole, 24_000, rate)
    assert abs(len(made) - len(expected)) <= 1
    count = min(len(made), len(expected))
    assert np.abs(made[:count] / 32767 - expected[:count]).max() < 0.01


def test_faster_and_at_another_rate(engine: Engine) -> None:
    with engine.stream(TEXT) as stream:
        seconds = sum(map(len, stream)) / 24_000
    with engine.stream(TEXT) as stream:
        made = b"".join(stream.pcm16(8_000, speed=1.5))
    assert len(made) / 16_000 * 1.5 == pytest.approx(seconds, rel=0.03)


@pytest.mark.parametrize(
    "how", [{"sample_rate": 1}, {"sample_rate": 8e3}, {"speed": 9}, {"speed": float("nan")}]
)
def test_what_no_pcm_has(engine: Engine, how: dict[str, Any]) -> None:
    with engine.stream(TEXT) as stream, pytest.raises(InvalidInputError, match="must be a"):
        stream.pcm16(**how)


# --- Awaited ---


def test_voices_and_sentences_are_awaited(engine: Engine, recording: Any, tmp_path: Path) -> None:
    async def work() -> None:
        voice = await engine.avoice((recording, 24_000))
        assert voice.identity == engine.voice((recording, 24_000)).identity
        options = GenerationOptions(seed=3)
        said = await asyncio.gather(*(engine.aspeak(text, "man", options) for text in ("One.", "Two.")))
        for audio, text in zip(said, ("One.", "Two."), strict=True):
            expected = engine.speak(text, "man", options)
            assert np.array_equal(audio.samples, expected.samples)
            assert audio.provenance == expected.provenance
            assert audio.metrics.speech_tokens == expected.metrics.speech_tokens

    asyncio.run(work())


def test_a_task_that_is_cancelled_cancels_them(engine: Engine, recording: Any) -> None:
    async def work() -> None:
        for made in (
            engine.aspeak("A sentence that is long enough. " * 8),
            engine.avoice((recording, 24_000)),
        ):
            task = asyncio.create_task(made)
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.sleep(0.3)

    asyncio.run(work())
    assert [each for each in engine._under_way if hasattr(each, "made") and not each.made] == []


def test_what_fails_is_raised(engine: Engine) -> None:
    async def work() -> None:
        with pytest.raises(InvalidInputError, match="text is empty"):
            await engine.aspeak(" ")
        with pytest.raises(InvalidInputError):
            await engine.avoice("nowhere.wav")

    asyncio.run(work())
    own = Engine()

    async def closed() -> None:
        task = asyncio.create_task(own.aspeak("A sentence that is long enough. " * 8))
        await asyncio.sleep(0.05)
        own.close()
        with pytest.raises((RequestCancelledError, InvalidInputError)):
            await task

    asyncio.run(closed())

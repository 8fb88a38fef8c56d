"""A recording in another voice: tokens of windows joined, and the sound of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import loquor
from loquor import (
    CancelToken,
    Engine,
    ExecutionError,
    InvalidInputError,
    RequestCancelledError,
)
from loquor.cli import main
from loquor.voice.speech_tokens import CONTEXT, SpeechTokens

Samples = NDArray[np.float32]
Ids = NDArray[np.int64]

TOKEN = 4
"""Samples of the made-up encoder's tokens."""
REACH = 20
"""Tokens on either side that one of its tokens depends on, fewer than the context of a window."""


def heard(sound: Samples) -> Ids:
    """A token for each `TOKEN` samples, of what lies within `REACH` of it."""
    levels = sound.reshape(-1, TOKEN).sum(axis=1).astype(np.float64)
    padded = np.pad(levels, REACH)
    return np.array([hash(padded[i : i + 2 * REACH + 1].tobytes()) % 6561 for i in range(len(levels))])


def tokens_of(sound: Samples, cuts: list[int], encode: Callable[[Samples], Ids]) -> Ids:
    tokens = SpeechTokens(encode, TOKEN, 4299)
    parts = np.split(sound, sorted(cut % (len(sound) + 1) for cut in cuts))
    found = [ids for part in parts for ids in tokens.add(part)] + list(tokens.finish())
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def sound_of(size: int) -> Samples:
    return np.random.default_rng(size).normal(0, 0.1, size).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4000), st.lists(st.integers(0, 4000), max_size=5), st.sampled_from([250, 90, 52]))
@example(1000, [], 250)
@example(1001, [1], 250)
@example(3, [], 250)
def test_tokens_of_windows_are_those_of_the_whole(size: int, cuts: list[int], most: int) -> None:
    """However it comes, and however few tokens the encoder gives at once."""
    sound = sound_of(size)
    whole = np.pad(
        sound,
        (
            0,
            max(0, 25 * TOKEN - size),
        ),
    )  # on less the encoder is not asked
    whole = np.pad(whole, (0, -len(whole) % TOKEN))
    expected = heard(whole)[: -(-size // TOKEN)]
    np.testing.assert_array_equal(tokens_of(sound, cuts, lambda part: heard(part)[:most]), expected)


def test_an_encoder_may_leave_out_the_last_tokens() -> None:
    sound = sound_of(2500)
    found = tokens_of(sound, [], lambda part: heard(part)[:-1])
    assert len(found) == 625
    np.testing.assert_array_equal(found[: -REACH - 1], heard(sound)[: -REACH - 1])


def test_silence_is_not_encoded_and_too_few_tokens_are_an_error() -> None:
    quiet = np.zeros(3000, np.float32)
    assert set(tokens_of(quiet, [], lambda _: pytest.fail("asked"))) == {4299}
    with pytest.raises(ExecutionError, match=f"gave {CONTEXT} tokens"):
        tokens_of(sound_of(3000), [], lambda part: heard(part)[:CONTEXT])


def speech(seconds: float, rate: int = 24_000) -> Samples:
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * 140 * time) * (0.2 + 0.1 * np.sin(2 * np.pi * 3 * time) * np.sin(time))
    return tone.astype(np.float32)


@pytest.fixture(scope="module")
def tiny(engine_of: Callable[..., Engine]) -> Engine:
    return engine_of()


def test_it_is_the_decoded_tokens_of_the_recording_and_as_long(tiny: Engine) -> None:
    """Past the 250 tokens that the graph gives at once; its tokens hear nothing beside them."""
    sound, voice = speech(23.456), tiny.voice((speech(6)[::-1].copy(), 24_000))
    parts = [tiny.voice((p, 24_000)) for p in (speech(8),)]
    assert len(parts[0].audio_tokens) == 200
    encoded = [
        tiny._loaded.core().encode_voice(part, None).tensors()["audio_tokens"]
        for part in np.split(np.pad(sound, (0, -len(sound) % 960)), [240_000, 480_000])
    ]
    audio = tiny.convert((sound, 24_000), voice, seed=3)
    assert len(audio.samples) == len(sound) and audio.metrics.speech_tokens == sum(map(len, encoded))
    expected = tiny.decode(np.concatenate(encoded), voice, seed=3)[: len(sound)]
    np.testing.assert_array_equal(audio.samples, expected)
    assert audio.provenance is not None and audio.metrics.text_tokens == 0

    with tiny.convert_stream((iter(np.array_split(sound, 37)), 24_000), voice, seed=3) as stream:
        chunks = list(stream)
    assert len(chunks) > 5
    np.testing.assert_array_equal(np.concatenate(chunks), expected)
    assert stream.report.finished and stream.report.audio_seconds >= audio.seconds


def test_rates_channels_and_integers(tiny: Engine) -> None:
    sound, voice = speech(3, 44_100), tiny.voice((speech(6), 24_000))
    stereo = np.stack([sound, sound], axis=1)
    pcm = np.round(stereo * 32767).astype(np.int16)
    lengths = {
        len(tiny.convert(source, voice).samples)
        for source in ((sound, 44_100), (stereo, 44_100), (iter([pcm[:50_000], pcm[50_000:]]), 44_100))
    }
    assert lengths == {72_000}


def test_a_stream_reads_no_further_than_it_must(tiny: Engine) -> None:
    """A recording without an end, in bounded memory, until it is cancelled."""
    asked = 0

    def endless() -> Iterator[Samples]:
        nonlocal asked
        while True:
            asked += 1
            yield speech(1)

    with tiny.convert_stream((endless(), 24_000), tiny.voice((speech(6), 24_000))) as stream:
        given = sum(len(next(stream)) for _ in range(20)) / 24_000
        assert given > 10 and asked < given + 25
        threading.Thread(target=stream.cancel).start()
        with pytest.raises(RequestCancelledError):
            for _ in stream:
                pass
        assert stream.report.cancelled
    token = CancelToken()
    voice = tiny.voice((speech(6), 24_000))
    assert len(tiny.convert((speech(2), 24_000), voice, cancel=token).samples) == 48_000
    threading.Timer(0.3, token.cancel).start()
    with pytest.raises(RequestCancelledError):
        tiny.convert((endless(), 24_000), voice, cancel=token)


def test_what_is_wrong_is_told(tiny: Engine, tmp_path: Path) -> None:
    voice = tiny.voice((speech(6), 24_000))

    def breaks() -> Iterator[Samples]:
        yield speech(11)
        raise OSError("the microphone is gone")

    for source, words in (
        ((np.zeros(0, np.float32), 24_000), "holds no sound"),
        ((iter([]), 24_000), "holds no sound"),
        ((np.full(30_000, np.nan, np.float32), 24_000), "NaN"),
        ((iter([speech(1), np.zeros((10, 2), np.float32)]), 24_000), "2 channels"),
        ((iter([np.zeros(10, np.complex64)]), 24_000), "dtype"),
        ((speech(1), 4_000), "8000 to 192000"),
        (tmp_path / "none.wav", "does not exist"),
        (voice, "cannot read a recording from Voice"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            tiny.convert(source, voice)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="microphone"):
        tiny.convert((breaks(), 24_000), voice)
    with pytest.raises(InvalidInputError, match="seed"):
        tiny.convert((speech(1), 24_000), voice, seed=-1)
    assert np.isfinite(tiny.convert((np.zeros(24_000, np.float32), 24_000), voice).samples).all()
    assert len(tiny.convert((speech(0.03), 24_000), voice).samples) == 720


def test_others_speak_beside_it_and_closing_ends_it(bundle_of: Callable[..., Path]) -> None:
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False, slots=2) as engine:
        voice = engine.voice((speech(6), 24_000))
        alone = engine.speak("Hello there.", voice, loquor.GenerationOptions(seed=5, max_new_tokens=20))
        stream = engine.convert_stream((iter(np.array_split(speech(40), 40)), 24_000), voice)
        next(stream)
        beside = engine.speak("Hello there.", voice, loquor.GenerationOptions(seed=5, max_new_tokens=20))
        np.testing.assert_array_equal(alone.samples, beside.samples)
    with pytest.raises((RequestCancelledError, InvalidInputError), match="closed"):
        list(stream)


@pytest.fixture(scope="module")
def mini() -> Iterator[Engine]:
    with Engine(threads=1, device="cpu") as engine:
        yield engine


def test_the_built_in_voice(mini: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its tokens are another speaker's at another pitch; windows hear what one encode of all hears."""
    said = mini.speak_long("One two three four five six seven. Where did all the flowers go? " * 8, "woman")
    source = said.collect().samples[: 28 * 24_000]
    whole = mini._loaded.core().encode_voice(source, None).tensors()["audio_tokens"]
    tokens = SpeechTokens(
        lambda part: mini._loaded.core().encode_voice(part, None).tensors()["audio_tokens"], 960, 4299
    )
    joined = np.concatenate([*tokens.add(source), *tokens.finish()])
    assert len(joined) == len(whole) and np.mean(joined == whole) > 0.95

    converted = mini.convert((source, 24_000), "man")
    assert len(converted.samples) == len(source)
    assert pitch(converted.samples) < 0.75 * pitch(source)

    soundfile.write(tmp_path / "in.wav", source[: 5 * 24_000], 24_000)
    out = tmp_path / "out.flac"
    assert main(["convert", str(tmp_path / "in.wav"), "man", "-o", str(out)]) == 0
    assert soundfile.info(out).frames == 5 * 24_000 and "AI-generated" in soundfile.SoundFile(out).comment
    assert "5.00 s of speech" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "in.wav"), "nobody", "-o", str(out)]) == 2
    assert main(["convert", str(tmp_path / "none.wav"), "man", "-o", str(out)]) == 2
    assert main(["convert", "-", "-", "-o", str(out)]) == 2


def pitch(samples: Samples) -> float:
    """The median over frames of 50 ms of the strongest period between 60 and 350 Hz."""
    found = []
    for frame in samples[: len(samples) // 1200 * 1200].reshape(-1, 1200):
        if np.abs(frame).max() > 0.05:
            echo = np.correlate(frame, frame, "full")[1199:]
            lags = slice(24_000 // 350, 24_000 // 60)
            found.append(24_000 / (lags.start + int(np.argmax(echo[lags]))))
    return float(np.median(found))

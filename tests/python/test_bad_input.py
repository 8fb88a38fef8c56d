"""Whatever users hand in, they get speech or one of our errors with one useful line."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loquor import (
    Engine,
    GenerationOptions,
    InvalidInputError,
    LoquorError,
    Voice,
)

IDS = [84, 200, 50256, 50256]
FEW = GenerationOptions(max_new_tokens=2)

fuzzed = settings(deadline=None, derandomize=True, max_examples=60)


@pytest.fixture(scope="session")
def engine(engine_of: Callable[..., Engine]) -> Engine:
    return engine_of(form="gqa", dtype="q4")


@pytest.fixture(scope="session")
def voice(engine: Engine, recording: NDArray[np.float32]) -> Voice:
    return engine.voice((recording[:48_000], 24_000))


def refused(call: Callable[[], object]) -> str:
    """The message of the InvalidInputError that `call` must end in."""
    with pytest.raises(InvalidInputError) as caught:
        call()
    return one_line(caught.value)


def one_line(error: LoquorError) -> str:
    message = str(error)
    assert len(message.split()) > 4
    assert "\n" not in message
    return message


def accepted_or_refused(call: Callable[[], Any]) -> Any:
    """What `call` returns, or None after an error of ours."""
    try:
        return call()
    except InvalidInputError as error:
        one_line(error)
        return None


# --- Text ---

odd = st.sampled_from("\x00\x07\x1b\x7f\x85\n\u200b\ud800\U0001f600\u0301\ufeff[]<|")
pieces = st.one_of(odd, st.text(max_size=3), st.sampled_from(["[sigh]", "[", "<|endoftext|>", "hello", "  "]))


@fuzzed
@given(st.text() | st.lists(pieces).map("".join))
def test_any_text(engine: Engine, voice: Voice, text: str) -> None:
    audio = accepted_or_refused(lambda: engine.speak(text, voice, FEW))
    assert audio is None or len(audio.samples) == 960 * 5


@pytest.mark.parametrize(
    "text", ["x" * 100_000, " " * 4000, "", "\n\t", "\u200b", "a\x00b", "\ud83d", "<|endoftext|>"]
)
def test_text_that_cannot_be_spoken(engine: Engine, voice: Voice, text: str) -> None:
    assert refused(lambda: engine.speak(text, voice, FEW)).startswith("text ")


@pytest.mark.parametrize("text", [None, 5, b"Hi", ["Hi"], 1.5, object()])
def test_text_that_is_no_text(engine: Engine, voice: Voice, text: Any) -> None:
    assert "text must be a str" in refused(lambda: engine.speak(text, voice, FEW))


def test_a_text_too_long_for_the_model(engine: Engine, voice: Voice) -> None:
    """Within the limit of characters, but each of these takes four tokens."""
    assert "split the text" in refused(lambda: engine.speak("\U0001f600" * 5000, voice, FEW))


# --- Recordings ---


@fuzzed
@given(
    seconds=st.sampled_from([0, 0.1, 0.99, 1, 2.5, 16]),
    rate=st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 192_000]),
    channels=st.sampled_from([None, 1, 2, 8, 9]),
    dtype=st.sampled_from(
        ["float32", "float64", "float16", "int16", "int32", "uint8", "int64", "bool", "complex64"]
    ),
    flaw=st.sampled_from([None, None, np.nan, np.inf, -np.inf, 1e30]),
)
def test_any_recording(
    engine: Engine, seconds: float, rate: int, channels: int | None, dtype: str, flaw: float | None
) -> None:
    samples = 0.3 * np.sin(np.arange(int(seconds * rate)) * (600 / rate))
    if dtype in ("int16", "int32", "uint8", "int64"):
        samples = samples * np.iinfo("uint8" if dtype == "uint8" else dtype).max / 2 + 128 * (
            dtype == "uint8"
        )
    array = samples.astype(dtype)
    if channels is not None:
        array = np.repeat(array[:, np.newaxis], channels, axis=1)
    if flaw is not None and array.dtype.kind == "f" and len(array):
        with np.errstate(over="ignore"):
            array[len(array) // 2] = flaw
    made = accepted_or_refused(lambda: engine.voice((array, rate)))
    good = seconds >= 1 and channels != 9 and (flaw is None or array.dtype.kind != "f")
    good = good and dtype not in ("int64", "bool", "complex64")
    assert (made is not None) == good
    if made is not None:
        assert len(made.audio_features) == 1 + min(375, int(seconds * 25))


@pytest.mark.parametrize("flaw", ["silence", "noise floor", "ten minutes of silence"])
def test_a_silent_recording(engine: Engine, flaw: str) -> None:
    samples = np.zeros(24_000 * (600 if flaw.startswith("ten") else 6), np.float32)
    samples[::2] += 1e-5 * (flaw == "noise floor")
    assert "silent" in refused(lambda: engine.voice((samples, 24_000)))


def test_ten_minutes_are_cut(engine: Engine, recording: NDArray[np.float32]) -> None:
    long = np.tile(recording, 100)
    made = engine.voice((long, 24_000))
    assert "longer than 15 s" in made.warnings[0]
    first = engine.voice((long[: 15 * 24_000], 24_000))
    assert made.audio_features.shape == first.audio_features.shape  # its loudness is that of the whole
    np.testing.assert_allclose(made.audio_features, first.audio_features, atol=0.01)


@pytest.mark.parametrize(
    "source",
    [
        *(
            5,
            True,
            b"clip.wav",
            {},
            [],
            object(),
            io.StringIO("x"),
            io.BytesIO(b""),
            io.BytesIO(b"RIFF" * 99),
        ),
        *(
            "",
            "no such file.wav",
            "no such voice.safetensors",
            "a\0b.wav",
            "a\0b.safetensors",
            "x" * 5000,
            Path(),
        ),
        *(
            (np.ones(9),),
            (np.ones(9), 8000, 1),
            (None, 24_000),
            ("abc", 24_000),
            ([[1.0], [1.0, 2.0]], 24_000),
        ),
        *(
            (np.ones(99_999), rate)
            for rate in (0, -1, 7999, 192_001, 2**70, "24000", 24_000.0, None, math.nan, True)
        ),
        *((np.ones(shape), 24_000) for shape in ((), (0,), (2, 48_000), (48_000, 0), (30, 30, 30))),
    ],
    ids=lambda source: f"{source!r:.40}",
)
def test_what_is_no_recording(engine: Engine, source: Any) -> None:
    messages = [
        refused(lambda: engine.voice(source)),
        refused(lambda: engine.speak("Hi.", source, FEW)),
    ]
    assert messages[0]


def test_files_that_are_no_recordings(engine: Engine, tmp_path: Path) -> None:
    for name in ("noise.wav", "noise.flac", "noise.mp3", "noise.safetensors", "noise"):
        path = tmp_path / name
        for content in (b"", b"RIFF\x00\x00\x00\x00WAVE", np.random.default_rng(1).bytes(5000)):
            path.write_bytes(content)
            assert "noise" in refused(lambda path=path: engine.speak("Hi.", path, FEW))


# --- Options ---

odd_numbers = st.one_of(
    st.sampled_from(
        [10**400, -(10**400), 10**5000, 2**31, 2**63, 2**64, -1, 0, 0.5, 1e308, -1e-300, math.nan]
    ),
    st.sampled_from(
        [math.inf, -math.inf, np.float32(np.nan), np.float64(-2), np.int8(-3), np.uint64(2**64 - 1)]
    ),
    st.integers(),
    st.floats(),
)
FIELDS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")


@fuzzed
@given(st.dictionaries(st.sampled_from(FIELDS), odd_numbers, min_size=1))
def test_any_number_as_option(engine: Engine, voice: Voice, fields: dict[str, Any]) -> None:
    options = GenerationOptions(max_new_tokens=2, **fields)
    tokens = accepted_or_refused(lambda: engine.generate_tokens(IDS, voice, options))
    assert (tokens is not None) == all(in_range(name, value) for name, value in fields.items())


def in_range(name: str, value: Any) -> bool:
    """What loquor.h promises, asked of Python's own exact numbers."""
    if not isinstance(value, int):
        value = float(value)
        if not math.isfinite(value):
            return False
        value = int(value) if name in ("top_k", "seed") and value == int(value) else value
    if name in ("top_k", "seed"):
        return isinstance(value, int) and 0 <= value <= (2**31 - 1 if name == "top_k" else 2**64 - 1)
    if abs(value) > float(np.finfo(np.float32).max):
        return False
    number = float(np.float32(value))
    return {
        "temperature": 0 <= number <= 10,
        "top_p": 0 < number <= 1,
        "min_p": 0 <= number <= 1,
        "repetition_penalty": number > 0,
    }[name]


@pytest.mark.parametrize("value", [0, -1, 2**31, 2**80, 1.5, math.nan, math.inf, True, "7", None])
def test_the_most_tokens(engine: Engine, voice: Voice, value: Any) -> None:
    options = GenerationOptions(max_new_tokens=value)
    if value is None:
        assert len(engine.generate_tokens(IDS, voice, options)) == 1000
    else:
        assert "max_new_tokens" in refused(lambda: engine.generate_tokens(IDS, voice, options))


@pytest.mark.parametrize("name", [*FIELDS, "max_new_tokens", "exaggeration", "cfg_weight"])
@pytest.mark.parametrize(
    "value", [True, "1", b"1", [1], 1j, object(), np.array([1, 2]), np.bool_(True), math.nan]
)
def test_options_that_are_no_numbers(engine: Engine, voice: Voice, name: str, value: Any) -> None:
    options = GenerationOptions(**{"max_new_tokens": 2, name: value})
    assert name in refused(lambda: engine.speak("Hi.", voice, options))
    assert name in refused(lambda: engine.generate_tokens(IDS, voice, options))


@pytest.mark.parametrize("options", [{"temperature": 0}, "greedy", 5, True, GenerationOptions, [0.8]])
def test_options_that_are_no_options(engine: Engine, voice: Voice, options: Any) -> None:
    assert "GenerationOptions" in refused(lambda: engine.speak("Hi.", voice, options))
    assert "GenerationOptions" in refused(lambda: engine.generate_tokens(IDS, voice, options))


@pytest.mark.parametrize("hook", [5, "x", object(), b""])
def test_hooks_that_are_none(engine: Engine, voice: Voice, hook: Any) -> None:
    samples = (np.sin(np.arange(48_000) / 20), 24_000)
    assert "cancel" in refused(lambda: engine.speak("Hi.", voice, FEW, cancel=hook))
    assert "cancel" in refused(lambda: engine.voice(samples, cancel=hook))
    assert "cancel" in refused(lambda: engine.decode([1], voice, cancel=hook))
    assert "progress" in refused(lambda: engine.speak("Hi.", voice, FEW, progress=hook))


# --- Token ids ---

ids_of_any_type = st.lists(
    st.one_of(st.integers(-2, 6563), st.sampled_from([-(2**63), 2**63 - 1, 2**62, 50256, 50275, 50276]))
)


@fuzzed
@given(ids_of_any_type, st.sampled_from([[], [50256], [50256, 50256]]))
def test_any_ids(engine: Engine, voice: Voice, ids: list[int], end: list[int]) -> None:
    ids = [*ids, *end]
    made = accepted_or_refused(lambda: engine.generate_tokens(np.array(ids, np.int64), voice, FEW))
    assert (made is not None) == (ids[-2:] == [50256] * 2 and all(0 <= i < 50276 for i in ids))
    samples = accepted_or_refused(lambda: engine.decode(np.array(ids, np.int64), voice))
    if all(0 <= i < 6563 for i in ids):
        assert samples is not None
        assert len(samples) == 960 * (3 + sum(i < 6561 for i in ids))
    else:
        assert samples is None


@pytest.mark.parametrize(
    "ids",
    [
        *(
            None,
            5,
            "abc",
            {},
            object(),
            [[1, 2]],
            [[1], [2, 3]],
            [1.0, 2.0],
            [True, True],
            ["a"],
            [2**70, 1],
        ),
        *(np.ones(3, np.float32), np.ones((0, 3), np.int64), np.array([1, 2], object), np.array(["1"])),
    ],
    ids=lambda ids: f"{ids!r:.30}",
)
def test_what_is_no_ids(engine: Engine, voice: Voice, ids: Any) -> None:
    assert "input_ids must be integers of shape [n]" in refused(
        lambda: engine.generate_tokens(ids, voice, FEW)
    )
    assert "speech_tokens must be integers of shape [n]" in refused(lambda: engine.decode(ids, voice))


def test_ids_that_no_signed_integer_holds(engine: Engine, voice: Voice) -> None:
    huge = np.array([2**63 + 5, 50256, 50256], np.uint64)
    assert "outside the text vocabulary" in refused(lambda: engine.generate_tokens(huge, voice, FEW))
    assert "speech tokens must lie in" in refused(lambda: engine.decode(huge, voice))


@pytest.mark.parametrize("voice", [None, 5, "voice.wav", {}])
def test_the_lower_level_takes_voices_only(engine: Engine, voice: Any) -> None:
    assert "voice must be a loquor.Voice" in refused(lambda: engine.generate_tokens(IDS, voice, FEW))
    assert "voice must be a loquor.Voice" in refused(lambda: engine.decode([1], voice))

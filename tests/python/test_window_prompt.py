"""Windows prompted with a part of the voice and what was just spoken, against the same by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions, StreamOptions, Voice, _core
from loquor.base.runtime import open_runtime
from loquor.prepare import prepare_bundle
from loquor.prepare.check import Arrays, Recorded
from loquor.prepare.cut import MEL
from loquor.prepare.window_prompt import Windows, least_prompt
from reference.noise import noise

BundleOf = Callable[..., Path]
OPTIONS = GenerationOptions(seed=9, max_new_tokens=60)
CHUNKS = StreamOptions(first_chunk=7, growth=1.5, max_chunk=20, left_context=30, look_ahead=3, fade_samples=0)
CONTEXT = 8  # tokens that the vocoder hears before a chunk


@pytest.fixture(scope="module")
def bundle(bundle_of: BundleOf) -> Path:
    return bundle_of(sines=True, noise=True, mel=True)


def streamed(engine: Engine, voice: Voice) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
    with engine.stream("Hello.", voice, OPTIONS, chunks=CHUNKS) as stream:
        return list(stream), stream.tokens


def by_hand(
    bundle: Path, voice: Voice, codes: NDArray[np.int64], sizes: list[int], prompt: int
) -> Iterator[NDArray[np.float32]]:
    """The samples of each window."""
    result = prepare_bundle(bundle, "fp32", threads=1)["conditional_decoder"]
    flow, vocoder = (
        _core.Graph(open_runtime(), str(result.source), prepared=str(file), threads=1).run
        for file in (result.file, result.vocoder)
    )
    spoken, phase = np.zeros((0, 80), np.float32), np.zeros(1, np.float32)
    begin = 0
    for size in sizes:
        end = begin + size
        to = min(len(codes), end + CHUNKS.look_ahead)
        last = max(0, begin - prompt)
        ids = np.concatenate([voice.audio_tokens[:prompt], codes[last:to]])
        made = flow(
            {
                "speech_tokens": ids[np.newaxis],
                "speaker_embeddings": voice.speaker_embeddings[np.newaxis],
                "speaker_features": np.concatenate(
                    [voice.speaker_features[: 2 * prompt], spoken[2 * last :]]
                )[np.newaxis],
                "loquor_normal_0": noise(
                    "normal", 0, OPTIONS.seed or 0, (1, 2 * (to - begin), 80), 1, 2 * begin
                ),
            }
        )[MEL][0].T
        spoken = np.concatenate([spoken, made[: 2 * size]])
        first = max(0, begin - CONTEXT)
        rows = np.concatenate([spoken[2 * first : 2 * begin], made])
        heard = vocoder(
            {
                MEL: np.ascontiguousarray(rows.T)[np.newaxis],
                "loquor_normal_1": noise("normal", 1, OPTIONS.seed or 0, (1, to - first, 960), 1, first),
                "loquor_phase": phase,
                "loquor_phase_at": np.array([(begin - first) * 960, (end - first) * 960 - 1]),
            }
        )
        phase = heard["loquor_phase_next"]
        yield heard["waveform"][0, 960 * (begin - first) : 960 * (end - first)]
        begin = end


@pytest.mark.parametrize("seconds", [0.4, 1.0, 20.0])
def test_windows_go_on_from_what_was_spoken(
    bundle: Path, recording: NDArray[np.float32], seconds: float
) -> None:
    with Engine(bundle, threads=1, device="cpu", window_prompt=seconds) as engine:
        voice = engine.voice((recording, 24_000))
        parts, tokens = streamed(engine, voice)
    assert len(parts) > 3
    codes = np.concatenate([tokens[tokens < 6561], [4299] * 3])
    prompt = min(round(25 * seconds), len(voice.audio_tokens))
    expected = by_hand(bundle, voice, codes, [len(part) // 960 for part in parts], prompt)
    for part, other in zip(parts, expected, strict=True):
        np.testing.assert_allclose(part, other, atol=2e-3)


def test_joins_are_as_smooth_as_the_rest(bundle: Path, recording: NDArray[np.float32]) -> None:
    """The sines go on, whatever the windows make of the mel."""
    with Engine(bundle, threads=1, device="cpu", window_prompt=1) as engine:
        parts, _ = streamed(engine, engine.voice((recording, 24_000)))
    steps = np.abs(np.diff(np.concatenate(parts)))
    joins = np.cumsum([len(part) for part in parts])[:-1]
    assert steps[joins - 1].max() <= np.quantile(steps, 0.999)


def test_speech_as_a_whole_has_its_whole_prompt(bundle: Path, recording: NDArray[np.float32]) -> None:
    spoken = []
    for seconds in (0, 1):
        with Engine(bundle, threads=1, device="cpu", window_prompt=seconds) as engine:
            voice = engine.voice((recording, 24_000))
            spoken.append(engine.speak("Hello.", voice, OPTIONS).samples)
            again = np.concatenate(streamed(engine, voice)[0])
            np.testing.assert_array_equal(again, np.concatenate(streamed(engine, voice)[0]))
    np.testing.assert_array_equal(*spoken)


def test_a_decoder_in_one_part_leaves_it_out(bundle_of: BundleOf, recording: NDArray[np.float32]) -> None:
    heard = []
    for seconds in (0, 1):
        with Engine(bundle_of(sines=True), threads=1, device="cpu", window_prompt=seconds) as engine:
            heard.append(np.concatenate(streamed(engine, engine.voice((recording, 24_000)))[0]))
    np.testing.assert_array_equal(*heard)


# --- What preparation finds ---


def test_preparation_tells_what_windows_need(bundle: Path, fresh_cache: Path) -> None:
    first, again = (prepare_bundle(bundle, "fp32", threads=1)["conditional_decoder"] for _ in range(2))
    assert first.window_prompt == again.window_prompt
    assert again.cached
    note = json.loads(next(fresh_cache.glob("conditional_decoder-*.json")).read_bytes())
    assert 0 < note["differences"]["windows_1s"] < 10


def recorded(tokens: int) -> Recorded:
    rng = np.random.default_rng(0)
    mel = rng.standard_normal((2 * tokens, 4)).astype(np.float32)
    return Recorded(np.arange(tokens), np.zeros(3, np.float32), mel)


def flow_of(drift: float, enough: int = 75) -> Callable[[Arrays], Any]:
    """Says the token and some noise, and `drift` more with each token less than `enough` before it."""

    def flow(feeds: Arrays) -> NDArray[np.float32]:
        ids, mel = feeds["speech_tokens"][0], feeds["speaker_features"][0]
        assert len(mel) % 2 == 0
        new = np.repeat(ids[len(mel) // 2 :], 2)[:, np.newaxis].astype(np.float32)
        drawn = feeds["noise_normal_0"][0, -len(new) :]
        assert feeds["noise_normal_0"].shape == (1, 2 * len(ids), 4)
        return 0.01 * new + drawn + drift * max(0, enough - len(mel) // 2)

    return flow


@pytest.mark.parametrize(
    ("drift", "enough", "least"), [(0.0, 75, 1.0), (0.04, 75, 2.0), (0.09, 75, 3.0), (9.0, 90, 0.0)]
)
def test_the_least_prompt_that_holds_is_taken(drift: float, enough: int, least: float) -> None:
    windows = Windows(flow_of(drift, enough), recorded(250), {"noise_normal_0": [1, "2*tokens", 4]})
    assert (len(windows.voice.tokens), len(windows.tokens)) == (125, 100)
    found, seen = least_prompt(windows)
    assert found == least, seen
    assert windows.continued(25).shape == windows.mel.shape == windows.one_shot().shape


def test_windows_hear_the_noise_of_the_whole() -> None:
    windows = Windows(flow_of(0), recorded(250), {"noise_normal_0": [1, "2*tokens", 4]})
    np.testing.assert_array_equal(windows.continued(25), windows.one_shot())


def test_a_short_recording_tells_nothing() -> None:
    with pytest.raises(ValueError, match="too short"):
        Windows(flow_of(0), recorded(140), {})

"""The bundle makers and the plain reference: what every other test of the engine stands on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from bundles import DTYPES, FORMS, PRECISIONS, SIZES, make_bundle
from reference import PlainLoop, Voice

Make = Callable[..., Path]

RATE = 24_000
TEXT_IDS = [39, 68, 75, 75, 78, 50271, 13, 50256, 50256]
TINY = SIZES["tiny"]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes each tiny bundle once; equal options share a folder."""
    root = tmp_path_factory.mktemp("bundles")

    def make_once(**options: object) -> Path:
        out = root / hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]
        return out if out.exists() else make_bundle(out, **options)

    return make_once


def recording(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Noise whose loudness wanders, float32 mono at 24 kHz."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    return (rng.standard_normal(time.size) * (0.1 + 0.09 * np.sin(7 * time + seed))).astype(np.float32)


# --- the language model in all its forms and precisions


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_and_precision_speaks(make: Make, form: str, dtype: str) -> None:
    plain = PlainLoop(make(form=form, dtype=dtype), dtype)
    voice = plain.encode(recording(2.0))
    tokens = plain.generate(TEXT_IDS, voice, max_new_tokens=12)
    samples = plain.decode(tokens, voice)
    codes = [token for token in tokens if token < 6561]
    assert len(tokens) == 12
    assert len(set(tokens)) > 6
    assert samples.shape == (960 * (len(codes) + 3),)
    assert samples.dtype == np.float32
    assert 0.1 < np.abs(samples).max() < 1
    other = plain.encode(recording(2.0, seed=1))
    assert plain.generate(TEXT_IDS, other, max_new_tokens=12) != tokens
    assert plain.generate([5, *TEXT_IDS], voice, max_new_tokens=12) != tokens


@pytest.mark.parametrize(("dtype", "tolerance"), [("fp32", 1e-4), ("q4", 1e-4), ("q8", 1e-4), ("fp16", 0.1)])
def test_forms_agree(make: Make, dtype: str, tolerance: float) -> None:
    logits = {}
    for form in FORMS:
        plain = PlainLoop(make(form=form, dtype=dtype), dtype)
        steps = plain.steps(TEXT_IDS, plain.encode(recording(2.0)))
        logits[form] = [next(steps), *(steps.send(token) for token in (17, 4299, 6560))]
    assert np.std(logits["concat"]) > 1
    np.testing.assert_allclose(logits["mha"], logits["concat"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(logits["gqa"], logits["concat"], rtol=0, atol=tolerance)


def test_half_precision_rounds_the_weights_of_single_precision(make: Make) -> None:
    logits = {}
    for dtype in ("fp32", "fp16"):
        plain = PlainLoop(make(dtype=dtype), dtype)
        logits[dtype] = next(plain.steps(TEXT_IDS, plain.encode(recording(2.0))))
    np.testing.assert_allclose(logits["fp16"], logits["fp32"], rtol=0, atol=0.1)


def test_causal_mask_and_cache_agree_with_one_pass(make: Make) -> None:
    """Feeding a sequence at once or token by token gives the same logits at every position."""
    for form in FORMS:
        model = PlainLoop(make(form=form)).language_model
        embeds = np.random.default_rng(0).standard_normal((1, 7, TINY.hidden)).astype(np.float32)
        whole, *_ = run_model(model, embeds, 0, empty_past())
        past, rows = empty_past(), []
        for position in range(7):
            logits, *past = run_model(model, embeds[:, position : position + 1], position, past)
            rows.append(logits[:, 0])
        np.testing.assert_allclose(np.stack(rows, axis=1), whole, rtol=0, atol=1e-4)


def test_padding_is_masked(make: Make) -> None:
    """Left padding that the attention mask hides changes nothing."""
    embeds = np.random.default_rng(0).standard_normal((1, 5, TINY.hidden)).astype(np.float32)
    for form in ("concat", "mha"):
        model = PlainLoop(make(form=form)).language_model
        whole, *_ = run_model(model, embeds, 0, empty_past())
        feeds = {
            "inputs_embeds": np.concatenate([np.ones((1, 2, TINY.hidden), np.float32), embeds], axis=1),
            "attention_mask": np.array([[0, 0, 1, 1, 1, 1, 1]]),
            "position_ids": np.array([[0, 0, 0, 1, 2, 3, 4]]),
        }
        padded = model.run(["logits"], feeds | dict(zip(past_names(), empty_past(), strict=True)))[0]
        np.testing.assert_allclose(padded[:, 2:], whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gqa_shares_one_buffer_for_past_and_present(make: Make, dtype: str) -> None:
    """A buffer of a larger capacity, bound as past and present, gives the logits of fresh pasts."""
    model = PlainLoop(make(form="gqa", dtype=dtype), dtype).language_model
    half = PRECISIONS[dtype].half
    cache_type = np.float16 if half else np.float32
    rng = np.random.default_rng(0)
    embeds = [rng.standard_normal((1, length, TINY.hidden)).astype(np.float32) for length in (5, 1, 3, 1)]
    capacity = 16
    shape = (1, TINY.heads, capacity, TINY.head_dim)
    # A mark beyond the filled part shows what is written and what is not.
    buffers = [ort.OrtValue.ortvalue_from_numpy(np.full(shape, 99, cache_type)) for _ in past_names()]
    past, position = empty_past(cache_type), 0
    for step in embeds:
        expected, *past = run_model(model, step, position, past)
        binding = model.io_binding()
        for name, array in step_feeds(step, position).items():
            binding.bind_cpu_input(name, array)
        for name, buffer in zip(past_names(), buffers, strict=True):
            binding.bind_ortvalue_input(name, buffer)
            binding.bind_ortvalue_output(name.replace("past_key_values", "present"), buffer)
        binding.bind_output("logits")
        model.run_with_iobinding(binding)
        position += step.shape[1]
        logits = binding.get_outputs()[-1].numpy()
        np.testing.assert_allclose(logits, expected, rtol=0, atol=0.02 if half else 1e-4)
        for buffer, fresh in zip(buffers, past, strict=True):
            np.testing.assert_allclose(buffer.numpy()[:, :, :position], fresh, atol=2e-3 if half else 1e-5)
            assert (buffer.numpy()[:, :, position:] == 99).all()


def test_gqa_decodes_rows_of_different_lengths(make: Make) -> None:
    """In a batch each row's cache is as long as its part of the mask; the new key goes right behind it."""
    model = PlainLoop(make(form="gqa")).language_model
    rng = np.random.default_rng(0)
    lengths, capacity = (5, 3), 8
    pasts = [np.zeros((2, TINY.heads, capacity, TINY.head_dim), np.float32) for _ in past_names()]
    expected = []
    token = rng.standard_normal((2, 1, TINY.hidden)).astype(np.float32)
    for row, length in enumerate(lengths):
        prompt = rng.standard_normal((1, length, TINY.hidden)).astype(np.float32)
        _, *past = run_model(model, prompt, 0, empty_past())
        for batched, own in zip(pasts, past, strict=True):
            batched[row, :, :length] = own[0]
        expected.append(run_model(model, token[row : row + 1], length, past)[0][0])
    feeds = {
        "inputs_embeds": token,
        "attention_mask": np.array([[1] * 6, [1] * 4 + [0] * 2]),
        "position_ids": np.array([[5], [3]]),
    }
    logits = model.run(["logits"], feeds | dict(zip(past_names(), pasts, strict=True)))[0]
    np.testing.assert_allclose(logits, np.stack(expected), rtol=0, atol=1e-4)


def past_names() -> list[str]:
    return [f"past_key_values.{layer}.{part}" for layer in range(TINY.layers) for part in ("key", "value")]


def empty_past(dtype: type = np.float32) -> list[NDArray]:
    return [np.zeros((1, TINY.heads, 0, TINY.head_dim), dtype) for _ in past_names()]


def step_feeds(embeds: NDArray, position: int) -> dict[str, NDArray]:
    end = position + embeds.shape[1]
    return {
        "inputs_embeds": embeds,
        "attention_mask": np.ones((1, end), np.int64),
        "position_ids": np.arange(position, end)[None],
    }


def run_model(
    model: ort.InferenceSession, embeds: NDArray, position: int, past: list[NDArray]
) -> list[NDArray]:
    return model.run(None, step_feeds(embeds, position) | dict(zip(past_names(), past, strict=True)))


# --- the other graphs


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_embedding_rule(make: Make, dtype: str) -> None:
    """All but the last two ids are text; the last two are codes, where end-of-text means START."""
    bundle = make(dtype=dtype)
    graph = onnx.load(bundle / "onnx" / f"embed_tokens{PRECISIONS[dtype].suffix}.onnx").graph
    tables = {
        tensor.name: onnx.numpy_helper.to_array(tensor).astype(np.float32) for tensor in graph.initializer
    }
    text, speech = tables["text_emb.weight"], tables["speech_emb.weight"]
    session = PlainLoop(bundle, dtype).embed_tokens

    def embed(*ids: int) -> NDArray:
        return session.run(None, {"input_ids": np.array([ids])})[0][0]

    np.testing.assert_array_equal(
        embed(7, 50256, 50275, 50256, 50256),
        np.stack([text[7], text[50256], text[50275], speech[6561], speech[6561]]),
    )
    np.testing.assert_array_equal(embed(123), speech[[123]])
    np.testing.assert_array_equal(embed(50256), speech[[6561]])
    np.testing.assert_array_equal(embed(3, 4), speech[[3, 4]])
    assert not np.array_equal(text[7], speech[7])
    with pytest.raises(Exception, match=r"(?i)out of"):
        embed(7, 8, 50255, 50255)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("seconds", "codes", "prefix"), [(0.02, 0, 1), (3.52, 88, 89), (10.32, 250, 259), (16, 250, 376)]
)
def test_encoder_lengths(make: Make, dtype: str, seconds: float, codes: int, prefix: int) -> None:
    voice = PlainLoop(make(dtype=dtype), dtype).encode(recording(seconds))
    assert {name: array.shape for name, array in voice.items()} == {
        "audio_features": (1, prefix, TINY.hidden),
        "audio_tokens": (1, codes),
        "speaker_embeddings": (1, 192),
        "speaker_features": (1, 2 * codes, 80),
    }
    assert voice["audio_tokens"].dtype == np.int64
    assert all(np.isfinite(array).all() for array in voice.values())
    if codes:
        assert voice["audio_tokens"].min() >= 0
        assert voice["audio_tokens"].max() <= 6560
        assert np.unique(voice["audio_tokens"]).size > codes / 2


def test_every_encoder_output_depends_on_the_audio(make: Make) -> None:
    plain = PlainLoop(make())
    first, second = plain.encode(recording(2.0, seed=1)), plain.encode(recording(2.0, seed=2))
    for name in first:
        assert not np.allclose(first[name], second[name]), name


def test_card_names_are_read_by_position(make: Make) -> None:
    bundle = make(encoder_names="card")
    names = [output.name for output in PlainLoop(bundle).speech_encoder.get_outputs()]
    assert names == ["cond_emb", "prompt_token", "speaker_embeddings", "speaker_features"]
    assert_same_voice(PlainLoop(bundle).encode(recording(2.0)), PlainLoop(make()).encode(recording(2.0)))


def test_each_token_has_its_own_sound(make: Make) -> None:
    plain = PlainLoop(make())
    voice = plain.encode(recording(2.0))
    codes = np.random.default_rng(0).permutation(6561)[:200].tolist()
    frames = plain.decode(codes, voice).reshape(203, 960)
    np.testing.assert_array_equal(frames[-1], frames[-3])
    distances = np.abs(frames[:200, None] - frames[None, :200]).max(axis=2) + np.eye(200)
    assert distances.min() > 0.05
    np.testing.assert_array_equal(plain.decode([6561, *codes, 6562], voice).reshape(203, 960), frames)
    other = plain.encode(recording(2.0, seed=3))
    assert not np.allclose(plain.decode(codes, other).reshape(203, 960), frames)


def test_decoder_rejects_what_is_no_code(make: Make) -> None:
    plain = PlainLoop(make())
    voice = plain.encode(recording(1.0))
    with pytest.raises(Exception, match=r"(?i)out of"):
        plain.decode([-6562], voice)


def test_noise_makes_runs_differ(make: Make) -> None:
    quiet, noisy = PlainLoop(make()), PlainLoop(make(noise=True))
    voice = quiet.encode(recording(1.0))
    clean = quiet.decode([1, 2, 3], voice)
    np.testing.assert_array_equal(clean, quiet.decode([1, 2, 3], voice))
    first, second = noisy.decode([1, 2, 3], voice), noisy.decode([1, 2, 3], voice)
    assert not np.array_equal(first, second)
    assert 0 < np.abs(first - clean).mean() < 0.1


def test_fragile_encoder_needs_the_basic_level(make: Make) -> None:
    path = make(fragile_encoder=True, graphs=["speech_encoder"]) / "onnx" / "speech_encoder.onnx"
    outputs = {}
    for level in ("ALL", "EXTENDED", "BASIC"):
        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_ENABLE_{level}")
        try:
            session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            assert "QLinearAveragePool" in str(error)
        else:
            outputs[level] = session.run(None, {"audio_values": recording(2.0)[None]})
    assert set(outputs) == {"BASIC"}
    assert all(np.isfinite(array).all() for array in outputs["BASIC"])


def assert_same_voice(one: Voice, other: Voice) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])

"""Voices: kept, saved, loaded, and refused when damaged or made by another model."""

from __future__ import annotations

import dataclasses
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from loquor.errors import InvalidInputError, ModelError
from loquor.voice.voice import Fingerprint, Voice, VoicePrefix, fingerprint_of, is_saved_voice, is_voice_file

ARRAYS = ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features")
MADE_BY = Fingerprint("a" * 64, "b" * 64, "fp32")


def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {
        "audio_features": random.standard_normal((9, 16)).astype(np.float32),
        "audio_tokens": random.integers(0, 6561, 8),
        "speaker_embeddings": random.standard_normal(192).astype(np.float32),
        "speaker_features": random.standard_normal((16, 80)).astype(np.float32),
    }


def make_voice(**changes: Any) -> Voice:
    return Voice(**{**arrays(), "fingerprint": MADE_BY, "name": "Ada é", **changes})


def read_header(path: Path) -> dict[str, str]:
    content = path.read_bytes()
    metadata: dict[str, str] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])[
        "__metadata__"
    ]
    return metadata


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "ada.safetensors"
    make_voice().save(path)
    return path


def test_a_saved_voice_comes_back(saved: Path) -> None:
    voice, back = make_voice(), Voice.load(str(saved))
    assert (back.fingerprint, back.name) == (voice.fingerprint, voice.name)
    for name in ARRAYS:
        array = getattr(back, name)
        np.testing.assert_array_equal(array, getattr(voice, name))
        assert array.dtype == getattr(voice, name).dtype
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]
    assert read_header(saved)["version"] == "1"


def test_a_voice_is_not_touched_through_the_arrays_it_came_from() -> None:
    given_arrays = arrays()
    voice = Voice(**given_arrays, fingerprint=MADE_BY)
    given_arrays["audio_tokens"][0] = 1 + voice.audio_tokens[0]
    assert voice.audio_tokens[0] != given_arrays["audio_tokens"][0]
    transposed = make_voice(speaker_features=np.asfortranarray(arrays()["speaker_features"]))
    assert transposed.speaker_features.flags.c_contiguous


def test_a_repr_is_one_short_line() -> None:
    prefix = VoicePrefix(np.zeros((2, 2, 9, 2), np.float16), "c" * 64)
    assert repr(prefix) == "VoicePrefix(float16 [2, 2, 9, 2] of cccccccccccc)"
    assert repr(make_voice()) == "Voice('Ada é', 8 tokens of bundle aaaaaaaaaaaa)"
    assert repr(make_voice(prefix=prefix)).endswith("aaaaaaaaaaaa, with its prefix)")


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("fault", ["dtype", "rank", "empty", "type"])
def test_a_wrong_array_is_refused(name: str, fault: str) -> None:
    right = arrays()[name]
    wrong = {
        "dtype": right.astype(np.float64 if right.dtype == np.float32 else np.int32),
        "rank": right[np.newaxis],
        "empty": right[:0],
        "type": right.tolist(),
    }[fault]
    with pytest.raises(InvalidInputError, match=f"{name} must be {right.dtype} of rank {right.ndim}"):
        make_voice(**{name: wrong})


def test_wrong_values_are_refused() -> None:
    for name in ARRAYS:
        if arrays()[name].dtype == np.float32:
            bad = arrays()[name]
            for value in (np.nan, np.inf, 3e38, -3e38, -65_505):
                bad.flat[3] = value
                with pytest.raises(InvalidInputError, match=f"{name} holds values that are not finite"):
                    make_voice(**{name: bad})
            bad.flat[3] = -65_504  # the largest of a float16
            make_voice(**{name: bad})
    with pytest.raises(InvalidInputError, match="must not be negative, not -1"):
        make_voice(audio_tokens=np.where(np.arange(8) == 5, -1, arrays()["audio_tokens"]))
    with pytest.raises(InvalidInputError, match="name must be a str"):
        make_voice(name=None)


def test_arrays_that_do_not_agree_or_are_endless_are_refused() -> None:
    tokens, features = arrays()["audio_tokens"], arrays()["speaker_features"]
    with pytest.raises(InvalidInputError, match=r"two frames for each of its 7 audio_tokens, 14, not 16"):
        make_voice(audio_tokens=tokens[:7])
    with pytest.raises(InvalidInputError, match=r"two frames for each of its 8 audio_tokens, 16, not 15"):
        make_voice(speaker_features=features[:15])
    with pytest.raises(InvalidInputError, match=r"number of audio_tokens must be 1 to 750, not 751"):
        make_voice(audio_tokens=np.zeros(751, np.int64), speaker_features=np.zeros((1502, 80), np.float32))
    with pytest.raises(InvalidInputError, match=r"audio_features .* must be 1 to 1024, not 1025"):
        make_voice(audio_features=np.zeros((1025, 16), np.float32))
    with pytest.raises(InvalidInputError, match=r"speaker_embeddings must be 1 to 16384, not 16385"):
        make_voice(speaker_embeddings=np.zeros(16_385, np.float32))


@pytest.mark.parametrize(
    "changes",
    [
        {"bundle": "a" * 63},
        {"encoder": "G" * 64},
        {"bundle": ""},
        {"dtype": ""},
        {"dtype": "fp32\n" * 99},
        {"encoder": None},
    ],
)
def test_a_fingerprint_is_two_hashes_and_a_dtype(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match=f"fingerprint's {next(iter(changes))}"):
        dataclasses.replace(MADE_BY, **changes)


def test_a_name_that_is_not_unicode_is_saved(tmp_path: Path) -> None:
    make_voice(name="voice\udcff").save(tmp_path / "odd.safetensors")
    assert Voice.load(tmp_path / "odd.safetensors").name == "voice?"


def test_no_array_is_strided_when_it_is_saved(tmp_path: Path) -> None:
    """safetensors 0.8.0 writes the bytes of a strided array as they lie, and its shape as if it were not."""
    given = {name: np.asfortranarray(array) for name, array in arrays().items()}
    kv = np.arange(2 * 2 * 9 * 3, dtype=np.float32).reshape(2, 2, 3, 9).swapaxes(2, 3)
    assert not kv.flags.c_contiguous
    voice = make_voice(**given, prefix=VoicePrefix(kv, "c" * 64))
    voice.save(tmp_path / "ada.safetensors")
    back = Voice.load(tmp_path / "ada.safetensors")
    assert back.prefix is not None
    np.testing.assert_array_equal(back.prefix.kv, kv)
    for name, array in arrays().items():
        np.testing.assert_array_equal(getattr(back, name), array)


def test_voice_files_are_told_by_suffix_alone(tmp_path: Path) -> None:
    assert is_voice_file("a.safetensors") and is_voice_file(Path("A.SAFETENSORS"))
    assert (
        not is_voice_file("a.wav")
        and not is_voice_file("safetensors")
        and not is_voice_file("a.safetensors.wav")
    )
    with pytest.raises(InvalidInputError, match=r"must end in \.safetensors"):
        make_voice().save(tmp_path / "ada.voice")
    with pytest.raises(InvalidInputError, match="there is no folder"):
        make_voice().save(tmp_path / "missing" / "ada.safetensors")


def test_a_voice_is_read_from_a_file_object(tmp_path: Path, saved: Path) -> None:
    content = saved.read_bytes()
    back = Voice.load(io.BytesIO(content))
    for name, array in arrays().items():
        np.testing.assert_array_equal(getattr(back, name), array)
    assert (back.name, back.fingerprint) == (Voice.load(saved).name, MADE_BY)
    assert is_saved_voice(io.BytesIO(content)) and not is_saved_voice(io.BytesIO(b"RIFF\0\0\0\0WAVE"))
    rewrite(saved, {"audio_tokens": np.zeros(3, np.int32)}, {})
    for damaged in (content[:-5], saved.read_bytes(), b"\xff" * 20, b""):
        with pytest.raises(InvalidInputError, match="the file object is damaged or no voice file"):
            Voice.load(io.BytesIO(damaged))
    with pytest.raises(InvalidInputError, match="cannot read a voice from StringIO: give a path, or"):
        Voice.load(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"its header has \d+ bytes"):
        Voice.load(io.BytesIO((1 << 24).to_bytes(8, "little") + b"{" * 99))


def test_check_accepts_the_same_bundle_and_refuses_others() -> None:
    voice = make_voice()
    voice.check(MADE_BY)
    voice.check(Fingerprint("a" * 64, "c" * 64, "q4"))  # the same bundle's encoder in another precision
    for other in (
        Fingerprint("c" * 64, "b" * 64, "fp32"),
        Fingerprint("c" * 64, "b" * 64, "q4"),
        Fingerprint("a" * 64, "c" * 64, "fp32"),
    ):
        with pytest.raises(InvalidInputError, match="make the voice again from its recording") as caught:
            voice.check(other)
        assert str(MADE_BY) in str(caught.value) and str(other) in str(caught.value)
        assert "'Ada é'" in str(caught.value)


def test_files_that_are_no_voice_are_refused(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(InvalidInputError, match="no such file"):
        Voice.load(tmp_path / "missing.safetensors")
    with pytest.raises(InvalidInputError, match="no such file"):
        Voice.load(tmp_path)
    for path in (tmp_path / ("long" * 100), "a\0b.safetensors"):
        with pytest.raises(InvalidInputError, match=r"long|no such file"):
            Voice.load(path)
    wav = tmp_path / "recording.wav"
    soundfile.write(wav, np.zeros(24_000), 24_000)
    with pytest.raises(InvalidInputError, match="damaged or no voice file"):
        Voice.load(wav)
    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    with pytest.raises(InvalidInputError, match="safetensors file, but no voice"):
        Voice.load(tmp_path / "model.safetensors")


def rewrite(path: Path, tensors: dict[str, np.ndarray | None], metadata: dict[str, str | None]) -> None:
    """Save the voice at `path` again with these tensors and metadata changed, or dropped where None."""
    all_tensors = {**load_file(path), **tensors}
    all_metadata = {**read_header(path), **metadata}
    save_file(
        {key: value for key, value in all_tensors.items() if value is not None},
        path,
        {key: value for key, value in all_metadata.items() if value is not None},
    )


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        ({"audio_tokens": None}, {}, "lacks .*audio_tokens"),
        ({"audio_tokens": np.zeros(3, np.int32)}, {}, "damaged: .*audio_tokens must be int64 of rank 1"),
        ({"audio_features": np.zeros((2, 2), np.float16)}, {}, "damaged: .*audio_features must be float32"),
        ({"audio_features": np.full((2, 2), np.inf, np.float32)}, {}, "damaged: .*not finite"),
        ({"speaker_embeddings": np.full(4, -3e38, np.float32)}, {}, "damaged: .*larger than 65504"),
        (
            {"prefix_kv": np.full((2, 2, 9, 2), 3e38, np.float32)},
            {"prefix": "a" * 64},
            "damaged: .*prefix .*larger than 65504",
        ),
        ({}, {"version": "2"}, "format version 2.*upgrade Loquor"),
        ({}, {"version": "0"}, "damaged .*version '0'"),
        ({}, {"version": "x"}, "damaged .*version 'x'"),
        ({}, {"version": None}, "damaged .*version ''"),
        ({}, {"encoder": None}, r"lacks \['encoder'\]"),
        ({}, {"bundle": "abc"}, "damaged: .*64 hex digits"),
        ({}, {"format": "other"}, "no voice"),
        ({}, {"name": "Ada" * 99}, "damaged: .*at most 255 characters"),
        ({}, {"prefix": "a" * 64}, "damaged: .*prefix"),
        ({"audio_tokens": np.zeros(7, np.int64)}, {}, "damaged: .*two frames for each of its 7"),
        (
            {"audio_features": np.zeros((1 << 20, 17), np.float32)},
            {},
            "damaged: .*audio_features has 17,825,792 values",
        ),
        ({"prefix_kv": np.zeros((2, 2, 8, 2), np.float32)}, {"prefix": "a" * 64}, "damaged: .*8 positions"),
        ({"prefix_kv": np.zeros((2, 2, 9, 2), np.int32)}, {"prefix": "a" * 64}, "damaged: .*not int32"),
    ],
)
def test_a_changed_file_is_refused(
    saved: Path, tensors: dict[str, np.ndarray | None], metadata: dict[str, str | None], message: str
) -> None:
    rewrite(saved, {}, {})
    Voice.load(saved)
    rewrite(saved, tensors, metadata)
    with pytest.raises(InvalidInputError, match=message):
        Voice.load(saved)


def test_what_a_newer_file_holds_besides_is_left_alone(saved: Path) -> None:
    rewrite(saved, {"mood": np.zeros((1 << 20, 2), np.float32)}, {"language": "en"})
    np.testing.assert_array_equal(Voice.load(saved).audio_tokens, make_voice().audio_tokens)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_damaged_file_is_loaded_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    make_voice().save(path)
    content = bytearray(path.read_bytes())
    header_end = 8 + int.from_bytes(content[:8], "little")
    for position in data.draw(st.lists(st.integers(0, header_end), max_size=3)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    for source in (path, io.BytesIO(path.read_bytes())):
        try:
            Voice.load(source).check(MADE_BY)
        except InvalidInputError as error:
            assert len(str(error)) > 20


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("[]")
    (tmp_path / "onnx" / "speech_encoder.onnx_data").write_bytes(np.random.default_rng(0).bytes(1_000_000))
    write_encoder(tmp_path, "speech_encoder.onnx_data")
    return tmp_path


def write_encoder(bundle: Path, *locations: str, producer: str = "") -> None:
    """A graph that names these files for its weights."""
    weights = [onnx.TensorProto(name=name, dims=[1], data_type=1, data_location=1) for name in locations]
    for tensor in weights:
        tensor.external_data.add(key="location", value=tensor.name)
    graph = onnx.GraphProto(name="speech_encoder", initializer=weights)
    onnx.save(
        onnx.ModelProto(ir_version=8, producer_name=producer, graph=graph),
        str(bundle / "onnx" / "speech_encoder.onnx"),
    )


def fingerprint(bundle: Path, contract: str = "turbo") -> Fingerprint:
    return fingerprint_of(bundle, bundle / "onnx" / "speech_encoder.onnx", "fp32", contract)


def test_the_fingerprint_is_stable_and_does_not_depend_on_the_place(bundle: Path, tmp_path: Path) -> None:
    first = fingerprint(bundle)
    assert first == fingerprint(bundle) and first.dtype == "fp32"
    moved = bundle.rename(tmp_path.with_name("moved"))
    (moved / "onnx" / "speech_encoder.onnx_data.incomplete").write_bytes(b"not ours")
    (moved / "onnx" / "speech_encoder_q4.onnx_data").write_bytes(b"not ours")
    assert fingerprint(moved) == first


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_the_bundle_part_follows_its_files(bundle: Path, name: str) -> None:
    before = fingerprint(bundle)
    (bundle / name).write_text("other")
    after = fingerprint(bundle)
    assert after.bundle != before.bundle and after.encoder == before.encoder


def test_the_bundle_part_follows_the_contract_and_the_borders_between_files(bundle: Path) -> None:
    before = fingerprint(bundle)
    assert fingerprint(bundle, "nano").bundle != before.bundle
    (bundle / "config.json").write_text("{}[")
    (bundle / "tokenizer.json").write_text("]")
    assert fingerprint(bundle).bundle != before.bundle
    (bundle / "config.json").unlink()  # as in the published multilingual bundle
    assert fingerprint(bundle).bundle != before.bundle


@pytest.mark.parametrize("change", ["graph", "first", "last", "size", "second file", "other name"])
def test_the_encoder_part_follows_graph_and_weights(bundle: Path, change: str) -> None:
    data = bundle / "onnx" / "speech_encoder.onnx_data"
    others = {"second file": "speech_encoder.onnx_data_1", "other name": "weights.bin"}
    for other in others.values():
        data.with_name(other).write_bytes(b"more")
    write_encoder(bundle, data.name, *others.values())
    before = fingerprint(bundle)
    content = bytearray(data.read_bytes())
    if change == "graph":
        write_encoder(bundle, data.name, *others.values(), producer="another")
    elif change in others:
        data.with_name(others[change]).write_bytes(b"More")
    else:
        if change == "size":
            content += b"\0"
        else:
            content[{"first": 0, "last": -1}[change]] ^= 1
        data.write_bytes(content)
    after = fingerprint(bundle)
    assert after.encoder != before.encoder and after.bundle == before.bundle


def test_the_size_of_weights_counts_where_no_sampled_byte_differs(bundle: Path) -> None:
    data = bundle / "onnx" / "speech_encoder.onnx_data"
    data.write_bytes(bytes(1_000_000))
    before = fingerprint(bundle)
    data.write_bytes(bytes(1_000_001))
    assert fingerprint(bundle).encoder != before.encoder


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 64 * 4096])
def test_small_weights_are_hashed_whole(bundle: Path, size: int) -> None:
    data = bundle / "onnx" / "speech_encoder.onnx_data"
    seen = set()
    for flipped in {0, size // 3, size // 2, size - 1} if size else {0}:
        content = bytearray(size)
        if size:
            content[flipped] = 1
        data.write_bytes(content)
        seen.add(fingerprint(bundle).encoder)
    assert len(seen) == (len({0, size // 3, size // 2, size - 1}) if size else 1)


def test_a_gigabyte_of_weights_takes_no_time(bundle: Path) -> None:
    with (bundle / "onnx" / "speech_encoder.onnx_data").open("wb") as file:
        file.truncate(1 << 30)  # sparse: costs no disk
    start = time.perf_counter()
    fingerprint(bundle)
    assert time.perf_counter() - start < 0.5


def test_a_missing_file_is_an_error_of_the_bundle(bundle: Path) -> None:
    (bundle / "onnx" / "speech_encoder.onnx_data").unlink()
    with pytest.raises(ModelError, match=r"speech_encoder\.onnx_data"):
        fingerprint(bundle)
    (bundle / "onnx" / "speech_encoder.onnx").unlink()
    with pytest.raises(ModelError, match=r"speech_encoder\.onnx"):
        fingerprint(bundle)
    (bundle / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        fingerprint(bundle)

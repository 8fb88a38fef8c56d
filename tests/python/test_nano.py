"""Nano as its three exporters publish it: a precision a graph, one end-of-text id, other weight files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from bundles import GRAPHS, make_bundle
from loquor import Engine, GenerationOptions, InvalidInputError
from reference import PlainLoop, uniform

SETS: dict[str, tuple[dict[str, str], int]] = {
    "owensong": (
        {
            "speech_encoder": "q4f16",
            "embed_tokens": "fp16",
            "language_model": "q4f16",
            "conditional_decoder": "q4",
        },
        2,
    ),
    "Masterx": (dict.fromkeys(GRAPHS, "q4f16"), 2),
    "KitsuMate": (
        {
            "speech_encoder": "fp32",
            "embed_tokens": "fp32",
            "language_model": "int8_mixed",
            "conditional_decoder": "int8",
        },
        1,
    ),
}


def make_set(folder: Path, name: str) -> Path:
    dtypes, ends = SETS[name]
    for graph, dtype in dtypes.items():
        make_bundle(folder, dtype=dtype, graphs=[graph], ends=ends, stop_bias=-1000.0)
    return folder


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("name", SETS)
def test_each_exporters_set_speaks(
    tmp_path: Path, recording: NDArray[np.float32], name: str, prepare: bool
) -> None:
    folder = make_set(tmp_path / "bundle", name)
    dtypes, ends = SETS[name]
    with Engine(folder, device="cpu", threads=1, prepare=prepare) as engine:
        assert engine.capabilities.dtypes == dtypes
        voice, ids = engine.voice((recording, 24_000)), engine.tokenize("Hi there.")
        assert ids[-2:].tolist().count(50256) == ends
        options = GenerationOptions(seed=1, max_new_tokens=40)
        tokens = engine.generate_tokens(ids, voice, options).tolist()
        samples = engine.decode(tokens, voice)
    assert samples.size == 960 * (sum(token < 6561 for token in tokens) + 3)
    if prepare:
        return  # int8 activations round otherwise; preparation compares them itself
    loop = PlainLoop(folder, dtypes, threads=1, piece=64)
    plain = {
        "audio_features": voice.audio_features[None],
        "audio_tokens": voice.audio_tokens[None],
        "speaker_embeddings": voice.speaker_embeddings[None],
        "speaker_features": voice.speaker_features[None],
    }
    defaults = {"temperature": 0.8, "top_k": 1000, "top_p": 0.95, "max_new_tokens": 40}
    uniforms = [uniform(1, step) for step in range(40)]
    assert tokens == loop.generate(ids.tolist(), plain, uniforms=uniforms, **defaults)


def test_a_prompt_with_the_wrong_number_of_ends_is_refused(
    tmp_path: Path, recording: NDArray[np.float32]
) -> None:
    """A tokenizer that writes one, with a table that wants two: the last letter would be a wrong sound."""
    two = make_bundle(tmp_path / "two", stop_bias=-1000.0)
    shutil.copy(make_bundle(tmp_path / "one", graphs=[], ends=1) / "tokenizer.json", two / "tokenizer.json")
    with Engine(two, device="cpu", threads=1, prepare=False) as engine:
        voice = engine.voice((recording, 24_000))
        with pytest.raises(InvalidInputError, match="input_ids must end with 50256, 50256"):
            engine.speak("Hi.", voice)


def test_weights_in_a_file_with_a_dot(tmp_path: Path, recording: NDArray[np.float32]) -> None:
    folder = make_set(tmp_path / "bundle", "KitsuMate")
    for file in (folder / "onnx").glob("*.onnx"):
        model = onnx.load(file, load_external_data=False)
        for weight in model.graph.initializer:
            for entry in weight.external_data:
                if entry.key == "location":
                    entry.value = entry.value.replace(".onnx_data", ".onnx.data")
        onnx.save(model, file)
        data = file.with_suffix(".onnx_data")
        data.rename(data.with_name(data.name.replace(".onnx_data", ".onnx.data")))
    with Engine(folder, device="cpu", threads=1) as engine:
        voice = engine.voice((recording, 24_000))
        assert engine.speak("Hi.", voice, GenerationOptions(max_new_tokens=5)).samples.size > 0

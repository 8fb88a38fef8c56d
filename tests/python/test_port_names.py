"""Graphs whose inputs and outputs go by names that nobody knows: told by their places."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions, ModelError
from loquor.prepare.graph import Graph
from loquor.prepare.remarks import remarks_on

OPTIONS = GenerationOptions(seed=2, max_new_tokens=20)


def renamed(folder: Path, graph: str, names: dict[str, str]) -> None:
    """Spell inputs and outputs of a graph otherwise."""
    file = folder / "onnx" / f"{graph}.onnx"
    model = onnx.load(str(file), load_external_data=False)
    for value in (*model.graph.input, *model.graph.output):
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        for fields in (node.input, node.output):
            for place, name in enumerate(fields):
                fields[place] = names.get(name, name)
    file.write_bytes(model.SerializeToString())


ODD = {
    "speech_encoder": {"audio_values": "wav", "audio_tokens": "codes", "speaker_features": "mel"},
    "embed_tokens": {"input_ids": "ids", "inputs_embeds": "vectors"},
    "language_model": {
        "inputs_embeds": "x",
        "attention_mask": "mask",
        "logits": "scores",
        **{f"past_key_values.{i}.{kind}": f"past_{kind}_{i}" for i in range(2) for kind in ("key", "value")},
        **{f"present.{i}.{kind}": f"new_{kind}_{i}" for i in range(2) for kind in ("key", "value")},
    },
    "conditional_decoder": {"speech_tokens": "codes", "speaker_embeddings": "xvector", "waveform": "wav"},
}


@pytest.mark.parametrize("family", ["turbo", "english"])
def test_by_place_all_is_as_by_name(
    bundle_of: Callable[..., Path],
    llama_bundle_of: Callable[..., Path],
    tmp_path: Path,
    recording: NDArray[np.float32],
    caplog: pytest.LogCaptureFixture,
    family: str,
) -> None:
    published = bundle_of(form="gqa") if family == "turbo" else llama_bundle_of()
    folder = tmp_path / "odd"
    shutil.copytree(published, folder)
    for graph, names in ODD.items():
        renamed(folder, graph, names)
    waves = []
    for place in (published, folder):
        with (
            caplog.at_level(logging.WARNING),
            Engine(place, threads=1, device="cpu", prepare=False) as engine,
        ):
            assert engine.capabilities.family == family
            waves.append(engine.speak("Hello there.", (recording, 24_000), OPTIONS).samples)
    np.testing.assert_array_equal(*waves)
    told = [
        record.getMessage() for record in caplog.records if "taken by their places" in record.getMessage()
    ]
    assert sum("'wav' as 'audio_values'" in line for line in told) == 1
    assert any("'ids' as 'input_ids'" in line for line in told)
    assert any("'scores' as 'logits'" in line and "more" in line for line in told)
    assert any("'codes' as 'speech_tokens', 'xvector' as 'speaker_embeddings'" in line for line in told)


def test_what_has_another_meaning_is_not_taken(bundle_of: Callable[..., Path], tmp_path: Path) -> None:
    """The speaker's two inputs in exchanged places, one of them under a name that nobody knows."""
    folder = tmp_path / "odd"
    shutil.copytree(bundle_of(), folder)
    file = folder / "onnx" / "conditional_decoder.onnx"
    model = onnx.load(str(file), load_external_data=False)
    inputs = list(model.graph.input)
    del model.graph.input[:]
    model.graph.input.extend([inputs[0], inputs[2], inputs[1]])
    file.write_bytes(model.SerializeToString())
    renamed(folder, "conditional_decoder", {"speaker_embeddings": "xvector"})
    with pytest.raises(ModelError, match=r"'xvector' .* is not part of the contract"):
        Engine(folder, threads=1, device="cpu", prepare=False)


def test_a_speaker_that_is_always_the_same_is_told(
    bundle_of: Callable[..., Path], llama_bundle_of: Callable[..., Path]
) -> None:
    told = {}
    for family, folder in (("turbo", bundle_of()), ("english", llama_bundle_of())):
        file = folder / "onnx" / "speech_encoder.onnx"
        graph = Graph(onnx.load(str(file), load_external_data=False), file.parent)
        told[family] = [remark for remark in remarks_on(graph) if "speaker's row" in remark]
    assert len(told["english"]) == 1 and not told["turbo"]

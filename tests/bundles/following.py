"""A tiny Llama whose first head goes along its text by construction, and which stops when that head
reaches the text's end.

The places of text and of speech get codes of the same kind, sinusoids of six speeds, in numbers of
their own of the residual stream. The first head compares them in the pairs that rotary tables turn
slowest, so that the i-th token attends to the place that `path` gives for it. The end-of-text id
carries a mark, which the head hands on to STOP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from .dims import SIZES, SPEECH_CODES, SPEECH_POSITIONS, STOP_SPEECH, STOP_TEXT, TEXT_POSITIONS

__all__ = ["follow_text"]

_SPEEDS = np.array([0.05, 0.12, 0.3, 0.7, 1.3, 2.1])
_TEXT, _SPEECH = slice(0, 12), slice(12, 24)
_END, _STOP, _SPEAKS, _CONTENT = 24, 25, 26, 32
_SLOW = [*range(10, 16), *range(26, 32)]
"""Of a head's 32 numbers those that are turned by less than a twelfth of a radian in 300 positions."""


def follow_text(folder: Path, path: Callable[[int], int]) -> Path:
    """Change the weights of a tiny Llama's bundle in single precision: its i-th token, from 0, says the
    `path(i)`-th id of the text, from 0, the end-of-text id being the last. Returns the folder.
    """
    width = SIZES["tiny"].hidden
    for name, change in (("embed_tokens", _embed(path)), ("language_model", _language_model(width))):
        file = folder / "onnx" / f"{name}.onnx"
        model = onnx.load(file)
        change(model)
        for stale in folder.glob(f"onnx/{name}.onnx_data*"):
            stale.unlink()
        onnx.save(model, file, save_as_external_data=True, location=f"{name}.onnx_data")
    settings = folder / "generation_config.json"
    config = json.loads(settings.read_text()) if settings.is_file() else {}
    settings.write_text(json.dumps(config | {"alignment_heads": [[0, 0]]}))
    return folder


def _codes(places: Sequence[int]) -> NDArray[np.float32]:
    angles = np.outer(places, _SPEEDS)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _changed(model: ModelProto, name: str, change: Callable[[NDArray[np.float32]], None]) -> None:
    weight = next(weight for weight in model.graph.initializer if weight.name == f"{name}.weight")
    values = numpy_helper.to_array(weight).copy()
    change(values)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))


def _embed(path: Callable[[int], int]) -> Callable[[ModelProto], None]:
    def content(values: NDArray[np.float32]) -> None:
        values[:, :_CONTENT] = 0
        values[:, _CONTENT:] *= 0.3

    def words(values: NDArray[np.float32]) -> None:
        content(values)
        values[STOP_TEXT, _END] = 3

    def places(values: NDArray[np.float32]) -> None:
        values[:] = 0
        values[:, _TEXT] = _codes(range(TEXT_POSITIONS))

    def steps(values: NDArray[np.float32]) -> None:
        values[:] = 0
        values[:, _SPEECH] = _codes(
            [1 + path(step) for step in range(SPEECH_POSITIONS)]
        )  # behind the text's start
        values[:, _SPEAKS] = 1

    def change(model: ModelProto) -> None:
        for name, how in (
            ("text_emb", words), ("speech_emb", content), ("emotion_adv_fc", content),
            ("text_pos_emb.emb", places), ("speech_pos_emb.emb", steps),
        ):  # fmt: skip
            _changed(model, name, how)

    return change


def _language_model(width: int) -> Callable[[ModelProto], None]:
    def heads(values: NDArray[np.float32]) -> None:
        values[:] = 0
        for at, slow in enumerate(_SLOW):
            values[_SPEECH.start + at, slow] = 2
            values[_TEXT.start + at, width + slow] = 1
        values[_END, 2 * width] = 1

    def handed_on(values: NDArray[np.float32]) -> None:
        values[:] = 0
        values[0, _STOP] = 1

    def nothing(values: NDArray[np.float32]) -> None:
        values[:] = 0

    def chosen(values: NDArray[np.float32]) -> None:
        values[:_CONTENT] = 0
        values[_SPEAKS, SPEECH_CODES:] = -20
        values[_STOP, STOP_SPEECH] = 30

    def change(model: ModelProto) -> None:
        for name, how in (
            ("layers.0.attn.qkv_proj", heads), ("layers.0.attn.o_proj", handed_on),
            ("layers.0.mlp.down_proj", nothing), ("layers.1.attn.o_proj", nothing),
            ("layers.1.mlp.down_proj", nothing), ("lm_head", chosen),
        ):  # fmt: skip
            _changed(model, name, how)

    return change

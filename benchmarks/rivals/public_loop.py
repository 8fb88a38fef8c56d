"""The model card's algorithm, written plainly: numpy and Python's onnxruntime, new arrays at every step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from loquor import _core
from reference import PlainLoop

NAME = "public loop"
NAME_AT_FOUR = "public loop, level 4"


def loops(bundle: Path, dtype: str, threads: int) -> dict[str, PlainLoop]:
    """The loop on the graph as published and, where products are quantised, at accuracy_level 4."""
    found = {NAME: PlainLoop(bundle, dtype, threads=threads)}
    if dtype in ("q8", "q4", "q4f16"):
        found[NAME_AT_FOUR] = at_level_four(PlainLoop(bundle, dtype, threads=threads), bundle, dtype, threads)
    return found


def at_level_four(plain: PlainLoop, bundle: Path, dtype: str, threads: int) -> PlainLoop:
    """The loop with a language model whose products round their activations to int8."""
    file = Path(_core.graph_files(str(bundle), dtype)["language_model"][0])
    model = onnx.load(str(file), load_external_data=False)
    for node in model.graph.node:
        if node.op_type == "MatMulNBits":
            kept = [attribute for attribute in node.attribute if attribute.name != "accuracy_level"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("accuracy_level", 4)])
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    folder = "session.model_external_initializers_file_folder_path"
    options.add_session_config_entry(folder, str(file.resolve().parent))
    plain.language_model = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return plain


def step(plain: PlainLoop, ids: Sequence[int], voice: dict[str, Any], steps: int) -> float:
    """Seconds of one of `steps` greedy decode steps."""
    loop = plain.steps(ids, voice)
    logits = next(loop)
    start = time.perf_counter()
    for _ in range(steps):
        logits = loop.send(int(np.argmax(logits[:6561])))
    seconds = (time.perf_counter() - start) / steps
    time.sleep(0.05)  # the runtime's threads spin on for a while after a run, by default
    return seconds


def prefill(plain: PlainLoop, ids: Sequence[int], voice: dict[str, Any]) -> float:
    """Seconds from text ids and voice to the logits of the first token."""
    start = time.perf_counter()
    next(plain.steps(ids, voice))
    return time.perf_counter() - start


def utterance(plain: PlainLoop, ids: Sequence[int], voice: dict[str, Any], tokens: int) -> dict[str, float]:
    """Seconds of an utterance of `tokens` tokens, by what they are spent on."""
    start = time.perf_counter()
    loop = plain.steps(ids, voice)
    logits = next(loop)
    prefilled = time.perf_counter()
    spoken = [int(np.argmax(logits[:6561]))]
    while len(spoken) < tokens:
        spoken.append(int(np.argmax(loop.send(spoken[-1])[:6561])))
    stepped = time.perf_counter()
    plain.decode(spoken, voice)
    end = time.perf_counter()
    return {"prefill": prefilled - start, "steps": stepped - prefilled, "decoder": end - stepped}

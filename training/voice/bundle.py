"""Stage `export`: the four graphs, their configuration and the leaders as voices, in `bundle/`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from mini.bundle import GENERATION
from mini.bundle import configuration as mini_configuration
from mini.graph import State
from mini.tokens import tokenizer
from numpy.typing import NDArray

from . import decoder_training, export
from .decoder import TIMBRE, pitch_numbers
from .decoder_data import read
from .melodies import leaders
from .timbres import LEADING

TEXTS = 12
"""Texts of each leader over which its timbre is a mean."""


def configuration() -> dict[str, object]:
    # The decoder's blocks see 13 tokens ahead, its vocoder one more, and a frame is half a window wider.
    return mini_configuration() | {"stream_look_ahead": 15}


def state_of(work: Path, file: str, key: str) -> State:
    """A network's weights: as trained here, or as an earlier run left them (keep.start)."""
    path = work / file if (work / file).exists() else work / f"start-{file}"
    if not path.exists():
        raise RuntimeError(f"exporting from {work}: no {file}, and none from an earlier run; train it")
    return {name: value.numpy() for name, value in torch.load(path, weights_only=True)[key].items()}


def timbres(work: Path) -> NDArray[np.float32]:
    """(leaders, TIMBRE): how each of timbres.LEADING sounds, by the speaker encoder, over TEXTS texts.

    Without a corpus they are those of the earlier run.
    """
    if not any((work / "frames").glob("*.npz")):
        with np.load(work / "leaders.npz") as file:
            return file["timbres"]
    _, speaker, _ = decoder_training.load(work)
    heard: dict[str, list[NDArray]] = {name: [] for name in LEADING}
    for path in sorted((work / "frames").glob("*.npz")):
        name = LEADING[int(path.stem) % len(LEADING)]
        if len(heard[name]) < TEXTS:
            mel = torch.from_numpy(read(work, path).mels[0].astype(np.float32))[None]
            heard[name].append(speaker(mel)[0].numpy())
    rows = []
    for name, voice in leaders(work).items():
        numbers = np.array(pitch_numbers(voice.height, voice.range), np.float32)
        rows.append(np.concatenate([numbers, np.mean(heard[name], 0)]))
    return np.stack(rows).reshape(len(LEADING), TIMBRE).astype(np.float32)


def run(work: Path) -> Path:
    """Write the bundle from what the other stages trained; return its folder."""
    folder = work / "bundle"
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    text, model = (state_of(work, "speech.pt", key) for key in ("text", "model"))
    decoder, speaker, scaling = (
        state_of(work, "decoder.pt", key) for key in ("decoder", "speaker", "scaling")
    )
    known = timbres(work)
    np.savez(work / "leaders.npz", timbres=known, prefixes=model["voice"])
    graphs = {
        "embed_tokens": export.embed_tokens(text, model),
        "language_model": export.language_model(model),
        "conditional_decoder": export.conditional_decoder(decoder, scaling),
        "speech_encoder": export.speech_encoder(
            speaker, model["voice"], export.Manners(known), state_of(work, "listen.pt", "listen")
        ),
    }
    for name, graph in graphs.items():
        onnx.save(graph, folder / "onnx" / f"{name}.onnx")
    files = {
        "config.json": configuration(),
        "generation_config.json": GENERATION,
        "tokenizer.json": tokenizer(),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    sizes = {path.name: path.stat().st_size for path in sorted(folder.rglob("*.*")) if path.is_file()}
    print(f"export: {sum(sizes.values()) / 1e6:.2f} MB {sizes}", flush=True)
    return folder

"""Stage `export`: the four graphs, their configuration and the leaders as voices, in `bundle/`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from . import decoder_training, export, ready
from .decoder import TIMBRE, pitch_numbers
from .decoder_data import read
from .graph import State
from .hearing import SAMPLES
from .melodies import leaders
from .ready import DEFAULT
from .speech_model import HEAD, HEADS, LAYERS
from .teacher import RATE
from .text_encoder import PREFIX, WIDTH
from .timbres import LEADING
from .tokens import END_OF_TEXT, SILENCE, START, STOP, TEXT_VOCABULARY, VOCABULARY, tokenizer

TEXTS = 12
"""Texts of each leader over which its timbre is a mean."""


def configuration() -> dict[str, object]:
    return {
        "model_type": "chatterbox",
        "variant": "mini",
        "sample_rate": RATE,
        "samples_per_token": SAMPLES,
        "start_speech_token": START,
        "stop_speech_token": STOP,
        "silence_token": SILENCE,
        "end_of_text_token": END_OF_TEXT,
        "text_normalizer": "en",
        "piece_characters": 200,
        "default_voice": DEFAULT,
        "voice_prefix_positions": PREFIX,
        # One turn of the slowest sinusoid of positions (speech_model.frequencies).
        "max_positions": 1200,
        # The vocoder's phase and noise count from the start of a call: decode from the first token on.
        "stream_left_context": -1,
        # The decoder's blocks see 13 tokens ahead, its vocoder one more, and a frame is half a window wider.
        "stream_look_ahead": 15,
        "text_config": {
            "model_type": "gpt2",
            "n_layer": LAYERS,
            "n_head": HEADS,
            "n_embd": WIDTH,
            "head_dim": HEAD,
            "vocab_size": VOCABULARY,
            "text_vocab_size": TEXT_VOCABULARY,
        },
    }


GENERATION = {
    "bos_token_id": START,
    "eos_token_id": STOP,
    "do_sample": False,
    "repetition_penalty": 1.0,
    # The first layer's heads start out matching places in the text with those in the speech (speech_model).
    "alignment_heads": [[0, head] for head in range(HEADS)],
}


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
    ready.write(work, folder)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.rglob("*.*")) if path.is_file()}
    print(f"export: {sum(sizes.values()) / 1e6:.2f} MB {sizes}", flush=True)
    return folder

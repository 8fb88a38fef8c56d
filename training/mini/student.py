"""Stage `student`: a small network that hears which codes a recording is made of, for `audio_tokens`.

It learns from the decoder's own speech, in many pitches, timbres, levels and noises.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from . import corpus as corpora
from .codec import Stack, load_statistics
from .config import Config
from .export_voice import MELS, Canonical, conditional_decoder, measure, student_input, vocoder
from .graph import State
from .samples import sample_of
from .tokens import DIGITS, code_ids, digit_shift
from .trainer import train
from .vocoder import EMBEDDING, OFFSETS

_BATCH = 8
_CANONICAL_TOKENS = 1500


def student() -> Stack:
    return Stack(2 * MELS, 3 * DIGITS, width=160, blocks=3, kernel=5)


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def state_of(work: Path, file: str, key: str) -> State:
    return {k: v.numpy() for k, v in torch.load(work / file, weights_only=True)[key].items()}


def shift_of(work: Path) -> NDArray[np.int64]:
    """The digit shift that gives the commonest first code, silence, its id."""
    codes = np.load(work / "codes.npy", mmap_mode="r")
    firsts = np.array([codes[item.first] for item in corpora.load(work).items[:500]])
    values, counts = np.unique(firsts, axis=0, return_counts=True)
    return digit_shift(values[counts.argmax()])


def canonical_of(work: Path) -> Canonical:
    """The teacher's parameters spoken by the vocoder and measured as a reference would be."""
    features = np.load(work / "features.npy", mmap_mode="r")[:_CANONICAL_TOKENS].astype(np.float32)
    features = features.reshape(1, -1, corpora.FEATURES)
    features[..., 1] = features[..., 1] * 2 - 1  # a flag becomes a logit
    log_f0 = float(features[0, features[0, :, 1] > 0, 0].mean())
    embedding = np.zeros((1, EMBEDDING), np.float32)
    embedding[0, :4] = log_f0, 1, 1, 1
    feeds = {"features": features, "speaker_embeddings": embedding}
    [waveform] = session(vocoder(log_f0)).run(None, feeds)
    outputs = ("log_f0", "deviation", "long_term")
    values = session(measure()).run(outputs, {"audio_values": waveform})
    return Canonical(float(values[0][0, 0]), float(values[1][0, 0]), values[2][0])


def _random_speaker(rng: np.random.Generator, canonical: Canonical) -> NDArray[np.float32]:
    row = canonical.embedding()
    change = rng.uniform(np.log(85), np.log(270)) - canonical.log_f0
    row[0, 0] += change
    row[0, 1] = rng.uniform(0.7, 1.3)
    row[0, 2] = np.exp(-0.25 * change + 0.03 * rng.standard_normal())
    row[0, OFFSETS.start : OFFSETS.start + 8] = 0.15 * rng.standard_normal(8)
    return row


def speech(work: Path, count: int) -> tuple[Tensor, Tensor]:
    """(inputs [tokens, 160], codes [tokens, 8] of 0, 1, 2) of `count` items in random voices."""
    corpus, codes, shift = corpora.load(work), np.load(work / "codes.npy", mmap_mode="r"), shift_of(work)
    canonical = canonical_of(work)
    network = conditional_decoder(
        state_of(work, "decoder.pt", "dec"), *load_statistics(work), shift, canonical.log_f0
    )
    decode, hear = session(network), session(measure())
    inputs, wanted = [], []
    for number, item in enumerate(corpus.items[:count]):
        rng = np.random.default_rng([4, number])
        values = sample_of(item, codes).codes
        feeds = {
            "speech_tokens": code_ids(values, shift)[None],
            "speaker_embeddings": _random_speaker(rng, canonical),
            "speaker_features": np.zeros((1, 0, MELS), np.float32),
        }
        [y] = decode.run(None, feeds)
        y = y * np.exp(rng.uniform(-1.5, 0.5)) + 10 ** rng.uniform(-4.5, -2.8) * rng.standard_normal(y.shape)
        [mel] = hear.run(["mel"], {"audio_values": y.astype(np.float32)})
        inputs.append(student_input(mel[0]))
        wanted.append(values)
    return torch.from_numpy(np.concatenate(inputs)), torch.from_numpy(
        np.concatenate(wanted).astype(np.int64)
    ) + 1


def run(work: Path, config: Config) -> None:
    torch.manual_seed(5)
    network, length = student(), config.window
    inputs, wanted = speech(work, config.student_items)
    held = max(length, len(inputs) // 20)

    def step(rng: np.random.Generator) -> Tensor:
        starts = rng.integers(0, max(1, len(inputs) - held - length), _BATCH)
        x = torch.stack([inputs[s : s + length] for s in starts])
        y = torch.stack([wanted[s : s + length] for s in starts])
        return functional.cross_entropy(network(x).reshape(-1, 3), y.reshape(-1))

    def validate() -> str:
        got = network(inputs[None, -held:]).unflatten(-1, (DIGITS, 3)).argmax(-1)
        return f"digits {(got[0] == wanted[-held:]).float().mean():.2%}"

    train(
        "student", work, {"student": network}, config.student, step, validate=validate, seed=5,
        bfloat16=config.bfloat16,
    )  # fmt: skip

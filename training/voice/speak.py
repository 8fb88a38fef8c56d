"""The bundle in a plain loop of its own: what the evaluation speaks with, without Loquor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .speech_model import HEAD, HEADS, LAYERS
from .tokens import STOP

GRAPHS = ("embed_tokens", "language_model", "conditional_decoder", "speech_encoder")
MAX_TOKENS = 1000


@dataclass(frozen=True)
class Voice:
    audio_features: NDArray[np.float32]
    audio_tokens: NDArray[np.int64]
    speaker_embeddings: NDArray[np.float32]
    speaker_features: NDArray[np.float32]


class Speaker:
    def __init__(self, bundle: Path, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._sessions = {
            name: onnxruntime.InferenceSession(str(bundle / "onnx" / f"{name}.onnx"), options)
            for name in GRAPHS
        }
        self._tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))

    def _run(self, graph: str, feeds: dict[str, NDArray]) -> list[NDArray]:
        return self._sessions[graph].run(None, feeds)

    def voice(self, samples: NDArray[np.float32]) -> Voice:
        """The voice of a 24 kHz recording."""
        return Voice(*self._run("speech_encoder", {"audio_values": samples[None].astype(np.float32)}))

    def tokens(self, text: str, voice: Voice) -> list[int] | None:
        """Greedy speech tokens of `text`, as training text is written; None without a STOP in MAX_TOKENS."""
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        x = np.concatenate([voice.audio_features, self._run("embed_tokens", {"input_ids": ids})[0]], 1)
        names = [f"past_key_values.{i}.{kind}" for i in range(LAYERS) for kind in ("key", "value")]
        past = dict.fromkeys(names, np.zeros((1, HEADS, 0, HEAD), np.float32))
        position, out = 0, []
        while len(out) < MAX_TOKENS:
            end = position + x.shape[1]
            feeds = {"inputs_embeds": x, "attention_mask": np.ones((1, end), np.int64)}
            feeds["position_ids"] = np.arange(position, end)[None]
            logits, *present = self._run("language_model", feeds | past)
            past, position = dict(zip(names, present, strict=True)), end
            token = int(logits[0, -1].argmax())
            if token == STOP:
                return out
            out.append(token)
            x = self._run("embed_tokens", {"input_ids": np.array([[token]])})[0]
        return None

    def decode(self, tokens: list[int], voice: Voice) -> NDArray[np.float32]:
        """Samples of `tokens`, 960 each."""
        feeds = {
            "speech_tokens": np.concatenate(
                [voice.audio_tokens, np.array([tokens], np.int64).reshape(1, -1)], 1
            ),
            "speaker_embeddings": voice.speaker_embeddings,
            "speaker_features": voice.speaker_features,
        }
        return self._run("conditional_decoder", feeds)[0][0]

"""The generation loop as the contract tells it: four sessions, fresh arrays at every step, no shortcut."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .sampler import SamplingOptions, draw, process

Voice = dict[str, NDArray]

START, STOP, SILENCE = 6561, 6562, 4299
GRAPHS = ("speech_encoder", "embed_tokens", "language_model", "conditional_decoder")
VOICE_NAMES = ("audio_features", "audio_tokens", "speaker_embeddings", "speaker_features")
SUFFIXES = {
    "fp32": "", "fp16": "_fp16", "q8": "_quantized", "q4": "_q4", "q4f16": "_q4f16", "int8": "_int8",
    "int8_mixed": "_int8_mixed",
}  # fmt: skip
NUMPY_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}


class Graphs:
    """A bundle's four sessions on the CPU, with `threads` intra-op threads each; fp32 unless said."""

    def __init__(self, bundle_dir: Path, dtypes: dict[str, str], *, threads: int) -> None:
        def session(name: str) -> ort.InferenceSession:
            options = ort.SessionOptions()
            options.intra_op_num_threads = threads
            chosen = dtypes.get(name, "fp32")
            if name == "speech_encoder" and chosen == "fp32":  # a product of one row rounds otherwise then
                options.add_session_config_entry("session.disable_prepacking", "1")
            path = bundle_dir / "onnx" / f"{name}{SUFFIXES[chosen]}.onnx"
            return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

        self.speech_encoder = session("speech_encoder")
        self.embed_tokens = session("embed_tokens")
        self.language_model = session("language_model")
        self.conditional_decoder = session("conditional_decoder")

    def encode(self, audio: NDArray) -> Voice:
        """The voice of 24 kHz mono `audio` [samples]: the encoder's four outputs under their usual names."""
        names = [output.name for output in self.speech_encoder.get_outputs()]
        outputs = run(self.speech_encoder, {"audio_values": audio[None]})
        known = set(VOICE_NAMES) <= set(names)
        return dict(zip(names if known else VOICE_NAMES, outputs, strict=True))

    def decode_codes(self, codes: Sequence[int], voice: Voice) -> NDArray[np.float32]:
        """Samples at 24 kHz: 960 a code."""
        feeds = {
            "speech_tokens": np.concatenate([voice["audio_tokens"], [codes]], axis=1),
            "speaker_embeddings": voice["speaker_embeddings"],
            "speaker_features": voice["speaker_features"],
        }
        return run(self.conditional_decoder, feeds)[0].reshape(-1).astype(np.float32)

    def empty_cache(self) -> dict[str, NDArray]:
        """The pasts of no position, by their names."""
        inputs = self.language_model.get_inputs()
        pasts = [node for node in inputs if node.name.startswith("past_key_values.")]
        return {node.name: np.zeros((1, node.shape[1], 0, node.shape[3]), np.float16) for node in pasts}


class PlainLoop(Graphs):
    """The loop of Turbo and Nano; every graph is in the precision `dtype`, or each in its own.

    `piece`: voice prefix and text are each run in the fewest runs of at most so many positions, as equal as
    may be; 0 runs the prompt as a whole. In float16 the two round differently.
    """

    def __init__(
        self, bundle_dir: Path, dtype: str | dict[str, str] = "fp32", *, threads: int = 2, piece: int = 0
    ) -> None:
        dtypes = dict.fromkeys(GRAPHS, dtype) if isinstance(dtype, str) else dtype
        super().__init__(bundle_dir, dtypes, threads=threads)
        self.piece = piece

    def generate(
        self,
        input_ids: Sequence[int],
        voice: Voice,
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        repetition_penalty: float = 1.2,
        uniforms: Sequence[float] | None = None,
    ) -> list[int]:
        """Speech tokens without STOP for text ids that end in two end-of-text ids.

        At temperature 0 a step takes the best token, the lowest id among equals; else it draws with
        `uniforms[step]`.
        """
        if temperature > 0 and uniforms is None:
            raise ValueError("sampling needs one uniform number a step")
        options = SamplingOptions(temperature, top_k, top_p, min_p, repetition_penalty)
        tokens: list[int] = []
        steps = self.steps(input_ids, voice)
        logits = next(steps)
        for step in range(max_new_tokens):
            scores = process(logits, _history(tokens, options), options)
            if np.isneginf(scores).all():
                break
            token = draw(scores, uniforms[step]) if temperature > 0 and uniforms else int(np.argmax(scores))
            if token == STOP:
                break
            tokens.append(token)
            if len(tokens) < max_new_tokens:
                logits = steps.send(token)
        return tokens

    def steps(self, input_ids: Sequence[int], voice: Voice) -> Generator[NDArray[np.float32], int, None]:
        """Yields float32 logits [vocabulary] of the next token; send each chosen token to go on."""
        prompt = [voice["audio_features"], self._embed(input_ids)]
        waiting = [np.concatenate(prompt, axis=1)] if self.piece == 0 else pieces(prompt, self.piece)
        position = 0
        past = self.empty_cache()
        while True:
            embeds = waiting.pop(0)
            length = embeds.shape[1]
            feeds = {
                "inputs_embeds": embeds,
                "attention_mask": np.ones((1, position + length)),
                "position_ids": np.arange(position, position + length)[None],
                **past,
            }
            names = [output.name for output in self.language_model.get_outputs()]
            outputs = dict(zip(names, run(self.language_model, feeds), strict=True))
            position += length
            past = {name: outputs[name.replace("past_key_values", "present")] for name in past}
            if not waiting:
                token = yield outputs["logits"][0, -1].astype(np.float32)
                waiting = [self._embed([token])]

    def decode(self, tokens: Sequence[int], voice: Voice) -> NDArray[np.float32]:
        """Samples at 24 kHz: 960 a code, three silent tokens appended, START and STOP dropped."""
        return self.decode_codes([token for token in tokens if token < START] + [SILENCE] * 3, voice)

    def _embed(self, ids: Sequence[int]) -> NDArray:
        return run(self.embed_tokens, {"input_ids": np.asarray([ids])})[0]


def pieces(parts: list[NDArray], most: int) -> list[NDArray]:
    """The parts, each cut into the fewest of at most so many positions, as equal as may be."""
    cut: list[NDArray] = []
    for part in parts:
        size = -(-part.shape[1] // -(-part.shape[1] // most))
        cut += [part[:, start : start + size] for start in range(0, part.shape[1], size)]
    return cut


def _history(tokens: list[int], options: SamplingOptions) -> list[int]:
    """What the penalty counts: START and all tokens if greedy, else START at first and then the tokens."""
    greedy = options.temperature == 0
    return [START, *tokens] if greedy or not tokens else tokens


def run(session: ort.InferenceSession, feeds: dict[str, NDArray]) -> list[NDArray]:
    """Runs with every feed the session declares, cast to its declared type."""
    declared = {node.name: NUMPY_TYPES[node.type] for node in session.get_inputs()}
    return session.run(None, {name: feeds[name].astype(dtype) for name, dtype in declared.items()})

"""English and Multilingual by the book: each row of guidance is a run of its own, combined in numpy.

The rules are upstream's (T3.inference of chatterbox-tts): the prompt is the voice's 33 rows, the feeling, the
text at its own positions, START twice at position 0; the i-th new token stands at speech position i + 1. The
row without text has the text's positions alone. Embeddings come from the tables in the file, not from
running the graph, which takes a lone 0 for text and 6563 for a feeling.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from .loop import START, STOP, Graphs, Voice, pieces, run
from .sampler import draw, min_p_filter, top_p_filter

EXAGGERATION, STOP_TEXT = 6563, 0
TABLES = ("text_emb", "text_pos_emb.emb", "speech_emb", "speech_pos_emb.emb", "emotion_adv_fc")


class LlamaLoop(Graphs):
    """A bundle's sessions on the CPU; `dtype` is the language model's, `piece` as in `PlainLoop`."""

    def __init__(
        self,
        bundle_dir: Path,
        dtype: str = "fp32",
        *,
        multilingual: bool = False,
        threads: int = 2,
        piece: int = 0,
    ) -> None:
        super().__init__(bundle_dir, {"language_model": dtype}, threads=threads)
        self.multilingual, self.piece = multilingual, piece
        path = bundle_dir / "onnx" / "embed_tokens.onnx"
        weights = {weight.name: weight for weight in onnx.load(path).graph.initializer}
        self.tables = {name: numpy_helper.to_array(weights[f"{name}.weight"]) for name in TABLES}

    def generate(
        self,
        input_ids: Sequence[int],
        voice: Voice,
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        min_p: float = 0.05,
        top_p: float = 1.0,
        repetition_penalty: float = 1.2,
        cfg_weight: float = 0.5,
        exaggeration: float = 0.5,
        uniforms: Sequence[float] | None = None,
    ) -> list[int]:
        """Speech tokens without STOP for ids `6563 255 text 0 6561 6561`; temperature 0 takes the best."""
        prompt = self.embed_prompt(input_ids, exaggeration)
        rows = [_Row(self, voice, prompt)]
        if cfg_weight != 0:
            rows.append(_Row(self, voice, self.embed_prompt(input_ids, exaggeration, with_text=False)))
        tokens: list[int] = []
        while len(tokens) < max_new_tokens:
            scores = rows[0].logits
            if cfg_weight != 0:
                scores = self.guided(scores, rows[1].logits, cfg_weight)
            scores = self.penalised(scores, self.history(tokens), repetition_penalty)
            if temperature > 0:
                assert uniforms is not None
                scores = self.filtered(scores, temperature, min_p, top_p)
                token = draw(scores, uniforms[len(tokens)])
            else:
                token = int(np.argmax(scores))
            if token == STOP:
                break
            tokens.append(token)
            for row in rows if len(tokens) < max_new_tokens else ():
                row.run([self.embed_token(token, len(tokens))[None, None]])
        return tokens

    # The rules, one by one, so that a test can break each.

    def guided(self, c: NDArray[np.float32], u: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
        return c + np.float32(weight) * (c - u)

    def history(self, tokens: Sequence[int]) -> list[int]:
        return [START, *tokens]

    def penalised(
        self, logits: NDArray[np.float32], history: Sequence[int], penalty: float
    ) -> NDArray[np.float32]:
        """Each id of the history once, whatever its number of times."""
        out, ids = np.array(logits, np.float32), np.unique(np.asarray(history))
        seen = out[ids]
        out[ids] = np.where(seen < 0, seen * np.float32(penalty), seen / np.float32(penalty))
        return out

    def filtered(
        self, scores: NDArray[np.float32], temperature: float, min_p: float, top_p: float
    ) -> NDArray[np.float32]:
        return top_p_filter(min_p_filter(scores / np.float32(temperature), min_p), top_p)

    def embed_prompt(
        self, ids: Sequence[int], exaggeration: float, *, with_text: bool = True
    ) -> NDArray[np.float32]:
        """[1, n, hidden]"""
        tables, rows = self.tables, []
        end = list(ids).index(STOP_TEXT)
        for at, token in enumerate(ids):
            if token == EXAGGERATION:
                rows.append(np.float32(exaggeration) * tables["emotion_adv_fc"][0])
            elif at <= end:
                place = tables["text_pos_emb.emb"][at - 1]
                rows.append(tables["text_emb"][token] + place if with_text else place)
            else:
                rows.append(self.embed_token(token, 0))
        return np.stack(rows)[None]

    def embed_token(self, token: int, position: int) -> NDArray[np.float32]:
        """[hidden]"""
        row: NDArray[np.float32] = (
            self.tables["speech_emb"][token] + self.tables["speech_pos_emb.emb"][position]
        )
        return row

    def decode(self, tokens: Sequence[int], voice: Voice) -> NDArray[np.float32]:
        """Samples at 24 kHz, 960 a code; ids that are none are left out, Multilingual's last code is cut."""
        codes = [token for token in tokens if token < START]
        wave = self.decode_codes(codes, voice)
        return wave[: 960 * max(1, len(codes) - 1)] if self.multilingual else wave


class _Row:
    """One row of a batch, run alone."""

    def __init__(self, loop: LlamaLoop, voice: Voice, prompt: NDArray[np.float32]) -> None:
        self.session, self.past, self.position = loop.language_model, loop.empty_cache(), 0
        parts = [voice["audio_features"], prompt]
        self.run(pieces(parts, loop.piece) if loop.piece else [np.concatenate(parts, axis=1)])

    def run(self, embeds: list[NDArray]) -> None:
        names = [output.name for output in self.session.get_outputs()]
        for part in embeds:
            end = self.position + part.shape[1]
            feeds = {
                "inputs_embeds": part,
                "attention_mask": np.ones((1, end)),
                "position_ids": np.arange(self.position, end)[None],
                **self.past,
            }
            outputs = dict(zip(names, run(self.session, feeds), strict=True))
            self.position = end
            self.past = {name: outputs[name.replace("past_key_values", "present")] for name in self.past}
        self.logits: NDArray[np.float32] = outputs["logits"][0, -1].astype(np.float32)

"""Mistakes that implementers of English make: each must change tokens, else comparing proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions
from reference import LlamaLoop, Voice, uniform
from reference.sampler import min_p_filter, top_p_filter

Scores = NDArray[np.float32]
STEPS = 140
NEVER_SAID = 8193  # what an empty history is written as
RUNS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.8, "cfg_weight": 0.5, "exaggeration": 2.0, "seed": 42},
    {"temperature": 0.4, "cfg_weight": 0.5, "repetition_penalty": 1.3, "seed": 5},  # says things again
    {"temperature": 1.0, "top_p": 0.6, "min_p": 0.2, "cfg_weight": 1.0, "seed": 7},
    {"temperature": 0.0, "cfg_weight": 0.5, "repetition_penalty": 1.05, "seed": 0},
    {
        "temperature": 1.5,
        "min_p": 0.0,
        "cfg_weight": 0.5,
        "repetition_penalty": 0.4,
        "seed": 3,
    },
)


class PenaltyForEachTime(LlamaLoop):
    def penalised(self, logits: Scores, history: Sequence[int], penalty: float) -> Scores:
        for token in history[-30:]:  # more would overflow
            logits = super().penalised(logits, [token], penalty)
        return super().penalised(logits, history[:-30], penalty) if history[:-30] else logits


class StartNotInTheHistory(LlamaLoop):
    def history(self, tokens: Sequence[int]) -> list[int]:
        return list(tokens) or [NEVER_SAID]


class PenaltyDividesWhatIsNegative(LlamaLoop):
    def penalised(self, logits: Scores, history: Sequence[int], penalty: float) -> Scores:
        out = np.array(logits)
        out[np.unique(np.asarray(history))] /= np.float32(penalty)
        return out


class PenaltyBeforeGuidance(LlamaLoop):
    def guided(self, c: Scores, u: Scores, weight: float) -> Scores:
        self.kept = c, u, weight
        return c

    def penalised(self, logits: Scores, history: Sequence[int], penalty: float) -> Scores:
        c, u, weight = self.kept
        c, u = (LlamaLoop.penalised(self, row, history, penalty) for row in (c, u))
        return LlamaLoop.guided(self, c, u, weight)


class GuidanceFromTheOtherRow(LlamaLoop):
    def guided(self, c: Scores, u: Scores, weight: float) -> Scores:
        return u + np.float32(weight) * (c - u)


class GuidanceOfProbabilities(LlamaLoop):
    def guided(self, c: Scores, u: Scores, weight: float) -> Scores:
        c, u = (row - np.float32(np.log(np.exp(row.astype(np.float64)).sum())) for row in (c, u))
        return super().guided(c, u, weight)


class FiltersExchanged(LlamaLoop):
    def filtered(self, scores: Scores, temperature: float, min_p: float, top_p: float) -> Scores:
        return min_p_filter(top_p_filter(scores / np.float32(temperature), top_p), min_p)


class FiltersBeforeTemperature(LlamaLoop):
    def filtered(self, scores: Scores, temperature: float, min_p: float, top_p: float) -> Scores:
        return top_p_filter(min_p_filter(scores, min_p), top_p) / np.float32(temperature)


class OneStart(LlamaLoop):
    def embed_prompt(self, ids: Sequence[int], exaggeration: float, *, with_text: bool = True) -> Scores:
        return super().embed_prompt(list(ids)[:-1], exaggeration, with_text=with_text)


class TokensOnePlaceEarly(LlamaLoop):
    def embed_token(self, token: int, position: int) -> Scores:
        return super().embed_token(token, max(0, position - 1))


class TextOnePlaceLate(LlamaLoop):
    def embed_prompt(self, ids: Sequence[int], exaggeration: float, *, with_text: bool = True) -> Scores:
        places = self.tables["text_pos_emb.emb"]
        try:
            self.tables["text_pos_emb.emb"] = places[1:]
            return super().embed_prompt(ids, exaggeration, with_text=with_text)
        finally:
            self.tables["text_pos_emb.emb"] = places


class NoPlacesWithoutText(LlamaLoop):
    def embed_prompt(self, ids: Sequence[int], exaggeration: float, *, with_text: bool = True) -> Scores:
        prompt = super().embed_prompt(ids, exaggeration, with_text=with_text)
        if not with_text:
            prompt[:, 1 : list(ids).index(0) + 1] = 0
        return prompt


class FeelingIgnored(LlamaLoop):
    def embed_prompt(self, ids: Sequence[int], exaggeration: float, *, with_text: bool = True) -> Scores:
        return super().embed_prompt(ids, 0.5, with_text=with_text)


MISTAKES = (
    PenaltyForEachTime,
    StartNotInTheHistory,
    PenaltyDividesWhatIsNegative,
    PenaltyBeforeGuidance,
    GuidanceFromTheOtherRow,
    GuidanceOfProbabilities,
    FiltersExchanged,
    FiltersBeforeTemperature,
    OneStart,
    TokensOnePlaceEarly,
    TextOnePlaceLate,
    NoPlacesWithoutText,
    FeelingIgnored,
)


@pytest.fixture(scope="module")
def said(
    llama_bundle_of: Callable[..., Path], recording: NDArray[np.float32]
) -> Callable[[type[LlamaLoop], int], list[int]]:
    """(loop, number of a run) -> its tokens."""
    folder = llama_bundle_of()
    with Engine(folder, threads=1, device="cpu", prepare=False) as engine:
        made = engine.voice((recording, 24_000))
        ids = engine.tokenize("Hello there, you.", language="en").tolist()
    voice: Voice = {
        "audio_features": made.audio_features[None],
        "audio_tokens": made.audio_tokens[None],
        "speaker_embeddings": made.speaker_embeddings[None],
        "speaker_features": made.speaker_features[None],
    }
    kept: dict[tuple[type[LlamaLoop], int], list[int]] = {}

    def tokens(kind: type[LlamaLoop], number: int) -> list[int]:
        if (kind, number) not in kept:
            options = dict(RUNS[number])
            seed = options.pop("seed")
            uniforms = [uniform(seed, step) for step in range(STEPS)]
            kept[kind, number] = kind(folder, threads=1).generate(
                ids, voice, max_new_tokens=STEPS, uniforms=uniforms, **options
            )
        return kept[kind, number]

    return tokens


def test_the_engine_says_what_the_right_loop_says(
    said: Callable[[type[LlamaLoop], int], list[int]],
    llama_bundle_of: Callable[..., Path],
    recording: NDArray[np.float32],
) -> None:
    with Engine(llama_bundle_of(), threads=1, device="cpu", prepare=False) as engine:
        voice = engine.voice((recording, 24_000))
        ids = engine.tokenize("Hello there, you.", language="en")
        for number, run in enumerate(RUNS):
            options = GenerationOptions(max_new_tokens=STEPS, **run)
            assert engine.generate_tokens(ids, voice, options).tolist() == said(LlamaLoop, number)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_changes_the_tokens(
    said: Callable[[type[LlamaLoop], int], list[int]], mistake: type[LlamaLoop]
) -> None:
    assert any(said(mistake, number) != said(LlamaLoop, number) for number in range(len(RUNS)))

"""What can be asked of an engine: each answer is one measured figure, in seconds unless it says otherwise."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..errors import ExecutionError, InvalidInputError
from ..speech.engine import Engine, loaded_of
from ..speech.options import GenerationOptions
from ..voice.voice import Voice

if TYPE_CHECKING:
    from ..voice.voices import VoiceSource

__all__ = ["TEXT", "Questions"]

TEXT = "The train to the coast leaves at seven in the morning, and nobody knew why the old clock had stopped."

_SEEDS = 20
_TINY = 1e-6  # another voice for a cache, the same for an ear


class Questions:
    """Asks `engine` with one voice; `cancel` ends what runs."""

    def __init__(self, engine: Engine, voice: Voice, cancel: _core.CancelToken | None = None) -> None:
        self.engine = engine
        self.voice = voice
        self._cancel = cancel
        self._made = 0

    def fresh_voice(self) -> Voice:
        """The same voice for the ear, unknown to whatever the engine keeps of voices."""
        self._made += 1
        own, scale = self.voice, np.float32(1 + self._made * _TINY)
        others = own.audio_tokens, own.speaker_embeddings, own.speaker_features
        return Voice(own.audio_features * scale, *others, own.fingerprint, own.name)

    def ids(self, context: int) -> npt.NDArray[np.int64]:
        """Text ids, as many as make a prompt of `context` positions behind the voice.

        Raises `InvalidInputError` if the voice alone is too long for that.
        """
        count = context - len(self.voice.audio_features)
        if count < 3:
            raise InvalidInputError(
                f"a context of {context} positions is too short: the voice takes {context - count} of them"
            )
        ids = self.engine.tokenize(TEXT)
        body, ends = ids[:-2], ids[-2:]
        return np.concatenate([np.resize(body, count - len(ends)), ends])

    def encode(self, source: VoiceSource) -> float:
        """From a recording to a voice."""
        start = time.perf_counter()
        self.engine.voice(source, cancel=self._cancel)
        return time.perf_counter() - start

    def prefill(self, ids: npt.NDArray[np.int64], voice: Voice) -> float:
        """The prompt up to its first token; quicker where the engine knows the voice already."""
        seconds: float = self._generate(ids, voice, GenerationOptions(max_new_tokens=1))["prefill_seconds"]
        return seconds

    def step(self, context: int, steps: int) -> float:
        """One of `steps` decode steps behind a prompt of `context` positions.

        Tokens are drawn nearly evenly, so that STOP seldom comes early. Raises `ExecutionError` where it
        always comes first.
        """
        ids = self.ids(context)
        for seed in range(_SEEDS):
            options = GenerationOptions(
                temperature=10, top_k=0, top_p=1, min_p=0, repetition_penalty=1, seed=seed,
                max_new_tokens=steps + 1,
            )  # fmt: skip
            done = self._generate(ids, self.voice, options)
            count = len(done["tokens"]) - (done["finish_reason"] != "stop")
            if count > 0:
                return float(done["steps_seconds"] / count)
        raise ExecutionError(f"no decode step to time: the model said stop at once, {_SEEDS} times")

    def decoder(self, tokens: int) -> float:
        """The conditional decoder's time for `tokens` speech tokens behind the voice."""
        codes = np.random.default_rng(0).integers(0, self._codes(), tokens)
        return loaded_of(self.engine).decode(codes, self.voice, 0, self._cancel)[1]

    def first_token(self, text: str, voice: Voice) -> float:
        """From text to the first speech token."""
        start = time.perf_counter()
        ids = self.engine.tokenize(text)
        self._generate(ids, voice, GenerationOptions(max_new_tokens=1))
        return time.perf_counter() - start

    def first_audio(self, text: str, source: VoiceSource, most: int | None = None) -> float:
        """From text, and a voice or its recording, to the first chunk of a stream."""
        options = GenerationOptions(max_new_tokens=most)
        start = time.perf_counter()
        voice = self.engine.voice(source, cancel=self._cancel)
        with self.engine.stream(text, voice, options, cancel=self._cancel) as stream:
            if next(stream, None) is None:
                raise ExecutionError(f"no first chunk to time: the model found nothing to say in {text!r}")
            return time.perf_counter() - start

    def real_time_factor(self, text: str, most: int) -> float:
        """Time of a whole utterance, of `most` tokens at most, over that of its sound."""
        options = GenerationOptions(max_new_tokens=most)
        metrics = self.engine.speak(text, self.voice, options, cancel=self._cancel).metrics
        if not metrics.audio_seconds:
            raise ExecutionError(f"no utterance to time: the model found nothing to say in {text!r}")
        return metrics.rtf

    def _generate(
        self, ids: npt.NDArray[np.int64], voice: Voice, options: GenerationOptions
    ) -> dict[str, Any]:
        return loaded_of(self.engine).generate(ids, voice, options, self._cancel)

    def _codes(self) -> int:
        """How many speech codes the decoder knows: START and STOP close the vocabulary and are none."""
        return self.engine.capabilities.vocab_size - 2

"""What an engine does below speech: text to ids, ids to speech tokens, speech tokens to a waveform."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..bundle.text_rules import TextRules, prepare_text
from ..errors import InvalidInputError
from .arguments import check_progress, checked_ids, checked_token
from .option_table import DECODE
from .options import GenerationOptions, resolve_options

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .._core import CancelToken, EngineHandle
    from ..base.process import HomeLock
    from ..bundle.tokenizer import Tokenizer
    from ..voice.voice import Voice
    from ..voice.voices import EngineVoices

__all__ = ["LowerLevel"]


class LowerLevel:
    """For harnesses and other engines; `Engine` is one."""

    _core: EngineHandle | None
    _lock: HomeLock
    _tokenizer: Tokenizer
    _normalizer: str
    _text_rules: TextRules
    _defaults: dict[str, Any]
    _voices: EngineVoices

    def _engine(self) -> EngineHandle:
        self._lock.require()
        if self._core is None:
            raise InvalidInputError("this engine was closed")
        return self._core

    def tokenize(self, text: str) -> npt.NDArray[np.int64]:
        """Return the ids of `text`, int64 [n], prepared as by `speak` and closed by the end-of-text ids.

        Raises `InvalidInputError` for text that cannot be spoken.
        """
        return self._tokenizer.encode(prepare_text(text, self._normalizer, self._text_rules.profile).text)

    def generate_tokens(
        self,
        input_ids: npt.ArrayLike,
        voice: Voice,
        options: GenerationOptions | None = None,
        *,
        cancel: CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the speech tokens for text ids, int64 [n], as sampled and without STOP.

        `input_ids`, integers [n], end with the bundle's two end-of-text ids (see `tokenize`). The algorithm
        is that of the model card: prefill [voice prefix, text, START, START], then one token a step. No guard
        looks after them.
        Raises `InvalidInputError`, `RequestCancelledError`, `ExecutionError`.
        """
        ids, resolved = checked_ids(input_ids, "input_ids"), resolve_options(options, self._defaults)
        check_progress(progress)
        tokens: npt.NDArray[np.int64] = self._engine().generate_tokens(
            ids, self._voices.handle(voice, self._engine), resolved, checked_token(cancel), progress
        )["tokens"]
        return tokens

    def decode(
        self,
        speech_tokens: npt.ArrayLike,
        voice: Voice,
        *,
        seed: int = 0,
        cancel: CancelToken | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return the waveform of speech tokens, float32 [n], mono in [-1, 1] at `capabilities.sample_rate`.

        Ids that are no speech codes are left out, and the family's closing silence (such as 3 tokens) is
        appended: n is `samples_per_token` times the number of tokens then. A prepared decoder takes its noise
        from `seed`, as `speak` does from the options'. Errors as in `generate_tokens`.
        """
        noise = DECODE["seed"].checked(seed)
        ids = checked_ids(speech_tokens, "speech_tokens")
        return self._engine().decode(
            ids, self._voices.handle(voice, self._engine), noise, checked_token(cancel)
        )[0]

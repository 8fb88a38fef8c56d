"""A bundle in memory: what an engine's requests are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _core
from ..audio.provenance import Provenance
from ..base.process import HomeLock
from ..bundle.text_rules import PreparedText, measure_of, prepare_text, text_rules_of
from ..bundle.tokenizer import Tokenizer
from ..errors import InvalidInputError
from ..text.characters import check_text
from ..voice.voices import EngineVoices
from .alignment import WordTimes
from .opening import Preparation, open_core
from .options import GenerationOptions, resolve_options

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..voice.voice import Voice

__all__ = ["LoadedBundle"]

_TOKENS_AT_LEAST, _TOKENS_PER_CHARACTER = 75, 5
"""Far above what English takes (some 2.4 a character and 20), as the guard of length has them."""


class LoadedBundle:
    """The core of the bundle in `folder`, called `model` by its user, and all that is known beside it.

    `facts` are those of `_core.read_bundle`, `normalize` is "auto" or one of the normalizers, `options` are
    all of the table. Any thread may ask. Raises what `Engine` does for a bundle that cannot be used.
    """

    def __init__(
        self,
        runtime: _core.Runtime,
        folder: Path,
        model: str,
        facts: Mapping[str, Any],
        normalize: str,
        preparation: Preparation,
        options: dict[str, Any],
        provider_options: Mapping[str, str],
    ) -> None:
        self.folder, self.model = folder, model
        self.family: Mapping[str, Any] = facts["family"]
        self._named = folder.name if Path(model).is_dir() else model  # where it lies is nobody's business
        self.text_rules = text_rules_of(folder, facts)
        self.tokenizer = Tokenizer(folder, facts)
        self.lock = HomeLock("engine")
        self._core: _core.EngineHandle | None
        opened = open_core(runtime, folder, preparation, options, provider_options)
        self._core, self.prepared, self.replaced = opened.core, opened.states, opened.replaced
        self.normalizer = self.text_rules.normalizer if normalize == "auto" else normalize
        self.measure = measure_of(self.normalizer)  # imports its modules now, not in the first request
        self.info = self._core.info()
        self.defaults = self._core.default_options()
        self.stream_defaults = _core.default_stream_options(self._core)
        self.voices = EngineVoices(folder, model, self.info, facts, opened.files.get("language_model"))

    def prepare(self, text: str, language: str | None = None) -> tuple[PreparedText, npt.NDArray[np.int64]]:
        """Return a user's text as the tokenizer gets it, and its ids, int64 [n].

        Raises `InvalidInputError` for text that cannot be spoken, and a language that the model does not know
        or has to be told.
        """
        check_text(text)
        control: dict[str, None] = {}

        def plain(written: str) -> str:
            words, found = self.tokenizer.without_control(written)
            control.update(dict.fromkeys(found))
            return words

        prepared = prepare_text(
            plain(text), self.normalizer, self.text_rules.profile, language, self.folder, plain
        )
        ids = self.tokenizer.encode(prepared.text)
        if not control:
            return prepared, ids
        names = f"read as words, for only a model may write them: {', '.join(control)}"
        return PreparedText(prepared.text, (*prepared.warnings, names)), ids

    def words(self, text: str, prepared: PreparedText) -> WordTimes:
        """What finds the words of `text` in its speech."""
        step = self.info["samples_per_token"] / self.info["sample_rate"]
        return WordTimes(text, prepared.text, self.tokenizer.spans(prepared.text), step)

    def most_tokens(self, text: str) -> int:
        """Speech tokens that a text may take if nobody says: 0 where the family's limit is one for all."""
        return (
            0
            if self.family["rows_per_sequence"] == 1
            else _TOKENS_AT_LEAST + _TOKENS_PER_CHARACTER * len(text)
        )

    def core(self) -> _core.EngineHandle:
        """Return the core's handle. Raises `InvalidInputError` once it was closed, and in a forked child."""
        self.lock.require()
        if self._core is None:
            raise InvalidInputError("this engine was closed")
        return self._core

    def graphs(self) -> Mapping[str, Any]:
        """Return what is known of the graphs: of the speech encoder's load once there was one."""
        core = self._core if self.lock.here else None
        return dict((core.info() if core is not None else self.info)["graphs"])

    def take_core(self) -> _core.EngineHandle | None:
        """Close it, and return the handle: whose last owner waits for what is under way."""
        core, self._core = self._core, None
        return core

    def handle(self, voice: Voice) -> _core.VoiceHandle:
        """Return the core's copy of a voice. Raises `InvalidInputError` if it does not fit."""
        return self.voices.handle(voice, self.core)

    def provenance(self, voice: Voice) -> Provenance:
        """What speech in that voice comes from."""
        engine = f"loquor/{_core.version()}"
        return Provenance(self._named, voice.identity[:16], engine, self.info["watermark"])

    def generate(
        self,
        input_ids: npt.NDArray[np.int64],
        voice: Voice,
        options: GenerationOptions | None,
        cancel: _core.CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Return the speech tokens for text ids, int64 [n], and how they came about: see the core's stub."""
        resolved = resolve_options(options, self.defaults)
        return self.core().generate_tokens(input_ids, self.handle(voice), resolved, cancel, progress)

    def decode(
        self,
        speech_tokens: npt.NDArray[np.int64],
        voice: Voice,
        seed: int,
        cancel: _core.CancelToken | None = None,
    ) -> tuple[npt.NDArray[np.float32], float]:
        """Return the waveform of speech tokens, int64 [n], and the seconds that the decoder took."""
        return self.core().decode(speech_tokens, self.handle(voice), seed, cancel)

"""The voices of one engine: made from recordings, loaded from files, and kept for the next request."""

from __future__ import annotations

import logging
import os
import stat
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from .. import _core
from ..base.pipes import from_pipe
from ..base.process import HomeLock
from ..errors import InvalidInputError
from .reference_audio import load_reference
from .voice import (
    Voice,
    VoicePrefix,
    fingerprint_of,
    is_saved_voice,
    named_voice,
    prefix_fingerprint,
)

VoiceSource: TypeAlias = Voice | str | os.PathLike[str] | tuple[np.ndarray[Any, Any], int] | BinaryIO
"""What `Engine.voice` takes: a voice, a name or a path, (samples, sample_rate), or a binary file object."""

Core: TypeAlias = "Callable[[], _core.EngineHandle]"

__all__ = ["EngineVoices", "VoiceSource"]

_log = logging.getLogger("loquor")

_FOREIGN_PREFIX = (
    "the prefix that this voice brings is another language model's, precision's or kv_dtype's: it is left "
    "out and computed anew (save the voice again with this engine's)"
)
_KEPT = 8  # voices made from files by speak(), some 2 MB each


class EngineVoices:
    """What an engine knows of voices; any thread may ask."""

    def __init__(
        self,
        folder: Path,
        model: str,
        info: Mapping[str, Any],
        facts: Mapping[str, Any],
        prepared_model: Path | None,
    ) -> None:
        self.named = {name: Path(file) for name, file in facts["voices"].items()}
        self.default = None if facts["default_voice"] is None else Path(facts["default_voice"])
        self._model = model
        self._model_files = (Path(info["graphs"]["language_model"]["file"]), prepared_model)
        self._kv_dtype = info["kv_dtype"]
        encoder = info["graphs"]["speech_encoder"]
        sizes = ("family", "hidden_size", "speaker_embedding_size", "speaker_feature_size")
        contract = " ".join(str(info[key]) for key in sizes)
        self.fingerprint = fingerprint_of(folder, Path(encoder["file"]), encoder["dtype"], contract)
        self._handles: weakref.WeakKeyDictionary[Voice, _core.VoiceHandle] = weakref.WeakKeyDictionary()
        self._files: OrderedDict[tuple[str, int, int], Voice] = OrderedDict()
        self._lock = HomeLock("engine")

    def make(self, source: VoiceSource | None, core: Core, cancel: _core.CancelToken | None) -> Voice:
        """Do what `Engine.voice` promises; `core` gives the engine's handle, or raises."""
        source = self.resolved(source)
        if isinstance(source, (str, os.PathLike)) and (piped := from_pipe(source)) is not None:
            source = piped
        if not isinstance(source, (Voice, tuple)) and is_saved_voice(source):
            source = Voice.load(source)
        if isinstance(source, Voice):
            return self._with_warning(source, self.handle(source, core))  # which checks that it fits
        reference = load_reference(source)
        handle = core().encode_voice(reference.samples, cancel)
        name = Path(os.fspath(source)).stem if isinstance(source, (str, os.PathLike)) else "voice"
        voice = Voice(
            **handle.tensors(), fingerprint=self.fingerprint, name=name, warnings=reference.warnings
        )
        with self._lock:
            self._handles[voice] = handle
        return voice

    def cached(self, source: VoiceSource | None, core: Core, cancel: _core.CancelToken | None) -> Voice:
        """Like `make`, but files are read once: the voice is kept under the file's path, size and time."""
        source = self.resolved(source)
        if not isinstance(source, (str, os.PathLike)):
            return self.make(source, core, cancel)
        try:
            status = Path(source).stat()
        except (OSError, ValueError):  # ValueError: a null character
            return self.make(source, core, cancel)  # which says what is wrong
        if not stat.S_ISREG(status.st_mode):  # a pipe has another content each time
            return self.make(source, core, cancel)
        key = (os.path.realpath(source), status.st_size, status.st_mtime_ns)
        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
                return self._files[key]
        voice = self.make(source, core, cancel)
        if voice.prefix is not None:  # the core has it from here on, and bounds it
            handle = self.handle(voice, core)
            voice = replace(voice, prefix=None)
            with self._lock:
                self._handles[voice] = handle
        with self._lock:
            self._files[key] = voice
            while len(self._files) > _KEPT:
                self._files.popitem(last=False)
        return voice

    def handle(self, voice: Voice, core: Core) -> _core.VoiceHandle:
        """Return the core's copy of a voice, made, with its prefix, when it is first used."""
        if not isinstance(voice, Voice):
            raise InvalidInputError(
                f"voice must be a loquor.Voice (see Engine.voice), not {type(voice).__name__}"
            )
        with self._lock:
            handle = self._handles.get(voice)
        if handle is None:
            voice.check(self.fingerprint)
            handle = _core.VoiceHandle(
                voice.audio_features, voice.audio_tokens, voice.speaker_embeddings, voice.speaker_features
            )
            core().check_voice(handle)
            self._keep_prefix(voice, handle, core)
            with self._lock:  # the prefix is one handle's: all use the first
                handle = self._handles.setdefault(voice, handle)
        return handle

    def with_prefix(self, voice: Voice, core: Core, cancel: _core.CancelToken | None) -> Voice:
        """Return the voice with its prefix for this engine, computed if it has none or another's."""
        if voice.prefix is not None and voice.prefix.fingerprint == self._prefix_fingerprint:
            return voice
        handle = self.handle(voice, core)
        prefix = VoicePrefix(_core.prefix_of(core(), handle, cancel), self._prefix_fingerprint)
        return self._with_warning(replace(voice, prefix=prefix), handle)

    def _with_warning(self, voice: Voice, handle: _core.VoiceHandle) -> Voice:
        """Return the voice, which says whether it brings a prefix for nothing."""
        foreign = voice.prefix is not None and voice.prefix.fingerprint != self._prefix_fingerprint
        others = tuple(warning for warning in voice.warnings if warning != _FOREIGN_PREFIX)
        warnings = (*others, _FOREIGN_PREFIX) if foreign else others
        if warnings != voice.warnings:
            voice = replace(voice, warnings=warnings)
        with self._lock:
            self._handles.setdefault(voice, handle)
        return voice

    @cached_property
    def _prefix_fingerprint(self) -> str:
        return prefix_fingerprint(*self._model_files, self._kv_dtype)

    def _keep_prefix(self, voice: Voice, handle: _core.VoiceHandle, core: Core) -> None:
        """Give the core the prefix that the voice brings, if it is one of this language model."""
        if voice.prefix is None:
            return
        if voice.prefix.fingerprint == self._prefix_fingerprint:
            _core.keep_prefix(core(), handle, voice.prefix.kv)
        else:
            _log.info("voice %r: %s", voice.name, _FOREIGN_PREFIX)

    def resolved(self, source: VoiceSource | None) -> VoiceSource:
        """Return what stands for None and for the name of a voice; raises `InvalidInputError`."""
        return named_voice(source, self.default, self.named, self._model)

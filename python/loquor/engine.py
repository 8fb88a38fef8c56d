"""The engine: a bundle loaded once, from text and a reference voice to a waveform."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from . import _core
from ._runtime import add_plugin, download_dtype, open_runtime
from .audio import Audio, Metrics
from .errors import InvalidInputError
from .options import GenerationOptions, resolve_options
from .reference_audio import load_reference
from .text import prepare_text
from .tokenizer import Tokenizer
from .voice import Voice, bundle_voices, default_voice, fingerprint_of, is_voice_file

if TYPE_CHECKING:
    import numpy.typing as npt

    VoiceSource = Voice | str | os.PathLike[str] | tuple[npt.NDArray[Any], int] | BinaryIO

__all__ = ["Capabilities", "Engine"]

_log = logging.getLogger("loquor")

_VOICES_KEPT = 8  # voices made from files by speak(), some 2 MB each
_UNUSED_BY_TURBO = ("exaggeration", "cfg_weight")


@dataclass(frozen=True)
class Capabilities:
    """What a loaded engine is and can do. Sizes are in elements, rates in Hz."""

    model: str
    family: str
    folder: Path
    device: str
    provider: str
    dtypes: Mapping[str, str]
    optimization_levels: Mapping[str, str]
    threads: int
    kv_mode: str
    kv_dtype: str
    layers: int
    hidden_size: int
    vocab_size: int
    max_positions: int
    sample_rate: int
    samples_per_token: int
    tags: tuple[str, ...]
    voices: tuple[str, ...]
    has_default_voice: bool
    sampling: str
    placements: Mapping[str, str]
    voice_cloning: bool = True
    streaming: bool = False


class Engine:
    """A model, ready to speak. Any thread may call it; one request runs at a time, others wait their turn."""

    def __init__(
        self,
        model: str | os.PathLike[str] = "mini",
        *,
        device: str = "auto",
        dtype: str = "auto",
        threads: int = 0,
        provider_options: Mapping[str, str] | None = None,
        sampling: str = "auto",
    ) -> None:
        """Load a bundle: a name of the catalogue, a hub id, or a folder (see `loquor.hub.resolve`).

        `device` is "auto", "cpu", "cuda", "tensorrt", "coreml", "directml" or "webgpu"; `provider_options`
        go to its execution provider as they are. `dtype` is "auto", a published precision ("fp32", "fp16",
        "q8", "q4", "q4f16") or a list with exceptions ("q4,conditional_decoder=fp32"). `threads` are given to
        each graph; 0 takes one per usable core, 8 at most. Tokens are chosen (`sampling`) on the "host", on
        the "device" (then no logits come back), or "auto": on a device that has its own memory.

        Raises `RuntimeMissingError`, `ModelError` (`DownloadError` when files cannot be fetched) or
        `InvalidInputError`.
        """
        from .catalog import find_entry, model_text
        from .hub import resolve

        runtime = open_runtime()
        self._model = model_text(model)
        _check_arguments(device, dtype, threads, provider_options, sampling)
        entry = find_entry(self._model)
        if entry is not None and not entry.supported:
            raise InvalidInputError(
                f"this version cannot run {self._model} yet: it runs the Turbo family (turbo, nano, mini)"
            )
        add_plugin(runtime, device)
        self._folder = resolve(model, dtype=download_dtype(runtime, device, dtype))
        self._tokenizer = Tokenizer(self._folder)
        self._bundle_voices = bundle_voices(self._folder)
        self._default_voice = default_voice(self._folder)
        options = {str(key): str(value) for key, value in (provider_options or {}).items()}
        where: dict[str, Any] = {"device": device, "provider_options": options, "sampling": sampling}
        self._core: _core.EngineHandle | None = _core.EngineHandle(
            runtime, str(self._folder), dtype=dtype, threads=threads, **where
        )
        self._info = self._core.info()
        self._defaults = self._core.default_options()
        encoder = self._info["graphs"]["speech_encoder"]
        contract = " ".join(
            str(self._info[key])
            for key in ("family", "hidden_size", "speaker_embedding_size", "speaker_feature_size")
        )
        self._fingerprint = fingerprint_of(self._folder, Path(encoder["file"]), encoder["dtype"], contract)
        self._handles: weakref.WeakKeyDictionary[Voice, _core.VoiceHandle] = weakref.WeakKeyDictionary()
        self._voices: OrderedDict[tuple[str, int, int], Voice] = OrderedDict()
        self._lock = threading.Lock()

    # --- Voices ---

    def voice(self, source: VoiceSource | None = None, *, cancel: _core.CancelToken | None = None) -> Voice:
        """Make a voice from a recording, or load a saved one.

        `source` is the name of a voice that the bundle brings (`capabilities.voices`), a file that soundfile
        reads, `(samples, sample_rate)` with float or integer PCM samples of shape [n] or [n, channels], a
        binary file object, a saved voice (`.safetensors`), or None for the bundle's default voice. Recordings
        are mixed to mono, resampled to 24 kHz, brought to -27 LUFS and cut to
        15 s, as upstream does.

        Raises `InvalidInputError` for a recording or voice that cannot be used, `ExecutionError`,
        `CancelledError`.
        """
        source = self._named(source)
        if isinstance(source, Voice):
            source.check(self._fingerprint)
            return source
        if isinstance(source, (str, os.PathLike)) and is_voice_file(source):
            saved = Voice.load(source)
            saved.check(self._fingerprint)
            return saved
        reference = load_reference(source)
        for warning in reference.warnings:
            _log.warning("%s", warning)
        handle = self._engine().encode_voice(reference.samples, _token(cancel))
        name = Path(os.fspath(source)).stem if isinstance(source, (str, os.PathLike)) else "voice"
        voice = Voice(**handle.tensors(), fingerprint=self._fingerprint, name=name)
        with self._lock:
            self._handles[voice] = handle
        return voice

    def _named(self, source: VoiceSource | None) -> VoiceSource:
        """Put the file of the bundle's own voice in the place of its name, or of None."""
        if source is None:
            if self._default_voice is not None:
                return self._default_voice
            raise InvalidInputError(
                f"{self._model} brings no voice of its own: give one, as voice='recording.wav' (5 to 15 s "
                "of one speaker)"
            )
        if not isinstance(source, str) or not self._bundle_voices:
            return source
        if source in self._bundle_voices:
            return self._bundle_voices[source]
        if not Path(source).suffix and not Path(source).exists():
            raise InvalidInputError(
                f"there is neither a file {source!r} nor a voice of that name: give a recording or one of "
                f"{', '.join(self._bundle_voices)}"
            )
        return source

    def _cached_voice(self, source: VoiceSource | None, cancel: _core.CancelToken | None) -> Voice:
        """Files are read once: the voice is kept under the file's path, size and time."""
        source = self._named(source)
        if not isinstance(source, (str, os.PathLike)):
            return self.voice(source, cancel=cancel)
        try:
            status = Path(source).stat()
        except (OSError, ValueError):  # ValueError: a null character
            return self.voice(source, cancel=cancel)  # which says what is wrong
        key = (os.path.realpath(source), status.st_size, status.st_mtime_ns)
        with self._lock:
            if key in self._voices:
                self._voices.move_to_end(key)
                return self._voices[key]
        voice = self.voice(source, cancel=cancel)
        with self._lock:
            self._voices[key] = voice
            while len(self._voices) > _VOICES_KEPT:
                self._voices.popitem(last=False)
        return voice

    def _handle(self, voice: Voice) -> _core.VoiceHandle:
        if not isinstance(voice, Voice):
            raise InvalidInputError(
                f"voice must be a loquor.Voice (see Engine.voice), not {type(voice).__name__}"
            )
        with self._lock:
            handle = self._handles.get(voice)
        if handle is None:
            voice.check(self._fingerprint)
            handle = _core.VoiceHandle(
                voice.audio_features, voice.audio_tokens, voice.speaker_embeddings, voice.speaker_features
            )
            with self._lock:
                self._handles[voice] = handle
        return handle

    # --- Speech ---

    def speak(
        self,
        text: str,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        cancel: _core.CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Audio:
        """Say `text` (a sentence or a few, best under 300 characters) in a voice.

        `voice` is what `voice()` takes; voices made from files here are kept for the next call. `progress` is
        called with the number of speech tokens so far, some twenty times a second (25 tokens are a second of
        speech).

        Raises `InvalidInputError`, `CancelledError` within one step of `cancel`, `ExecutionError`.
        """
        start = time.perf_counter()
        resolved = resolve_options(options, self._defaults)
        ids = self.tokenize(text)
        made = self._cached_voice(voice, cancel)
        warnings = self._text_warnings(text) + self._option_warnings(options)
        tokens = self._generate(ids, made, resolved, cancel, progress)
        samples, vocoder_seconds = self._engine().decode(tokens["tokens"], self._handle(made), _token(cancel))
        warnings += self._token_warnings(tokens)
        audio_seconds = len(samples) / self._info["sample_rate"]
        metrics = Metrics(
            text_tokens=len(ids),
            prompt_length=tokens["prompt_length"],
            speech_tokens=len(tokens["tokens"]),
            prefill_seconds=tokens["prefill_seconds"],
            decode_seconds=tokens["decode_seconds"],
            vocoder_seconds=vocoder_seconds,
            total_seconds=time.perf_counter() - start,
            audio_seconds=audio_seconds,
        )
        return Audio(samples, self._info["sample_rate"], metrics, tuple(warnings))

    def _text_warnings(self, text: str) -> list[str]:
        unknown = self._tokenizer.unknown_tags(text)
        known = ", ".join(self._tokenizer.tags)
        return [f"{tag} is no tag of this model and is read as text (it knows {known})" for tag in unknown]

    def _option_warnings(self, options: GenerationOptions | None) -> list[str]:
        given = [name for name in _UNUSED_BY_TURBO if options and getattr(options, name) is not None]
        return [f"{name} is ignored: the {self._info['family']} family has no such control" for name in given]

    def _token_warnings(self, tokens: Mapping[str, Any]) -> list[str]:
        if tokens["finish_reason"] == "length":
            return [f"speech was cut at {len(tokens['tokens'])} tokens, before the model said stop"]
        return [] if len(tokens["tokens"]) else ["the model found nothing to say in this text"]

    # --- Lower level: for harnesses and other engines ---

    def tokenize(self, text: str) -> npt.NDArray[np.int64]:
        """Return the ids of `text`, int64 [n], normalised and closed by the bundle's end-of-text ids.

        Raises `InvalidInputError` for text that cannot be spoken.
        """
        return self._tokenizer.encode(prepare_text(text))

    def generate_tokens(
        self,
        input_ids: npt.ArrayLike,
        voice: Voice,
        options: GenerationOptions | None = None,
        *,
        cancel: _core.CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the speech tokens for text ids, int64 [n], as sampled and without STOP.

        `input_ids`, integers [n], end with the bundle's two end-of-text ids (see `tokenize`). The algorithm
        is that of the model card: prefill [voice prefix, text, START, START], then one token a step.
        Raises `InvalidInputError`, `CancelledError`, `ExecutionError`.
        """
        resolved = resolve_options(options, self._defaults)
        tokens: npt.NDArray[np.int64] = self._generate(
            _ids(input_ids, "input_ids"), voice, resolved, cancel, progress
        )["tokens"]
        return tokens

    def decode(
        self, speech_tokens: npt.ArrayLike, voice: Voice, *, cancel: _core.CancelToken | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the waveform of speech tokens, float32 [n], mono in [-1, 1] at `capabilities.sample_rate`.

        Ids that are no speech codes are left out, and the family's closing silence (Turbo: 3 tokens) is
        appended: n is `samples_per_token` times the number of tokens then. Errors as in `generate_tokens`.
        """
        return self._engine().decode(
            _ids(speech_tokens, "speech_tokens"), self._handle(voice), _token(cancel)
        )[0]

    def _generate(
        self,
        input_ids: npt.NDArray[np.int64],
        voice: Voice,
        resolved: dict[str, Any],
        cancel: _core.CancelToken | None,
        progress: Callable[[int], None] | None,
    ) -> dict[str, Any]:
        if progress is not None and not callable(progress):
            raise InvalidInputError(f"progress must be a function, not {type(progress).__name__}")
        return self._engine().generate_tokens(
            input_ids, self._handle(voice), **resolved, cancel=_token(cancel), progress=progress
        )

    # --- The engine itself ---

    @property
    def capabilities(self) -> Capabilities:
        """What is loaded, where it runs, and what it can do."""
        info = self._info
        graphs = info["graphs"]
        same = {key: info[key] for key in Capabilities.__dataclass_fields__ if key in info}
        return Capabilities(
            **same,
            model=self._model,
            folder=self._folder,
            dtypes={name: graph["dtype"] for name, graph in graphs.items()},
            optimization_levels={name: graph["optimization_level"] for name, graph in graphs.items()},
            tags=self._tokenizer.tags,
            voices=tuple(self._bundle_voices),
            has_default_voice=self._default_voice is not None,
            placements={name: graph["placement"] for name, graph in graphs.items()},
        )

    def close(self) -> None:
        """Give the memory back, after the requests under way. Later calls raise `InvalidInputError`."""
        self._core = None

    def _engine(self) -> _core.EngineHandle:
        if self._core is None:
            raise InvalidInputError("this engine was closed")
        return self._core

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        dtypes = sorted({graph["dtype"] for graph in self._info["graphs"].values()})
        return f"Engine({self._model!r}, device={self._info['device']!r}, dtype={'+'.join(dtypes)!r})"


def _ids(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    try:
        array = np.asarray(values)
    except Exception as error:  # ragged lists, and whatever a foreign array type raises
        raise InvalidInputError(f"{name} must be integers of shape [n] ({error})") from error
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InvalidInputError(
            f"{name} must be integers of shape [n], not {array.dtype} of shape {list(array.shape)}"
        )
    return np.ascontiguousarray(array, dtype=np.int64)


def _token(cancel: object) -> _core.CancelToken | None:
    if cancel is None or isinstance(cancel, _core.CancelToken):
        return cancel
    raise InvalidInputError(f"cancel must be a loquor.CancelToken, not {type(cancel).__name__}")


def _check_arguments(
    device: object, dtype: object, threads: object, provider_options: object, sampling: object
) -> None:
    for name, value in (("device", device), ("dtype", dtype), ("sampling", sampling)):
        if not isinstance(value, str):
            raise InvalidInputError(f"{name} must be a str, such as 'auto', not {type(value).__name__}")
    if isinstance(threads, bool) or not isinstance(threads, int) or not 0 <= threads < 2**31:
        raise InvalidInputError("threads must be a whole number from 0 (automatic) to 1024")
    if provider_options is not None and not isinstance(provider_options, Mapping):
        raise InvalidInputError(
            f"provider_options must map names to values, not be of type {type(provider_options).__name__}"
        )

"""The engine: a bundle loaded once, from text and a reference voice to a waveform."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._runtime import add_plugin, advised_dtype, open_runtime
from .arguments import check_engine_arguments, check_progress, checked_ids, checked_token
from .audio import Audio
from .capabilities import Capabilities, capabilities_of
from .errors import InvalidInputError
from .long_text import LongSpeech, LongTextOptions
from .opening import open_core
from .options import (
    GenerationOptions,
    StreamOptions,
    resolve_options,
    resolve_stream_options,
    unused_option_warnings,
)
from .prepare import check_preparation
from .stream import Stream
from .text_rules import check_normalizer, measure_of, prepare_text, read_text_rules
from .tokenizer import Tokenizer
from .voice import Voice
from .voices import EngineVoices

if TYPE_CHECKING:
    import numpy.typing as npt

    from .voices import VoiceSource

__all__ = ["Capabilities", "Engine"]


class Engine:
    """A model, ready to speak. Any thread may call it.

    One thread of its own runs the graphs for up to `capabilities.slots` requests at once, which join and
    leave between decode steps; others wait.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "mini",
        *,
        device: str = "auto",
        dtype: str = "auto",
        threads: int = 0,
        normalize: str = "auto",
        provider_options: Mapping[str, str] | None = None,
        slots: int = 0,
        max_queue: int = 0,
        batching: bool = True,
        prepare: bool = True,
        kv_dtype: str = "auto",
        reference_seconds: float | None = None,
        sampling: str = "auto",
    ) -> None:
        """Load a bundle: a name of the catalogue, a hub id, or a folder (see `loquor.hub.resolve`).

        `device` is "auto", "cpu", "cuda", "tensorrt", "coreml", "directml" or "webgpu"; `provider_options`
        go to its execution provider as they are. `dtype` is "auto", a published precision ("fp32", "fp16",
        "q8", "q4", "q4f16") or a list with exceptions ("q4,conditional_decoder=fp32"). `threads` are given to
        each graph; 0 takes one per usable core, 8 at most. `normalize` says how text is prepared: "en" writes
        English numbers, dates, money, abbreviations and symbols in words, "none" leaves them to the model,
        "auto" does what the bundle asks for (mini needs "en", Turbo reads digits itself).

        `slots` requests are under way at once (0: as many as 1 GiB of KV cache is good for, 16 at most), and
        `max_queue` (0: 256) may wait beyond those: more raise `BusyError`. With `batching` a decode step
        serves all of them in one run where the graph allows it, which is faster; without it a request's
        logits do not depend on its neighbours to the last bit.

        `prepare` lets graphs be rewritten once so that they run fast (see `capabilities.prepared`); the first
        load then takes longer. The `kv_dtype` of a prepared model's KV cache is "auto" (as published),
        "fp32", "fp16" or "int8". `reference_seconds` of a voice's start prompt the decoder (None: all); every
        decode computes them again, so less is faster, and a little less alike. Tokens are chosen
        (`sampling`) on the "host", on the "device" (no logits come back, and steps serve one request at a
        time), or "auto": on a device that has its own memory.

        Raises `RuntimeMissingError`, `ModelError` (files not fetched: `DownloadError`), `InvalidInputError`.
        """
        from .catalog import find_entry, model_text
        from .hub import resolve

        runtime = open_runtime()
        self._model = model_text(model)
        check_normalizer(normalize)
        check_engine_arguments(device, dtype, sampling, provider_options, threads, slots, max_queue)
        seconds = check_preparation(prepare, kv_dtype, reference_seconds)
        entry = find_entry(self._model)
        if entry is not None and not entry.supported:
            raise InvalidInputError(
                f"this version cannot run {self._model} yet: it runs the Turbo family (turbo, nano, mini)"
            )
        add_plugin(runtime, device)
        dtype = advised_dtype(runtime, device, dtype)
        self._folder = resolve(model, dtype=dtype)
        self._tokenizer = Tokenizer(self._folder)
        self._core: _core.EngineHandle | None
        self._core, self._prepared = open_core(
            runtime,
            self._folder,
            prepare,
            kv_dtype,
            dtype=dtype,
            device=device,
            provider_options=provider_options or {},
            threads=threads,
            slots=slots,
            max_queue=max_queue,
            batching=bool(batching),
            reference_seconds=seconds,
            sampling=sampling,
        )
        self._text_rules = read_text_rules(self._folder)
        self._normalizer = self._text_rules.normalizer if normalize == "auto" else normalize
        self._info = self._core.info()
        self._defaults = self._core.default_options()
        self._stream_defaults = _core.default_stream_options(self._core)
        self._voices = EngineVoices(self._folder, self._model, self._info)
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._lock = threading.Lock()

    # --- Voices ---

    def voice(self, source: VoiceSource | None = None, *, cancel: _core.CancelToken | None = None) -> Voice:
        """Make a voice from a recording, or load a saved one.

        `source` is the name of a voice that the bundle brings (`capabilities.voices`), a file that soundfile
        reads, `(samples, sample_rate)` with float or integer PCM samples of shape [n] or [n, channels], a
        binary file object, a saved voice (`.safetensors`), or None for the bundle's default voice. Recordings
        are mixed to mono, resampled to 24 kHz, brought to -27 LUFS and cut to 15 s, as upstream does.

        Raises `InvalidInputError` for a recording or voice that cannot be used, `ExecutionError`,
        `CancelledError`.
        """
        return self._voices.make(source, self._engine, checked_token(cancel))

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
        """Say `text` (a sentence or a few, best under 300 characters; see `speak_long`) in a voice.

        `voice` is what `voice()` takes; voices made from files here are kept for the next call. `progress` is
        called with the number of speech tokens so far, some twenty times a second (25 tokens are a second of
        speech).

        Raises `InvalidInputError`, `CancelledError` within one step of `cancel`, `ExecutionError`.
        """
        check_progress(progress)
        chunks = self._stream_defaults | {"first_chunk": 0}  # all at the end
        stream = self._open_stream(text, voice, options, chunks, cancel, progress)
        samples = next(stream, np.zeros(0, np.float32))
        next(stream, None)  # the end, behind which its measurements are complete
        return Audio(samples, stream.sample_rate, stream.metrics, stream.warnings)

    def stream(
        self,
        text: str,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        chunks: StreamOptions | None = None,
        cancel: _core.CancelToken | None = None,
    ) -> Stream:
        """Say `text` while it is made: iterate over the result, in a `with` or an `async with` block.

        Gives arrays of samples, float32 [n], mono in [-1, 1] at the stream's `sample_rate`. The speech tokens
        are those of `speak`; so is the sound, as far as the decoder's windows agree. Leaving the block
        cancels what is not done. The work starts now. Making a voice from a recording takes a while, which an
        asyncio program should do before, on another thread.

        Raises `InvalidInputError` and `BusyError` now, `CancelledError` and `ExecutionError` where it is
        read.
        """
        resolved = resolve_stream_options(chunks, self._stream_defaults)
        return self._open_stream(text, voice, options, resolved, cancel, None)

    def _open_stream(
        self,
        text: str,
        voice: VoiceSource | None,
        options: GenerationOptions | None,
        chunks: dict[str, Any],
        cancel: _core.CancelToken | None,
        progress: Callable[[int], None] | None,
    ) -> Stream:
        start = time.perf_counter()
        resolved = resolve_options(options, self._defaults)
        prepared = prepare_text(text, self._normalizer)
        ids = self._tokenizer.encode(prepared.text)
        made = self._voices.cached(voice, self._engine, checked_token(cancel))
        warnings = [*prepared.warnings, *self._tokenizer.warnings(text)]
        warnings += unused_option_warnings(options, self._info["family"])
        handle = _core.StreamHandle(
            self._engine(), ids, self._voices.handle(made), resolved, chunks, checked_token(cancel), progress
        )
        stream = Stream(handle, text, len(ids), self._info["sample_rate"], warnings, start)
        with self._lock:
            self._streams.add(stream)
        return stream

    def speak_long(
        self,
        text: str | Iterable[str],
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        long_text: LongTextOptions | None = None,
        cancel: _core.CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> LongSpeech:
        """Say a text of any length, given whole or in chunks such as the lines of an open file.

        It is spoken sentence by sentence (see `LongTextOptions`) while the result is iterated, collected or
        saved. `progress` is called with the number of speech tokens of all pieces so far.

        Raises `InvalidInputError` for what is wrong before the text is read; then what `speak` raises.
        """
        resolve_options(options, self._defaults)
        speak = partial(
            self.speak, voice=self._voices.cached(voice, self._engine, checked_token(cancel)), cancel=cancel
        )
        limit, measure = self._text_rules.piece_characters, measure_of(self._normalizer)
        return LongSpeech(text, speak, options, long_text, limit, measure, progress)

    # --- Lower level: for harnesses and other engines ---

    def tokenize(self, text: str) -> npt.NDArray[np.int64]:
        """Return the ids of `text`, int64 [n], prepared as by `speak` and closed by the end-of-text ids.

        Raises `InvalidInputError` for text that cannot be spoken.
        """
        return self._tokenizer.encode(prepare_text(text, self._normalizer).text)

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
        ids, resolved = checked_ids(input_ids, "input_ids"), resolve_options(options, self._defaults)
        check_progress(progress)
        tokens: npt.NDArray[np.int64] = self._engine().generate_tokens(
            ids, self._voices.handle(voice), resolved, checked_token(cancel), progress
        )["tokens"]
        return tokens

    def decode(
        self,
        speech_tokens: npt.ArrayLike,
        voice: Voice,
        *,
        seed: int = 0,
        cancel: _core.CancelToken | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return the waveform of speech tokens, float32 [n], mono in [-1, 1] at `capabilities.sample_rate`.

        Ids that are no speech codes are left out, and the family's closing silence (Turbo: 3 tokens) is
        appended: n is `samples_per_token` times the number of tokens then. A prepared decoder takes its noise
        from `seed`, as `speak` does from the options'. Errors as in `generate_tokens`.
        """
        seed = resolve_options(GenerationOptions(seed=seed), self._defaults)["seed"]
        ids = checked_ids(speech_tokens, "speech_tokens")
        return self._engine().decode(ids, self._voices.handle(voice), seed, checked_token(cancel))[0]

    # --- The engine itself ---

    @property
    def capabilities(self) -> Capabilities:
        """What is loaded, where it runs, and what it can do."""
        return capabilities_of(
            self._info,
            self._prepared,
            model=self._model,
            folder=self._folder,
            tags=self._tokenizer.tags,
            text_normalizer=self._normalizer,
            piece_characters=self._text_rules.piece_characters,
            voices=tuple(self._voices.named),
            has_default_voice=self._voices.default is not None,
        )

    def close(self) -> None:
        """Cancel the streams, and give the memory back after the calls under way on other threads.

        Later calls raise `InvalidInputError`.
        """
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream._close_engine()
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

"""The engine: a bundle loaded once, from text and a reference voice to a waveform."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np

from .. import _core
from ..audio.audio import Audio
from ..base.process import HomeLock, memory_watched, opening
from ..base.runtime import add_plugin, advised_dtype, open_runtime
from ..bundle.text_rules import check_normalizer, measure_of, prepare_text, text_rules_of
from ..bundle.tokenizer import Tokenizer
from ..errors import InvalidInputError
from ..prepare import check_preparation
from ..voice.voice import Voice
from ..voice.voices import EngineVoices, VoiceSource
from .arguments import check_progress, check_provider_options, checked_engine_options, checked_token
from .capabilities import Capabilities, capabilities_of
from .long_speech import LongSpeech
from .long_text import LongTextOptions
from .lower_level import LowerLevel
from .memory import Memory, memory_of
from .opening import Preparation, open_core
from .options import (
    GenerationOptions,
    StreamOptions,
    resolve_options,
    resolve_stream_options,
    unused_option_warnings,
)
from .session import Session
from .stream import Stream

__all__ = ["Capabilities", "Engine"]


class Engine(LowerLevel):
    """A model, ready to speak. Any thread may call it.

    One thread of its own runs the graphs for up to `capabilities.slots` requests at once, which join and
    leave between decode steps; others wait.
    """

    @opening
    @memory_watched("opening an engine")
    def __init__(
        self,
        model: str | os.PathLike[str] = "mini",
        *,
        # scripts/options: engine keywords
        dtype: str = "auto",
        device: str = "auto",
        threads: int = 0,
        slots: int = 0,
        max_queue: int = 0,
        batching: bool = True,
        reference_seconds: float = 0.0,
        prefix_cache_bytes: int = 268435456,
        sampling: str = "auto",
        # scripts/options: end
        provider_options: Mapping[str, str] | None = None,
        normalize: str = "auto",
        prepare: bool = True,
        own_operators: bool = True,
        kv_dtype: str = "auto",
    ) -> None:
        """Load a bundle: a name of the catalogue, a hub id, or a folder (see `loquor.bundle.hub.resolve`).

        `provider_options` go to the device's execution provider as they are. `normalize` says how text is
        prepared: "en" writes English numbers, dates, money, abbreviations and symbols in words, "none" leaves
        them to the model, "auto" does what the bundle asks for (mini needs "en", larger models read digits
        themselves).

        `prepare` lets graphs be rewritten once so that they run fast (see `capabilities.prepared`); the first
        load then takes longer. On the CPU they use operators of the core's own where these are faster, unless
        `own_operators` is False, which leaves ONNX Runtime's. The `kv_dtype` of a prepared model's KV cache
        is "auto" (as published), "fp32", "fp16" or "int8".

        The others are options of the core, as docs/options.md has them:
        - `dtype`: auto, a published precision (fp32, fp16, q8, q4, q4f16), or a list with exceptions:
          q4,conditional_decoder=fp32.
        - `device`: Where to run: auto, cpu, cuda, tensorrt, coreml, directml or webgpu.
        - `threads`: [0, 1024]. CPU threads of each graph; 0 takes one for each usable core, 8 at most.
        - `slots`: [0, 64]. Requests under way at once; 0 takes as many as 1 GiB of KV cache is good for, 16
          at most.
        - `max_queue`: [0, 1048576]. Requests that may wait beyond those, 0 for 256; more are refused as busy.
        - `batching`: Lets a step serve all requests under way where the graph allows it, which is faster;
          without it a request's logits do not depend on its neighbours to the last bit.
        - `reference_seconds`: [0, 3600]. Seconds of a voice's start that prompt the decoder, 0 for all: every
          decode computes them again, so less is faster, and a little less alike.
        - `prefix_cache_bytes`: [0, 1152921504606846976]. Host memory for the KV of voices' prefixes, which
          are computed once and then copied; the least recently used go, and 0 computes always.
        - `sampling`: Where tokens are chosen: host, device (no logits come back, and steps serve one request
          at a time), or auto: on the device where it has its own memory.

        Raises `RuntimeMissingError`, `ModelError` (files not fetched: `DownloadError`), `InvalidInputError`.
        """
        from ..bundle.catalog import CATALOG, find_entry, model_text
        from ..bundle.hub import resolve

        runtime = open_runtime()
        self._model = model_text(model)
        check_normalizer(normalize)
        options = checked_engine_options(
            # scripts/options: engine arguments
            dtype=dtype,
            device=device,
            threads=threads,
            slots=slots,
            max_queue=max_queue,
            batching=batching,
            reference_seconds=reference_seconds,
            prefix_cache_bytes=prefix_cache_bytes,
            sampling=sampling,
            # scripts/options: end
        )
        check_provider_options(provider_options)
        check_preparation(prepare, kv_dtype, own_operators)
        entry = find_entry(self._model)
        if entry is not None and not entry.supported:
            raise InvalidInputError(
                f"this version cannot run {self._model} yet: it runs "
                + ", ".join(name for name, known in CATALOG.items() if known.supported)
            )
        add_plugin(runtime, device)
        advised = advised_dtype(runtime, device)
        found = resolve(model, dtype=dtype, prefer=advised)
        self._folder = found.absolute()  # whatever the working folder will be
        facts = _core.read_bundle(str(self._folder), dtype, advised)
        self._text_rules = text_rules_of(self._folder, facts)
        self._tokenizer = Tokenizer(self._folder, facts)
        self._lock = HomeLock("engine")
        self._core: _core.EngineHandle | None
        self._core, self._prepared, prepared_files = open_core(
            runtime,
            self._folder,
            Preparation(prepare, own_operators, kv_dtype),
            options,
            provider_options or {},
        )
        self._normalizer = self._text_rules.normalizer if normalize == "auto" else normalize
        self._measure = measure_of(self._normalizer)  # imports its modules now, not in the first request
        self._info = self._core.info()
        self._defaults = self._core.default_options()
        self._stream_defaults = _core.default_stream_options(self._core)
        self._voices = EngineVoices(
            self._folder,
            self._model,
            self._info,
            facts["default_voice"],
            prepared_files.get("language_model"),
        )
        self._streams: weakref.WeakSet[Stream | Session] = weakref.WeakSet()

    # --- Voices ---

    @memory_watched("making a voice")
    def voice(
        self,
        source: VoiceSource | None = None,
        *,
        prefix: bool = False,
        cancel: _core.CancelToken | None = None,
    ) -> Voice:
        """Make a voice from a recording, or load a saved one.

        `source` is the name of a voice that the bundle brings (`capabilities.voices`), a file that soundfile
        reads, `(samples, sample_rate)` with float or integer PCM samples of shape [n] or [n, channels], a
        saved voice (`.safetensors`), a binary file object of either, or None for the bundle's default voice.
        Recordings are mixed to mono, resampled to 24 kHz, brought to -27 LUFS and cut to 15 s, as upstream
        does; what may harm the likeness is told in `Voice.warnings`.

        `prefix` adds what the language model makes of the voice (`Voice.prefix`), for `Voice.save`: in an
        engine like this one, also of another process, the first request with the saved voice starts at the
        text. It is large (of 24 layers by 1024: 74 MB in float32, 18 in int8) and needs room in
        `prefix_cache_bytes`.

        Raises `InvalidInputError` for a recording or voice that cannot be used, `ExecutionError`,
        `RequestCancelledError`.
        """
        self._engine()
        voice = self._voices.make(source, self._engine, checked_token(cancel))
        return self._voices.with_prefix(voice, self._engine, checked_token(cancel)) if prefix else voice

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of the voices that the bundle brings, for `voice`; its default one may have none."""
        return tuple(self._voices.named)

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

        Raises `InvalidInputError`, `RequestCancelledError` within one step of `cancel`, `ExecutionError`.
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

        Raises `InvalidInputError` and `BusyError` now, `RequestCancelledError` and `ExecutionError` where it
        is read.
        """
        resolved = resolve_stream_options(chunks, self._stream_defaults)
        return self._open_stream(text, voice, options, resolved, cancel, None)

    @memory_watched("starting a request")
    def _open_stream(
        self,
        text: str,
        voice: VoiceSource | None,
        options: GenerationOptions | None,
        chunks: dict[str, Any],
        cancel: _core.CancelToken | None,
        progress: Callable[[int], None] | None,
        asked: GenerationOptions | None = None,
    ) -> Stream:
        """`asked` are the options as the user gave them, where `options` have a piece's own seed."""
        start = time.perf_counter()
        self._engine()
        resolved = resolve_options(options, self._defaults)
        prepared = prepare_text(text, self._normalizer, self._text_rules.profile)
        ids = self._tokenizer.encode(prepared.text)
        made = self._voices.cached(voice, self._engine, checked_token(cancel))
        warnings = [*made.warnings, *prepared.warnings, *self._tokenizer.warnings(text)]
        warnings += unused_option_warnings(asked or options, self._info["family"], resolved)
        token, handle = checked_token(cancel), self._voices.handle(made, self._engine)
        stream_handle = _core.StreamHandle(
            self._engine(), ids, handle, resolved, chunks, token, progress, prepared.text
        )
        stream = Stream(stream_handle, text, len(ids), self._info["sample_rate"], warnings, start)
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
        chunks = self._stream_defaults | {"first_chunk": 0}  # all at the end
        session = self._session(voice, options, chunks, long_text, cancel, progress, ahead=False)
        return LongSpeech(text, session)

    def session(
        self,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        chunks: StreamOptions | None = None,
        long_text: LongTextOptions | None = None,
    ) -> Session:
        """Say a text that is still being written: `feed` it while the result is iterated, in a `with` block.

        It is spoken as `speak_long` would, in chunks as those of `stream`; how the text was divided among
        the calls of `feed` makes no difference. `LongTextOptions(join_below=0)` lets a short sentence
        not wait for another. Raises `InvalidInputError` now; then as `Session` says.
        """
        resolved = resolve_stream_options(chunks, self._stream_defaults)
        return self._session(voice, options, resolved, long_text, None, None, ahead=True)

    def _session(
        self,
        voice: VoiceSource | None,
        options: GenerationOptions | None,
        chunks: dict[str, Any],
        long_text: LongTextOptions | None,
        cancel: _core.CancelToken | None,
        progress: Callable[[int], None] | None,
        *,
        ahead: bool,
    ) -> Session:
        self._engine()
        resolve_options(options, self._defaults)
        check_progress(progress)
        made = self._voices.cached(voice, self._engine, checked_token(cancel))
        open_stream = partial(
            self._open_stream, voice=made, chunks=chunks, cancel=cancel, asked=options or GenerationOptions()
        )
        limit, rate = self._text_rules.piece_characters, self._info["sample_rate"]
        session = Session(open_stream, rate, options, long_text, limit, self._measure, progress, ahead=ahead)
        with self._lock:
            self._streams.add(session)
        return session

    # --- The engine itself ---

    def warmup(self, voice: VoiceSource | None = None) -> None:
        """Run each graph once, so that the first request is as fast as those after it.

        With the voice that it will speak in, whose prefix is then kept; None takes the bundle's own, or makes
        one of a tone. Raises what `speak` raises.
        """
        if voice is None and self._voices.default is None:
            voice = (0.1 * np.sin(np.arange(48_000) * 0.05), 24_000)
        made = self._voices.cached(voice, self._engine, None)
        self.generate_tokens(self._tokenizer.encode("Hi."), made, GenerationOptions(max_new_tokens=3))
        self.decode([self._info["silence_token"]] * 3, made)

    def memory(self) -> Memory:
        """What the engine, and the process, hold in memory now."""
        return memory_of(self._engine().memory())

    def unload_encoder(self) -> None:
        """Give the speech encoder's memory back; making a voice from a recording loads it again."""
        self._engine().unload_encoder()

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
            voices=self.voices,
            has_default_voice=self._voices.default is not None,
        )

    def close(self) -> None:
        """Cancel the streams, and give the memory back after the calls under way on other threads.

        Later calls raise `InvalidInputError`.
        """
        if not self._lock.here:  # a forked child's parent has it
            return
        with self._lock:
            streams = list(self._streams)
            core, self._core = self._core, None
        for stream in streams:
            stream._close_engine()
        del core  # the last one waits for what is under way

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        dtypes = sorted({graph["dtype"] for graph in self._info["graphs"].values()})
        return f"Engine({self._model!r}, device={self._info['device']!r}, dtype={'+'.join(dtypes)!r})"

"""The engine: a bundle loaded once, from text and a reference voice to a waveform."""

from __future__ import annotations

import dataclasses
import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..audio.audio import Audio
from ..base.process import memory_watched, opening
from ..base.runtime import add_plugin, advised_dtype, open_runtime
from ..bundle.text_rules import check_normalizer, languages_of
from ..errors import InvalidInputError
from ..languages.detection import AUTO
from ..prepare import check_preparation
from ..voice.source_audio import RecordingSource, SourceAudio
from ..voice.speech_tokens import SpeechTokens
from ..voice.voice import Voice
from ..voice.voices import VoiceSource
from ..watermark.weights import chosen_watermark
from .arguments import (
    check_progress,
    check_provider_options,
    checked_engine_options,
    checked_ids,
    checked_token,
)
from .asynchronous import Awaited
from .capabilities import Capabilities, capabilities_of
from .conversion import Conversion, conversion_chunks
from .loaded import LoadedBundle
from .long_text import Bookmark, LongTextOptions, checked_bookmark, checked_parting
from .memory import Memory, memory_of
from .opening import Preparation
from .option_table import DECODE
from .options import (
    GenerationOptions,
    StreamOptions,
    resolve_options,
    resolve_stream_options,
    unused_option_warnings,
)
from .request import Request
from .stream import Stream

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._core import CancelToken
    from .long_speech import LongSpeech
    from .narration import Narration
    from .session import Session

__all__ = ["Capabilities", "Engine", "loaded_of"]


class Engine(Awaited):
    """A model, ready to speak. Any thread may call it.

    One thread of its own runs the graphs for up to `capabilities.slots` requests at once, which join and
    leave between steps of the language model; others wait.
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
        window_prompt: float = -1.0,
        prefix_cache_bytes: int = 268435456,
        sampling: str = "auto",
        watermark: str = "auto",
        keep_encoder: bool = False,
        realtime: bool = False,
        # scripts/options: end
        provider_options: Mapping[str, str] | None = None,
        normalize: str = "auto",
        prepare: bool = True,
        own_operators: bool = True,
        kv_dtype: str = "auto",
        decoder_precision: str = "auto",
    ) -> None:
        """Load a bundle: a name of the catalogue, a hub id, or a folder (see `loquor.bundle.hub.resolve`).

        `provider_options` go to the device's execution provider as they are. `normalize` says how text is
        prepared: "en" writes English numbers, dates, money, abbreviations and symbols in words, "none" leaves
        them to the model, "auto" does what the bundle asks for (mini needs "en", larger models read digits
        themselves).

        `prepare` lets graphs be rewritten once so that they run fast (see `capabilities.prepared`); the first
        load then takes longer. On the CPU they use operators of the core's own where these are faster, unless
        `own_operators` is False, which leaves ONNX Runtime's. The `kv_dtype` of a prepared model's KV cache
        is "auto" (as published), "fp32", "fp16" or "int8". A `decoder_precision` of "auto" lets a prepared
        decoder in float32 multiply in 16 bits on the CPU, where its samples then are within 45 dB of those in
        float32; "fp32" does not.

        `watermark="perth"` marks all that the engine says (`loquor[watermark]`; docs/marked-speech.md);
        without the weights the engine does not open.

        The others are options of the core, as docs/options.md has them:
        - `dtype`: auto, a published precision (fp32, fp16, q8, q4, q4f16, int8, int8_mixed), or a list with
          exceptions: q4,conditional_decoder=fp32.
        - `device`: Where to run: auto, cpu, cuda, tensorrt, coreml, directml or webgpu.
        - `threads`: [0, 1024]. CPU threads of each graph; 0 takes one for each usable core, 8 at most.
        - `slots`: [0, 64]. Requests under way at once; 0 takes as many as 1 GiB of KV cache is good for, 16
          at most.
        - `max_queue`: [0, 1048576]. Requests that may wait beyond those, 0 for 256; more are refused as busy.
        - `batching`: Lets a step serve all requests under way where the graph allows it, which is faster;
          without it a request's logits do not depend on its neighbours to the last bit.
        - `reference_seconds`: [0, 3600]. Seconds of a voice's start that prompt the decoder, 0 for all: every
          decode computes them again, so less is faster, and a little less alike.
        - `window_prompt`: [-1, 3600]. Seconds of a voice's start that prompt each window of a stream, with as
          much of what was just spoken behind them: windows cost less, and are not those of one shot; 0: the
          whole prompt, nearly as one shot; -1: the least that preparation found to hold on these weights,
          else 0.
        - `prefix_cache_bytes`: [0, 1152921504606846976]. Host memory for the KV of voices' prefixes, which
          are computed once and then copied; the least recently used go, and 0 computes always.
        - `sampling`: Where tokens are chosen: host, device (no logits come back), or auto: on the device
          where it has its own memory.
        - `watermark`: Marks all speech: perth (by the weights of the package resemble-perth, as Python and
          commands find them), the path of the graph that `loquor watermark-graph` prints, none, or auto,
          which is none unless LOQUOR_WATERMARK says otherwise to Python.
        - `keep_encoder`: Loads the speech encoder with the others and keeps it; without, the first recording
          loads it, and it goes when speech begins or nothing is asked for. A device with memory of its own
          always keeps it.
        - `realtime`: Begins speech only where it and all that is under way are made as fast as they are
          played, by the speeds that were measured here; others wait in the queue. One request is always
          begun.

        Raises `RuntimeMissingError`, `ModelError` (files not fetched: `DownloadError`), `InvalidInputError`.
        """
        from ..bundle.catalog import CATALOG, find_entry, model_text
        from ..bundle.hub import resolve

        runtime = open_runtime()
        name = model_text(model)
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
            window_prompt=window_prompt,
            prefix_cache_bytes=prefix_cache_bytes,
            sampling=sampling,
            watermark=watermark,
            keep_encoder=keep_encoder,
            realtime=realtime,
            # scripts/options: end
        )
        options["watermark"] = chosen_watermark(options["watermark"])
        check_provider_options(provider_options)
        check_preparation(prepare, kv_dtype, own_operators, decoder_precision)
        entry = find_entry(name)
        if entry is not None and not entry.supported:
            raise InvalidInputError(
                f"this version cannot run {name} yet: it runs "
                + ", ".join(known for known, other in CATALOG.items() if other.supported)
            )
        add_plugin(runtime, device)
        advised = advised_dtype(runtime, device)
        folder = resolve(model, dtype=dtype, prefer=advised, inspected=True)
        folder = folder.absolute()  # whatever the working folder will be
        self._loaded = LoadedBundle(
            runtime,
            folder,
            name,
            _core.read_bundle(str(folder), dtype, advised),
            normalize,
            Preparation(prepare, own_operators, kv_dtype, decoder_precision),
            options,
            provider_options or {},
        )
        self._under_way: weakref.WeakSet[Request | Narration] = weakref.WeakSet()

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
        token, core, voices = checked_token(cancel), self._loaded.core, self._loaded.voices
        core()
        voice = voices.make(source, core, token)
        return voices.with_prefix(voice, core, token) if prefix else voice

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of the voices that the bundle brings, for `voice`; its default one may have none."""
        return tuple(self._loaded.voices.named)

    # --- Speech ---

    def speak(
        self,
        text: str,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        language: str | None = None,
        cancel: _core.CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Audio:
        """Say `text` (a sentence or a few, best under 300 characters; see `speak_long`) in a voice.

        `voice` is what `voice()` takes; voices made from files here are kept for the next call. `language` is
        a code such as "de", which a model that speaks many (`capabilities.languages`) has to be told, here
        and in the other methods that take text; "auto" guesses (`loquor[detect]`), with a warning if unsure.
        `progress` is called with the number of speech tokens so far, some twenty times a second (25 tokens
        are a second of speech).

        Raises `InvalidInputError`, `RequestCancelledError` within one step of `cancel`, `ExecutionError`.
        """
        check_progress(progress)
        chunks = self._loaded.stream_defaults | {"first_chunk": 0}  # all at the end
        stream = Stream(self._request(text, voice, options, chunks, cancel, progress, language))
        samples = np.asarray(next(stream, np.zeros(0, np.float32)))
        next(stream, None)  # the end, behind which its measurements are complete
        told = stream.metrics, stream.warnings, (), stream.provenance, stream.words
        return Audio(samples, stream.sample_rate, *told)

    def stream(
        self,
        text: str,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        language: str | None = None,
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
        resolved = resolve_stream_options(chunks, self._loaded.stream_defaults)
        return Stream(self._request(text, voice, options, resolved, cancel, None, language))

    @memory_watched("starting a request")
    def _request(
        self,
        text: str,
        voice: VoiceSource | None,
        options: GenerationOptions | None,
        chunks: dict[str, Any],
        cancel: _core.CancelToken | None,
        progress: Callable[[int], None] | None,
        language: str | None = None,
        asked: GenerationOptions | None = None,
    ) -> Request:
        """Begin to speak; `asked` are the options as given, where `options` have a piece's own seed."""
        start = time.perf_counter()
        loaded = self._loaded
        loaded.core()
        resolved = resolve_options(options, loaded.defaults)
        if options is None or options.max_new_tokens is None:
            resolved["max_new_tokens"] = max(resolved["max_new_tokens"], loaded.most_tokens(text))
        prepared, ids = loaded.prepare(text, language)
        made = loaded.voices.cached(voice, loaded.core, checked_token(cancel))
        warnings = [*loaded.replaced.values(), *made.warnings]
        warnings += [*prepared.warnings, *loaded.tokenizer.warnings(text)]
        warnings += unused_option_warnings(asked or options, loaded.family, resolved)
        token, handle = checked_token(cancel), loaded.handle(made)
        stream_handle = _core.StreamHandle(
            loaded.core(), ids, handle, resolved, chunks, token, progress, prepared.text
        )
        told = warnings, start, loaded.provenance(made), loaded.words(text, prepared)
        request = Request(stream_handle, text, len(ids), loaded.info["sample_rate"], *told)
        with loaded.lock:
            self._under_way.add(request)
        return request

    def convert(
        self,
        recording: RecordingSource,
        voice: VoiceSource | None = None,
        *,
        seed: int = 0,
        cancel: _core.CancelToken | None = None,
    ) -> Audio:
        """Say what is said in a recording in a voice: its words, melody and pace, another speaker.

        The recording's speech tokens are decoded with the voice, as `speak` decodes those of a language
        model, which has no part in it: any language does. `recording` is what `voice` takes, of any length,
        and the speech is as long. A prepared decoder takes its noise from `seed`.

        Raises `InvalidInputError`, `RequestCancelledError`, `ExecutionError`.
        """
        speech = self._convert(recording, voice, None, seed, cancel, whole=True)
        parts = list(speech)
        samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return Audio(
            samples, speech.sample_rate, speech.metrics, speech.warnings, provenance=speech.provenance
        )

    def convert_stream(
        self,
        recording: RecordingSource,
        voice: VoiceSource | None = None,
        *,
        chunks: StreamOptions | None = None,
        seed: int = 0,
        cancel: _core.CancelToken | None = None,
    ) -> Conversion:
        """Like `convert`, while the recording is read: iterate over the result, in a `with` block.

        `recording` may be (an iterator of arrays, sample_rate) too, each [n] or [n, channels], such as those
        of a microphone. The encoder hears ten seconds at once, so that is how far the speech is behind.
        Memory stays bounded. Raises what `convert` does, now or where it is read.
        """
        return self._convert(recording, voice, chunks, seed, cancel, whole=False)

    @memory_watched("starting a request")
    def _convert(
        self,
        recording: RecordingSource,
        voice: VoiceSource | None,
        chunks: StreamOptions | None,
        seed: int,
        cancel: _core.CancelToken | None,
        *,
        whole: bool,
    ) -> Conversion:
        start = time.perf_counter()
        loaded, token, noise = self._loaded, checked_token(cancel), DECODE["seed"].checked(seed)
        resolved = resolve_stream_options(chunks, loaded.stream_defaults)
        resolved = conversion_chunks(resolved, asked=chunks is not None, whole=whole)
        loaded.core()
        made = loaded.voices.cached(voice, loaded.core, token)
        source, info = SourceAudio(recording), loaded.info
        handle = _core.StreamHandle(
            loaded.core(), loaded.handle(made), seed=noise, chunks=resolved, cancel=token
        )
        warnings = [*loaded.replaced.values(), *made.warnings]
        request = Request(handle, "", 0, info["sample_rate"], warnings, start, loaded.provenance(made))
        encoding = _core.CancelToken()  # one that is given ends the stream, which has it while it lasts
        tokens = SpeechTokens(
            lambda sound: loaded.core().encode_voice(sound, encoding).tensors()["audio_tokens"],
            info["samples_per_token"],
            info["silence_token"],
        )
        with loaded.lock:
            self._under_way.add(request)
        return Conversion(source, tokens, request, handle, resolved, encoding)

    def speak_long(
        self,
        text: str | Iterable[str],
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        language: str | None = None,
        long_text: LongTextOptions | None = None,
        bookmark: Bookmark | None = None,
        cancel: _core.CancelToken | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> LongSpeech:
        """Say a text of any length, given whole or in chunks such as the lines of an open file.

        It is spoken sentence by sentence (see `LongTextOptions`) while the result is iterated, collected or
        saved. `progress` is called with the number of speech tokens of all pieces so far. With the `bookmark`
        of a `LongSpeech` that ended early (`LongSpeech.bookmark`) it goes on there.

        Raises `InvalidInputError` for what is wrong before the text is read; then what `speak` raises.
        """
        from .long_speech import LongSpeech

        chunks = self._loaded.stream_defaults | {"first_chunk": 0}  # all at the end
        narration = self._narration(
            voice, options, chunks, long_text, cancel, progress, language, ahead=False, bookmark=bookmark
        )
        return LongSpeech(text, narration)

    def session(
        self,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        language: str | None = None,
        chunks: StreamOptions | None = None,
        long_text: LongTextOptions | None = None,
    ) -> Session:
        """Say a text that is still being written: `feed` it while the result is iterated, in a `with` block.

        It is spoken as `speak_long` would, in chunks as those of `stream`; how the text was divided among
        the calls of `feed` makes no difference. `LongTextOptions(join_below=0)` lets a short sentence
        not wait for another. Raises `InvalidInputError` now; then as `Session` says.
        """
        from .session import Session

        resolved = resolve_stream_options(chunks, self._loaded.stream_defaults)
        narration = self._narration(voice, options, resolved, long_text, None, None, language, ahead=True)
        return Session(narration)

    def _narration(
        self,
        voice: VoiceSource | None,
        options: GenerationOptions | None,
        chunks: dict[str, Any],
        long_text: LongTextOptions | None,
        cancel: _core.CancelToken | None,
        progress: Callable[[int], None] | None,
        language: str | None,
        *,
        ahead: bool,
        bookmark: Bookmark | None = None,
    ) -> Narration:
        from .narration import Narration  # and with it what parts a text, which one utterance does without

        loaded = self._loaded
        loaded.core()
        resolve_options(options, loaded.defaults)
        check_progress(progress)
        loaded.prepare(".", language)  # an unknown one is told now
        parting = checked_parting(long_text)
        if language and language != AUTO and parting.language == LongTextOptions.language:
            parting = dataclasses.replace(parting, language=language.lower())
        made = loaded.voices.cached(voice, loaded.core, checked_token(cancel))
        asked = options or GenerationOptions()
        start = partial(
            self._request, voice=made, chunks=chunks, cancel=cancel, language=language, asked=asked
        )
        limit, rate = loaded.text_rules.piece_characters, loaded.info["sample_rate"]
        origin, at = loaded.provenance(made), checked_bookmark(bookmark)
        narration = Narration(
            start, rate, origin, options, parting, limit, loaded.measure, progress, ahead=ahead, bookmark=at
        )
        with loaded.lock:
            self._under_way.add(narration)
        return narration

    # --- Below speech, for harnesses and other engines ---

    def tokenize(self, text: str, *, language: str | None = None) -> npt.NDArray[np.int64]:
        """Return the ids of `text`, int64 [n], prepared as by `speak` and closed by the end-of-text ids.

        Raises `InvalidInputError` for text that cannot be spoken.
        """
        return self._loaded.prepare(text, language)[1]

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

        `input_ids`, integers [n], are those that `tokenize` gives. The algorithm
        is that of the model card: prefill [voice prefix, text, START, START], then one token a step. No guard
        looks after them.
        Raises `InvalidInputError`, `RequestCancelledError`, `ExecutionError`.
        """
        check_progress(progress)
        ids, token = checked_ids(input_ids, "input_ids"), checked_token(cancel)
        tokens: npt.NDArray[np.int64] = self._loaded.generate(ids, voice, options, token, progress)["tokens"]
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
        return self._loaded.decode(ids, voice, noise, checked_token(cancel))[0]

    # --- The engine itself ---

    def warmup(self, voice: VoiceSource | None = None) -> None:
        """Run each graph once, so that the first request is as fast as those after it.

        With the voice that it will speak in, whose prefix is then kept; None takes the bundle's own, or makes
        one of a tone. Raises what `speak` raises.
        """
        loaded = self._loaded
        if voice is None and loaded.voices.default is None:
            voice = (0.1 * np.sin(np.arange(48_000) * 0.05), 24_000)
        made = loaded.voices.cached(voice, loaded.core, None)
        self.generate_tokens(loaded.tokenizer.encode("Hi."), made, GenerationOptions(max_new_tokens=3))
        self.decode([loaded.info["silence_token"]] * 3, made)

    def memory(self) -> Memory:
        """What the engine, and the process, hold in memory now."""
        return memory_of(self._loaded.core().memory())

    def unload_encoder(self) -> None:
        """Give the speech encoder's memory back; making a voice from a recording loads it again."""
        self._loaded.core().unload_encoder()

    @property
    def capabilities(self) -> Capabilities:
        """What is loaded, where it runs, and what it can do."""
        loaded = self._loaded
        return capabilities_of(
            loaded.info | {"graphs": loaded.graphs()},
            loaded.prepared,
            model=loaded.model,
            folder=loaded.folder,
            tags=loaded.tokenizer.tags,
            text_normalizer=loaded.normalizer,
            piece_characters=loaded.text_rules.piece_characters,
            languages=languages_of(loaded.text_rules.profile),
            replaced=loaded.replaced,
            guidance=loaded.family["rows_per_sequence"] > 1,
            exaggeration="exaggeration" in loaded.family["embed_inputs"],
            voices=self.voices,
            has_default_voice=loaded.voices.default is not None,
        )

    def close(self) -> None:
        """Cancel the streams, and give the memory back after the calls under way on other threads.

        Later calls raise `InvalidInputError`.
        """
        if not self._loaded.lock.here:  # a forked child's parent has it
            return
        with self._loaded.lock:
            under_way = list(self._under_way)
            core = self._loaded.take_core()
        for each in under_way:
            each.close_engine()
        del core  # the last one waits for what is under way

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        loaded = self._loaded
        dtypes = sorted({graph["dtype"] for graph in loaded.info["graphs"].values()})
        return f"Engine({loaded.model!r}, device={loaded.info['device']!r}, dtype={'+'.join(dtypes)!r})"


def loaded_of(engine: Engine) -> LoadedBundle:
    """Return what the engine works with, for measurements."""
    return engine._loaded

"""LiveKit Agents: `loquor.adapters.livekit.TTS` is a `livekit.agents.tts.TTS` (`loquor[livekit]`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    tts,
    utils,
)
from livekit.agents.voice.io import TimedString

from ..errors import BusyError, InvalidInputError, LoquorError, RequestCancelledError
from .speaking import Speaker, fed

if TYPE_CHECKING:
    from ..speech.engine import Engine
    from ..speech.options import GenerationOptions
    from ..voice.voices import VoiceSource

__all__ = ["TTS"]


class TTS(tts.TTS):
    """Speech of `engine`, which is its caller's to close, for an `AgentSession` or on its own.

    Text is spoken while it is still being written; times of words are estimates. `voice`, `options` and
    `language` are as in `Engine.session`. Errors are LiveKit's: what was wrong with the request is an
    `APIStatusError` of 400, a full queue one of 429, and none may be retried once there was sound.
    """

    def __init__(
        self,
        engine: Engine,
        voice: VoiceSource | None = None,
        *,
        options: GenerationOptions | None = None,
        language: str | None = None,
    ) -> None:
        self._speaker = Speaker(engine, voice, options, language)
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=self._speaker.sample_rate,
            num_channels=1,
        )

    @property
    def model(self) -> str:
        """The model's name."""
        return self._speaker.engine.capabilities.model

    @property
    def provider(self) -> str:
        """Who makes the speech."""
        return "loquor"

    def prewarm(self) -> None:
        """Run each graph once with the voice: beside the event loop, where there is one."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._speaker.engine.warmup(self._speaker.source)
        else:
            loop.run_in_executor(None, self._speaker.engine.warmup, self._speaker.source)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Say a whole text."""
        return _Whole(self, self._speaker, text, conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        """Say a text that is still being written."""
        return _InParts(self, self._speaker, conn_options)


class _Whole(tts.ChunkedStream):
    def __init__(self, host: TTS, speaker: Speaker, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=host, input_text=text, conn_options=conn_options)
        self._speaker = speaker

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        async def texts() -> AsyncIterator[str]:
            yield self._input_text

        _initialize(output_emitter, self._speaker, streamed=False)
        await _speak(self._speaker, texts(), output_emitter)


class _InParts(tts.SynthesizeStream):
    def __init__(self, host: TTS, speaker: Speaker, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=host, conn_options=conn_options)
        self._speaker = speaker

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        async def texts() -> AsyncIterator[str | None]:
            async for given in self._input_ch:
                if isinstance(given, str):
                    self._mark_started()
                    yield given
                else:
                    yield None

        _initialize(output_emitter, self._speaker, streamed=True)
        output_emitter.start_segment(segment_id=utils.shortuuid())
        await _speak(self._speaker, texts(), output_emitter)
        output_emitter.end_segment()


def _initialize(emitter: tts.AudioEmitter, speaker: Speaker, *, streamed: bool) -> None:
    emitter.initialize(
        request_id=utils.shortuuid(),
        sample_rate=speaker.sample_rate,
        num_channels=1,
        mime_type="audio/pcm",
        stream=streamed,
    )


async def _speak(
    speaker: Speaker, texts: AsyncIterator[str] | AsyncIterator[str | None], emitter: tts.AudioEmitter
) -> None:
    """Push what the texts become. No `flush`, which would add 10 ms at the end."""
    heard = False
    try:
        async with fed(await speaker.speaking(), texts) as speaking:
            async for audio in speaking:
                for word in speaking.words():
                    emitter.push_timed_transcript(
                        TimedString(f"{word.text} ", start_time=word.start, end_time=word.end)
                    )
                emitter.push(audio)
                heard = True
    except LoquorError as error:
        raise _host_error(error, retryable=not heard) from error


def _host_error(error: LoquorError, *, retryable: bool) -> APIError:
    text = str(error)
    if isinstance(error, InvalidInputError):
        return APIStatusError(text, status_code=400, retryable=False)
    if isinstance(error, BusyError):
        return APIStatusError(text, status_code=429, retryable=retryable)
    if isinstance(error, RequestCancelledError):  # the engine was closed
        return APIConnectionError(text, retryable=False)
    return APIError(text, retryable=retryable)

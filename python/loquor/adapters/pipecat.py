"""Pipecat: `LoquorTTSService` is a `pipecat.services.tts_service.TTSService` (`loquor[pipecat]`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.utils.errors import ErrorCategory

from ..errors import BusyError, InvalidInputError, LoquorError, RequestCancelledError
from .speaking import Speaker, Speaking, fed

if TYPE_CHECKING:
    from pipecat.transcriptions.language import Language

    from ..speech.engine import Engine
    from ..speech.options import GenerationOptions
    from ..voice.voices import VoiceSource

__all__ = ["LoquorTTSService"]

_PATIENCE = 60.0
"""Seconds without a frame after which Pipecat takes a text for spoken, on a machine that is slow or busy."""


class LoquorTTSService(TTSService):
    """Speech of `engine`, which is its caller's to close, in a pipeline; what was said is told word by word.

    `voice`, `options` and `language` are as in `Engine.session`; a `TTSUpdateSettingsFrame` may name another
    voice of the model's or a file, and another language. Times of words are estimates. Errors are
    `ErrorFrame`s: a voice that cannot be used and an engine that was closed are permanent, a text that
    cannot be spoken (`APPLICATION`), a full queue (`RATE_LIMIT`) and a failure (`SERVER`) are not.
    """

    def __init__(
        self,
        engine: Engine,
        voice: VoiceSource | None = None,
        *,
        options: GenerationOptions | None = None,
        language: str | None = None,
        **host: Any,
    ) -> None:
        self._engine, self._options = engine, options
        self._speaker = Speaker(engine, voice, options, language)
        self._under_way: dict[str, Speaking] = {}
        self._before = ("", 0.0)  # of the context that was spoken last: its name, and its seconds so far
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            push_text_frames=False,  # the words are told as they are said
            stop_frame_timeout_s=_PATIENCE,
            sample_rate=self._speaker.sample_rate,
            settings=TTSSettings(
                model=engine.capabilities.model,
                voice=voice if isinstance(voice, str) else None,
                language=language,
            ),
            **host,
        )

    def can_generate_metrics(self) -> bool:
        """It can: from the request to the first sound."""
        return True

    def language_to_service_language(self, language: Language) -> str | None:
        """The code without the country."""
        return str(language.value).partition("-")[0].lower()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Say a text, usually a sentence."""

        async def texts() -> AsyncIterator[str]:
            yield text

        name, before = self._before
        before = before if name == context_id else 0.0
        speaking = None
        try:
            await self.start_tts_usage_metrics(text)
            speaking = await self._speaker.speaking()
            async with fed(speaking, texts()):
                self._under_way[context_id] = speaking
                async for audio in speaking:
                    await self.stop_ttfb_metrics()
                    words = [(word.text, before + word.start) for word in speaking.words()]
                    yield TTSAudioRawFrame(audio, self._speaker.sample_rate, 1, context_id=context_id)
                    await self.add_word_timestamps(words, context_id)
        except LoquorError as error:
            if speaking is None or not speaking.cancelled:
                yield ErrorFrame(str(error), exception=error, category=_category_of(error, speaking))
        finally:
            self._under_way.pop(context_id, None)
            self._before = (context_id, before + (speaking.seconds if speaking is not None else 0.0))

    async def flush_audio(self, context_id: str | None = None) -> None:
        """The text is over: also where it had no sound, for an error, its context is."""
        if context_id is not None and self.audio_context_available(context_id):
            await self.remove_audio_context(context_id)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """Cancel, within a step of the model."""
        await super().on_audio_context_interrupted(context_id)
        if (speaking := self._under_way.get(context_id)) is not None:
            speaking.cancel()

    async def cleanup(self) -> None:
        """Cancel what is still spoken at the pipeline's end."""
        for speaking in self._under_way.values():
            speaking.cancel()
        await super().cleanup()

    async def _update_settings(self, delta: TTSSettings) -> dict[str, Any]:
        changed: dict[str, Any] = await super()._update_settings(delta)
        if "voice" in changed or "language" in changed:
            voice = self._settings.voice if "voice" in changed else self._speaker.source
            self._speaker = Speaker(self._engine, voice, self._options, self._settings.language)
        return changed


def _category_of(error: LoquorError, speaking: Speaking | None) -> ErrorCategory:
    """Pipecat gives no more work to a service whose request was invalid."""
    if isinstance(error, BusyError):
        return ErrorCategory.RATE_LIMIT
    if isinstance(error, RequestCancelledError) or (isinstance(error, InvalidInputError) and not speaking):
        return ErrorCategory.INVALID_REQUEST
    return ErrorCategory.APPLICATION if isinstance(error, InvalidInputError) else ErrorCategory.SERVER

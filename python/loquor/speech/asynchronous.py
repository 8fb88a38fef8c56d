"""What an engine does for asyncio beside its streams and sessions: voices and whole sentences, awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .. import _core
from ..audio.audio import Audio
from .options import StreamOptions

if TYPE_CHECKING:
    from ..voice.voice import Voice
    from ..voice.voices import VoiceSource
    from .options import GenerationOptions

__all__ = ["Awaited"]


class _Engine(Protocol):
    def voice(self, source: VoiceSource | None = None, **how: Any) -> Voice: ...
    def stream(self, text: str, voice: VoiceSource | None = None, **how: Any) -> Any: ...


class Awaited:
    """Methods of `Engine` that wait on no thread of the event loop; a task that is cancelled cancels them."""

    async def avoice(self: _Engine, source: VoiceSource | None = None, *, prefix: bool = False) -> Voice:
        """`voice`, for asyncio."""
        import asyncio  # as in request.py

        cancel = _core.CancelToken()
        try:
            return await asyncio.to_thread(self.voice, source, prefix=prefix, cancel=cancel)
        except asyncio.CancelledError:
            cancel.cancel()
            raise

    async def aspeak(
        self: _Engine,
        text: str,
        voice: VoiceSource | None = None,
        options: GenerationOptions | None = None,
        *,
        language: str | None = None,
    ) -> Audio:
        """`speak`, for asyncio: any number at once, and a thread only while a voice is read from a file."""
        import asyncio

        whole = StreamOptions(first_chunk=0)
        started = asyncio.to_thread(
            self.stream, text, voice, options=options, language=language, chunks=whole
        )
        async with await started as stream:
            samples = [chunk async for chunk in stream] or [np.zeros(0, np.float32)]
            return Audio(
                np.concatenate(samples),
                stream.sample_rate,
                stream.metrics,
                stream.warnings,
                provenance=stream.provenance,
            )

"""Loquor: the Chatterbox family of text-to-speech models on ONNX Runtime, without PyTorch.

import loquor

engine = loquor.Engine("nano")
voice = engine.voice("clip.wav")
engine.speak("Hello there. [chuckle] How are you?", voice).save("hello.wav")
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

from ._core import CancelToken
from ._core import version as _version
from .errors import (
    BusyError,
    DownloadError,
    EngineClosedError,
    ExecutionError,
    InvalidInputError,
    LoquorError,
    ModelError,
    RequestCancelledError,
    RuntimeMissingError,
)

if TYPE_CHECKING:
    from .audio.audio import Audio, Metrics
    from .audio.provenance import Provenance
    from .audio.subtitles import Mark, subtitles
    from .speech.capabilities import Capabilities
    from .speech.chunk import Chunk
    from .speech.conversion import Conversion
    from .speech.engine import Engine
    from .speech.fallback import open_engine
    from .speech.guards import Guards
    from .speech.long_speech import LongSpeech
    from .speech.long_text import Bookmark, LongTextOptions, piece_seed
    from .speech.memory import Memory
    from .speech.options import GenerationOptions, StreamOptions
    from .speech.reports import SessionReport, StreamReport
    from .speech.session import Session
    from .speech.stream import Stream
    from .speech.torch_engine import TorchEngine
    from .voice.voice import Voice
    from .voice.voices import VoiceSource

__all__ = [
    "Audio",
    "Bookmark",
    "BusyError",
    "CancelToken",
    "Capabilities",
    "Chunk",
    "Conversion",
    "DownloadError",
    "Engine",
    "EngineClosedError",
    "ExecutionError",
    "GenerationOptions",
    "Guards",
    "InvalidInputError",
    "LongSpeech",
    "LongTextOptions",
    "LoquorError",
    "Mark",
    "Memory",
    "Metrics",
    "ModelError",
    "Provenance",
    "RequestCancelledError",
    "RuntimeMissingError",
    "Session",
    "SessionReport",
    "Stream",
    "StreamOptions",
    "StreamReport",
    "TorchEngine",
    "Voice",
    "VoiceSource",
    "__version__",
    "open_engine",
    "piece_seed",
    "subtitles",
]

__version__: str = _version()

logging.getLogger("loquor").addHandler(logging.NullHandler())

_HOMES = {
    "Audio": "audio.audio",
    "Bookmark": "speech.long_text",
    "Capabilities": "speech.capabilities",
    "Chunk": "speech.chunk",
    "Conversion": "speech.conversion",
    "Engine": "speech.engine",
    "GenerationOptions": "speech.options",
    "Guards": "speech.guards",
    "LongSpeech": "speech.long_speech",
    "LongTextOptions": "speech.long_text",
    "Mark": "audio.subtitles",
    "Memory": "speech.memory",
    "Metrics": "audio.audio",
    "Provenance": "audio.provenance",
    "Session": "speech.session",
    "SessionReport": "speech.reports",
    "Stream": "speech.stream",
    "StreamOptions": "speech.options",
    "StreamReport": "speech.reports",
    "TorchEngine": "speech.torch_engine",
    "Voice": "voice.voice",
    "VoiceSource": "voice.voices",
    "open_engine": "speech.fallback",
    "piece_seed": "speech.long_text",
    "subtitles": "audio.subtitles",
}
"""Imported when first asked for, as type checkers see them above: a command such as `loquor models` needs
neither numpy nor an engine."""

if not TYPE_CHECKING:  # else every name would be known

    def __getattr__(name: str) -> object:
        if name in ("prepare", "watermark"):  # modules that users call by their full names
            return importlib.import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOMES})

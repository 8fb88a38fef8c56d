"""Loquor: the Chatterbox family of text-to-speech models on ONNX Runtime, without PyTorch.

import loquor

engine = loquor.Engine("nano")
voice = engine.voice("clip.wav")
engine.speak("Hello there. [chuckle] How are you?", voice).save("hello.wav")
"""

from __future__ import annotations

import logging

from ._core import CancelToken
from ._core import version as _version
from .audio.audio import Audio, Metrics
from .audio.subtitles import Mark, subtitles
from .errors import (
    BusyError,
    DownloadError,
    ExecutionError,
    InvalidInputError,
    LoquorError,
    ModelError,
    RequestCancelledError,
    RuntimeMissingError,
)
from .speech.capabilities import Capabilities
from .speech.engine import Engine
from .speech.guards import Guards
from .speech.long_speech import LongSpeech
from .speech.long_text import LongTextOptions, piece_seed
from .speech.memory import Memory
from .speech.options import GenerationOptions, StreamOptions
from .speech.session import Session
from .speech.stream import SessionReport, Stream, StreamReport
from .voice.voice import Voice
from .voice.voices import VoiceSource

__all__ = [
    "Audio",
    "BusyError",
    "CancelToken",
    "Capabilities",
    "DownloadError",
    "Engine",
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
    "RequestCancelledError",
    "RuntimeMissingError",
    "Session",
    "SessionReport",
    "Stream",
    "StreamOptions",
    "StreamReport",
    "Voice",
    "VoiceSource",
    "__version__",
    "piece_seed",
    "subtitles",
]

__version__: str = _version()

logging.getLogger("loquor").addHandler(logging.NullHandler())

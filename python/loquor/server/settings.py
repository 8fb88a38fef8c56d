"""What a server is told when it is made: its models and voices, who may ask, and how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import InvalidInputError
from ..speech.session import MAX_WAITING

if TYPE_CHECKING:
    from ..speech.engine import Engine
    from ..voice.voices import VoiceSource

__all__ = ["LOOPBACK_HOSTS", "Settings"]

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
"""Names by which a browser on this machine reaches a server that listens to it alone."""


@dataclass(frozen=True)
class Settings:
    """Everything that a server needs to know. Raises `InvalidInputError` for what is out of range."""

    models: Mapping[str, Callable[[], Engine]]
    """What opens each model, by the name that requests give; the first one is the default."""
    voices: Mapping[str, VoiceSource | None] = field(default_factory=dict)
    """Recordings, or voices, of the server's owner, by the names that requests give."""
    api_keys: tuple[str, ...] = ()
    """Of which a request must bring one; none: whoever reaches the server may ask."""
    origins: tuple[str, ...] = ()
    """Origins of other sites' pages that may ask (CORS), such as "https://example.org"; "*" for all."""
    hosts: tuple[str, ...] = LOOPBACK_HOSTS
    """Names that a request may call the server by, without the port; "*" for all."""
    queue: int = 64
    """Requests that may wait for a slot of their model; more are refused (429)."""
    max_text: int = 4096
    """Characters of one request, 20,000 at most."""
    max_upload: int = 20 << 20
    """Bytes of an uploaded recording."""
    max_voices: int = 64
    """Uploaded voices that are kept, some 2 MB each."""
    max_sockets: int = 256
    """WebSockets that may be open; more are refused (503)."""
    wait_seconds: float = 60.0
    """How long a request may wait for a slot."""
    idle_seconds: float = 300.0
    """How long a WebSocket may be open without text, and without anything to say."""
    speech_seconds: float = 900.0
    """How long one request may take altogether."""
    stall_seconds: float = 120.0
    """How long a client may leave what it is sent unread."""
    drain_seconds: float = 60.0
    """How long what plays may go on when the server is told to end."""
    unload_minutes: float | None = None
    """After so many minutes without a request a model's memory is given back; None keeps it."""

    def __post_init__(self) -> None:
        if not self.models:
            raise InvalidInputError("a server needs a model to speak with: give one")
        least = {"queue": 0, "max_text": 1, "max_upload": 1, "max_voices": 0, "max_sockets": 0}
        for name, low in least.items():
            if (value := getattr(self, name)) < low:
                raise InvalidInputError(f"{name} must be a whole number from {low} on, not {value}")
        if self.max_text > MAX_WAITING:
            raise InvalidInputError(
                f"max_text is {self.max_text}, and {MAX_WAITING} characters may wait to be spoken: lower it"
            )
        times = ("wait", "idle", "speech", "stall", "drain")
        for name in (*(f"{each}_seconds" for each in times), "unload_minutes"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e6:
                raise InvalidInputError(f"{name} must be above 0 and below a million, not {value}")
        if any(
            not key or not key.isprintable() or not key.isascii() or key != key.strip()
            for key in self.api_keys
        ):
            raise InvalidInputError(
                "an API key must be printable ASCII without spaces around it, and not empty"
            )

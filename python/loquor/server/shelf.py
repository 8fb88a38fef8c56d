"""Voices that clients uploaded: kept in memory, so many at most, each for the model that made it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .refusals import RefusalError

if TYPE_CHECKING:
    from ..voice.voice import Voice

__all__ = ["Shelf", "Uploaded"]


@dataclass(frozen=True)
class Uploaded:
    """A voice that a client made."""

    id: str
    name: str
    model: str
    created: int
    voice: Voice

    def document(self) -> dict[str, Any]:
        """As OpenAI's API tells of a voice, with its model and what may harm its likeness."""
        return {
            "id": self.id,
            "object": "audio.voice",
            "type": "audio_sample",
            "name": self.name,
            "created_at": self.created,
            "model": self.model,
            "warnings": list(self.voice.warnings),
        }


class Shelf:
    """All of them, the oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._voices: dict[str, Uploaded] = {}

    def __len__(self) -> int:
        return len(self._voices)

    def check_room(self) -> None:
        """Raise `RefusalError` (409) if there is none for another."""
        if len(self._voices) >= self._most:
            raise RefusalError(
                409,
                "voices_full",
                f"{len(self._voices)} voices are kept, as many as this server keeps: delete one",
            )

    def add(self, name: str, model: str, voice: Voice) -> Uploaded:
        """Keep a voice. Raises `RefusalError` as `check_room` does."""
        self.check_room()
        made = Uploaded(f"voice_{secrets.token_hex(12)}", name, model, int(time.time()), voice)
        self._voices[made.id] = made
        return made

    def find(self, asked: str) -> Uploaded | None:
        """The voice with that id, or else the newest with that name."""
        named = (voice for voice in reversed(self._voices.values()) if voice.name == asked)
        return self._voices.get(asked) or next(named, None)

    def delete(self, voice_id: str) -> None:
        """Forget a voice; who speaks with it goes on. Raises `RefusalError` (404)."""
        if self._voices.pop(voice_id, None) is None:
            raise RefusalError(
                404,
                "voice_not_found",
                f"there is no uploaded voice {voice_id!r:.80}: list them",
                param="voice_id",
            )

    def all(self) -> list[Uploaded]:
        """Return all of them."""
        return list(self._voices.values())

"""Sound on this machine's loudspeaker, by sounddevice (`loquor[play]`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["check_playable", "play_chunks"]

_BLOCK = 0.1
"""Seconds that are written at once, between which Ctrl-C is heeded."""


def check_playable() -> Any:
    """Return the module that plays. Raises `InvalidInputError` where there is none."""
    try:
        import sounddevice  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise InvalidInputError("playing takes sounddevice: pip install 'loquor[play]'") from error
    except OSError as error:  # on Linux its wheel brings no PortAudio
        raise InvalidInputError(
            f"playing takes PortAudio ({error}): install it, on Debian as libportaudio2"
        ) from error
    return sounddevice


def play_chunks(
    chunks: Iterable[npt.NDArray[np.float32]], sample_rate: int, device: int | str | None = None
) -> None:
    """Play mono samples, float32 [n] each, while they come; return when all was heard.

    `device` is sounddevice's number or name, None for the usual one. Raises `InvalidInputError` for one that
    cannot play, and what the chunks raise.
    """
    sounddevice, block = check_playable(), round(_BLOCK * sample_rate)
    try:
        with sounddevice.OutputStream(
            samplerate=sample_rate, channels=1, dtype="float32", device=device
        ) as out:
            for chunk in chunks:
                for start in range(0, len(chunk), block):
                    out.write(chunk[start : start + block, None])
    except sounddevice.PortAudioError as error:
        raise InvalidInputError(f"cannot play on this machine ({error}): choose another device") from error

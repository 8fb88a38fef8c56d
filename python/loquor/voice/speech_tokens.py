"""The speech tokens of sound of any length, from an encoder that hears some seconds at a time.

Windows overlap; of each its middle counts, so that every token was heard with a second on either side, where
there is one: as the tokenizer's own script joins the windows of long sound (s3tokenizer, 30 s by 4 s of
overlap), with the 10 s that the published speech encoders give tokens for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ExecutionError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

__all__ = ["CONTEXT", "WINDOW", "SpeechTokens"]

WINDOW = 250
"""Tokens that the encoder is asked for at once: a published one gives no more, however long the sound is."""
CONTEXT = 25
"""Tokens that are heard and not used on either side of a window, where others have them."""

_SHORTEST = 25  # tokens: on less no speech encoder is known to run
_SILENT_PEAK = 10 ** (-80 / 20)
_MISSING = 2  # tokens that an encoder may leave out at the end, as one that drops part of a frame does


class SpeechTokens:
    """Sound in, tokens out; nothing is kept but what the next window hears.

    `encode` gives the tokens, int64 [n], of float32 [n * token_samples]; `silence` stands for windows in
    which there is nothing to hear. Raises what `encode` does, and `ExecutionError` where it gives too little.
    """

    def __init__(self, encode: Callable[[Samples], Ids], token_samples: int, silence: int) -> None:
        self.samples = 0
        """Samples of all that was added."""
        self._encode, self._token, self._silence = encode, token_samples, silence
        self._window = WINDOW
        self._heard: list[Samples] = []  # from token `_first` on
        self._waiting = 0  # samples of those
        self._first = self._done = 0  # in tokens

    def add(self, block: Samples) -> Iterator[Ids]:
        """Tokens that are sure now that `block`, float32 [n], follows."""
        self._heard.append(block)
        self._waiting += len(block)
        self.samples += len(block)
        while self._waiting >= self._window * self._token:
            yield self._take(self._join()[: self._window * self._token], last=False)

    def finish(self) -> Iterator[Ids]:
        """The tokens of the rest: in all one for each `token_samples` begun."""
        rest = self._join()
        rest = np.pad(rest, (0, -len(rest) % self._token))
        while self._first + len(rest) // self._token > self._done:
            first = self._first
            most = self._window * self._token
            yield self._take(rest[:most], last=len(rest) <= most)
            rest = rest[(self._first - first) * self._token :]

    def _take(self, window: Samples, *, last: bool) -> Ids:
        """The tokens of a window that begins at `_first`: all that are new, but for the context behind."""
        given = len(window) // self._token
        tokens = self._tokens_of(window, last=last)
        if len(tokens) < given:
            self._window, last = len(tokens), False  # as many as this encoder gives
        end = len(tokens) - (0 if last else CONTEXT)
        new = tokens[self._done - self._first : end]
        if not len(new):
            raise ExecutionError(
                f"the speech encoder gave {len(tokens)} tokens for {given / 25:.1f} s of sound, too few to "
                "convert it: use another model or precision"
            )
        self._done = self._first + end
        self._drop(max(0, self._done - CONTEXT) - self._first)
        return new

    def _tokens_of(self, window: Samples, *, last: bool) -> Ids:
        given = len(window) // self._token
        if np.abs(window).max(initial=0) < _SILENT_PEAK:
            return np.full(given, self._silence, np.int64)
        tokens = self._encode(_padded(window, _SHORTEST * self._token))[:given]
        if last and given - _MISSING <= len(tokens) < given:
            tokens = self._encode(_padded(window, (given + _MISSING) * self._token))[:given]
        return tokens

    def _join(self) -> Samples:
        joined = np.concatenate(self._heard) if self._heard else np.zeros(0, np.float32)
        self._heard = [joined]
        return joined

    def _drop(self, tokens: int) -> None:
        self._heard = [self._join()[tokens * self._token :]]
        self._waiting = len(self._heard[0])
        self._first += tokens


def _padded(samples: Samples, size: int) -> Samples:
    return np.pad(samples, (0, max(0, size - len(samples))))

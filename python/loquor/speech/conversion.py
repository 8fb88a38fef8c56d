"""A recording said in another voice: its speech tokens, decoded as they are heard."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from .. import _core
    from ..audio.audio import Metrics
    from ..audio.provenance import Provenance
    from ..voice.source_audio import SourceAudio
    from ..voice.speech_tokens import SpeechTokens
    from .reports import StreamReport
    from .request import Request

    Samples = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

__all__ = ["Conversion", "conversion_chunks"]

_LEFT_CONTEXT = 250
"""Tokens that stand for "all" before a window: of an hour all is too much."""
_WHOLE = 250  # tokens of a chunk, where nobody waits for the first


def conversion_chunks(chunks: dict[str, Any], *, asked: bool, whole: bool) -> dict[str, Any]:
    """Return options of a stream that suit sound of any length, unless they were asked for so."""
    if asked:
        return chunks
    large = {"first_chunk": _WHOLE, "max_chunk": _WHOLE, "adaptive": False} if whole else {}
    context = chunks["left_context"]
    return chunks | large | {"left_context": _LEFT_CONTEXT if context < 0 else context}


class Conversion(Iterator["Samples"]):
    """Chunks of the converted speech, float32 [n] at `sample_rate` Hz. Made by `Engine.convert_stream`.

    The recording is read as it is needed, and nothing is kept of it but the last ten seconds. Read by one
    thread at a time; `cancel()` may come from any. Leaving its `with` block cancels what is not done. Raises
    `InvalidInputError` for what cannot be read of the recording, `RequestCancelledError`, `ExecutionError`.
    """

    def __init__(
        self,
        source: SourceAudio,
        tokens: SpeechTokens,
        request: Request,
        handle: _core.StreamHandle,
        chunks: dict[str, Any],
        encoding: _core.CancelToken,
    ) -> None:
        self._encoding = encoding
        self._source, self._tokens, self._request, self._handle = source, tokens, request, handle
        self._coming = self._ids()
        self._fed = self._given = 0  # tokens, samples
        self._ended = False
        # With so many tokens ahead a chunk is sure to come.
        first, most = chunks["first_chunk"], max(chunks["first_chunk"], chunks["max_chunk"])
        self._enough = 3 * most + chunks["look_ahead"] + 50 if first else None

    def _ids(self) -> Iterator[Ids]:
        for block in self._source.blocks():
            yield from self._tokens.add(block)
        if not self._tokens.samples:
            raise InvalidInputError(f"{self._source.name} holds no sound to convert: give a recording")
        yield from self._tokens.finish()

    def __next__(self) -> Samples:
        request = self._request
        try:
            while not request.finished:
                ahead = self._fed - self._handle.info()["tokens_taken"]
                wait = self._ended or (self._enough is not None and ahead >= self._enough)
                chunk = request.read(None if wait else 0.0)
                if chunk is not None:
                    return self._cut(chunk)
                if not (wait or request.finished):
                    self._feed()
        except BaseException:
            self._leave()
            raise
        self._source.close()
        raise StopIteration

    def _feed(self) -> None:
        ids = next(self._coming, None)
        if ids is None:
            self._ended = True
            self._handle.feed(np.zeros(0, np.int64), last=True)
        else:
            self._fed += len(ids)
            self._handle.feed(ids)

    def _cut(self, chunk: Samples) -> Samples:
        """The chunk without what completes the last token: the speech is as long as the recording."""
        if self._ended:
            chunk = chunk[: max(0, self._tokens.samples - self._given)]
        self._given += len(chunk)
        return chunk

    def __enter__(self) -> Conversion:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self._request.leave()
        self._source.close()

    def cancel(self) -> None:
        """End the work within one step of a graph; from any thread, also while the recording is waited for.

        A cancel token that was given does so within one window of the encoder.
        """
        self._encoding.cancel()
        self._request.cancel()

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self._request.sample_rate

    @property
    def provenance(self) -> Provenance:
        """What makes the speech, and whether it is marked."""
        return self._request.provenance

    @property
    def report(self) -> StreamReport:
        """How far it is, now; it has no text."""
        return self._request.report

    @property
    def metrics(self) -> Metrics:
        """Counts and times, complete when it was read to its end; nothing is said of a language model."""
        return self._request.metrics

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was not as asked; complete when it was read to its end."""
        return (*self._source.warnings, *self._request.warnings)

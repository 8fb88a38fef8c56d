"""A chunk of speech: an array that knows which words end in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..audio.subtitles import Mark

__all__ = ["Chunk"]


class Chunk(np.ndarray[Any, np.dtype[np.float32]]):
    """Samples, float32 [n], mono in [-1, 1]: an array as any other, with `words`."""

    words: tuple[Mark, ...] = ()
    """The words that end in it, in seconds from the start of the speech; none where the model does not tell
    (see `Capabilities.word_times`), and none of what is computed from it."""

    @classmethod
    def of(cls, samples: npt.NDArray[np.float32], words: tuple[Mark, ...]) -> Chunk:
        """The same samples, not copied."""
        chunk = samples.view(cls)
        chunk.words = words
        return chunk

    def __repr__(self) -> str:
        words = f"{len(self.words)} word{'' if len(self.words) == 1 else 's'}"
        return f"Chunk({self.dtype} {list(self.shape)}, {words})"

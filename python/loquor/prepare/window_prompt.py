"""How much of a voice has to prompt each window of a stream, where what was just spoken prompts it as well.

Windows that are prompted with the whole voice cost a multiple of one shot. The flow was trained to go on from
any prompt of the same speaker, so that a window may be prompted with a second of the voice and the second
before it: its tokens, and the mel that was heard. That is not what one shot gives, and only trained weights
can tell how far it is. So preparation lets the user's own decoder say part of a recording again: the first
part is the prompt, the tokens of the rest are spoken, whose mel is known. Windows hold if they are

* no further from one shot than one shot is from itself with another seed, and
* no further from the recording than one shot with either seed, but for 5 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from .check import Arrays, Recorded
from .noise import length_at

if TYPE_CHECKING:
    import numpy.typing as npt

    Mel: TypeAlias = npt.NDArray[np.float32]
    """[frames, bins], two frames a token."""

__all__ = ["Windows", "least_prompt"]

CANDIDATES = (1, 2, 3)
"""Seconds of the voice."""

_SECOND = 25  # tokens
_MOST_PROMPT, _MOST_SPOKEN, _LEAST = 125, 100, 75  # tokens: what more would tell is not worth its time
_CHUNKS, _LOOK_AHEAD = (10, 15, 22, 33, 50), 6  # tokens, as streams have them by default
_WORSE = 1.05


class Windows:
    """A flow that says the end of a recording again, prompted with its beginning.

    `flow` returns the mel of the new tokens for a decoder's feeds; `noise` has its noise inputs' dimensions,
    numbers or sums such as "2*tokens". Raises `ValueError` for a recording that is too short to tell.
    """

    def __init__(
        self, flow: Callable[[Arrays], Mel], recorded: Recorded, noise: Mapping[str, list[int | str]]
    ) -> None:
        spoken = min(_MOST_SPOKEN, len(recorded.tokens) // 2)
        prompt = min(_MOST_PROMPT, len(recorded.tokens) - spoken)
        if spoken < _LEAST or len(recorded.mel) != 2 * len(recorded.tokens):
            raise ValueError("the recording is too short")
        self._flow, self._noise = flow, noise
        self.voice = recorded.beginning(prompt)
        self.tokens = recorded.tokens[prompt : prompt + spoken]
        self.mel = recorded.mel[2 * prompt : 2 * (prompt + spoken)]

    def run(self, prompt: Recorded, begin: int, end: int, seed: int = 0) -> Mel:
        """The mel of spoken tokens [begin, end) behind a prompt."""
        ids = np.concatenate([prompt.tokens, self.tokens[begin:end]])
        return self._flow(
            {
                "speech_tokens": ids[np.newaxis],
                "speaker_embeddings": prompt.embedding[np.newaxis],
                "speaker_features": prompt.mel[np.newaxis],
                **dict(self._drawn(prompt, len(ids), end, seed)),
            }
        )

    def one_shot(self, seed: int = 0) -> Mel:
        return self.run(self.voice, 0, len(self.tokens), seed)

    def continued(self, prompt: int) -> Mel:
        """The same in windows, each prompted with so many tokens of the voice and of those spoken last."""
        own, made, begin = self.voice.beginning(prompt), self.voice.mel[:0], 0
        for chunk in (*_CHUNKS, *_CHUNKS[-1:] * len(self.tokens)):
            end, first = min(len(self.tokens), begin + chunk), max(0, begin - prompt)
            behind = Recorded(
                np.concatenate([own.tokens, self.tokens[first:begin]]),
                own.embedding,
                np.concatenate([own.mel, made[2 * first :]]),
            )
            rows = self.run(behind, begin, min(len(self.tokens), end + _LOOK_AHEAD))
            made, begin = np.concatenate([made, rows[: 2 * (end - begin)]]), end
            if end == len(self.tokens):
                break
        return made

    def _drawn(self, prompt: Recorded, tokens: int, end: int, seed: int) -> Iterator[tuple[str, Mel]]:
        """Noise by its place: that of a window is part of the whole's."""
        whole = len(self.voice.tokens) + len(self.tokens)
        for number, (name, dims) in enumerate(self._noise.items()):
            rng = np.random.default_rng((seed, number))
            draw = rng.standard_normal if "normal" in name else rng.random
            sizes = [length_at(extent, tokens, len(prompt.mel)) for extent in dims]
            rates = [length_at(extent, 1, 0) - length_at(extent, 0, 0) for extent in dims]
            axis = int(np.argmax(rates))
            if not (rate := rates[axis]):
                yield name, draw(sizes, np.float32)
                continue
            sizes[axis], size = rate * whole, sizes[axis]
            last = rate * (len(self.voice.tokens) + end)
            yield name, np.take(draw(sizes, np.float32), range(last - size, last), axis)


def least_prompt(windows: Windows) -> tuple[float, dict[str, float]]:
    """Return the least of `CANDIDATES` that holds, 0 if none does, and what was seen of each.

    That is the distance of windows from one shot, relative to another seed's, and from the recording,
    relative to one shot's.
    """
    whole, other = windows.one_shot(), windows.one_shot(seed=1)
    by_seed = _apart(whole, other)
    by_truth = max(_apart(whole, windows.mel), _apart(other, windows.mel))
    seen: dict[str, float] = {}
    for seconds in CANDIDATES:
        mel = windows.continued(seconds * _SECOND)
        from_whole, from_truth = _apart(mel, whole) / by_seed, _apart(mel, windows.mel) / by_truth
        seen |= {f"windows_{seconds}s": from_whole, f"windows_{seconds}s_recording": from_truth}
        if from_whole <= 1 and from_truth <= _WORSE:
            return float(seconds), seen
    return 0.0, seen


def _apart(one: Mel, other: Mel) -> float:
    """The root of the mean square of the difference; never 0."""
    return float(np.sqrt(np.mean(np.square(one - other), dtype=np.float64))) + 1e-9

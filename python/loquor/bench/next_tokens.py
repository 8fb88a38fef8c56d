"""A language model's next tokens beside those of the same one in float32, on graphs as published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..errors import LoquorError
from ..prepare.check import Port

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Apart", "Forced", "NextTokens", "apart"]


@dataclass(frozen=True)
class Forced:
    """What a language model is led along: text ids, int64 [n], and the speech tokens behind them."""

    ids: npt.NDArray[np.int64]
    tokens: Sequence[int]
    start_token: int
    """Ids from here on are no codes."""


@dataclass(frozen=True)
class Apart:
    """How far the next tokens of two models are apart, over the positions of one text."""

    divergence: float
    """Mean Kullback-Leibler divergence from the first to the second, in nats."""
    agreement: float
    """Share of positions at which both have the same best token."""


def apart(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> Apart:
    """Compare logits [positions, vocabulary]."""
    one, other = _log_softmax(first), _log_softmax(second)
    divergence = float((np.exp(one) * (one - other)).sum(axis=-1).mean())
    return Apart(max(0.0, divergence), float((one.argmax(-1) == other.argmax(-1)).mean()))


class NextTokens:
    """The two graphs that give next tokens. Raises `LoquorError` where they cannot be run."""

    def __init__(self, runtime: _core.Runtime, folder: Path, dtypes: Mapping[str, str], threads: int) -> None:
        import onnx

        files = _core.graph_files(str(folder), ",".join(f"{name}={dtype}" for name, dtype in dtypes.items()))
        self._embed = _core.Graph(runtime, files["embed_tokens"][0], threads=threads)
        self._model = _core.Graph(runtime, files["language_model"][0], threads=threads)

        def ports(name: str) -> dict[str, Port]:
            graph = onnx.load(files[name][0], load_external_data=False).graph
            return {value.name: Port.of(value) for value in graph.input}

        self._embed_ports, self._ports = ports("embed_tokens"), ports("language_model")
        unknown = {*self._embed_ports} - {"input_ids", "position_ids", "exaggeration"}
        if unknown:
            raise LoquorError(f"embed_tokens wants {', '.join(sorted(unknown))} too")

    def logits(
        self, forced: Forced, prefix: npt.NDArray[np.float32], exaggeration: float
    ) -> npt.NDArray[np.float32]:
        """Float32 [len(tokens) + 1, vocabulary]: of each token in its place, and of the one behind them.

        `prefix`, float32 [n, hidden], are the voice's positions.
        """
        # Of a prompt, ids of speech have position 0; of text, their own, counted from the opening one.
        places = np.where(forced.ids >= forced.start_token, 0, np.arange(len(forced.ids)) - 1)
        parts = [prefix[None], self._embedded(forced.ids, places, exaggeration)]
        for number, token in enumerate(forced.tokens):
            parts.append(self._embedded(np.array([token]), np.array([number + 1]), exaggeration))
        prompt = prefix.shape[0] + len(forced.ids)
        whole = np.concatenate([part.astype(np.float32) for part in parts], axis=1)
        past = {
            name: port.cast(np.zeros((1, port.dims[1], 0, port.dims[3])))
            for name, port in self._ports.items()
            if name.startswith("past_key_values.")
        }
        made = self._run(whole, 0, past)
        if made["logits"].shape[1] == whole.shape[1]:
            return made["logits"][0, prompt - 1 :].astype(np.float32)
        found = []  # the last position's alone: token by token
        for end in range(prompt, whole.shape[1] + 1):
            begin = 0 if end == prompt else end - 1
            made = self._run(whole[:, begin:end], begin, past)
            past = {name: made[name.replace("past_key_values", "present")] for name in past}
            found.append(made["logits"][0, -1])
        return np.stack(found).astype(np.float32)

    def _embedded(
        self, ids: npt.NDArray[np.int64], places: npt.NDArray[np.int64], exaggeration: float
    ) -> npt.NDArray[Any]:
        feeds = {
            "input_ids": ids[None].astype(np.int64),
            "position_ids": places[None].astype(np.int64),
            "exaggeration": np.array([exaggeration]),
        }
        made = self._embed.run({name: port.cast(feeds[name]) for name, port in self._embed_ports.items()})
        return next(iter(made.values()))

    def _run(
        self, embeds: npt.NDArray[np.float32], begin: int, past: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[Any]]:
        end = begin + embeds.shape[1]
        feeds = {
            "inputs_embeds": self._ports["inputs_embeds"].cast(embeds),
            "attention_mask": np.ones((1, end), np.int64),
            "position_ids": np.arange(begin, end, dtype=np.int64)[None],
            **past,
        }
        return self._model.run({name: array for name, array in feeds.items() if name in self._ports})


def _log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    found: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return found

"""What keys and values a model makes when it speaks: a few sentences in a voice, to choose int8 scales by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from .. import _core
from ..bundle.text_rules import prepare_text, text_rules_of
from ..bundle.tokenizer import Tokenizer
from ..voice.reference_audio import load_reference
from ..voice.voice import Voice, is_voice_file
from .check import Port, Run

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Speaker", "calibration_caches", "made_up_recording", "voice_arrays"]

SENTENCES = (
    "Good morning! How are you today?",
    "[sigh] Well, the quick brown fox jumps over the lazy dog, again and again, until nightfall.",
)
_STEPS = 40
_RATE = 24_000
_SPELLED = {"cond_emb": "audio_features", "prompt_token": "audio_tokens"}
_SPEAKER = ("speaker_embeddings", "speaker_features")


class Speaker:
    """The graphs around the language model: embeddings of prompts and of tokens."""

    def __init__(self, folder: Path, opened: Callable[[str], Run]) -> None:
        facts = _core.read_bundle(str(folder))
        self._start = facts["start_token"]
        graph = onnx.load(facts["files"]["embed_tokens"][0], load_external_data=False).graph
        self._takes = frozenset(value.name for value in graph.input)
        self._no_text = [*facts["prompt_opening"], *facts["prompt_closing"]]
        self._folder = folder
        self._tokenizer = Tokenizer(folder, facts)
        self._rules = text_rules_of(folder, facts)
        self._embed = opened("embed_tokens")
        self._prefix = voice_arrays(folder, opened)["audio_features"][np.newaxis]

    @property
    def prefix_length(self) -> int:
        """Positions of the voice before the text."""
        return int(self._prefix.shape[1])

    def prompt(self, sentence: str) -> npt.NDArray[Any]:
        """[1, positions, hidden]: the voice's prefix, then the text, "" being none."""
        return np.concatenate([self._prefix, self.embed(self._ids(sentence))], axis=1)

    def _ids(self, sentence: str) -> npt.ArrayLike:
        if not sentence:
            return self._no_text
        rules = self._rules
        return self._tokenizer.encode(
            prepare_text(sentence, rules.normalizer, rules.profile, "en", self._folder).text
        )

    def embed(self, ids: npt.ArrayLike, number: int = 0) -> npt.NDArray[Any]:
        """[1, n, hidden] of a prompt, or of one token, the `number`th."""
        given = np.asarray(ids, np.int64)[np.newaxis]
        places = np.where(
            given >= self._start, 0, np.maximum(np.arange(given.shape[1], dtype=np.int64) - 1, 0)
        )
        feeds = {
            "input_ids": given,
            "position_ids": np.full_like(given, number) if number else places,
            "exaggeration": np.full(1, 0.5, np.float32),
            "text_conditioning": np.ones(1, np.float32),
        }
        return self._embed({name: array for name, array in feeds.items() if name in self._takes})[
            "inputs_embeds"
        ]


def voice_arrays(folder: Path, opened: Callable[[str], Run]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the bundle's own voice, or of a made-up recording's, by their names in `Voice`."""
    own = _core.read_bundle(str(folder))["default_voice"]
    if own is not None and is_voice_file(own):
        voice = Voice.load(own)
        return {name: getattr(voice, name) for name in (*_SPELLED.values(), *_SPEAKER)}
    recording = made_up_recording()[0] if own is None else load_reference(own).samples
    outputs = opened("speech_encoder")({"audio_values": recording[np.newaxis]})
    return {_SPELLED.get(name, name): array[0] for name, array in outputs.items()}


def made_up_recording() -> tuple[npt.NDArray[np.float32], int]:
    """Six seconds that resemble a voice, and their sample rate: a gliding pitch with overtones, in syllables,
    over some noise."""
    time = np.arange(6 * _RATE) / _RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * time)) / _RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time) + 0.4, 0, 1)
    noise = np.random.default_rng(0).standard_normal(time.size)
    recording: npt.NDArray[np.float32] = (0.08 * syllables * tone + 0.003 * noise).astype(np.float32)
    return recording, _RATE


def calibration_caches(run: Run, ports: dict[str, Port], speaker: Speaker) -> list[list[npt.NDArray[Any]]]:
    """Keys and values of every layer after each sentence, and none, was spoken for a while, sampled."""
    return [_speak(run, ports, speaker, sentence) for sentence in (*SENTENCES, "")]


def _speak(run: Run, ports: dict[str, Port], speaker: Speaker, sentence: str) -> list[npt.NDArray[Any]]:
    rng = np.random.default_rng(len(sentence))
    names = [name for name in ports if name.startswith("past_key_values.")]
    past = {
        name: ports[name].cast(np.zeros((1, ports[name].dims[1], 0, ports[name].dims[3]))) for name in names
    }
    embeds, length = speaker.prompt(sentence), 0
    for step in range(_STEPS):
        count = embeds.shape[1]
        feeds = {
            "inputs_embeds": ports["inputs_embeds"].cast(embeds),
            "attention_mask": np.ones((1, length + count), np.int64),
            "position_ids": np.arange(length, length + count, dtype=np.int64)[np.newaxis],
            **past,
        }
        outputs = run({name: array for name, array in feeds.items() if name in ports})
        length += count
        past = {name: outputs[name.replace("past_key_values", "present")] for name in names}
        logits = outputs["logits"][0, -1].astype(np.float64) / 0.8
        chances = np.exp(logits - logits.max())
        embeds = speaker.embed([rng.choice(chances.size, p=chances / chances.sum())], step + 1)
    return list(past.values())

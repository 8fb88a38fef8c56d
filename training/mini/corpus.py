"""Stage `align`: the teacher's utterances as items of text with times, and frames as features.

Features of a 5 ms frame, float16 [32]: log f0 (through unvoiced stretches too), voiced or not, 25
mel-cepstra, 5 band strengths. A speech token covers FRAMES_PER_TOKEN of them: 40 ms, 960 samples at 24 kHz.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import sounds, teacher
from .align import PHONE_INDEX, PHONES, Aligner, Letter, learn
from .intonation import bend
from .spell import LETTERS
from .tokens import EVENT_TAGS, TAG_SYMBOLS

FEATURES = 32
FRAMES_PER_TOKEN = 8
TOKEN_SECONDS = FRAMES_PER_TOKEN * teacher.FRAME_SECONDS
LEAD = 2
"""Tokens of silence before the first phone."""
FIRST_LETTER = 20
SYMBOLS = 64
"""Text symbols: 0 padding and the end, 1..19 the tags, from FIRST_LETTER the letters, the rest unused."""
SYMBOL_OF = {letter: FIRST_LETTER + i for i, letter in enumerate(LETTERS)}


@dataclass
class Item:
    """A text and its speech. Times are in tokens from the item's first frame."""

    symbols: NDArray[np.uint8]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    phones: NDArray[np.uint8]
    """[letters, 3]: first phone, second phone, stressed."""
    first: int
    """Index of the first token in the corpus's features and codes."""
    tokens: int


def features(frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Teacher frames [n, 31] as features [n, 32]."""
    frames = frames.astype(np.float32)
    voiced = frames[:, 0] > 50
    where = np.flatnonzero(voiced)
    log_f0 = np.full(len(frames), np.log(170.0))
    if len(where):
        log_f0 = np.interp(np.arange(len(frames)), where, np.log(frames[where, 0]))
    strengths = np.clip(frames[:, 26:31], 0, 1)
    return np.concatenate([log_f0[:, None], voiced[:, None], frames[:, 1:26], strengths], 1).astype(
        np.float32
    )


def _item(text: str, letters: list[Letter], frames: int, first: int) -> tuple[Item, int]:
    """The item, and the frame of the utterance at which it begins."""
    skip = max(0, round(letters[0].start / teacher.FRAME_SECONDS - LEAD * FRAMES_PER_TOKEN))
    origin = skip * teacher.FRAME_SECONDS
    times = (np.array([(x.start, x.end) for x in letters], np.float32) - origin) / TOKEN_SECONDS
    phones = np.array([(*x.phones, x.stressed) for x in letters], np.uint8)
    symbols = np.array([SYMBOL_OF[c] for c in text], np.uint8)
    return Item(symbols, times[:, 0], times[:, 1], phones, first, (frames - skip) // FRAMES_PER_TOKEN), skip


class Builder:
    """Collects items and their features, then writes `corpus.npz` and `features.npy`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.items: list[Item] = []
        self.total = 0
        self._raw = (folder / "features.raw").open("wb")

    def add(self, item: Item, frames: NDArray[np.float32]) -> None:
        frames = frames[: item.tokens * FRAMES_PER_TOKEN]
        frames.astype(np.float16).tofile(self._raw)
        self.items.append(replace(item, first=self.total))
        self.total += item.tokens

    def close(self) -> None:
        self._raw.close()
        raw = np.memmap(self.folder / "features.raw", np.float16, "r")
        np.save(self.folder / "features.npy", raw.reshape(self.total, FRAMES_PER_TOKEN, FEATURES))
        (self.folder / "features.raw").unlink()
        columns = ("symbols", "start", "end", "phones")
        np.savez(
            self.folder / "corpus.npz",
            letters=np.array([len(i.symbols) for i in self.items]),
            tokens=np.array([i.tokens for i in self.items]),
            **{name: np.concatenate([getattr(i, name) for i in self.items]) for name in columns},
        )


@dataclass
class Corpus:
    items: list[Item]
    """Speech, in the order of the texts."""
    events: dict[int, list[Item]]
    """Items of one tag symbol each."""
    features: NDArray[np.float16]
    """[tokens, FRAMES_PER_TOKEN, FEATURES], a memory map."""


def load(work: Path) -> Corpus:
    data = dict(np.load(work / "corpus.npz"))
    ends, token_ends = np.cumsum(data["letters"]), np.cumsum(data["tokens"])
    speech: list[Item] = []
    events: dict[int, list[Item]] = {}
    for end, count, last, tokens in zip(ends, data["letters"], token_ends, data["tokens"], strict=True):
        part = slice(end - count, end)
        columns = [data[name][part] for name in ("symbols", "start", "end", "phones")]
        item = Item(*columns, first=int(last - tokens), tokens=int(tokens))
        if count == 1 and item.symbols[0] < FIRST_LETTER:
            events.setdefault(int(item.symbols[0]), []).append(item)
        else:
            speech.append(item)
    return Corpus(speech, events, np.load(work / "features.npy", mmap_mode="r"))


class PhoneMeans:
    """The mean frame of each phone's middle, and of silence: what the event sounds are made of."""

    def __init__(self) -> None:
        self.sums = np.zeros((len(PHONES), teacher.CHANNELS))
        self.counts = np.zeros(len(PHONES))

    def add(self, tokens: list, frames: NDArray[np.floating]) -> None:
        self.sums[0] += frames[:8].astype(np.float64).mean(0)
        self.counts[0] += 1
        for _, segments in tokens:
            for phone, _, start, end in segments:
                middle = int((start + end) / 2 / teacher.FRAME_SECONDS)
                if middle < len(frames):
                    self.sums[PHONE_INDEX[phone]] += frames[middle]
                    self.counts[PHONE_INDEX[phone]] += 1

    def means(self) -> dict[str, NDArray[np.float64]]:
        fallback = self.sums.sum(0) / self.counts.sum()
        return {
            phone: self.sums[i] / self.counts[i] if self.counts[i] else fallback
            for i, phone in enumerate(PHONES)
        }


def run(work: Path) -> None:
    stems = teacher.stems(work)
    words: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for stem in stems:
        for utterance, _ in teacher.load(stem):
            words.update((name, tuple(s[0] for s in segments)) for name, segments in utterance["tokens"])
    aligner, phone_means, builder = Aligner(learn(words)), PhoneMeans(), Builder(work)
    dropped = 0
    for stem in stems:
        for index, (utterance, frames) in enumerate(teacher.load(stem)):
            seconds = len(frames) * teacher.FRAME_SECONDS
            letters = aligner.letters(utterance["text"], utterance["tokens"], seconds)
            if letters is None:
                dropped += 1
                continue
            item, skip = _item(utterance["text"], letters, len(frames), 0)
            builder.add(item, features(bend(utterance["text"], letters, frames))[skip:])
            if index < 200:
                phone_means.add(utterance["tokens"], frames)
    for tag in EVENT_TAGS:
        for frames in sounds.variants(tag, phone_means.means()):
            count = len(frames) // FRAMES_PER_TOKEN
            times = np.array([0, count], np.float32)
            symbol = np.array([TAG_SYMBOLS[tag]], np.uint8)
            none = np.zeros((1, 3), np.uint8)
            builder.add(Item(symbol, times[:1], times[1:], none, 0, count), features(frames))
    builder.close()
    hours = builder.total * TOKEN_SECONDS / 3600
    print(f"align: {len(builder.items)} items, {hours:.1f} h, {len(words)} words, {dropped} texts dropped")

"""Stage `encode`: the timed texts as what the language model learns from: letters with times, and codes.

`coded.npz` holds all texts in a row, then the events. A text begins LEAD tokens before its first
phone and ends with no more than TAIL tokens of silence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import alignment, codes, events, questions
from .align import Aligner, learn
from .items import LEAD, SYMBOL_OF, Item
from .melodies import leaders
from .spell import letters_only
from .timbres import LEADING

TAIL = 4
TOKEN_SECONDS = codes.TOKEN_MS / 1000


@dataclass
class Coded:
    """Items with their codes; `leader` is the number of each one's voice in timbres.LEADING."""

    items: list[Item]
    codes: NDArray[np.uint8]
    leader: NDArray[np.uint8]


def trimmed(said: NDArray[np.uint8], first_phone: float) -> tuple[int, int]:
    """(first, last + 1) of the tokens that are kept, of a text whose first phone begins at `first_phone`."""
    first = max(0, round(first_phone / TOKEN_SECONDS) - LEAD)
    spoken = np.flatnonzero(said[:, 0])
    return first, min(len(said), int(spoken[-1]) + 1 + TAIL) if len(spoken) else len(said)


def item_of(
    text: str, aligner: Aligner, phonemes: str, durations: list[int], said: NDArray[np.uint8]
) -> tuple[Item, NDArray[np.uint8]] | None:
    """A prepared text and its codes, or None if its letters cannot be timed."""
    found = alignment.letters(aligner, text, phonemes, durations)
    if found is None:
        return None
    first, end = trimmed(said, found[0].start)
    times = np.array([(letter.start, letter.end) for letter in found], np.float32) / TOKEN_SECONDS - first
    times = np.clip(times, 0, end - first)
    phones = np.array([(*letter.phones, letter.stressed) for letter in found], np.uint8)
    symbols = np.array([SYMBOL_OF[c] for c in text], np.uint8)
    return Item(symbols, times[:, 0], times[:, 1], phones, 0, end - first), said[first:end]


def run(work: Path) -> None:
    """Write `coded.npz` of all that is timed."""
    known = leaders(work)
    rows = []
    for path in sorted((work / "timing").glob("*.npz")):
        with np.load(path) as file:
            timing = np.split(file["durations"], np.cumsum(file["tokens"])[:-1])
            pitch = np.split(file["pitch"], np.cumsum(file["halves"])[:-1])
            rows += zip(file["texts"].tolist(), file["phonemes"].tolist(), timing, pitch, strict=True)
    prepared = [letters_only(text) for text, *_ in rows]
    words: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for text, (_, phonemes, durations, _) in zip(prepared, rows, strict=True):
        pairs = alignment.pairs(text, phonemes, durations) or []
        words.update((name, tuple(segment[0] for segment in parts)) for name, parts in pairs)
    aligner = Aligner(learn(words))
    items: list[Item] = []
    made: list[NDArray[np.uint8]] = []
    speakers: list[int] = []
    total = 0
    for index, (text, (_, phonemes, durations, pitch)) in enumerate(zip(prepared, rows, strict=True)):
        leader = index % len(LEADING)
        voice = known[LEADING[leader]]
        pitch = questions.bent(phonemes, durations, pitch, voice)
        said = codes.encode(phonemes, durations, pitch, voice)
        found = item_of(text, aligner, phonemes, durations, said)
        if found is None:
            continue
        item, said = found
        item.first, total = total, total + item.tokens
        items.append(item), made.append(said), speakers.append(leader)
    texts = len(items)
    for item, said, leader in events.items(work):
        items.append(item), made.append(said), speakers.append(leader)
    columns = {
        name: np.concatenate([getattr(item, name) for item in items])
        for name in ("symbols", "start", "end", "phones")
    }
    with (part := work / "coded.part").open("wb") as file:
        np.savez_compressed(
            file, letters=np.array([len(item.symbols) for item in items]), codes=np.concatenate(made),
            tokens=np.array([item.tokens for item in items]), leader=np.array(speakers, np.uint8), **columns,
        )  # fmt: skip
    part.replace(work / "coded.npz")
    hours = total * TOKEN_SECONDS / 3600
    print(
        f"encode: {texts} texts, {hours:.1f} h, {len(rows) - texts} dropped, {len(items) - texts} events",
        flush=True,
    )


def load(work: Path) -> Coded:
    with np.load(work / "coded.npz") as file:
        data = {name: file[name] for name in file.files}
    ends, token_ends = np.cumsum(data["letters"]), np.cumsum(data["tokens"])
    items = [
        Item(
            *(data[name][end - count : end] for name in ("symbols", "start", "end", "phones")),
            first=int(last - tokens), tokens=int(tokens),
        )
        for end, count, last, tokens in zip(ends, data["letters"], token_ends, data["tokens"], strict=True)
    ]  # fmt: skip
    return Coded(items, data["codes"], data["leader"])

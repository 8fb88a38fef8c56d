"""What a next run starts from, in `kept/` beside this file: weights in few bits, and the timing of all texts.

Stage `keep` writes it from a work folder, stage `start` puts it into a new one: networks that go on being
trained (their optimisers begin anew), the leaders' pitch, and the timing with the melody as the codes have
it. Texts and phonemes are made again, which costs little.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from . import codes
from .melodies import leaders
from .phonemes import Phonemes
from .timbres import LEADING
from .timing import TEXTS

FOLDER = Path(__file__).parent / "kept"
NETWORKS = {
    "decoder.pt": (("decoder", "speaker", "scaling"), 95),
    "speech.pt": (("text", "model"), 63),
    "listen.pt": (("listen",), 31),
}
"""Files of weights, with their modules and the steps on either side of zero in which the weights are kept."""
LEADERS = ("leaders.json", "leaders.npz")
"""The leaders' pitch, and their timbres and manners."""
_SMALL = 2048
"""Numbers of a tensor below which it is kept in float32."""


def packed(state: dict[str, NDArray], steps: int) -> Iterator[tuple[str, NDArray]]:
    """Each tensor as int8 with a float32 scale a row (`NAME` and `NAME/scale`), small ones as they are."""
    for name, value in state.items():
        if value.size < _SMALL or value.dtype != np.float32:
            yield name, value
            continue
        rows = value.reshape(len(value), -1)
        scale = np.abs(rows).max(1, keepdims=True) / steps + 1e-12
        yield name, np.rint(rows / scale).astype(np.int8).reshape(value.shape)
        yield f"{name}/scale", scale.astype(np.float32).reshape(len(value), *[1] * (value.ndim - 1))


def unpacked(file: dict[str, NDArray]) -> dict[str, NDArray]:
    """The way back from `packed`."""
    return {
        name: value * file[f"{name}/scale"] if f"{name}/scale" in file else value
        for name, value in file.items()
        if not name.endswith("/scale")
    }


def keep(work: Path, folder: Path = FOLDER) -> None:
    """Write `folder` from what is trained and coded in `work`."""
    folder.mkdir(exist_ok=True)
    for name, (modules, steps) in NETWORKS.items():
        if not (work / name).exists():
            continue
        state = torch.load(work / name, weights_only=True)
        rows = {
            f"{module}/{key}": value
            for module in modules
            for key, value in packed({k: v.float().numpy() for k, v in state[module].items()}, steps)
        }
        np.savez_compressed(folder / f"{Path(name).stem}.npz", **rows)
    timing = [np.load(path) for path in sorted((work / "timing").glob("*.npz"))]
    columns = {name: np.concatenate([file[name] for file in timing]) for name in ("tokens", "halves")}
    durations, pitch = (np.concatenate([file[name] for file in timing]) for name in ("durations", "pitch"))
    made = levels_of(columns["halves"], pitch, leaders(work))
    np.savez_compressed(
        folder / "timing.npz", tokens=columns["tokens"].astype(np.uint16), levels=made,
        durations=np.minimum(durations, 255).astype(np.uint8),
    )  # fmt: skip
    for name in LEADERS:
        (folder / name).write_bytes((work / name).read_bytes())
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    print(f"keep: {sum(sizes.values()) / 1e6:.2f} MB {json.dumps(sizes)}", flush=True)


def levels_of(
    halves: NDArray[np.integer], pitch: NDArray[np.floating], known: dict[str, codes.Voice]
) -> NDArray[np.uint8]:
    """The levels of all texts in a row, of their pitch in a row."""
    rows = []
    for index, curve in enumerate(np.split(pitch, np.cumsum(halves)[:-1])):
        contour = codes.contour(curve, known[LEADING[index % len(LEADING)]])
        rows.append(codes.levels(contour, tokens_of(len(curve))))
    return np.concatenate(rows).astype(np.uint8)


def tokens_of(halves: int) -> int:
    return int(halves * codes.HALF_MS // codes.TOKEN_MS)


def curve_of(levels: NDArray[np.integer], halves: int, voice: codes.Voice) -> NDArray[np.float16]:
    """A pitch curve (halves,) in Hz that has these levels."""
    middles = (np.arange(halves) + 0.5) * codes.HALF_MS
    level = np.append(levels, codes.UNVOICED)[
        np.minimum((middles // codes.TOKEN_MS).astype(int), len(levels))
    ]
    pitch = np.exp(voice.height + voice.range * codes.melody()[np.maximum(level, 1) - 1])
    return np.where(level == codes.UNVOICED, 0.0, pitch).astype(np.float16)


def start(work: Path, folder: Path = FOLDER) -> None:
    """Put `folder`, if there is one, into `work`, where not there yet: `start-NAME.pt`, leaders, timing."""
    if not (folder / "timing.npz").exists():
        return
    for name, (modules, _) in NETWORKS.items():
        source, target = folder / f"{Path(name).stem}.npz", work / f"start-{name}"
        if not source.exists() or target.exists():
            continue
        with np.load(source) as file:
            rows = {key: file[key] for key in file.files}
        state = {
            module: {
                key: torch.from_numpy(value)
                for key, value in unpacked(
                    {k.removeprefix(f"{module}/"): v for k, v in rows.items() if k.startswith(f"{module}/")}
                ).items()
            }
            for module in modules
        }
        torch.save(state, target)
    for name in LEADERS:
        if not (work / name).exists():
            (work / name).write_bytes((folder / name).read_bytes())
    (work / "timing").mkdir(exist_ok=True)
    phonemes = Phonemes(work / "teacher/vocab.json")
    texts = (work / "texts.txt").read_text().splitlines()
    with np.load(folder / "timing.npz") as file:
        durations = np.split(file["durations"], np.cumsum(file["tokens"], dtype=np.int64)[:-1])
        levels, known = file["levels"], leaders(work)
    at = 0
    rows = []
    for index, part in enumerate(durations):
        halves = 2 * int(part.sum(dtype=np.int64))
        count = tokens_of(halves)
        rows.append((part, curve_of(levels[at : at + count], halves, known[LEADING[index % len(LEADING)]])))
        at += count
    for first in range(0, len(rows) - len(rows) % TEXTS, TEXTS):
        target = work / f"timing/{first // TEXTS:03d}.npz"
        if target.exists():
            continue
        parts, curves = zip(*rows[first : first + TEXTS], strict=True)
        with (aside := target.with_suffix(".part")).open("wb") as out:
            np.savez_compressed(
                out, texts=np.array(texts[first : first + TEXTS]),
                phonemes=np.array([phonemes.string(text) for text in texts[first : first + TEXTS]]),
                tokens=np.array([len(part) for part in parts]),
                halves=np.array([len(curve) for curve in curves]),
                durations=np.concatenate(parts).astype(np.int16), pitch=np.concatenate(curves),
            )  # fmt: skip
        aside.replace(target)

"""python -m voice.picture BUNDLE -o FILE.png: waveform and spectrogram of a sentence, for the docs.

Two bundles are drawn one above the other, to compare.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import soundfile
from numpy.typing import NDArray

from .speak import Speaker
from .teacher import RATE

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_WINDOW, _HOP = 600, 120


def spectrogram(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """[bins, frames] in dB below the loudest."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    power = 20 * np.log10(np.abs(np.fft.rfft(frames, 2048, axis=1)).T + 1e-6)
    return power - power.max()


def draw(bundles: dict[str, Path], text: str, reference: Path, out: Path) -> None:
    """One row of waveform and spectrogram a bundle: {title: folder}."""
    figure, axes = plt.subplots(
        2 * len(bundles), 1, figsize=(10, 3.6 * len(bundles)), sharex=True,
        gridspec_kw={"height_ratios": [1, 3] * len(bundles)}, layout="constrained",
    )  # fmt: skip
    for (title, folder), wave, picture in zip(bundles.items(), axes[::2], axes[1::2], strict=True):
        speaker = Speaker(folder)
        voice = speaker.voice(soundfile.read(reference, dtype="float32")[0])
        samples = speaker.decode(speaker.tokens(text, voice) or [], voice)
        seconds = len(samples) / RATE
        wave.plot(np.arange(len(samples)) / RATE, samples, linewidth=0.4, color="#204a6e")
        wave.set(title=f"{title}: “{text}”", ylim=(-1, 1), yticks=[])
        picture.imshow(
            spectrogram(samples), origin="lower", aspect="auto", cmap="magma", vmin=-80, vmax=0,
            extent=(0, seconds, 0, RATE / 2000),
        )  # fmt: skip
        picture.set(ylabel="kHz")
    axes[-1].set(xlabel="seconds")
    figure.savefig(out, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m voice.picture", description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--against", type=Path, help="another bundle, drawn below")
    parser.add_argument("--reference", type=Path, required=True, help="a recording of the voice to imitate")
    parser.add_argument("--text", default="hello world, how are you today?")
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    bundles = {"mini": arguments.bundle}
    if arguments.against:
        bundles["before"] = arguments.against
    draw(bundles, arguments.text, arguments.reference, arguments.out)


if __name__ == "__main__":
    main()

#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2): an MP3 that is read in blocks.
#
# One expects the blocks to be the samples that one read gives. They are not: behind every read soundfile seeks to the
# frame where the file stands already, and in an MP3 of its own writing that lands elsewhere or decodes otherwise, so
# that a jump stands at the start of a block. A SoundFile whose seekable() says False does not seek, and is right.
# Seen: "in blocks: 29 jumps, off by up to 0.36; without seeking: equal".
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q soundfile==0.14.0 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - 2>"$folder/stderr" <<'PYTHON'
import sys

import numpy as np
import soundfile

RATE = 44_100


class Forward(soundfile.SoundFile):
    def seekable(self):
        return False


def in_blocks(kind, name):
    block = np.empty(RATE, np.float32)
    with kind(name) as file:
        parts = [file.read(out=block).copy()]
        while len(parts[-1]):
            parts.append(file.read(out=block).copy())
    return np.concatenate(parts)


time = np.arange(30 * RATE) / RATE
soundfile.write("it.mp3", 0.3 * np.sin(2 * np.pi * (200 + 40 * time) * time), RATE)
at_once, _ = soundfile.read("it.mp3", dtype="float32")
blocks, forward = in_blocks(soundfile.SoundFile, "it.mp3"), in_blocks(Forward, "it.mp3")
off = np.abs(blocks - at_once)
jumps = len(set(np.flatnonzero(off > 1e-3) // RATE))
equal = np.array_equal(forward, at_once)
print(
    f"soundfile {soundfile.__version__} ({soundfile.__libsndfile_version__}): in blocks: {jumps} jumps, off by up to "
    f"{off.max():.2f}; without seeking: {'equal' if equal else 'another'}"
)
sys.exit(0 if jumps > 0 and equal else "this has changed")
PYTHON

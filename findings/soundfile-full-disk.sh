#!/usr/bin/env bash
# soundfile 0.13.1 (libsndfile 1.2.2): a disk that gets full while ogg is written through a file object.
#
# One expects an exception from write() or close(). There is none: an exception in a file object's write() is printed
# by cffi and lost, a short count counts for ogg as written, and the file is cut without a word. WAV and FLAC at least
# fail an assertion (nothing under python -O), but the FLAC then says that it has 2**63 - 1 frames.
# Seen: "OGG write() and close() raised nothing", "WAV AssertionError", "FLAC AssertionError, 9223372036854775807 frames".
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q soundfile==0.13.1 numpy==2.2.6
"$folder/venv/bin/python" - 2> "$folder/stderr" <<'PYTHON'
import io
import sys

import numpy as np
import soundfile


class Full(io.BytesIO):
    """As a disk with room for 100,000 bytes."""

    def write(self, data):
        if self.tell() + len(data) > 100_000:
            raise OSError(28, "No space left on device")
        return super().write(data)


noise = np.random.default_rng(0).uniform(-0.5, 0.5, 480_000).astype(np.float32)
seen = {}
for format in ("OGG", "WAV", "FLAC"):
    disk = Full()
    raised = "nothing"
    try:
        with soundfile.SoundFile(disk, "w", 24_000, 1, format=format) as file:
            for start in range(0, len(noise), 24_000):
                file.write(noise[start : start + 24_000])
    except Exception as error:
        raised = type(error).__name__
    disk.seek(0)
    seen[format] = raised, soundfile.info(disk).frames
    print(f"soundfile {soundfile.__version__}: {format} raised {raised}, the file says {seen[format][1]} frames of {len(noise)}")
good = seen["OGG"][0] == "nothing" and seen["OGG"][1] < len(noise)
good = good and seen["WAV"][0] == seen["FLAC"][0] == "AssertionError" and seen["FLAC"][1] == 2**63 - 1
sys.exit(0 if good else "this has changed")
PYTHON
test "$(grep -c 'No space left on device' "$folder/stderr")" -gt 0

#!/usr/bin/env bash
# soundfile 0.14.0 with its libsndfile 1.2.2, and PyAV 18.1.0 (seen with Python 3.11): FLAC that FFmpeg wrote to a pipe.
#
# Guess: a FLAC stream whose header tells no length, which the format allows (total samples 0), is read up to its end, and
# the length is told as unknown. Seen: `info` tells 9,223,372,036,854,775,807 frames, some 12 million years; `read()` asks numpy
# for that much; reading block by block gives all but the last block, which raises "psf_fseek() failed" although its samples
# are in the caller's `out` array by then. PyAV reads the file whole. The same samples written to a file, whose header
# FFmpeg goes back to, are read by both. So a server's FLAC, saved as it came, cannot be read as people read files.
# Ends with 0 while this is so. Output seen:
#   to a file: 30000 frames told, read() 30000, blocks 8000 8000 8000 6000, PyAV 30000
#   to a pipe: 9223372036854775807 frames told, read() ValueError, blocks 8000 8000 8000 LibsndfileError, PyAV 30000
#   the last block's samples in `out`: 6000
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q soundfile==0.14.0 av==18.1.0 numpy
cat > "$work/try.py" <<'PY'
import io
import sys

import av
import numpy as np
import soundfile

tone = (0.3 * np.sin(np.arange(30_000) / 20)).astype(np.float32)


class Pipe:
    """A file without `seek`, as a socket is."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def flac(file):
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=24_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = 24_000
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=24_000)
        for ready in [*resampler.resample(frame), None]:
            for packet in stream.encode(ready):
                container.mux(packet)


def name_of(work):
    try:
        return str(work())
    except Exception as error:
        return type(error).__name__


def blocks(data):
    seen = []
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        while True:
            lengths = name_of(lambda: len(sound.read(8_000)))
            if lengths != "0":
                seen.append(lengths)
            if lengths != "8000":
                return " ".join(seen)


def look(what, data):
    with av.open(io.BytesIO(data)) as container:
        whole = sum(frame.samples for frame in container.decode(audio=0))
    seen = (
        f"{soundfile.info(io.BytesIO(data)).frames} frames told, "
        f"read() {name_of(lambda: len(soundfile.read(io.BytesIO(data))[0]))}, blocks {blocks(data)}, PyAV {whole}"
    )
    print(f"{what}: {seen}")
    return seen


seekable, pipe = io.BytesIO(), Pipe()
flac(seekable)
flac(pipe)
found = [look("to a file", seekable.getvalue()), look("to a pipe", pipe.data)]
out = np.full(8_000, np.nan, np.float32)
with soundfile.SoundFile(io.BytesIO(pipe.data)) as sound:
    sound.read(24_000)
    name_of(lambda: sound.read(out=out))
print("the last block's samples in `out`:", np.isfinite(out).sum())
told = np.iinfo(np.int64).max
expected = [
    "30000 frames told, read() 30000, blocks 8000 8000 8000 6000, PyAV 30000",
    f"{told} frames told, read() ValueError, blocks 8000 8000 8000 LibsndfileError, PyAV 30000",
]
sys.exit(bool(found != expected or np.isfinite(out).sum() != 6_000))
PY
"$work/venv/bin/python" "$work/try.py"

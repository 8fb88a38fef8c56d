#!/usr/bin/env bash
# soundfile 0.14.0 with its libsndfile 1.2.2 (seen with Python 3.11): 16 bits of a WAV are rounded down, of FLAC to the nearest.
#
# Guess: floats become 16-bit samples by rounding to the nearest, in every format, so that WAV and FLAC of one array hold
# the same samples. Seen: WAV and AIFF get the next lower whole number, FLAC the nearest one. So a WAV differs from the FLAC
# of the same array in half of its samples, and is half a step lower on average.
# Ends with 0 while this is so. Output seen:
#   WAV: 0.25 0.5 0.75 1.0 steps become 0 0 0 1; -0.25 becomes -1; mean error of noise -0.50 steps
#   AIFF: 0.25 0.5 0.75 1.0 steps become 0 0 0 1; -0.25 becomes -1; mean error of noise -0.50 steps
#   FLAC: 0.25 0.5 0.75 1.0 steps become 0 0 1 1; -0.25 becomes 0; mean error of noise 0.00 steps
#   samples in which WAV and FLAC differ: 50 %
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q soundfile==0.14.0 numpy
cat > "$work/try.py" <<'PY'
import io
import sys

import numpy as np
import soundfile

STEP = 1 / 32768
few = np.array([0.25, 0.5, 0.75, 1.0, -0.25]) * STEP
noise = np.random.default_rng(0).normal(0, 1e-3, 48_000)


def written(samples, format):
    file = io.BytesIO()
    soundfile.write(file, samples, 24_000, format=format, subtype="PCM_16")
    file.seek(0)
    return soundfile.read(file, dtype="int16")[0]


seen = {}
for format in ("WAV", "AIFF", "FLAC"):
    *positive, negative = written(few, format).tolist()
    error = float((written(noise, format) - noise / STEP).mean())
    seen[format] = (positive, negative, abs(round(error, 2)))
    print(
        f"{format}: 0.25 0.5 0.75 1.0 steps become {' '.join(map(str, positive))}; -0.25 becomes {negative}; "
        f"mean error of noise {error if abs(error) > 0.005 else 0:.2f} steps"
    )
differ = float((written(noise, "WAV") != written(noise, "FLAC")).mean())
print(f"samples in which WAV and FLAC differ: {differ:.0%}".replace("%", " %"))
down, nearest = ([0, 0, 0, 1], -1, 0.5), ([0, 0, 1, 1], 0, 0.0)
sys.exit(seen != {"WAV": down, "AIFF": down, "FLAC": nearest} or not 0.48 < differ < 0.52)
PY
"$work/venv/bin/python" "$work/try.py"

"""Under limits of the system an engine gives errors and goes on; it does not end the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCENE = """
import resource, sys, threading
import loquor

engine = loquor.Engine("mini", device="cpu", threads=2, slots=16)
voice = engine.voice()
first = loquor.GenerationOptions(seed=1, max_new_tokens=60)
expected = len(engine.speak("Hi.", voice, first).samples)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (size + (int(sys.argv[1]) << 20), limits[1]))
streams, failed = [], 0
for seed in range(16):
    try:
        options = loquor.GenerationOptions(seed=seed, max_new_tokens=60)
        streams.append(engine.stream("Hello there, how are you today? " * 3, voice, options))
    except (loquor.LoquorError, MemoryError):
        failed += 1
for stream in streams:
    try:
        assert sum(map(len, stream)) > 0
    except (loquor.LoquorError, MemoryError) as error:
        failed += 1
        assert str(error) or isinstance(error, MemoryError)
resource.setrlimit(resource.RLIMIT_AS, limits)
assert len(engine.speak("Hi.", voice, first).samples) == expected
engine.close()
print(failed)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS as on Linux")
@pytest.mark.parametrize("megabytes", [1, 8, 24, 48])
def test_sixteen_streams_with_little_memory_are_errors_at_worst(megabytes: int) -> None:
    process = subprocess.run(
        [sys.executable, "-c", SCENE, str(megabytes)], capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert 0 <= int(process.stdout) <= 16

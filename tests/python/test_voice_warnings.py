"""What may harm a voice is told with it, and with everything it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions


def test_what_harms_a_voice_is_told_with_it_and_with_what_it_says(
    engine_of: Callable[..., Engine], recording: NDArray[np.float32], tmp_path: Path
) -> None:
    engine = engine_of()
    voice = engine.voice((np.tile(recording, 3), 24_000))
    long, unlike = voice.warnings
    assert long == "the array is longer than 15 s: only its first 15 s are used"
    assert unlike.startswith("the array does not sound like speech")
    options = GenerationOptions(max_new_tokens=3)
    assert engine.speak("Hello.", voice, options).warnings[:2] == voice.warnings
    with engine.stream("Hello.", voice, options) as stream:
        assert stream.warnings[:2] == voice.warnings
    story = "It was late. " * 9
    assert engine.speak_long(story, voice, options).collect().warnings.count(long) == 1
    with engine.session(voice, options) as session:
        session.feed(story)
        session.end()
        assert list(session) and session.warnings.count(long) == 1
    voice.save(tmp_path / "me.safetensors")
    assert engine.voice(tmp_path / "me.safetensors").warnings == ()

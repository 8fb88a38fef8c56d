"""What tags of a file say of speech: written in four formats, in streams, read back, left out where asked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from loquor import Audio, Engine, GenerationOptions, __version__
from loquor.audio.audio import write_wav_stream
from loquor.audio.provenance import Provenance, provenance_in, provenance_of
from loquor.cli import main


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def audio(engine: Engine) -> Audio:
    return engine.speak("Hello there.", options=GenerationOptions(max_new_tokens=15))


def test_audio_says_what_made_it(audio: Audio, engine: Engine) -> None:
    voice = engine.voice()
    assert audio.provenance == Provenance("mini", voice.identity[:16], f"loquor/{__version__}", "none")
    assert engine.voice("man").identity != engine.voice("woman").identity


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "mp3"])
def test_tags_are_read_back(format: str, audio: Audio, engine: Engine, tmp_path: Path) -> None:
    audio.save(tmp_path / f"a.{format}")
    assert provenance_in(tmp_path / f"a.{format}") == audio.provenance
    audio.save(tmp_path / f"b.{format}", tags=False)
    assert provenance_in(tmp_path / f"b.{format}") is None
    long = engine.speak_long("Hello.", options=GenerationOptions(max_new_tokens=15))
    long.save(tmp_path / f"c.{format}")
    assert provenance_in(tmp_path / f"c.{format}") == audio.provenance


def test_a_streamed_wav_has_them_before_its_sound(audio: Audio) -> None:
    for rewind in (False, True):
        file = io.BytesIO()
        write_wav_stream(file, [audio.samples], 24_000, rewind=rewind, provenance=audio.provenance)
        file.seek(0)
        with soundfile.SoundFile(file) as sound:
            assert provenance_of(sound.comment) == audio.provenance
            assert np.abs(sound.read(dtype="float32") - audio.samples).max() < 1e-4


@given(st.text(), st.text(), st.text())
def test_any_name_comes_back(model: str, voice: str, engine: str) -> None:
    if any(0xD800 <= ord(character) < 0xE000 for character in model + voice + engine):
        return
    said = str(Provenance(model, voice, engine, "perth"))
    assert said.isascii()
    if len(said) <= 4096 and all((model, voice, engine)):
        assert provenance_of(said) == Provenance(model, voice, engine, "perth")


@given(st.text())
def test_other_comments_are_none(comment: str) -> None:
    assert provenance_of(comment) is None
    assert provenance_of(f"AI-generated speech{comment}") is None or "watermark=" in comment


def test_a_folder_is_named_without_its_place(tmp_path: Path, bundle_of: object) -> None:
    folder = bundle_of()  # type: ignore[operator]
    with Engine(folder) as engine:
        recording = (0.1 * np.sin(np.arange(48_000) * 0.05).astype(np.float32), 24_000)
        made = engine.speak("Hi.", engine.voice(recording), GenerationOptions(max_new_tokens=5))
    assert made.provenance is not None
    assert made.provenance.model == folder.name


@pytest.mark.parametrize("extra", [[], ["--stream"]])
def test_say_writes_tags_unless_told_not_to(extra: list[str], tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    assert main(["say", "Hi.", "-q", "-o", str(file), *extra]) == 0
    assert provenance_in(file) is not None
    assert main(["say", "Hi.", "-q", "-o", str(file), "--no-tags", *extra]) == 0
    assert provenance_in(file) is None

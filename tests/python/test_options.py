"""Options are tables: C, Python and the command line take the same values, and say the same of the others."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import json
import math
import shutil
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import (
    Engine,
    GenerationOptions,
    Guards,
    InvalidInputError,
    LoquorError,
    StreamOptions,
    Voice,
    _core,
)
from loquor.base.runtime import open_runtime
from loquor.cli import _parsed, _parser, main, say
from loquor.cli.engines import check_engine_options
from loquor.speech.option_table import DECODE, ENGINE, GENERATION, STREAM, Option
from loquor.speech.options import resolve_options, resolve_stream_options

ROOT = Path(__file__).resolve().parents[2]
ROWS = [(table, row) for table in (GENERATION, STREAM, ENGINE) for row in table.values()]
NUMBERS = [(table, row) for table, row in ROWS if row.type not in ("bool", "string")]
WIDTHS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
WIDTHS |= {"uint32": (0, 2**32 - 1), "uint64": (0, 2**64 - 1)}
IDS = np.array([5, 7, 9, 50256, 50256])


def ends(row: Option) -> tuple[list[Any], list[Any]]:
    """Values at the ends of a row's range, and just outside of it, where some fit no C type."""
    if row.type == "float":
        least, most = (np.float32(bound) for bound in (row.minimum, row.maximum or np.finfo(np.float32).max))
        up, down = np.nextafter(least, most), np.nextafter(least, np.float32(-np.inf))
        above = np.nextafter(most, np.float32(np.inf)) if row.maximum else math.inf
        inside, outside = (
            ([up, most], [least, above]) if row.minimum_excluded else ([least, most], [down, above])
        )
        return [float(value) for value in inside], [float(value) for value in outside]
    low, high = WIDTHS[row.type]
    least = low if row.minimum is None else row.minimum
    most = high if row.maximum is None else row.maximum
    return [least, most], [least - 1, most + 1]


def named(rows: list[tuple[dict[str, Option], Option]]) -> Any:
    def name(table: dict[str, Option], row: Option) -> str:
        kinds = {id(GENERATION): "generation", id(STREAM): "stream", id(ENGINE): "engine"}
        return f"{kinds[id(table)]}.{row.name}"

    return pytest.mark.parametrize(("table", "row"), [pytest.param(*pair, id=name(*pair)) for pair in rows])


def refusal(call: Callable[[], object]) -> str | None:
    try:
        call()
    except InvalidInputError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def engine(engine_of: Callable[..., Engine]) -> Engine:
    return engine_of()


@pytest.fixture(scope="module")
def voice(engine: Engine, recording: NDArray[np.float32]) -> Voice:
    return engine.voice((recording, 24_000))


# --- Ranges ---


def python_takes(table: dict[str, Option], row: Option, value: Any, engine: Engine) -> str | None:
    """None, or what the public classes say."""
    if table is GENERATION:
        return refusal(
            lambda: resolve_options(GenerationOptions(**{row.name: value}), engine._loaded.defaults)
        )
    if table is STREAM:
        return refusal(
            lambda: resolve_stream_options(StreamOptions(**{row.name: value}), engine._loaded.stream_defaults)
        )
    return refusal(lambda: row.checked(value))


@named([pair for pair in NUMBERS if pair[1].name != "guards"])
def test_python_takes_the_ends_of_a_range_and_nothing_outside(
    engine: Engine, table: dict[str, Option], row: Option
) -> None:
    inside, outside = ends(row)
    assert [python_takes(table, row, value, engine) for value in inside] == [None] * len(inside)
    for value in outside:
        said = python_takes(table, row, value, engine)
        words = "a finite number" if value == math.inf else row.range
        assert said is not None and said.startswith(f"{row.name} must be {words}, not "), said
    assert "must be a number, not str" in (python_takes(table, row, "1", engine) or "")


@named(NUMBERS)
def test_the_core_says_the_same(engine: Engine, voice: Voice, table: dict[str, Option], row: Option) -> None:
    """Past Python's own checks; what the C type cannot hold never gets there."""
    handle = engine._loaded.voices.handle(voice, engine._loaded.core)

    def core_takes(value: Any) -> str | None:
        given = {row.name: value}
        if table is ENGINE:
            options = {name: option.default for name, option in ENGINE.items()} | given
            return refusal(lambda: _core.EngineHandle(open_runtime(), "no bundle", options))
        options = engine._loaded.defaults | (given if table is GENERATION else {})
        chunks = engine._loaded.stream_defaults | (given if table is STREAM else {})

        def start() -> None:
            _core.StreamHandle(engine._loaded.core(), IDS, handle, options, chunks).cancel()

        return refusal(start)

    inside, outside = ends(row)
    if table is not ENGINE:  # where only what is refused comes back before a bundle is read
        assert [core_takes(value) for value in inside] == [None] * len(inside)
    for value in outside:
        if row.type == "float" or WIDTHS[row.type][0] <= value <= WIDTHS[row.type][1]:
            said = core_takes(value)
            assert said is not None and said.startswith(f"{row.name} must be {row.range}, not "), said


def parsed(command: list[str]) -> argparse.Namespace:
    return _parsed(_parser(command), command)


@named([pair for pair in NUMBERS if pair[0] is not STREAM and pair[1].name not in ("guards",)])
def test_so_does_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: dict[str, Option], row: Option
) -> None:
    flag = f"--{row.name.replace('_', '-')}"
    command = ["say", "Hi.", "-o", str(tmp_path / "out.wav"), "--model", "turbo"]
    try:
        parsed([*command, f"{flag}={row.minimum or 1:g}"])
    except InvalidInputError as error:
        assert table is ENGINE and "unrecognized arguments" in str(error)
        pytest.skip("a flag would be of no use to one request")
    inside, outside = ends(row)
    for value in inside:
        args = parsed([*command, f"{flag}={value!r}"])
        assert getattr(args, row.name) == value
        check_engine_options(args)
        say._check_sampling(args)
    for value in outside:
        assert main([*command, f"{flag}={value!r}"]) == 2
        words = "a finite number" if value == math.inf else row.range
        assert f"{row.name} must be {words}, not " in capsys.readouterr().err


@pytest.mark.parametrize("value", [2**64 - 1, 2**63, np.uint64(2**64 - 1), 5.0])
def test_seeds_keep_their_64_bits(engine: Engine, value: Any) -> None:
    resolved = resolve_options(GenerationOptions(seed=value), engine._loaded.defaults)
    assert resolved["seed"] == int(value) and isinstance(resolved["seed"], int)
    assert DECODE["seed"].checked(value) == int(value)


def test_switches_are_true_or_false_and_texts_are_whole() -> None:
    assert [STREAM["adaptive"].checked(value) for value in (True, np.False_)] == [True, False]
    for value in ("yes", 1, math.nan, None):
        with pytest.raises(InvalidInputError, match="batching must be True or False, not"):
            ENGINE["batching"].checked(value)
    with pytest.raises(InvalidInputError, match="device must be a str without NUL"):
        ENGINE["device"].checked("auto\0zzz")


def test_what_is_told_of_a_value() -> None:
    def said(row: Option, value: Any) -> str:
        return refusal(lambda: row.checked(value)) or "accepted"

    assert said(GENERATION["min_p"], 2.0) == "min_p must be in [0, 1], not 2"
    assert said(GENERATION["min_p"], 1.5) == "min_p must be in [0, 1], not 1.5"
    assert said(GENERATION["top_p"], 1e-60) == "top_p must be in (0, 1], not 1e-60"  # 0 in float32
    assert said(GENERATION["top_p"], 1 + 1e-12) == "accepted"  # 1 in float32
    assert said(GENERATION["repetition_penalty"], 1e300).startswith(
        "repetition_penalty must be a finite number"
    )
    assert said(GENERATION["top_k"], 10**30) == f"top_k must be 0 (off) or more, not {10**30}"
    assert said(ENGINE["slots"], 1.5) == "slots must be a whole number, not 1.5"
    assert said(ENGINE["threads"], True) == "threads must be a number, not bool"


# --- Defaults, names and sentences ---


def test_guards_have_a_bit_each() -> None:
    assert (
        GENERATION["guards"].default
        == GENERATION["guards"].maximum
        == 2 ** len(dataclasses.fields(Guards)) - 1
    )


@pytest.mark.parametrize(("kind", "table"), [(GenerationOptions, GENERATION), (StreamOptions, STREAM)])
def test_dataclasses_have_the_fields_and_defaults_of_their_table(kind: Any, table: dict[str, Option]) -> None:
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    assert list(fields)[: len(table)] == list(table)
    assert all(fields[row.name] == (None if row.of_bundle else row.default) for row in table.values())


def test_the_engine_has_the_keywords_and_defaults_of_its_table() -> None:
    keywords = {name: value.default for name, value in inspect.signature(Engine).parameters.items()}
    assert {name: keywords[name] for name in ENGINE} == {name: row.default for name, row in ENGINE.items()}
    said = " ".join((inspect.getdoc(Engine.__init__) or "").split())
    assert all(f"`{row.name}`: " in said and row.sentence in said for row in ENGINE.values())


def test_decode_has_the_keywords_of_its_table() -> None:
    assert set(DECODE) <= set(inspect.signature(Engine.decode).parameters)


def test_a_flag_has_the_default_and_the_sentence_of_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    args = parsed(["say", "Hi.", "-o", "out.wav"])
    for row in [*GENERATION.values(), *ENGINE.values()]:
        if hasattr(args, row.name):
            assert getattr(args, row.name) == (None if row.of_bundle else row.default)
    assert main(["say", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "keeps the k likeliest tokens and ties with the last of them; 0 turns it off" in said
    assert "CPU threads of each graph; 0 takes one for each usable core, 8 at most (default: 0)" in said


def test_a_bundle_with_no_settings_has_the_defaults_of_the_tables(
    tmp_path: Path, bundle_of: Callable[..., Path]
) -> None:
    folder = shutil.copytree(bundle_of(), tmp_path / "plain")
    (folder / "generation_config.json").unlink()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in config.items() if key != "guards" and "stream_" not in key}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with Engine(folder, threads=1, device="cpu", prepare=False) as engine:
        for name, row in GENERATION.items():
            assert engine._loaded.defaults[name] == pytest.approx(row.default)
        assert engine._loaded.stream_defaults == {name: row.default for name, row in STREAM.items()}


def test_zero_takes_all_of_a_chunk_and_of_a_reference(
    engine: Engine, voice: Voice, bundle_of: Callable[..., Path]
) -> None:
    options = GenerationOptions(max_new_tokens=90, seed=3)
    (whole,) = engine.stream("Hello.", voice, options, chunks=StreamOptions(first_chunk=0))
    np.testing.assert_array_equal(whole, engine.speak("Hello.", voice, options).samples)
    with Engine(bundle_of(), threads=1, device="cpu", prepare=False, reference_seconds=0) as other:
        np.testing.assert_array_equal(other.decode([1, 2, 3], voice), engine.decode([1, 2, 3], voice))


# --- What is written from the tables ---


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    loader = SourceFileLoader("scripts_options", str(ROOT / "scripts" / "options"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


def test_headers_dataclasses_and_docs_are_in_step(writer: ModuleType) -> None:
    assert writer.main(["--check"]) == 0


def test_a_stale_region_is_noticed(writer: ModuleType) -> None:
    tables = {name: writer.read_table(ROOT / path) for name, path in writer.TABLES.items()}
    for name in writer.FILES:
        text = (ROOT / name).read_text(encoding="utf-8")
        forms = text.count("scripts/options: ") // 2 + text.count(writer.DOCSTRING)
        assert forms >= 1, name
        first = next(line for line in text.splitlines() if "scripts/options: " in line)
        assert writer.written(text.replace(first, f"{first}\nstale", 1), tables) == text


def test_the_script_reads_the_tables_as_the_compiler_does(writer: ModuleType) -> None:
    for name, table in (
        ("generation", GENERATION),
        ("stream", STREAM),
        ("decode", DECODE),
        ("engine", ENGINE),
    ):
        rows = writer.read_table(ROOT / writer.TABLES[name])
        assert [row.name for row in rows] == list(table)
        for row, known in zip(rows, table.values(), strict=True):
            assert (row.words, row.sentence) == (known.range, known.sentence)
            assert (row.whose == "Bundle") == known.of_bundle
            default = (
                row.plain_default.strip('"')
                if known.type == "string"
                else ast.literal_eval(row.plain_default.replace("true", "True").replace("false", "False"))
            )
            assert default == known.default


def test_a_row_that_is_not_understood_is_refused(writer: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "t.def").write_text('OPTION(float, a, 0.1f, Bundle, any(), "in words")\n', encoding="utf-8")
    with pytest.raises(ValueError, match="not understood: OPTION"):
        writer.read_table(tmp_path / "t.def")


def test_errors_are_typed() -> None:
    with pytest.raises(LoquorError, match="sampling must be a str"):
        ENGINE["sampling"].checked(None)

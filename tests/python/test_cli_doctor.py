"""`loquor doctor`: the facts it finds, and that a failed check does not stop the others."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

import loquor
from bundles import make_bundle
from bundles.breakages import BREAKAGES, broken_copy
from loquor import _core
from loquor.base.runtime import LIBRARY_VARIABLE, find_library, open_runtime
from loquor.cli import checks, main
from loquor.cli.advice import advice
from loquor.cli.engines import DEVICES
from loquor.cli.runtime_check import check_opening, check_record
from loquor.errors import InvalidInputError, RuntimeMissingError
from loquor.speech.option_table import ENGINE


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (LIBRARY_VARIABLE, *checks._HUB_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))


def doctor(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict[str, Any]]:
    status = main(["doctor", "--json", *argv])
    out, err = capsys.readouterr()
    assert err == ""
    return status, json.loads(out)


def test_a_sound_installation(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, found = doctor(capsys, "--threads", "1")
    assert status == found["exit_code"] == 0
    assert found["versions"]["loquor"] == loquor.__version__
    assert found["versions"]["abi"] == _core.abi_version()
    assert found["runtime"]["version"] == onnxruntime.__version__
    assert found["runtime"]["providers"] == onnxruntime.get_available_providers()
    assert found["runtime"]["library"] == str(find_library())
    assert onnxruntime.__version__ in found["versions"]["onnxruntime_packages"].values()
    assert found["runtime"]["devices"]["cpu"] == "usable"
    assert found["hub"]["cache"] == str(tmp_path / "home" / "hub")
    assert found["hub"]["variables"] == {"HF_HOME": str(tmp_path / "home")}
    model, able = found["model"], loquor.Engine().capabilities
    assert model["threads"] == 1
    for name in ("family", "device", "provider", "kv_mode", "kv_dtype"):
        assert model[name] == getattr(able, name)
    assert {graph: facts["dtype"] for graph, facts in model["graphs"].items()} == able.dtypes
    speech = found["speech"]
    assert speech["audio_seconds"] > 0 and model["load_seconds"] > 0
    assert speech["real_time_factor"] == pytest.approx(speech["total_seconds"] / speech["audio_seconds"])


def test_the_text_says_the_same(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"  loquor: {loquor.__version__}" in lines
    assert "    cpu: usable" in lines
    assert "    language model:" in lines and "      optimization level: all" in lines
    advised = lines[lines.index("advice:") + 1 :]
    assert "  - HF_HUB_OFFLINE is set: nothing is downloaded, only models in the cache can be used" in advised
    assert lines[-1] == "exit code: 0"


def test_advice_is_printed_by_the_line_and_only_of_what_there_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "q4" not in out and "4-bit" not in out  # mini has fp32 only
    bundle = make_bundle(tmp_path / "bundle", dtype="q4")
    assert main(["doctor", str(bundle), "--threads", "1"]) == 0  # the model as an argument, as bench takes it
    lines = capsys.readouterr().out.splitlines()
    assert "  advised dtype: q4" in lines
    assert f"  advice: {open_runtime().device_info('cpu')['advice']}" in lines
    assert not [line for line in lines if len(line.strip(" -")) == 1]


def test_a_model_may_be_given_either_way(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in ("doctor", "bench"):
        assert main([command, "mini", "--model", "turbo"]) == 2
        assert "models 'mini' and 'turbo' are both given" in capsys.readouterr().err


def write_package(site: Path, library: bytes, recorded: bytes) -> Path:
    """An installed package "onnxruntime" with a library, and a record of what that should be."""
    path = site / "onnxruntime" / "capi" / "libonnxruntime.so.1.99.0"
    path.parent.mkdir(parents=True)
    (site / "onnxruntime" / "__init__.py").touch()
    path.write_bytes(library)
    digest = base64.urlsafe_b64encode(hashlib.sha256(recorded).digest()).decode().rstrip("=")
    info = site / "onnxruntime-1.99.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.99.0\n")
    (info / "top_level.txt").write_text("onnxruntime\n")
    relative = path.relative_to(site).as_posix()
    (info / "RECORD").write_text(f"{relative},sha256={digest},{len(recorded)}\nonnxruntime/__init__.py,,\n")
    return path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages in which no other runtime is seen."""
    real = sys.path[:]
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    importlib.invalidate_caches()
    yield tmp_path / "site"
    monkeypatch.setattr(sys, "path", real)
    importlib.invalidate_caches()


def test_a_library_is_compared_with_its_record(site: Path) -> None:
    sound = write_package(site, b"as it was", b"as it was")
    assert check_record(sound) == "as onnxruntime 1.99.0 installed it"
    sound.write_bytes(b"as it is")
    with pytest.raises(
        RuntimeMissingError,
        match=r"is not the file that onnxruntime 1\.99\.0 installed: "
        r"pip install --force-reinstall --no-deps onnxruntime==1\.99\.0",
    ):
        check_record(sound)
    assert "no package" in check_record(site / "onnxruntime" / "another.so")


def test_a_library_named_by_the_user_is_no_packages_to_install_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "mine.so"))
    monkeypatch.setattr("loquor.cli.runtime_check._OPEN", "import os; os.abort()")
    with pytest.raises(RuntimeMissingError, match=f"is damaged, name another by {LIBRARY_VARIABLE}, or"):
        check_opening(tmp_path / "mine.so")


@pytest.mark.skipif(sys.platform != "linux", reason="a library as Linux has it")
def test_a_damaged_library_is_told_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = tmp_path / "libonnxruntime.so"
    whole = find_library().read_bytes()
    library.write_bytes(whole[: len(whole) // 2])  # as a disk that was full leaves it: opening it is fatal
    monkeypatch.setenv(LIBRARY_VARIABLE, str(library))
    status, found = doctor(capsys)
    assert status == 3 and "model" not in found and found["hub"]["cache"]
    error = found["runtime"]["error"]
    assert str(library) in error and ("ends the process" in error or "could not be loaded" in error)


def test_a_missing_runtime(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "nothing.so"))
    status, found = doctor(capsys)
    assert status == found["exit_code"] == 3
    assert "pip install" in found["runtime"]["error"] and "model" not in found
    assert found["versions"]["numpy"] and found["hub"]["cache"]


def test_a_damaged_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name = next(iter(BREAKAGES))
    broken = broken_copy(make_bundle(tmp_path / "sound"), tmp_path / "broken", BREAKAGES[name])
    status, found = doctor(capsys, "--model", str(broken))
    assert status == 4
    assert found["model"]["error"] and found["runtime"]["devices"]["cpu"] == "usable"
    assert "speech" not in found


def test_a_model_without_a_voice_speaks_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    assert not list(bundle.glob("default_voice.*"))
    status, found = doctor(capsys, "--model", str(bundle))
    assert status == 0 and found["model"]["folder"] == str(bundle)
    assert found["speech"]["audio_seconds"] > 0


def test_an_unforeseen_failure_does_not_stop_the_rest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise OSError("no such thing")

    monkeypatch.setattr("platform.platform", fail)
    status, found = doctor(capsys)
    assert status == 1
    assert found["versions"]["error"] == "no such thing" and found["versions"]["loquor"]
    assert found["speech"]["audio_seconds"] > 0


def test_devices_are_those_of_the_core() -> None:
    folder = str(Path(loquor.__file__).parent / "mini")

    def load(device: str) -> None:
        options = {name: option.default for name, option in ENGINE.items()}
        _core.EngineHandle(open_runtime(), folder, options | {"device": device, "threads": 1})

    with pytest.raises(InvalidInputError, match=f"must be auto, {', '.join(list(DEVICES)[:-1])} or webgpu"):
        load("nonsense")
    absent = {name: kind for name, kind in DEVICES.items() if kind not in open_runtime().providers}
    assert absent
    for device, provider in absent.items():
        with pytest.raises(RuntimeMissingError, match=f"needs {provider}"):
            load(device)
        assert provider in checks._state(device)


def test_the_precision_advised_for_each_device() -> None:
    info = open_runtime().device_info("cpu")
    assert info["provider"] == "CPUExecutionProvider" and info["advised_dtype"] == "q4" and info["advice"]
    assert open_runtime().device_info("auto")["device"] in ("cpu", "cuda")
    with pytest.raises(InvalidInputError, match="must be auto, cpu"):
        open_runtime().device_info("nonsense")


_SOUND: dict[str, dict[str, Any]] = {
    "versions": {"onnxruntime_packages": {"onnxruntime": "1.23.0"}},
    "runtime": {"devices": {"cpu": "usable"}},
    "machine": {"nvidia_driver": False},
    "hub": {"offline": False, "variables": {"HF_HOME": "/x"}},
    "model": {"graphs": {"language_model": {"optimization_level": "all"}}},
}


def test_nothing_to_advise() -> None:
    assert advice(_SOUND) == []
    assert advice({"runtime": {"error": "it broke"}}) == []
    assert advice({}) == []


@pytest.mark.parametrize(
    ("section", "facts", "words"),
    [
        (
            "versions",
            {"onnxruntime_packages": {"onnxruntime": "1.23.0", "onnxruntime-gpu": "1.23.0"}},
            "pip uninstall onnxruntime onnxruntime-gpu",
        ),
        ("runtime", {"override": "/x/lib.so"}, "/x/lib.so is used"),
        (
            "runtime",
            {"devices": {"cpu": "usable", "cuda": "no libcudnn"}},
            "cuda but cannot use it here (no lib",
        ),
        (
            "machine",
            {"nvidia_driver": True},
            "pip uninstall onnxruntime, and only then pip install 'loquor[gpu]'",
        ),
        ("hub", {"offline": True, "variables": {"TRANSFORMERS_OFFLINE": "1"}}, "TRANSFORMERS_OFFLINE is set"),
        (
            "model",
            {"graphs": {"language_model": {"optimization_level": "basic"}}},
            "language_model runs at optimization level basic",
        ),
        (
            "model",
            {
                "device": "webgpu",
                "advised_dtype": "fp32",
                "advice": "it was tested",
                "graphs": {"language_model": {"optimization_level": "all", "dtype": "q4"}},
            },
            "fp32 is advised on webgpu, not q4: it was tested",
        ),
    ],
)
def test_advice(section: str, facts: dict[str, Any], words: str) -> None:
    (line,) = advice({**_SOUND, section: {**_SOUND[section], **facts}})
    assert words in line

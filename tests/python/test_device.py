"""Devices other than the CPU: WebGPU on a driver in software (scripts/software-gpu), in processes apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loquor import Engine, GenerationOptions, InvalidInputError, RuntimeMissingError
from loquor.base.runtime import find_plugin, open_runtime

ROOT = Path(__file__).resolve().parents[2]

SPEAK = """
import json, sys
import numpy as np
from loquor import Engine, GenerationOptions
folder, recording, device, *options = sys.argv[1:]
with Engine(folder, device=device, provider_options=dict(zip(options[::2], options[1::2]))) as engine:
    voice = engine.voice((np.load(recording), 24000))
    ids = engine.tokenize("Hi.")
    made = {}
    for name, temperature in (("greedy", 0.0), ("sampled", 0.8)):
        options = GenerationOptions(temperature=temperature, seed=3, max_new_tokens=8)
        made[name] = engine.generate_tokens(ids, voice, options).tolist()
    samples = engine.decode(np.array(made["greedy"]), voice)
    able = engine.capabilities
    print(json.dumps(made | {
        "device": able.device, "provider": able.provider, "kv_mode": able.kv_mode, "sampling": able.sampling,
        "placements": dict(able.placements), "dtypes": dict(able.dtypes), "prepared": dict(able.prepared),
        "rms": float(np.sqrt(np.mean(samples**2))),
    }))
"""


@pytest.fixture(scope="module")
def software_gpu() -> dict[str, str]:
    """The environment in which ONNX Runtime finds the driver and the provider."""
    found = subprocess.run([ROOT / "scripts" / "software-gpu"], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(found.stderr.strip())
    return {**os.environ, **dict(line.split("=", 1) for line in found.stdout.splitlines())}


def run(code: str, *arguments: str | Path, env: dict[str, str] | None = None) -> Any:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("form", ["concat", "gqa"])
def test_webgpu_speaks_the_cpus_tokens(
    form: str,
    bundle_of: Callable[..., Path],
    software_gpu: dict[str, str],
    recording: NDArray[np.float32],
    tmp_path: Path,
) -> None:
    clip = tmp_path / "clip.npy"
    np.save(clip, recording[:48000])
    folder = bundle_of(form=form)
    cpu = run(SPEAK, folder, clip, "cpu")
    # The provider's own options are passed on: with this one ids stay on the device too.
    options = ("enableInt64", "1") if form == "gqa" else ()
    gpu = run(SPEAK, folder, clip, "webgpu", *options, env=software_gpu)
    assert gpu["device"] == "webgpu" and gpu["provider"] == "WebGpuExecutionProvider"
    assert gpu["kv_mode"] == "in_place" and gpu["sampling"] == "device"
    assert cpu["sampling"] == "host"
    assert gpu["prepared"] == cpu["prepared"]
    assert gpu["prepared"]["language_model"] == "prepared"
    for placement in gpu["placements"].values():
        assert "WebGpuExecutionProvider" in placement
    assert len(gpu["greedy"]) == 8
    assert gpu["greedy"] == cpu["greedy"]
    assert gpu["sampled"] == cpu["sampled"]
    assert gpu["rms"] == pytest.approx(cpu["rms"], rel=1e-3)


def test_the_advised_precision_is_taken_where_it_is(
    bundle_of: Callable[..., Path],
    software_gpu: dict[str, str],
    tmp_path: Path,
) -> None:
    from bundles import make_bundle

    folder = make_bundle(tmp_path / "both", form="gqa", dtype="q4")
    make_bundle(folder, form="gqa", dtype="fp32")
    (folder / "onnx" / "embed_tokens.onnx").unlink()
    code = """
import json, sys
from loquor import Engine
able = Engine(sys.argv[1], device=sys.argv[2]).capabilities
print(json.dumps([dict(able.dtypes), dict(able.prepared)]))
"""
    dtypes, _ = run(code, folder, "cpu")
    assert set(dtypes.values()) == {"q4"}
    dtypes, prepared = run(code, folder, "webgpu", env=software_gpu)
    assert dtypes.pop("embed_tokens") == "q4"  # where there is no other
    assert set(dtypes.values()) == {"fp32"}
    assert prepared["language_model"] == "prepared"


def test_doctor_finds_the_plugin(software_gpu: dict[str, str]) -> None:
    code = "import sys; from loquor.cli import main; sys.exit(main(['doctor', '--json']))"
    found = run(code, env=software_gpu)
    assert found["runtime"]["plugins"] == {"webgpu": software_gpu["LOQUOR_TEST_PLUGIN"]}
    assert found["runtime"]["devices"]["webgpu"] == "usable"


def test_without_the_plugin_it_is_told_what_to_install(bundle_of: Callable[..., Path]) -> None:
    if find_plugin("webgpu") is not None:
        pytest.skip("onnxruntime-ep-webgpu is installed here")
    with pytest.raises(RuntimeMissingError, match="pip install onnxruntime-ep-webgpu"):
        Engine(bundle_of(), device="webgpu")


def test_no_flavour_of_the_runtime_is_advised_over_another(bundle_of: Callable[..., Path]) -> None:
    if "CUDAExecutionProvider" in open_runtime().providers:
        pytest.skip("this runtime has CUDA")
    with pytest.raises(RuntimeMissingError, match=r"pip uninstall onnxruntime .*first, then pip install"):
        Engine(bundle_of(), device="cuda")


def test_sampling_on_the_device_is_the_hosts_on_the_cpu_too(
    bundle_of: Callable[..., Path], recording: NDArray[np.float32]
) -> None:
    folder = bundle_of(form="concat", dtype="q4")
    with (
        Engine(folder, device="cpu", threads=1) as host,
        Engine(folder, device="cpu", threads=1, sampling="device") as device,
    ):
        assert (host.capabilities.sampling, device.capabilities.sampling) == ("host", "device")
        assert "CPUExecutionProvider" in device.capabilities.placements["language_model"]
        voice = host.voice((recording, 24000))
        ids = host.tokenize("The same tokens, please.")
        for options in (
            GenerationOptions(temperature=0.0, max_new_tokens=80),
            GenerationOptions(seed=4, max_new_tokens=200),
            GenerationOptions(seed=5, top_k=0, top_p=1.0, min_p=0.02, max_new_tokens=80),
        ):
            expected = host.generate_tokens(ids, voice, options)
            np.testing.assert_array_equal(device.generate_tokens(ids, voice, options), expected)


def test_sampling_elsewhere_is_refused(bundle_of: Callable[..., Path]) -> None:
    with pytest.raises(InvalidInputError, match="sampling must be auto, host or device, not 'gpu'"):
        Engine(bundle_of(), sampling="gpu")
    with pytest.raises(InvalidInputError, match="sampling must be a str"):
        Engine(bundle_of(), sampling=None)  # type: ignore[arg-type]

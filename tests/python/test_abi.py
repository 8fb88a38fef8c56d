"""csrc/ort/abi.hpp: in step with its tables, and true to the ONNX Runtime that is installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORT = ROOT / "csrc" / "ort"

# Calls the installed library through the header alone: one function from the front of the table, some from
# the middle, and a release function, so that a slot that is off by one is found.
PROBE = r"""
#include <dlfcn.h>
#include <cstdio>
#include <cstring>
#include "ort/abi.hpp"
using namespace loquor::ort::abi;
int main(int, char** argv) {
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), 2;
  const auto get = reinterpret_cast<OrtGetApiBaseFunction>(dlsym(library, kGetApiBaseSymbol));
  const OrtApiBase* base = get();
  const OrtApi* api = base->GetApi(kMinimumApiVersion);
  if (api == nullptr) return 3;
  OrtStatus* status = api->CreateStatus(ORT_NO_MODEL, "spoken");
  const bool told = api->GetErrorCode(status) == ORT_NO_MODEL
      && std::strcmp(api->GetErrorMessage(status), "spoken") == 0;
  api->ReleaseStatus(status);
  OrtSessionOptions* options = nullptr;
  if (api->CreateSessionOptions(&options) != nullptr) return 4;
  const auto append = api->SessionOptionsAppendExecutionProvider;
  OrtStatus* refused = append(options, "NoSuchProvider", nullptr, nullptr, 0);
  const bool last_slot = refused != nullptr
      && std::strstr(api->GetErrorMessage(refused), "NoSuchProvider") != nullptr;
  api->ReleaseStatus(refused);
  api->ReleaseSessionOptions(options);
  OrtMemoryInfo* memory = nullptr;
  if (api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory) != nullptr) return 5;
  float data[6] = {0, 1, 2, 3, 4, 5};
  const int64_t shape[2] = {2, 3};
  OrtValue* value = nullptr;
  if (api->CreateTensorWithDataAsOrtValue(memory, data, sizeof data, shape, 2,
                                          ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value) != nullptr) return 6;
  OrtTensorTypeAndShapeInfo* info = nullptr;
  size_t rank = 0;
  int64_t dims[2] = {0, 0};
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (api->GetTensorTypeAndShape(value, &info) != nullptr) return 7;
  if (api->GetDimensionsCount(info, &rank) != nullptr) return 8;
  if (api->GetDimensions(info, dims, 2) != nullptr) return 8;
  if (api->GetTensorElementType(info, &type) != nullptr) return 9;
  api->ReleaseTensorTypeAndShapeInfo(info);
  api->ReleaseValue(value);
  api->ReleaseMemoryInfo(memory);
  char** names = nullptr;
  int count = 0;
  if (api->GetAvailableProviders(&names, &count) != nullptr) return 10;
  std::printf("%s|%d|%d|%d|%lld,%lld|%d", base->GetVersionString(), told, last_slot, static_cast<int>(rank),
              static_cast<long long>(dims[0]), static_cast<long long>(dims[1]), static_cast<int>(type));
  for (int i = 0; i < count; ++i) std::printf("|%s", names[i]);
  return api->ReleaseAvailableProviders(names, count) == nullptr ? 0 : 11;
}
"""


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_abi", ORT / "generate_abi.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_header_is_in_step_with_its_tables(generator: ModuleType) -> None:
    assert generator.main(["--check"]) == 0


def test_check_reports_a_stale_header(
    generator: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stale = tmp_path / "abi.hpp"
    stale.write_text(
        generator.HEADER.read_text(encoding="utf-8").replace("slot", "place", 1), encoding="utf-8"
    )
    monkeypatch.setattr(generator, "HEADER", stale)
    assert generator.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0


def test_slots_add_up_to_their_index(generator: ModuleType) -> None:
    """Counting the members of the struct, used and folded, gives every function its slot back."""
    by_name = {slot.name: slot.index for slot in generator.read_slots("OrtApi")}
    text = generator.HEADER.read_text(encoding="utf-8")
    body = text.split("struct OrtApi {\n")[1].split("\n};")[0]
    found, index = {}, 0
    for member in body.replace("\n      ", " ").split("\n"):
        if "unused_" in member:
            index += int(member.split("[")[1].split("]")[0])
        else:
            found[member.split("ORT_API_CALL* ")[1].split(")")[0]] = index
            index += 1
    assert found == {name: by_name[name] for name in [*generator.USED, *generator.USED_LATER]}


def test_an_unknown_or_too_new_function_is_refused(generator: ModuleType) -> None:
    slots = generator.read_slots("OrtApi")
    with pytest.raises(ValueError, match="no function named RunFaster"):
        generator.used_slots(slots, ["Run", "RunFaster"])
    newer = f"newer than API version {generator.MINIMUM_API_VERSION}: GetExperimentalFunction"
    with pytest.raises(ValueError, match=newer):
        generator.used_slots(slots, ["Run", "GetExperimentalFunction"])
    found = generator.used_slots(slots, ["Run"], ["GetExperimentalFunction"])
    assert [slot.name for slot in found] == ["Run", "GetExperimentalFunction"]


def test_functions_to_be_guarded_are_newer_than_the_minimum(generator: ModuleType) -> None:
    since = {slot.name: slot.since for slot in generator.read_slots("OrtApi")}
    assert all(since[name] > generator.MINIMUM_API_VERSION for name in generator.USED_LATER)


def test_header_drives_the_installed_runtime(tmp_path: Path) -> None:
    compiler = shutil.which("c++")
    spec = importlib.util.find_spec("onnxruntime")
    if compiler is None or spec is None or not spec.submodule_search_locations:
        pytest.skip("needs a C++ compiler and an installed onnxruntime")
    libraries = sorted(Path(spec.submodule_search_locations[0]).glob("capi/libonnxruntime.so.*"))
    if not libraries:
        pytest.skip("the probe opens a Linux libonnxruntime.so.X.Y.Z; none is installed")
    (tmp_path / "probe.cpp").write_text(PROBE, encoding="utf-8")
    probe = tmp_path / "probe"
    strict = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
    subprocess.run(
        [compiler, *strict, f"-I{ROOT / 'csrc'}", str(tmp_path / "probe.cpp"), "-o", str(probe), "-ldl"],
        check=True,
    )
    run = subprocess.run([str(probe), str(libraries[0])], check=True, capture_output=True, text=True)
    version, told, last_slot, rank, dims, kind, *providers = run.stdout.split("|")
    assert libraries[0].name == f"libonnxruntime.so.{version}"
    assert (told, last_slot, rank, dims, kind) == ("1", "1", "2", "2,3", "1")
    assert "CPUExecutionProvider" in providers

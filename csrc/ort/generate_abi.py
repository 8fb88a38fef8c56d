"""Writes abi.hpp: the part of ONNX Runtime's C API that Loquor calls, declared by slot.

The runtime ships no header with its wheels, and its C ABI is append-only: a function keeps its place in the
table for ever. Add a name to USED, run this file, commit both. `--check` only compares (for CI).
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import textwrap
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE / "abi.hpp"
WIDTH = 110
MINIMUM_API_VERSION = 23

USED = [
    "CreateStatus", "GetErrorCode", "GetErrorMessage", "ReleaseStatus",
    "CreateEnvWithCustomLogger", "DisableTelemetryEvents", "ReleaseEnv",
    "CreateSessionOptions", "SetSessionGraphOptimizationLevel", "SetIntraOpNumThreads",
    "SetInterOpNumThreads", "SetSessionExecutionMode", "AddSessionConfigEntry",
    "ReleaseSessionOptions",
    "GetAvailableProviders", "ReleaseAvailableProviders", "SessionOptionsAppendExecutionProvider",
    "CreateCUDAProviderOptions", "UpdateCUDAProviderOptions", "ReleaseCUDAProviderOptions",
    "SessionOptionsAppendExecutionProvider_CUDA_V2",
    "CreateTensorRTProviderOptions", "UpdateTensorRTProviderOptions", "ReleaseTensorRTProviderOptions",
    "SessionOptionsAppendExecutionProvider_TensorRT_V2",
    "CreateSession", "CreateSessionFromArray", "ReleaseSession",
    "CreateCustomOpDomain", "CustomOpDomain_Add", "AddCustomOpDomain", "ReleaseCustomOpDomain",
    "KernelInfoGetAttribute_int64", "KernelInfoGetAttribute_float",
    "KernelContext_GetInput", "KernelContext_GetOutput", "KernelContext_ParallelFor",
    "KernelContext_GetAllocator",
    "SessionGetInputCount", "SessionGetOutputCount", "SessionGetInputName", "SessionGetOutputName",
    "SessionGetInputTypeInfo", "SessionGetOutputTypeInfo",
    "CastTypeInfoToTensorInfo", "ReleaseTypeInfo",
    "GetTensorElementType", "GetDimensionsCount", "GetDimensions", "GetSymbolicDimensions",
    "GetTensorTypeAndShape",
    "ReleaseTensorTypeAndShapeInfo",
    "CreateMemoryInfo", "CreateCpuMemoryInfo", "ReleaseMemoryInfo",
    "GetAllocatorWithDefaultOptions", "CreateAllocator", "AllocatorAlloc", "AllocatorFree",
    "ReleaseAllocator", "AllocatorGetStats", "GetKeyValue", "ReleaseKeyValuePairs",
    "CreateTensorWithDataAsOrtValue", "GetTensorMutableData", "GetTensorMemoryInfo",
    "GetTensorSizeInBytes", "ReleaseValue",
    "CreateRunOptions", "RunOptionsSetTerminate", "AddRunConfigEntry",
    "ReleaseRunOptions",
    "Run", "RunWithBinding",
    "CreateIoBinding", "BindInput", "BindOutput", "BindOutputToDevice", "GetBoundOutputValues",
    "ReleaseIoBinding",
    "RegisterExecutionProviderLibrary", "GetEpDevices", "SessionOptionsAppendExecutionProvider_V2",
    "EpDevice_EpName", "EpDevice_Device", "EpDevice_MemoryInfo", "HardwareDevice_Type",
    "MemoryInfoGetDeviceType", "SessionGetMemoryInfoForInputs", "SessionGetMemoryInfoForOutputs",
    "CopyTensors",
    "GetModelEditorApi", "CreateTensorTypeAndShapeInfo", "SetTensorElementType", "SetDimensions",
    "CreateOpAttr", "ReleaseOpAttr", "CreateTensorAsOrtValue", "ReleaseValueInfo", "ReleaseNode",
    "ReleaseGraph", "ReleaseModel",
]  # fmt: skip

# Newer than the minimum: Api::has_version guards each call.
USED_LATER = [
    "Session_GetEpGraphAssignmentInfo", "EpAssignedSubgraph_GetEpName", "EpAssignedSubgraph_GetNodes",
    "EpAssignedNode_GetName", "EpAssignedNode_GetOperatorType",
]  # fmt: skip

# Of OrtModelEditorApi, which GetModelEditorApi returns.
USED_EDITOR = [
    "CreateTensorTypeInfo", "CreateValueInfo", "CreateNode", "CreateGraph", "SetGraphInputs",
    "SetGraphOutputs", "AddInitializerToGraph", "AddNodeToGraph", "CreateModel", "AddGraphToModel",
    "CreateModelEditorSession", "CreateModelEditorSessionFromArray", "SessionGetOpsetForDomain",
    "ApplyModelToModelEditorSession", "FinalizeModelEditorSession",
]  # fmt: skip

# Capitalised names in signatures that are neither an enum of the table nor an opaque struct.
KNOWN_TYPES = {"OrtLoggingFunction", "ORTCHAR_T"}

HEAD = """\
// Written by generate_abi.py from ort_api_slots.tsv and ort_enums.tsv: change those, not this file.
// ONNX Runtime's C ABI, declared by slot; its header is neither included nor needed.
// clang-format off
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef _WIN32
#define ORT_API_CALL __stdcall
#else
#define ORT_API_CALL
#endif

namespace loquor::ort::abi {

#ifdef _WIN32
using ORTCHAR_T = wchar_t;  // a path's character
#else
using ORTCHAR_T = char;  // a path's character
#endif
"""


@dataclass(frozen=True)
class Slot:
    """One function pointer of an API table."""

    index: int
    name: str
    since: int  # minor version of ONNX Runtime 1.x; equals the API version that has it
    result: str
    params: list[str]

    def declaration(self) -> str:
        start = f"  {self.result}(ORT_API_CALL* {self.name})("
        line = start + ", ".join(self.params) + ");"
        if len(line) <= WIDTH:
            return line
        # Wraps between parameters, never inside one.
        unbroken = " ".join(param.replace(" ", "\0") + "," for param in self.params)[:-1] + ");"
        wrapped = textwrap.wrap(unbroken, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6,
                                break_long_words=False, break_on_hyphens=False)  # fmt: skip
        return "\n".join([start, *wrapped]).replace("\0", " ")


def read_table(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_slots(struct: str) -> list[Slot]:
    """The functions of one table in slot order; the slots must have no gap."""
    rows = [row for row in read_table("ort_api_slots.tsv") if row["struct"] == struct]
    slots = [
        Slot(int(row["slot"]), row["name"], int(row["since"].split(".")[1]), row["return"],
             [p for p in (row["params"] or "").split("; ") if p])
        for row in rows
    ]  # fmt: skip
    if [slot.index for slot in slots] != list(range(len(slots))):
        raise ValueError(f"ort_api_slots.tsv: the slots of {struct} are not 0, 1, 2, ...")
    return slots


def used_slots(slots: list[Slot], names: list[str], later: Collection[str] = ()) -> list[Slot]:
    """The slots of `names` and `later` in slot order; only `later` may be newer than the minimum."""
    by_name = {slot.name: slot for slot in slots}
    unknown = [name for name in [*names, *later] if name not in by_name]
    if unknown:
        raise ValueError(f"ort_api_slots.tsv has no function named {', '.join(unknown)}")
    used = sorted((by_name[name] for name in {*names, *later}), key=lambda slot: slot.index)
    too_new = [slot.name for slot in used if slot.since > MINIMUM_API_VERSION and slot.name not in later]
    if too_new:
        raise ValueError(f"newer than API version {MINIMUM_API_VERSION}: {', '.join(too_new)}")
    return used


def read_enums() -> dict[str, list[tuple[str, int]]]:
    enums: dict[str, list[tuple[str, int]]] = {}
    for row in read_table("ort_enums.tsv"):
        enums.setdefault(row["enum"], []).append((row["name"], int(row["value"])))
    return enums


def type_lines(used: list[Slot]) -> list[str]:
    """Declarations of every enum and opaque struct that the used signatures name."""
    enums = read_enums()
    text = " ".join(" ".join([slot.result, *slot.params]) for slot in used)
    words = set(re.findall(r"\b[A-Z]\w+\b", text)) - KNOWN_TYPES | {"OrtLoggingLevel"}
    lines = []
    for name in (name for name in enums if name in words):
        # A fixed underlying type: a value that a newer library returns is then still a valid one.
        lines += [f"enum {name} : int {{", *(f"  {key} = {value}," for key, value in enums[name]), "};", ""]
    lines += [f"struct {name};" for name in sorted(words - set(enums))]
    return lines


def table_lines(struct: str, used: list[Slot]) -> list[str]:
    """A table up to the last slot in use: an older library's table is shorter than a newer one's."""
    lines = [f"struct {struct} {{"]
    following = 0
    for slot in used:
        if slot.index > following:
            count = slot.index - following
            lines.append(f"  void* unused_{following}_{slot.index - 1}[{count}];")
        lines.append(slot.declaration())
        following = slot.index + 1
    return [*lines, "};"]


def offset_lines(struct: str, slots: list[Slot]) -> list[str]:
    return [
        f"static_assert(offsetof({struct}, {slot.name}) == {slot.index} * sizeof(void*));" for slot in slots
    ]


def generate() -> str:
    """The whole text of abi.hpp."""
    base = read_slots("OrtApiBase")
    used = used_slots(read_slots("OrtApi"), USED, USED_LATER)
    editor = used_slots(read_slots("OrtModelEditorApi"), USED_EDITOR)
    lines = [
        HEAD,
        "// The version to ask GetApi for: the oldest whose table has all that is used here.",
        f"constexpr uint32_t kMinimumApiVersion = {MINIMUM_API_VERSION};",
        "",
        *type_lines([*used, *editor]),
        "",
        "using OrtLoggingFunction = void(ORT_API_CALL*)(",
        "    void* param, OrtLoggingLevel severity, const char* category, const char* logid,",
        "    const char* code_location, const char* message);",
        "",
        "// Ends at the last slot in use; only seen through the library's own pointer: never copy it.",
        *table_lines("OrtApi", used),
        "",
        *table_lines("OrtModelEditorApi", editor),
        "",
        "struct OrtApiBase {",
        *(slot.declaration() for slot in base),
        "};",
        "",
        "// The one symbol the library exports for us.",
        'constexpr const char* kGetApiBaseSymbol = "OrtGetApiBase";',
        "using OrtGetApiBaseFunction = const OrtApiBase*(ORT_API_CALL*)();",
        "",
        *offset_lines("OrtApiBase", base),
        *offset_lines("OrtApi", used),
        *offset_lines("OrtModelEditorApi", editor),
        "",
        "}  // namespace loquor::ort::abi",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare abi.hpp with what would be written")
    options = parser.parse_args(arguments)
    text = generate()
    if not options.check:
        HEADER.write_text(text, encoding="utf-8", newline="\n")
        return 0
    if HEADER.is_file() and HEADER.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{HEADER.name} is out of date: run {Path(__file__).name} and commit the result\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

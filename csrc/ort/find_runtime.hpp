// Finding ONNX Runtime's library without being told where it is.
#pragma once

#include <string>
#include <vector>

#include "ort/api.hpp"

namespace loquor::ort {

// Environment variable: the library to open, and no other.
constexpr const char* kLibraryVariable = "LOQUOR_ORT_LIBRARY";

// Opens the library that kLibraryVariable names; without it the newest one that lies in the folder of the
// file that this code is in, or where pip installs onnxruntime beside loquor; else what the system's loader
// finds by name. Of several that are there, the first that can be used. The log tells which. Throws
// kRuntimeMissing with all that was tried and what came of each.
ApiPtr find_runtime();

// The same from a given folder and by given names for the loader.
ApiPtr find_runtime(const std::string& folder, const std::vector<std::string>& names);

}  // namespace loquor::ort

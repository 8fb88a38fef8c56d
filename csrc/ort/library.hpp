// Opening a shared library by path, on each system.
#pragma once

#include <string>

namespace loquor::ort {

// Returns the address of `symbol` in the library at `path`, which stays loaded for the life of the process.
// Throws kRuntimeMissing naming the path, the loader's reason and the remedy.
void* open_symbol(const std::string& path, const char* symbol);

// The folder of the library or program that this code is in; empty where the system does not tell.
std::string own_folder();

// The path of the library that the system's loader finds by that name, and loads for it; empty where it finds
// none.
std::string path_by_loader(const std::string& name);

// The remedy for a damaged library, behind a semicolon. pip would install one flavour of the runtime over
// another, which breaks both.
constexpr const char* kReinstall =
    "reinstall it with: pip install --force-reinstall onnxruntime (or onnxruntime-gpu or "
    "onnxruntime-directml, whichever `pip list` shows: none over another)";

// Gives a variable of the process's environment a value where the user gave it none. On POSIX no other thread
// may read the environment meanwhile.
void set_unless_set(const char* variable, const char* value);

// A path for the runtime's file arguments (wide on Windows).
#ifdef _WIN32
std::wstring native_path(const std::string& utf8);
#else
inline const std::string& native_path(const std::string& utf8) { return utf8; }
#endif

}  // namespace loquor::ort

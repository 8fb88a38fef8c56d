#include "ort/library.hpp"

#include "base/error.hpp"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>

#include <cstdlib>
#endif

namespace loquor::ort {
namespace {

[[noreturn]] void not_loadable(const std::string& path, const std::string& reason) {
  throw Error(ErrorKind::kRuntimeMissing,
              "ONNX Runtime's library " + path + " could not be loaded (" + reason + "); " + kReinstall);
}

[[noreturn]] void not_a_runtime(const std::string& path, const char* symbol) {
  throw Error(ErrorKind::kRuntimeMissing,
              path + " is a shared library but not ONNX Runtime: it has no symbol " + symbol +
                  "; give the path of the library inside the onnxruntime package");
}

}  // namespace

#ifdef _WIN32

std::wstring native_path(const std::string& utf8) {
  const int size = MultiByteToWideChar(CP_UTF8, 0, utf8.data(), static_cast<int>(utf8.size()), nullptr, 0);
  std::wstring wide(static_cast<size_t>(size), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, utf8.data(), static_cast<int>(utf8.size()), wide.data(), size);
  return wide;
}

void set_unless_set(const char* variable, const char* value) {
  SetLastError(ERROR_SUCCESS);
  GetEnvironmentVariableA(variable, nullptr, 0);
  if (GetLastError() == ERROR_ENVVAR_NOT_FOUND) SetEnvironmentVariableA(variable, value);
}

void* open_symbol(const std::string& path, const char* symbol) {
  // The altered search path finds the provider libraries that lie beside it.
  HMODULE library = LoadLibraryExW(native_path(path).c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr) not_loadable(path, "Windows error " + std::to_string(GetLastError()));
  void* address = reinterpret_cast<void*>(GetProcAddress(library, symbol));
  if (address == nullptr) not_a_runtime(path, symbol);
  return address;
}

#else

void set_unless_set(const char* variable, const char* value) {
  if (std::getenv(variable) == nullptr) setenv(variable, value, 0);  // most often there is nothing to write
}

void* open_symbol(const std::string& path, const char* symbol) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) not_loadable(path, dlerror());
  void* address = dlsym(library, symbol);
  if (address == nullptr) not_a_runtime(path, symbol);
  return address;
}

#endif

}  // namespace loquor::ort

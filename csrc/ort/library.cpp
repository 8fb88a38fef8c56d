#include "ort/library.hpp"

#include <filesystem>

#include "base/error.hpp"
#include "ort/abi.hpp"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>

#include <cstdlib>
#endif
#ifdef __linux__
#include <elf.h>

#include <cstring>
#include <fstream>
#endif

namespace loquor::ort {
namespace {

[[noreturn]] void not_loadable(const std::string& path, const std::string& reason) {
  // What glibc says, without a reason, where memory ran out and where a mount forbids programs.
  const bool unmapped = reason.find("failed to map segment") != std::string::npos;
  throw Error(ErrorKind::kRuntimeMissing,
              "ONNX Runtime's library " + path + " could not be loaded (" + reason + "); " +
                  (unmapped ? "memory ran out, so give the process more, or its folder is mounted noexec"
                            : kReinstall));
}

[[noreturn]] void not_a_runtime(const std::string& path, const char* symbol) {
  throw Error(ErrorKind::kRuntimeMissing,
              path + " is a shared library but not ONNX Runtime: it has no symbol " + symbol +
                  "; give the path of the library inside the onnxruntime package");
}

#ifdef __linux__
// A library that lost its end, as by a full disk or a broken download, is mapped all the same and ends the
// process at the first read behind it (glibc 2.36): its section headers, which linkers put last, tell.
void check_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  Elf64_Ehdr header{};
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return;  // dlopen says what is wrong
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) return;
  const uint64_t end = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
  if (end > static_cast<uint64_t>(size)) {
    not_loadable(path,
                 "it is cut off: it has " + std::to_string(size) + " of " + std::to_string(end) + " bytes");
  }
}
#endif

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

std::string path_of(HMODULE module) {
  std::wstring path(32768, L'\0');
  path.resize(GetModuleFileNameW(module, path.data(), static_cast<DWORD>(path.size())));
  return std::filesystem::path(path).u8string();
}

std::string own_folder() {
  HMODULE module = nullptr;
  const DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (!GetModuleHandleExW(flags, reinterpret_cast<LPCWSTR>(&own_folder), &module)) return {};
  return std::filesystem::u8path(path_of(module)).parent_path().u8string();
}

std::string path_by_loader(const std::string& name) {
  HMODULE library = LoadLibraryW(native_path(name).c_str());
  return library != nullptr ? path_of(library) : std::string();
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

std::string own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code error;
  const auto file = std::filesystem::canonical(std::filesystem::u8path(info.dli_fname), error);
  return error ? std::string() : file.parent_path().u8string();
}

std::string path_by_loader(const std::string& name) {
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = library != nullptr ? dlsym(library, abi::kGetApiBaseSymbol) : nullptr;
  Dl_info info{};
  if (symbol == nullptr || dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return {};
  return info.dli_fname;
}

void* open_symbol(const std::string& path, const char* symbol) {
#ifdef __linux__
  check_whole(path);
#endif
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) not_loadable(path, dlerror());
  void* address = dlsym(library, symbol);
  if (address == nullptr) not_a_runtime(path, symbol);
  return address;
}

#endif

}  // namespace loquor::ort

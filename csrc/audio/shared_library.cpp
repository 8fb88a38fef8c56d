#include "audio/shared_library.hpp"

#include "base/error.hpp"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace loquor {
namespace {

#ifdef _WIN32
void* opened(const char* file) { return reinterpret_cast<void*>(LoadLibraryA(file)); }
std::string why() { return "error " + std::to_string(GetLastError()); }
void* found(void* handle, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle), name));
}
#else
void* opened(const char* file) { return dlopen(file, RTLD_NOW | RTLD_LOCAL); }
std::string why() {
  const char* const reason = dlerror();
  return reason != nullptr ? reason : "no reason was given";
}
void* found(void* handle, const char* name) { return dlsym(handle, name); }
#endif

}  // namespace

SharedLibrary::SharedLibrary(const char* purpose, std::initializer_list<const char*> files,
                             const char* advice) {
  std::string reasons;
  for (const char* const file : files) {
    handle_ = opened(file);
    if (handle_ != nullptr) {
      file_ = file;
      return;
    }
    reasons += (reasons.empty() ? "" : "; ") + why();
  }
  throw Error(ErrorKind::kRuntimeMissing,
              std::string(purpose) + ", which could not be opened (" + reasons + "): " + advice);
}

void* SharedLibrary::symbol(const char* name) const {
  void* const address = found(handle_, name);
  if (address == nullptr) {
    throw Error(ErrorKind::kRuntimeMissing,
                file_ + " has no function " + name + ": install a whole and newer one");
  }
  return address;
}

}  // namespace loquor

// ONNX Runtime, opened by path: its function table, its environment, and the one home of every release call.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "ort/abi.hpp"

namespace loquor::ort {

// Owns one runtime object; the release function comes from the table that made it.
template <class T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

// How each object is released. Specialised below, nowhere else.
template <class T>
struct ReleaseSlot;

class Api {
 public:
  // Opens the library at an absolute path, or returns the one already open from there. Never unloaded: its
  // threads and static state do not survive that. Throws kRuntimeMissing naming the path and the remedy.
  static std::shared_ptr<const Api> open(const std::string& path);

  // Over a table from elsewhere: tests count and fail calls with it.
  Api(const abi::OrtApi* table, std::string path, std::string version);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  const abi::OrtApi* operator->() const { return table_; }
  const abi::OrtApi& table() const { return *table_; }
  abi::OrtEnv* env() const { return env_.get(); }
  const std::string& path() const { return path_; }
  const std::string& version() const { return version_; }
  // Execution providers built into the library, by its own names.
  const std::vector<std::string>& providers() const { return providers_; }
  bool has_provider(const std::string& name) const;

  // Throws `kind` with "<doing>: <the runtime's message>" unless status is null. Takes the status.
  void check(abi::OrtStatus* status, ErrorKind kind, const std::string& doing) const {
    if (status != nullptr) fail(status, kind, doing);
  }
  // For calls that only fail for lack of memory or by a defect of ours; `doing` is not built on the hot path.
  void check(abi::OrtStatus* status, const char* doing) const {
    if (status != nullptr) fail(status, ErrorKind::kInternal, doing);
  }

  // Calls a create function of the table and owns what it made.
  template <class T, class... Create, class... Args>
  Handle<T> make(const char* doing, abi::OrtStatus*(ORT_API_CALL* create)(Create...), Args... args) const {
    T* made = nullptr;
    check(create(args..., &made), doing);
    return own(made);
  }
  template <class T>
  Handle<T> own(T* object) const {
    return Handle<T>(object, ReleaseSlot<T>::of(*table_));
  }

 private:
  [[noreturn]] void fail(abi::OrtStatus* status, ErrorKind kind, const std::string& doing) const;
  void self_test() const;
  bool answers_as_published() const;

  const abi::OrtApi* table_;
  std::string path_;
  std::string version_;
  Handle<abi::OrtEnv> env_;
  std::vector<std::string> providers_;
};

using ApiPtr = std::shared_ptr<const Api>;

#define LOQUOR_RELEASE_SLOT(Type, Slot)                             \
  template <>                                                       \
  struct ReleaseSlot<abi::Type> {                                   \
    static auto of(const abi::OrtApi& table) { return table.Slot; } \
  };
LOQUOR_RELEASE_SLOT(OrtEnv, ReleaseEnv)
LOQUOR_RELEASE_SLOT(OrtStatus, ReleaseStatus)
LOQUOR_RELEASE_SLOT(OrtMemoryInfo, ReleaseMemoryInfo)
LOQUOR_RELEASE_SLOT(OrtSession, ReleaseSession)
LOQUOR_RELEASE_SLOT(OrtSessionOptions, ReleaseSessionOptions)
LOQUOR_RELEASE_SLOT(OrtRunOptions, ReleaseRunOptions)
LOQUOR_RELEASE_SLOT(OrtValue, ReleaseValue)
LOQUOR_RELEASE_SLOT(OrtTypeInfo, ReleaseTypeInfo)
LOQUOR_RELEASE_SLOT(OrtTensorTypeAndShapeInfo, ReleaseTensorTypeAndShapeInfo)
LOQUOR_RELEASE_SLOT(OrtIoBinding, ReleaseIoBinding)
LOQUOR_RELEASE_SLOT(OrtAllocator, ReleaseAllocator)
LOQUOR_RELEASE_SLOT(OrtCustomOpDomain, ReleaseCustomOpDomain)
LOQUOR_RELEASE_SLOT(OrtCUDAProviderOptionsV2, ReleaseCUDAProviderOptions)
LOQUOR_RELEASE_SLOT(OrtTensorRTProviderOptionsV2, ReleaseTensorRTProviderOptions)
#undef LOQUOR_RELEASE_SLOT

}  // namespace loquor::ort

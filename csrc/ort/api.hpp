// ONNX Runtime, opened by path: its function table, its environment, and the one home of every release call.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
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

// Copies between host and device memory on our behalf: of tensors that are bound, read or copied on one side
// and that a graph has on the other. What the runtime moves between two nodes of one graph is not counted.
struct CopyCounts {
  std::atomic<uint64_t> to_device{0};
  std::atomic<uint64_t> to_device_bytes{0};
  std::atomic<uint64_t> to_host{0};
  std::atomic<uint64_t> to_host_bytes{0};
};

class Api {
 public:
  // Opens the library at an absolute path, or returns the one already open from there. Never unloaded: its
  // threads and static state do not survive that. Throws kRuntimeMissing naming the path and the remedy.
  static std::shared_ptr<const Api> open(const std::string& path);

  // Wraps a table from elsewhere: tests count and fail calls with it.
  Api(const abi::OrtApi* table, std::string path, std::string version);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  const abi::OrtApi* operator->() const { return table_; }
  const abi::OrtApi& table() const { return *table_; }
  abi::OrtEnv* env() const { return env_.get(); }
  const std::string& path() const { return path_; }
  const std::string& version() const { return version_; }
  // Is the library 1.`minor` or newer? Asked before each call that is newer than kMinimumApiVersion.
  bool has_version(unsigned minor) const { return minor_ >= minor; }

  // Execution providers built into the library, by its own names.
  const std::vector<std::string>& providers() const { return providers_; }
  bool has_provider(const std::string& name) const;
  // Adds a plugin: an execution provider in a library of its own, at an absolute path. Never removed, since
  // sessions may use it. The same library again changes nothing. Throws kRuntimeMissing.
  void add_provider_library(const std::string& path) const;
  // The devices that plugins (and, listed the same way, the CPU) offer.
  std::vector<const abi::OrtEpDevice*> plugin_devices() const;

  const CopyCounts& copies() const { return copies_; }
  void count_copy(bool to_host, std::size_t bytes) const {
    ++(to_host ? copies_.to_host : copies_.to_device);
    (to_host ? copies_.to_host_bytes : copies_.to_device_bytes) += bytes;
  }

  // Throws `kind` with "<doing>: <the runtime's message>" unless status is null. Takes the status.
  void check(abi::OrtStatus* status, ErrorKind kind, const std::string& doing) const {
    if (status != nullptr) fail(status, kind, doing);
  }
  // The same for calls that only fail for lack of memory or by a defect of ours; `doing` is a literal, so
  // that nothing is built on the hot path.
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
  unsigned minor_ = 0;
  Handle<abi::OrtEnv> env_;
  std::vector<std::string> providers_;
  mutable std::mutex plugin_mutex_;
  mutable std::vector<std::string> plugins_;  // paths
  mutable CopyCounts copies_;
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
LOQUOR_RELEASE_SLOT(OrtKeyValuePairs, ReleaseKeyValuePairs)
LOQUOR_RELEASE_SLOT(OrtCustomOpDomain, ReleaseCustomOpDomain)
LOQUOR_RELEASE_SLOT(OrtCUDAProviderOptionsV2, ReleaseCUDAProviderOptions)
LOQUOR_RELEASE_SLOT(OrtTensorRTProviderOptionsV2, ReleaseTensorRTProviderOptions)
LOQUOR_RELEASE_SLOT(OrtOpAttr, ReleaseOpAttr)
LOQUOR_RELEASE_SLOT(OrtValueInfo, ReleaseValueInfo)
LOQUOR_RELEASE_SLOT(OrtNode, ReleaseNode)
LOQUOR_RELEASE_SLOT(OrtGraph, ReleaseGraph)
LOQUOR_RELEASE_SLOT(OrtModel, ReleaseModel)
#undef LOQUOR_RELEASE_SLOT

}  // namespace loquor::ort

// Tensors: views over memory that we own, and what the runtime hands out.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "base/span.hpp"
#include "ort/api.hpp"

namespace loquor::ort {

enum class ElementType : int {
  kFloat32 = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
  kFloat16 = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
  kFloat64 = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
  kInt32 = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
  kInt64 = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
  kInt8 = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
  kUInt8 = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
  kBool = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
};

// Bytes; 0 for a type that is not listed above.
constexpr std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
    case ElementType::kInt64:
      return 8;
    case ElementType::kFloat32:
    case ElementType::kInt32:
      return 4;
    case ElementType::kFloat16:
      return 2;
    case ElementType::kInt8:
    case ElementType::kUInt8:
    case ElementType::kBool:
      return 1;
  }
  return 0;
}
std::string element_type_name(int onnx_type);  // "float32", ...; any ONNX type

// A graph's input or output.
struct Port {
  std::string name;
  int type = 0;                      // ONNX element type; 0 when it is no tensor
  std::vector<int64_t> dims;         // -1 where free
  std::vector<std::string> symbols;  // by axis: the name of a free one, or empty
  std::string describe() const;      // "float32 [?, ?, 1024]"
};

using Value = Handle<abi::OrtValue>;
using Shape = std::initializer_list<int64_t>;

// Memory for tensors: the host's, or a device's own through the allocator of a session that runs there.
class Memory {
 public:
  // Host memory.
  explicit Memory(ApiPtr api);
  // Memory named by the runtime, as "Cuda", of the device that `session` runs on.
  Memory(ApiPtr api, const abi::OrtSession* session, const std::string& name, bool addressable);
  // Memory that the runtime describes, which keeps `info`.
  Memory(ApiPtr api, const abi::OrtSession* session, const abi::OrtMemoryInfo* info, bool addressable);

  const Api& api() const { return *api_; }
  const ApiPtr& api_ptr() const { return api_; }
  bool host() const { return allocator_ == nullptr; }
  // Whether an offset may be added to what allocate() returns.
  bool addressable() const { return addressable_; }
  const abi::OrtMemoryInfo* info() const { return info_; }
  // Uninitialised; host memory is page-aligned where large, so untouched pages cost nothing.
  std::shared_ptr<void> allocate(std::size_t bytes) const;
  // A tensor over memory of this kind; the caller keeps it alive. `data` is what allocate() returned:
  // where memory is not addressable it is a handle, and arithmetic on it names none.
  Value view(ElementType type, void* data, Shape shape) const {
    return view(type, data, shape.begin(), shape.size());
  }
  Value view(ElementType type, void* data, const int64_t* dims, std::size_t rank) const;

 private:
  ApiPtr api_;
  Handle<abi::OrtMemoryInfo> owned_info_;
  const abi::OrtMemoryInfo* info_;
  std::shared_ptr<abi::OrtAllocator> allocator_;
  bool addressable_ = true;
};

// Copies tensors of the same type and size, whichever memory each lies in; the device's queue is waited for.
// Throws kExecution.
void copy(const Api& api, const Value& from, const Value& to);

// Whether the runtime copies between this memory and the host by itself; not every provider offers it.
bool can_copy(const Memory& memory);

// Does the host's processor reach this memory?
bool is_host(const Api& api, const abi::OrtMemoryInfo* info);
bool is_host(const Api& api, const abi::OrtValue* value);

std::size_t size_in_bytes(const Api& api, const abi::OrtValue* value);

// Element type and dimensions of a tensor that the runtime made.
struct TensorShape {
  int type = 0;
  std::vector<int64_t> dims;
  int64_t count() const;
};
TensorShape shape_of(const Api& api, const abi::OrtValue* value);

// Host address of a tensor's first element.
template <class T>
T* data_of(const Api& api, abi::OrtValue* value) {
  void* data = nullptr;
  api.check(api->GetTensorMutableData(value, &data), "reading a tensor");
  return static_cast<T*>(data);
}

}  // namespace loquor::ort

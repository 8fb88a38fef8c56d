#include "ort/value.hpp"

#include <cstring>
#include <new>

#include "base/log.hpp"

namespace loquor::ort {

std::string element_type_name(int onnx_type) {
  static const char* const kNames[] = {
      "undefined", "float32", "uint8",   "int8",   "uint16", "int16",     "int32",      "int64",   "string",
      "bool",      "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"};
  const int known = static_cast<int>(sizeof(kNames) / sizeof(kNames[0]));
  return onnx_type >= 0 && onnx_type < known ? kNames[onnx_type] : "ONNX type " + std::to_string(onnx_type);
}

std::string Port::describe() const {
  std::string text = element_type_name(type) + " [";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += (i == 0 ? "" : ", ") + (dims[i] < 0 ? "?" : std::to_string(dims[i]));
  }
  return text + "]";
}

Memory::Memory(ApiPtr api)
    : api_(std::move(api)),
      owned_info_(api_->make<abi::OrtMemoryInfo>("describing host memory", (*api_)->CreateCpuMemoryInfo,
                                                 abi::OrtDeviceAllocator, abi::OrtMemTypeDefault)),
      info_(owned_info_.get()) {}

Memory::Memory(ApiPtr api, const abi::OrtSession* session, const std::string& name, bool addressable)
    : api_(std::move(api)),
      owned_info_(api_->make<abi::OrtMemoryInfo>("describing device memory", (*api_)->CreateMemoryInfo,
                                                 name.c_str(), abi::OrtDeviceAllocator, 0,
                                                 abi::OrtMemTypeDefault)),
      info_(owned_info_.get()),
      allocator_(api_->make<abi::OrtAllocator>("finding the device's allocator", (*api_)->CreateAllocator,
                                               session, info_)),
      addressable_(addressable) {}

Memory::Memory(ApiPtr api, const abi::OrtSession* session, const abi::OrtMemoryInfo* info, bool addressable)
    : api_(std::move(api)),
      owned_info_(api_->own<abi::OrtMemoryInfo>(nullptr)),
      info_(info),
      allocator_(api_->make<abi::OrtAllocator>("finding the device's allocator", (*api_)->CreateAllocator,
                                               session, info_)),
      addressable_(addressable) {}

std::shared_ptr<void> Memory::allocate(std::size_t bytes) const {
  if (host()) {
    constexpr std::align_val_t kAlignment{64};
    return {::operator new(bytes, kAlignment), [](void* pointer) { ::operator delete(pointer, kAlignment); }};
  }
  void* data = nullptr;
  const std::string doing = "allocating " + std::to_string(bytes) + " bytes on the device";
  api_->check((*api_)->AllocatorAlloc(allocator_.get(), bytes, &data), ErrorKind::kExecution, doing);
  return {data, [api = api_, allocator = allocator_](void* pointer) {
            const Handle<abi::OrtStatus> status = api->own((*api)->AllocatorFree(allocator.get(), pointer));
          }};
}

Value Memory::view(ElementType type, void* data, const int64_t* dims, std::size_t rank) const {
  std::size_t bytes = element_size(type);
  for (std::size_t i = 0; i < rank; ++i) bytes *= static_cast<std::size_t>(dims[i]);
  return api_->make<abi::OrtValue>("making a tensor view", (*api_)->CreateTensorWithDataAsOrtValue, info_,
                                   data, bytes, dims, rank,
                                   static_cast<abi::ONNXTensorElementDataType>(type));
}

void copy(const Api& api, const Value& from, const Value& to) {
  const abi::OrtValue* const source = from.get();
  abi::OrtValue* const target = to.get();
  const bool from_host = is_host(api, source);
  const bool to_host = is_host(api, target);
  if (from_host && to_host) {  // the runtime has no copy for that
    std::memcpy(data_of<unsigned char>(api, target), data_of<unsigned char>(api, from.get()),
                size_in_bytes(api, source));
    return;
  }
  api.check(api->CopyTensors(api.env(), &source, &target, nullptr, 1), ErrorKind::kExecution,
            "copying a tensor");
  if (from_host != to_host) api.count_copy(!from_host, size_in_bytes(api, source));
}

bool can_copy(const Memory& memory) {
  try {
    int64_t value = 0;
    const Memory host(memory.api_ptr());
    const auto there = memory.allocate(sizeof(value));
    copy(memory.api(), host.view(ElementType::kInt64, &value, {1}),
         memory.view(ElementType::kInt64, there.get(), {1}));
    return true;
  } catch (const Error& error) {
    log::write(log::Level::kDebug, std::string("the runtime copies no tensors here: ") + error.what());
    return false;
  }
}

bool is_host(const Api& api, const abi::OrtMemoryInfo* info) {
  abi::OrtMemoryInfoDeviceType type{};
  api->MemoryInfoGetDeviceType(info, &type);
  return type == abi::OrtMemoryInfoDeviceType_CPU;
}

bool is_host(const Api& api, const abi::OrtValue* value) {
  const abi::OrtMemoryInfo* info = nullptr;  // belongs to the value
  api.check(api->GetTensorMemoryInfo(value, &info), "finding a tensor's memory");
  return is_host(api, info);
}

std::size_t size_in_bytes(const Api& api, const abi::OrtValue* value) {
  std::size_t bytes = 0;
  api.check(api->GetTensorSizeInBytes(value, &bytes), "measuring a tensor");
  return bytes;
}

int64_t TensorShape::count() const {
  int64_t product = 1;
  for (const int64_t dim : dims) product *= dim;
  return product;
}

TensorShape shape_of(const Api& api, const abi::OrtValue* value) {
  const auto info =
      api.make<abi::OrtTensorTypeAndShapeInfo>("reading a tensor", api->GetTensorTypeAndShape, value);
  abi::ONNXTensorElementDataType type{};
  std::size_t rank = 0;
  api.check(api->GetTensorElementType(info.get(), &type), "reading a tensor");
  api.check(api->GetDimensionsCount(info.get(), &rank), "reading a tensor");
  TensorShape shape{static_cast<int>(type), std::vector<int64_t>(rank)};
  api.check(api->GetDimensions(info.get(), shape.dims.data(), rank), "reading a tensor");
  return shape;
}

}  // namespace loquor::ort

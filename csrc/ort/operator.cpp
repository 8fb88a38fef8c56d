#include "ort/operator.hpp"

#include <string>

namespace loquor::ort {
namespace {

// Whether an attribute was there; its absence is no failure.
bool found(const abi::OrtApi& table, abi::OrtStatus* status) {
  const Handle<abi::OrtStatus> owned(status, ReleaseSlot<abi::OrtStatus>::of(table));
  return owned == nullptr;
}

}  // namespace

std::size_t Tensor::count() const {
  std::size_t total = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) total *= dim(axis);
  return total;
}

Scratch::~Scratch() {
  const Handle<abi::OrtStatus> ignored(table_.AllocatorFree(allocator_.get(), data_),
                                       ReleaseSlot<abi::OrtStatus>::of(table_));
}

int64_t Attributes::integer(const char* name, int64_t otherwise) const {
  int64_t value = 0;
  return found(table_, table_.KernelInfoGetAttribute_int64(info_, name, &value)) ? value : otherwise;
}

float Attributes::number(const char* name, float otherwise) const {
  float value = 0;
  return found(table_, table_.KernelInfoGetAttribute_float(info_, name, &value)) ? value : otherwise;
}

void Call::check(abi::OrtStatus* status) const {
  if (status != nullptr) throw Failed{{status, ReleaseSlot<abi::OrtStatus>::of(table_)}};
}

Tensor Call::input(std::size_t index) const {
  Tensor tensor;
  const abi::OrtValue* value = nullptr;
  check(table_.KernelContext_GetInput(context_, index, &value));
  if (value == nullptr) return tensor;
  abi::OrtTensorTypeAndShapeInfo* made = nullptr;
  check(table_.GetTensorTypeAndShape(value, &made));
  const Handle<abi::OrtTensorTypeAndShapeInfo> info(made,
                                                    ReleaseSlot<abi::OrtTensorTypeAndShapeInfo>::of(table_));
  abi::ONNXTensorElementDataType type = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  check(table_.GetTensorElementType(info.get(), &type));
  check(table_.GetDimensionsCount(info.get(), &tensor.rank));
  if (tensor.rank > Tensor::kMostAxes)
    throw Error(ErrorKind::kModel, "input " + std::to_string(index) + " has " + std::to_string(tensor.rank) +
                                       " axes; at most 8 are served");
  check(table_.GetDimensions(info.get(), tensor.dims.data(), tensor.rank));
  check(table_.GetTensorMutableData(const_cast<abi::OrtValue*>(value), &tensor.data));
  tensor.type = type;
  return tensor;
}

void* Call::output(std::size_t index, const int64_t* dims, std::size_t rank) const {
  abi::OrtValue* value = nullptr;
  void* data = nullptr;
  check(table_.KernelContext_GetOutput(context_, index, dims, rank, &value));
  check(table_.GetTensorMutableData(value, &data));
  return data;
}

Scratch Call::scratch(std::size_t bytes) const {
  abi::OrtMemoryInfo* cpu = nullptr;
  check(table_.CreateCpuMemoryInfo(abi::OrtArenaAllocator, abi::OrtMemTypeDefault, &cpu));
  const Handle<abi::OrtMemoryInfo> owned(cpu, ReleaseSlot<abi::OrtMemoryInfo>::of(table_));
  abi::OrtAllocator* found = nullptr;
  check(table_.KernelContext_GetAllocator(context_, cpu, &found));
  Handle<abi::OrtAllocator> allocator(found, ReleaseSlot<abi::OrtAllocator>::of(table_));
  void* data = nullptr;
  check(table_.AllocatorAlloc(found, bytes, &data));
  return Scratch(table_, std::move(allocator), data);
}

}  // namespace loquor::ort

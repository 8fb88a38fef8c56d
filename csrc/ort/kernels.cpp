#include "ort/kernels.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/activations.hpp"
#include "ort/value.hpp"

namespace loquor::ort::abi {

// As the runtime reads it for version 17: 0 or null is "the usual" for what is not set.
struct OrtCustomOp {
  uint32_t version;
  void*(ORT_API_CALL* CreateKernel)(const OrtCustomOp*, const OrtApi*, const void* info);
  const char*(ORT_API_CALL* GetName)(const OrtCustomOp*);
  const char*(ORT_API_CALL* GetExecutionProviderType)(const OrtCustomOp*);
  ONNXTensorElementDataType(ORT_API_CALL* GetInputType)(const OrtCustomOp*, size_t index);
  size_t(ORT_API_CALL* GetInputTypeCount)(const OrtCustomOp*);
  ONNXTensorElementDataType(ORT_API_CALL* GetOutputType)(const OrtCustomOp*, size_t index);
  size_t(ORT_API_CALL* GetOutputTypeCount)(const OrtCustomOp*);
  void(ORT_API_CALL* KernelCompute)(void* kernel, OrtKernelContext*);
  void(ORT_API_CALL* KernelDestroy)(void* kernel);
  int(ORT_API_CALL* GetInputCharacteristic)(const OrtCustomOp*, size_t index);
  int(ORT_API_CALL* GetOutputCharacteristic)(const OrtCustomOp*, size_t index);
  OrtMemType(ORT_API_CALL* GetInputMemoryType)(const OrtCustomOp*, size_t index);
  int(ORT_API_CALL* GetVariadicInputMinArity)(const OrtCustomOp*);
  int(ORT_API_CALL* GetVariadicInputHomogeneity)(const OrtCustomOp*);
  int(ORT_API_CALL* GetVariadicOutputMinArity)(const OrtCustomOp*);
  int(ORT_API_CALL* GetVariadicOutputHomogeneity)(const OrtCustomOp*);
  OrtStatus*(ORT_API_CALL* CreateKernelV2)(const OrtCustomOp*, const OrtApi*, const void* info,
                                           void** kernel);
  OrtStatus*(ORT_API_CALL* KernelComputeV2)(void* kernel, OrtKernelContext*);
  OrtStatus*(ORT_API_CALL* InferOutputShapeFn)(const OrtCustomOp*, void* context);
  int(ORT_API_CALL* GetStartVersion)(const OrtCustomOp*);
  int(ORT_API_CALL* GetEndVersion)(const OrtCustomOp*);
};

}  // namespace loquor::ort::abi

namespace loquor::ort {
namespace {

using Compute = abi::OrtStatus*(ORT_API_CALL*)(void*, abi::OrtKernelContext*);

// Reads a kernel's inputs and makes its output; keeps the first failure, after which all is null.
class Call {
 public:
  Call(void* kernel, abi::OrtKernelContext* context)
      : table_(*static_cast<const abi::OrtApi*>(kernel)), context_(context) {}

  const float* input(std::size_t index, std::vector<int64_t>& dims) {
    const abi::OrtValue* value = nullptr;
    abi::OrtTensorTypeAndShapeInfo* info = nullptr;
    std::size_t rank = 0;
    void* data = nullptr;
    if (!ok(table_.KernelContext_GetInput(context_, index, &value)) ||
        !ok(table_.GetTensorTypeAndShape(value, &info)))
      return nullptr;
    const Handle<abi::OrtTensorTypeAndShapeInfo> owned(
        info, ReleaseSlot<abi::OrtTensorTypeAndShapeInfo>::of(table_));
    if (!ok(table_.GetDimensionsCount(info, &rank))) return nullptr;
    dims.resize(rank);
    if (!ok(table_.GetDimensions(info, dims.data(), rank)) ||
        !ok(table_.GetTensorMutableData(const_cast<abi::OrtValue*>(value), &data)))
      return nullptr;
    return static_cast<const float*>(data);
  }
  float* output(const std::vector<int64_t>& dims) {
    abi::OrtValue* value = nullptr;
    void* data = nullptr;
    if (!ok(table_.KernelContext_GetOutput(context_, 0, dims.data(), dims.size(), &value)) ||
        !ok(table_.GetTensorMutableData(value, &data)))
      return nullptr;
    return static_cast<float*>(data);
  }
  // Runs `part(0)` to `part(parts - 1)` on the session's threads.
  template <class Part>
  void parallel(std::size_t parts, const Part& part) {
    const auto run = [](void* given, std::size_t index) { (*static_cast<const Part*>(given))(index); };
    ok(table_.KernelContext_ParallelFor(context_, run, parts, 0, const_cast<Part*>(&part)));
  }
  void refuse(const char* reason) {
    if (status_ == nullptr) status_ = table_.CreateStatus(abi::ORT_INVALID_ARGUMENT, reason);
  }
  abi::OrtStatus* status() const { return status_; }

 private:
  bool ok(abi::OrtStatus* status) {
    status_ = status;  // asked no more once one is held
    return status == nullptr;
  }

  const abi::OrtApi& table_;
  abi::OrtKernelContext* context_;
  abi::OrtStatus* status_ = nullptr;
};

std::size_t count_of(const std::vector<int64_t>& dims) {
  std::size_t count = 1;
  for (const int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  return count;
}

void snake_of(Call& call) {
  std::vector<int64_t> dims, rate_dims, gain_dims;
  const float* const x = call.input(0, dims);
  const float* const rate = x == nullptr ? nullptr : call.input(1, rate_dims);
  const float* const gain = rate == nullptr ? nullptr : call.input(2, gain_dims);
  if (gain == nullptr) return;
  if (dims.size() != 3 || rate_dims != std::vector<int64_t>{1, dims[1], 1} || gain_dims != rate_dims) {
    call.refuse("Snake takes x [batch, channels, time] with rate and gain [1, channels, 1]");
    return;
  }
  float* const y = call.output(dims);
  if (y == nullptr) return;
  const auto channels = static_cast<std::size_t>(dims[1]), length = static_cast<std::size_t>(dims[2]);
  call.parallel(static_cast<std::size_t>(dims[0]) * channels, [=](std::size_t row) {
    snake(x + row * length, rate[row % channels], gain[row % channels], y + row * length, length);
  });
}

void mish_of(Call& call) {
  constexpr std::size_t kPart = 8192;
  std::vector<int64_t> dims;
  const float* const x = call.input(0, dims);
  float* const y = x == nullptr ? nullptr : call.output(dims);
  if (y == nullptr) return;
  const std::size_t count = count_of(dims);
  call.parallel((count + kPart - 1) / kPart, [=](std::size_t part) {
    const std::size_t start = part * kPart;
    mish(x + start, y + start, std::min(kPart, count - start));
  });
}

// What escapes must be a status: the runtime calls this.
template <void (*kernel)(Call&)>
abi::OrtStatus* ORT_API_CALL compute(void* table, abi::OrtKernelContext* context) {
  Call call(table, context);
  try {
    kernel(call);
  } catch (const std::exception& error) {
    call.refuse(error.what());
  } catch (...) {
    call.refuse("the operator failed");
  }
  return call.status();
}

// The runtime identifies an operator by the address of its table.
template <int inputs, void (*kernel)(Call&)>
const abi::OrtCustomOp* op_of(const char*(ORT_API_CALL* name)(const abi::OrtCustomOp*)) {
  static const abi::OrtCustomOp op = [=] {
    abi::OrtCustomOp made = {};
    made.version = 17;
    made.GetName = name;
    made.GetExecutionProviderType = [](const abi::OrtCustomOp*) -> const char* { return nullptr; };
    made.GetInputType = [](const abi::OrtCustomOp*, std::size_t) {
      return abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    };
    made.GetOutputType = made.GetInputType;
    made.GetInputTypeCount = [](const abi::OrtCustomOp*) -> std::size_t { return inputs; };
    made.GetOutputTypeCount = [](const abi::OrtCustomOp*) -> std::size_t { return 1; };
    made.GetInputCharacteristic = [](const abi::OrtCustomOp*, std::size_t) { return 0; };  // required
    made.GetOutputCharacteristic = made.GetInputCharacteristic;
    made.GetInputMemoryType = [](const abi::OrtCustomOp*, std::size_t) { return abi::OrtMemTypeDefault; };
    made.CreateKernelV2 = [](const abi::OrtCustomOp*, const abi::OrtApi* table, const void*,
                             void** made_kernel) -> abi::OrtStatus* {
      *made_kernel = const_cast<abi::OrtApi*>(table);  // all that a kernel needs to know
      return nullptr;
    };
    made.KernelComputeV2 = compute<kernel>;
    made.KernelDestroy = [](void*) {};
    made.GetStartVersion = [](const abi::OrtCustomOp*) { return 1; };
    made.GetEndVersion = [](const abi::OrtCustomOp*) { return 1; };
    return made;
  }();
  return &op;
}

}  // namespace

Handle<abi::OrtCustomOpDomain> make_kernels(const Api& api) {
  const char* const doing = "making operators";
  auto domain = api.make<abi::OrtCustomOpDomain>(doing, api->CreateCustomOpDomain, "loquor");
  const abi::OrtCustomOp* const ops[] = {
      op_of<3, snake_of>([](const abi::OrtCustomOp*) -> const char* { return "Snake"; }),
      op_of<1, mish_of>([](const abi::OrtCustomOp*) -> const char* { return "Mish"; }),
  };
  for (const abi::OrtCustomOp* op : ops) api.check(api->CustomOpDomain_Add(domain.get(), op), doing);
  return domain;
}

}  // namespace loquor::ort

// How an operator of our own is written: a class with
//   static constexpr const char* kName;
//   static constexpr Argument kInputs[] = {...}, kOutputs[] = {...};
//   explicit Kernel(const Attributes& attributes);  // one for each node of a session
//   void compute(Call& call);                       // runs of one session may overlap
// Both may throw loquor::Error, which fails the load or the run with its message.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/error.hpp"
#include "ort/api.hpp"
#include "ort/custom_op.hpp"
#include "ort/value.hpp"

namespace loquor::ort {

struct Argument {
  int type = abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;  // 0: any, which the kernel checks
  bool optional = false;
};

// A failure of the runtime's, on its way back to it.
struct Failed {
  Handle<abi::OrtStatus> status;
};

// A tensor of a run; no memory of its own, so that a step allocates nothing.
struct Tensor {
  static constexpr std::size_t kMostAxes = 8;
  void* data = nullptr;  // null: an optional input that is not there
  int type = 0;
  std::array<int64_t, kMostAxes> dims = {};
  std::size_t rank = 0;

  explicit operator bool() const { return data != nullptr || rank != 0; }
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
  std::size_t dim(std::size_t axis) const { return static_cast<std::size_t>(dims[axis]); }
  std::size_t count() const;
};

// Memory for the length of a run, from the session's arena.
class Scratch {
 public:
  Scratch(const abi::OrtApi& table, Handle<abi::OrtAllocator> allocator, void* data)
      : table_(table), allocator_(std::move(allocator)), data_(data) {}
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  float* floats() const { return static_cast<float*>(data_); }

 private:
  const abi::OrtApi& table_;
  const Handle<abi::OrtAllocator> allocator_;
  void* const data_;
};

// The attributes of a node.
class Attributes {
 public:
  Attributes(const abi::OrtApi& table, const abi::OrtKernelInfo* info) : table_(table), info_(info) {}
  int64_t integer(const char* name, int64_t otherwise) const;
  float number(const char* name, float otherwise) const;

 private:
  const abi::OrtApi& table_;
  const abi::OrtKernelInfo* info_;
};

// One run of a kernel.
class Call {
 public:
  Call(const abi::OrtApi& table, abi::OrtKernelContext* context) : table_(table), context_(context) {}

  Tensor input(std::size_t index) const;
  // Makes an output; where the caller bound memory for it, it is that.
  void* output(std::size_t index, const int64_t* dims, std::size_t rank) const;
  template <class T>
  T* output_like(const Tensor& tensor) const {
    return static_cast<T*>(output(0, tensor.dims.data(), tensor.rank));
  }
  Scratch scratch(std::size_t bytes) const;
  // Runs `part(0)` to `part(parts - 1)` on the session's threads; they must not throw. The parts are dealt
  // out in `shares`: 0 is one for each thread, more let a thread that is held up leave its work to others.
  template <class Part>
  void parallel(std::size_t parts, const Part& part, std::size_t shares = 0) const {
    const auto run = [](void* given, std::size_t index) { (*static_cast<const Part*>(given))(index); };
    check(table_.KernelContext_ParallelFor(context_, run, parts, shares, const_cast<Part*>(&part)));
  }

 private:
  void check(abi::OrtStatus* status) const;

  const abi::OrtApi& table_;
  abi::OrtKernelContext* context_;
};

// Turns what `work` throws into a status: the runtime called us, and no exception may reach it.
template <class Work>
abi::OrtStatus* as_status(const abi::OrtApi& table, const Work& work) {
  try {
    work();
  } catch (Failed& failed) {
    return failed.status.release();
  } catch (const std::exception& error) {
    return table.CreateStatus(abi::ORT_INVALID_ARGUMENT, error.what());
  } catch (...) {
    return table.CreateStatus(abi::ORT_FAIL, "the operator failed");
  }
  return nullptr;
}

// The runtime identifies an operator by the address of its table.
template <class Kernel>
const abi::OrtCustomOp* operator_of() {
  struct Node {
    const abi::OrtApi& table;
    Kernel kernel;
  };
  static const abi::OrtCustomOp op = [] {
    using Op = const abi::OrtCustomOp*;
    abi::OrtCustomOp made = {};
    made.version = 17;
    made.GetName = [](Op) -> const char* { return Kernel::kName; };
    made.GetExecutionProviderType = [](Op) -> const char* { return nullptr; };
    made.GetInputType = [](Op, std::size_t index) {
      return static_cast<abi::ONNXTensorElementDataType>(Kernel::kInputs[index].type);
    };
    made.GetOutputType = [](Op, std::size_t index) {
      return static_cast<abi::ONNXTensorElementDataType>(Kernel::kOutputs[index].type);
    };
    made.GetInputTypeCount = [](Op) { return std::extent_v<decltype(Kernel::kInputs)>; };
    made.GetOutputTypeCount = [](Op) { return std::extent_v<decltype(Kernel::kOutputs)>; };
    made.GetInputCharacteristic = [](Op, std::size_t index) {
      return static_cast<int>(Kernel::kInputs[index].optional);
    };
    made.GetOutputCharacteristic = [](Op, std::size_t index) {
      return static_cast<int>(Kernel::kOutputs[index].optional);
    };
    made.GetInputMemoryType = [](Op, std::size_t) { return abi::OrtMemTypeDefault; };
    made.CreateKernelV2 = [](Op, const abi::OrtApi* table, const void* info, void** node) {
      return as_status(*table, [&] {
        const Attributes attributes(*table, static_cast<const abi::OrtKernelInfo*>(info));
        *node = new Node{*table, Kernel(attributes)};
      });
    };
    made.KernelComputeV2 = [](void* given, abi::OrtKernelContext* context) {
      Node& node = *static_cast<Node*>(given);
      return as_status(node.table, [&] {
        Call call(node.table, context);
        node.kernel.compute(call);
      });
    };
    made.KernelDestroy = [](void* node) { delete static_cast<Node*>(node); };
    made.GetStartVersion = [](Op) { return 1; };
    made.GetEndVersion = [](Op) { return 1; };
    return made;
  }();
  return &op;
}

}  // namespace loquor::ort

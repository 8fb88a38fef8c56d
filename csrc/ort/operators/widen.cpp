//   Widen(x float16 of any shape) -> y float32 like x
// A Cast that the runtime does not compute once and for all as it loads a graph: weights stay in the mapped
// file.
#include "kernels/widen.hpp"

#include <algorithm>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

struct Widen {
  static constexpr const char* kName = "Widen";
  static constexpr Argument kInputs[1] = {{abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, false}};
  static constexpr Argument kOutputs[1] = {};
  explicit Widen(const Attributes&) {}

  void compute(Call& call) {
    constexpr std::size_t kPart = 65536;
    const Tensor x = call.input(0);
    auto* const y = call.output_like<float>(x);
    const std::size_t count = x.count();
    call.parallel((count + kPart - 1) / kPart, [&](std::size_t part) {
      const std::size_t start = part * kPart;
      widen_halves(x.as<std::uint16_t>() + start, y + start, std::min(kPart, count - start));
    });
  }
};

}  // namespace

const abi::OrtCustomOp* widen_operator() { return operator_of<Widen>(); }

}  // namespace loquor::ort

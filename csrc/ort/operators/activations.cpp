//   Snake(x [batch, channels, time], rate [1, channels, 1], gain [1, channels, 1]) -> y like x
//   Mish(x of any shape) -> y like x
#include "kernels/activations.hpp"

#include <algorithm>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

struct Snake {
  static constexpr const char* kName = "Snake";
  static constexpr Argument kInputs[3] = {};
  static constexpr Argument kOutputs[1] = {};
  explicit Snake(const Attributes&) {}

  void compute(Call& call) {
    const Tensor x = call.input(0), rate = call.input(1), gain = call.input(2);
    const auto fits = [&](const Tensor& weight) {
      return weight.rank == 3 && weight.dims[0] == 1 && weight.dims[1] == x.dims[1] && weight.dims[2] == 1;
    };
    if (x.rank != 3 || !fits(rate) || !fits(gain))
      throw Error(ErrorKind::kModel,
                  "Snake takes x [batch, channels, time] with rate and gain [1, channels, 1]");
    auto* const y = call.output_like<float>(x);
    const std::size_t channels = x.dim(1), length = x.dim(2);
    call.parallel(x.dim(0) * channels, [&](std::size_t row) {
      const std::size_t channel = row % channels;
      snake(x.as<float>() + row * length, rate.as<float>()[channel], gain.as<float>()[channel],
            y + row * length, length);
    });
  }
};

struct Mish {
  static constexpr const char* kName = "Mish";
  static constexpr Argument kInputs[1] = {};
  static constexpr Argument kOutputs[1] = {};
  explicit Mish(const Attributes&) {}

  void compute(Call& call) {
    constexpr std::size_t kPart = 8192;
    const Tensor x = call.input(0);
    auto* const y = call.output_like<float>(x);
    const std::size_t count = x.count();
    call.parallel((count + kPart - 1) / kPart, [&](std::size_t part) {
      const std::size_t start = part * kPart;
      mish(x.as<float>() + start, y + start, std::min(kPart, count - start));
    });
  }
};

}  // namespace

const abi::OrtCustomOp* snake_operator() { return operator_of<Snake>(); }
const abi::OrtCustomOp* mish_operator() { return operator_of<Mish>(); }

}  // namespace loquor::ort

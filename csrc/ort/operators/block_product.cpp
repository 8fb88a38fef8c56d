//   BlockProduct(x float32 [..., K], values uint8 [N, K / 32, 16 or 32], scales float32 [N, K / 32] in any
//   shape,
//                zeros? uint8, N rows of K / 64 (rounded up) or K / 32 bytes, bias? float32 [N]) -> y [...,
//                N]
// MatMulNBits of 4 or 8 bits, in blocks of 32 and at accuracy level 4, on the weights as they are stored:
// nothing is packed anew, so that weights in a mapped file stay there.
#include "kernels/block_product.hpp"

#include <algorithm>
#include <string>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

constexpr Argument kBytes = {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, false};
constexpr Argument kMaybeBytes = {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, true};
constexpr Argument kMaybeFloats = {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true};

struct BlockProduct {
  static constexpr const char* kName = "BlockProduct";
  static constexpr Argument kInputs[5] = {{}, kBytes, {}, kMaybeBytes, kMaybeFloats};
  static constexpr Argument kOutputs[1] = {};
  explicit BlockProduct(const Attributes&) {}

  void compute(Call& call) {
    Tensor x = call.input(0);
    const BlockWeights weights = read_weights(call, x);
    const std::size_t rows = x.count() / (weights.blocks * kProductBlock);
    const auto* from = x.as<float>();
    x.dims[x.rank - 1] = static_cast<int64_t>(weights.rows);
    auto* to = call.output_like<float>(x);

    RoundedBlock rounded[kScratch];
    const std::size_t most = kScratch / weights.blocks;  // rows at a time
    for (std::size_t done = 0, count = 0; done < rows; done += count) {
      count = std::min(most, rows - done);
      for (std::size_t row = 0; row < count; ++row, from += weights.blocks * kProductBlock)
        round_activations(from, weights.blocks, weights.bits, rounded + row * weights.blocks);
      multiply(call, weights, rounded, count, to);
      to += count * weights.rows;
    }
  }

 private:
  static constexpr std::size_t kScratch = 1536;  // blocks, on the stack: 60 KB

  static void multiply(const Call& call, const BlockWeights& weights, const RoundedBlock* rounded,
                       std::size_t count, float* y) {
    constexpr std::size_t kPart = 4096;  // blocks of weights: some microseconds
    const std::size_t groups = std::max<std::size_t>(1, kPart / weights.blocks / kProductRows);
    const std::size_t step = groups * kProductRows, parts = (weights.rows + step - 1) / step;
    const auto part = [&](std::size_t index) {
      const std::size_t first = index * step;
      block_products(weights, rounded, count, y, first, std::min(weights.rows, first + step));
    };
    call.parallel(parts, part, parts);
  }

  static BlockWeights read_weights(const Call& call, const Tensor& x) {
    const Tensor values = call.input(1), scales = call.input(2), zeros = call.input(3), bias = call.input(4);
    BlockWeights weights;
    const bool stored = values.rank == 3 && (values.dims[2] == 16 || values.dims[2] == 32);
    if (stored) {
      weights.bits = static_cast<int>(values.dims[2] / 4);
      weights.rows = values.dim(0);
      weights.blocks = values.dim(1);
    }
    const std::size_t blocks = weights.blocks;
    if (!stored || blocks == 0 || blocks > kScratch || x.rank == 0 ||
        x.dim(x.rank - 1) != blocks * kProductBlock || scales.count() != weights.rows * blocks ||
        (zeros && zeros.count() != weights.rows * zero_bytes(weights.bits, blocks)) ||
        (bias && bias.count() != weights.rows))
      throw Error(
          ErrorKind::kModel,
          "BlockProduct takes x [..., K] with values [N, K / 32, 16 or 32], scales [N, K / 32], zero "
          "points of as many bits, or none, and a bias [N], or none; K is a multiple of 32, at most " +
              std::to_string(kScratch * kProductBlock));
    weights.values = values.as<std::uint8_t>();
    weights.scales = scales.as<std::uint8_t>();
    weights.zeros = zeros.as<std::uint8_t>();
    weights.bias = bias.as<std::uint8_t>();
    return weights;
  }
};

}  // namespace

const abi::OrtCustomOp* block_product_operator() { return operator_of<BlockProduct>(); }

}  // namespace loquor::ort

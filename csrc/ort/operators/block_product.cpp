//   BlockProduct(x float32 [..., K], values uint8 [N, K / block, block / 8 * bits],
//                scales float32 or float16 [N, K / block] in any shape,
//                zeros? uint8, N rows of K / block / 8 * bits bytes (rounded up), or as many as scales in
//                their type, bias? float32 [N]; bits = 4 or 8, block = a multiple of 32) -> y [..., N]
// MatMulNBits at accuracy level 4, on the weights as they are stored: nothing is packed anew, so that weights
// in a mapped file stay there. Activations are rounded in groups of 32, whatever the block.
#include "kernels/block_product.hpp"

#include <algorithm>
#include <string>

#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

constexpr Argument kBytes = {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, false};
constexpr Argument kAny = {0, false};
constexpr Argument kMaybeAny = {0, true};
constexpr Argument kMaybeFloats = {abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, true};

struct BlockProduct {
  static constexpr const char* kName = "BlockProduct";
  static constexpr Argument kInputs[5] = {{}, kBytes, kAny, kMaybeAny, kMaybeFloats};
  static constexpr Argument kOutputs[1] = {};

  explicit BlockProduct(const Attributes& attributes)
      : bits_(attributes.integer("bits", 4)), block_(attributes.integer("block", kProductGroup)) {
    if ((bits_ != 4 && bits_ != 8) || block_ < 1 || block_ % int64_t{kProductGroup} != 0)
      throw Error(ErrorKind::kModel, "BlockProduct takes 4 or 8 bits in blocks of a multiple of 32, not " +
                                         std::to_string(bits_) + " bits in blocks of " +
                                         std::to_string(block_));
  }

  void compute(Call& call) {
    Tensor x = call.input(0);
    const BlockWeights weights = read_weights(call, x);
    const std::size_t width = weights.width(), rows = x.count() / (width * kProductGroup);
    const auto* from = x.as<float>();
    x.dims[x.rank - 1] = static_cast<int64_t>(weights.rows);
    auto* to = call.output_like<float>(x);

    if (rows > kProductRows) {  // of a prompt, where weights are read once for all
      const Scratch scratch = call.scratch(rows * width * sizeof(RoundedGroup));
      auto* const all = reinterpret_cast<RoundedGroup*>(scratch.floats());
      call.parallel(rows, [&](std::size_t row) {
        round_activations(from + row * width * kProductGroup, width, weights.bits, all + row * width);
      });
      multiply(call, weights, all, rows, to);
      return;
    }
    RoundedGroup rounded[kScratch];
    const std::size_t most = kScratch / width;  // rows at a time
    for (std::size_t done = 0, count = 0; done < rows; done += count) {
      count = std::min(most, rows - done);
      for (std::size_t row = 0; row < count; ++row, from += width * kProductGroup)
        round_activations(from, width, weights.bits, rounded + row * width);
      multiply(call, weights, rounded, count, to);
      to += count * weights.rows;
    }
  }

 private:
  static constexpr std::size_t kScratch = 1536;  // groups, on the stack: 60 KB

  static void multiply(const Call& call, const BlockWeights& weights, const RoundedGroup* rounded,
                       std::size_t count, float* y) {
    constexpr std::size_t kPart = 4096;  // groups of weights: some microseconds
    const std::size_t groups = std::max<std::size_t>(1, kPart / weights.width() / kProductRows);
    const std::size_t step = groups * kProductRows, parts = (weights.rows + step - 1) / step;
    const auto part = [&](std::size_t index) {
      const std::size_t first = index * step;
      block_products(weights, rounded, count, y, first, std::min(weights.rows, first + step));
    };
    call.parallel(parts, part, parts);
  }

  BlockWeights read_weights(const Call& call, const Tensor& x) const {
    const Tensor values = call.input(1), scales = call.input(2), zeros = call.input(3), bias = call.input(4);
    BlockWeights weights;
    weights.bits = static_cast<int>(bits_);
    weights.groups = static_cast<std::size_t>(block_) / kProductGroup;
    if (values.rank == 3 && values.dims[2] == block_ / 8 * bits_) {
      weights.rows = values.dim(0);
      weights.blocks = values.dim(1);
    }
    weights.float16 = scales.type == abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
    weights.zeros_like_scales = zeros && zeros.type == scales.type;
    const std::size_t blocks = weights.blocks, width = weights.width();
    const std::size_t zeros_a_row = weights.zeros_like_scales ? blocks : zero_bytes(weights.bits, blocks);
    const bool floats = weights.float16 || scales.type == abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    const bool known_zeros =
        !zeros || weights.zeros_like_scales || zeros.type == abi::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
    if (blocks == 0 || width > kScratch || x.rank == 0 || x.dim(x.rank - 1) != width * kProductGroup ||
        !floats || scales.count() != weights.rows * blocks || !known_zeros ||
        (zeros && zeros.count() != weights.rows * zeros_a_row) || (bias && bias.count() != weights.rows))
      throw Error(
          ErrorKind::kModel,
          "BlockProduct takes x [..., K] with values [N, K / block, block / 8 * bits], scales [N, K / block] "
          "in float32 or float16, zero points packed as the values or like the scales, or none, and a bias "
          "[N], or none; K is at most " +
              std::to_string(kScratch * kProductGroup));
    weights.values = values.as<std::uint8_t>();
    weights.scales = scales.as<std::uint8_t>();
    weights.zeros = zeros.as<std::uint8_t>();
    weights.bias = bias.as<std::uint8_t>();
    return weights;
  }

  int64_t bits_, block_;
};

}  // namespace

const abi::OrtCustomOp* block_product_operator() { return operator_of<BlockProduct>(); }

}  // namespace loquor::ort

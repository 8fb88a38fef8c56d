//   RelativeShift(content [batch, heads, length, length], positions [batch, heads, length, 2 length - 1],
//                 scale: attribute, 1) -> y like content
//   y[i][j] = scale (content[i][j] + positions[i][length - 1 - i + j])
// The scores of attention with relative positions (Dai et al., "Transformer-XL", 2019): the product with the
// positions has a column for each distance, from the farthest behind to the farthest ahead.
#include "ort/operator.hpp"
#include "ort/operators/all.hpp"

namespace loquor::ort {
namespace {

struct RelativeShift {
  static constexpr const char* kName = "RelativeShift";
  static constexpr Argument kInputs[2] = {};
  static constexpr Argument kOutputs[1] = {};
  explicit RelativeShift(const Attributes& attributes) : scale_(attributes.number("scale", 1.0f)) {}

  void compute(Call& call) const {
    const Tensor content = call.input(0), positions = call.input(1);
    const std::size_t length = content.rank == 4 ? content.dim(3) : 0, width = 2 * length - 1;
    if (length == 0 || positions.rank != 4 || content.dim(2) != length ||
        positions.dim(0) != content.dim(0) || positions.dim(1) != content.dim(1) ||
        positions.dim(2) != length || positions.dim(3) != width)
      throw Error(ErrorKind::kModel,
                  "RelativeShift takes content [batch, heads, length, length] and positions "
                  "[batch, heads, length, 2 length - 1]");
    auto* const y = call.output_like<float>(content);
    const float scale = scale_;
    call.parallel(content.dim(0) * content.dim(1), [&](std::size_t head) {
      const float* one = content.as<float>() + head * length * length;
      const float* other = positions.as<float>() + head * length * width + length - 1;
      float* to = y + head * length * length;
      for (std::size_t row = 0; row < length; ++row, one += length, to += length, other += width - 1) {
        for (std::size_t i = 0; i < length; ++i) to[i] = scale * (one[i] + other[i]);
      }
    });
  }

 private:
  float scale_;
};

}  // namespace

const abi::OrtCustomOp* relative_shift_operator() { return operator_of<RelativeShift>(); }

}  // namespace loquor::ort

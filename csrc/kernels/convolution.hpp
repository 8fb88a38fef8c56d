// Convolution in one dimension with fewer multiplications than it has terms (Toom-Cook, also called Winograd;
// docs/adr/0026-convolution.md): stride 1, one group, 3 to 12 taps. Of the multiplications of the plain sum
// it needs 1/2 (3 taps), 0.31 (7) or 0.24 (11). Its rounding error is some three times the plain sum's.
//
//   y[m][t] = bias[m] + sum over channels c and taps j of weights[m][c][j] x[c][t + j dilation - pad_begin]
//
// In two steps, each in parts that may run at once: first the weights are transformed, for each call anew, as
// to keep them would more than double their memory; then panels of the output are computed. A sum's order is
// the same wherever a part begins: results do not depend on the number of threads.
#pragma once

#include <cstddef>

namespace loquor {

struct ConvolutionShape {
  std::size_t filters = 0, channels = 0, taps = 0;
  std::size_t length = 0;  // of a row of x
  std::size_t dilation = 1, pad_begin = 0, pad_end = 0;

  std::size_t reach() const { return dilation * (taps - 1); }  // from the first tap to the last
  std::size_t output_length() const {
    const std::size_t padded = length + pad_begin + pad_end;
    return padded > reach() ? padded - reach() : 0;
  }
};

// How a convolution is cut into parts. Strides are between points, in floats.
struct ConvolutionPlan {
  ConvolutionShape shape;
  std::size_t columns = 0;  // tiles of an output row
  std::size_t vectors = 0;  // of columns
  std::size_t panels = 0;   // of vectors
  std::size_t blocks = 0;   // of rows
  std::size_t weights_stride = 0, inputs_stride = 0, products_stride = 0;
  std::size_t weights_floats = 0, scratch_floats = 0;
};

class Convolution {
 public:
  static constexpr std::size_t kFewestTaps = 3, kMostTaps = 12;

  // The shape must have 3 to 12 taps, an output, and nothing that is zero but the pads.
  explicit Convolution(const ConvolutionShape& shape);

  std::size_t weight_parts() const { return plan_.blocks; }
  std::size_t weight_floats() const { return plan_.weights_floats; }  // that `transformed` needs
  void transform_weights(const float* weights, std::size_t part, float* transformed) const;

  std::size_t parts() const { return plan_.panels; }
  std::size_t scratch_floats() const { return plan_.scratch_floats; }  // for each part that runs at once
  // `bias` may be null.
  void compute(const float* x, const float* transformed, const float* bias, std::size_t part, float* scratch,
               float* y) const;

 private:
  ConvolutionPlan plan_;
};

}  // namespace loquor

#include "kernels/convolution.hpp"

#include "kernels/convolution_body.hpp"
#include "kernels/cpu.hpp"

namespace loquor {
namespace {

struct Bodies {
  ConvolutionPlan (*plan)(const ConvolutionShape&);
  void (*weights)(const ConvolutionPlan&, const float*, std::size_t, float*);
  void (*panel)(const ConvolutionPlan&, const float*, const float*, const float*, std::size_t, float*,
                float*);
};

const Bodies& best() {
  static const Bodies chosen = [] {
#if LOQUOR_HAS_AVX512
    if (vector_unit() == VectorUnit::kAvx512)
      return Bodies{avx512::convolution_plan, avx512::convolution_weights, avx512::convolution_panel};
#endif
#if LOQUOR_HAS_AVX2
    if (vector_unit() == VectorUnit::kAvx2)
      return Bodies{avx2::convolution_plan, avx2::convolution_weights, avx2::convolution_panel};
#endif
    return Bodies{plain::convolution_plan, plain::convolution_weights, plain::convolution_panel};
  }();
  return chosen;
}

}  // namespace

Convolution::Convolution(const ConvolutionShape& shape) : plan_(best().plan(shape)) {}

void Convolution::transform_weights(const float* weights, std::size_t part, float* transformed) const {
  best().weights(plan_, weights, part, transformed);
}

void Convolution::compute(const float* x, const float* transformed, const float* bias, std::size_t part,
                          float* scratch, float* y) const {
  best().panel(plan_, x, transformed, bias, part, scratch, y);
}

}  // namespace loquor

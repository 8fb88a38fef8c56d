// What convolution_body.cpp is, by unit.
#pragma once

#include "kernels/convolution.hpp"
#include "kernels/units.hpp"

#define LOQUOR_CONVOLUTION(unit)                                                                 \
  namespace loquor::unit {                                                                       \
  ConvolutionPlan convolution_plan(const ConvolutionShape& shape);                               \
  void convolution_weights(const ConvolutionPlan& plan, const float* weights, std::size_t block, \
                           float* transformed);                                                  \
  void convolution_panel(const ConvolutionPlan& plan, const float* x, const float* transformed,  \
                         const float* bias, std::size_t panel, float* scratch, float* y);        \
  }
LOQUOR_CONVOLUTION(plain)
#if LOQUOR_HAS_AVX2
LOQUOR_CONVOLUTION(avx2)
#endif
#if LOQUOR_HAS_AVX512
LOQUOR_CONVOLUTION(avx512)
#endif
#undef LOQUOR_CONVOLUTION

// What activations_body.cpp is, by unit.
#pragma once

#include <cstddef>

#include "kernels/units.hpp"

#define LOQUOR_ACTIVATIONS(unit)                                                        \
  namespace loquor::unit {                                                              \
  /* False if an angle was beyond what it computes. */                                  \
  bool snake_body(const float* x, float rate, float gain, float* y, std::size_t count); \
  void mish_body(const float* x, float* y, std::size_t count);                          \
  }
LOQUOR_ACTIVATIONS(plain)
#if LOQUOR_HAS_AVX2
LOQUOR_ACTIVATIONS(avx2)
#endif
#undef LOQUOR_ACTIVATIONS

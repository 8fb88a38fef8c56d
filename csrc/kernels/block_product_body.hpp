// What block_product_body.cpp is, by unit.
#pragma once

#include "kernels/block_product.hpp"
#include "kernels/units.hpp"

#define LOQUOR_BLOCK_PRODUCT(unit)                                                                      \
  namespace loquor::unit {                                                                              \
  void round_activations_body(const float* x, std::size_t groups, int bits, RoundedGroup* rounded);     \
  void block_products_body(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t count, \
                           float* y, std::size_t first, std::size_t last);                              \
  }
LOQUOR_BLOCK_PRODUCT(plain)
#if LOQUOR_HAS_AVX2
LOQUOR_BLOCK_PRODUCT(avx2)
#endif
#if LOQUOR_HAS_AVX512
LOQUOR_BLOCK_PRODUCT(avx512)
#endif
#undef LOQUOR_BLOCK_PRODUCT

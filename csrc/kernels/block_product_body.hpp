// What block_product_body.cpp is, by instruction set.
#pragma once

#include "kernels/block_product.hpp"
#include "kernels/cpu.hpp"

#define LOQUOR_BLOCK_PRODUCT(unit)                                                                      \
  namespace loquor::unit {                                                                              \
  void round_activations_body(const float* x, std::size_t groups, int bits, RoundedGroup* rounded);     \
  void block_products_body(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t count, \
                           float* y, std::size_t first, std::size_t last);                              \
  }
LOQUOR_BLOCK_PRODUCT(plain)
#if LOQUOR_X86_UNITS
LOQUOR_BLOCK_PRODUCT(avx2)
LOQUOR_BLOCK_PRODUCT(avx512)
#endif
#undef LOQUOR_BLOCK_PRODUCT

// What int16_attention_body.cpp is, by unit.
#pragma once

#include "kernels/int16_attention.hpp"
#include "kernels/units.hpp"

#define LOQUOR_INT16_ATTENTION(unit)                                                                         \
  namespace loquor::unit {                                                                                   \
  void round_int16_block_body(const Int16Head& head, const float* keys, std::size_t key_stride,              \
                              const float* values, std::size_t value_stride, std::size_t block);             \
  void attend_int16_body(const Int16Head& head, const float* queries, std::size_t stride, std::size_t count, \
                         float scale, float* context, std::size_t context_stride);                           \
  }
LOQUOR_INT16_ATTENTION(plain)
#if LOQUOR_HAS_AVX2
LOQUOR_INT16_ATTENTION(avx2)
#endif
#if LOQUOR_HAS_AVX512
LOQUOR_INT16_ATTENTION(avx512)
#endif
#undef LOQUOR_INT16_ATTENTION

#include "kernels/int16_attention.hpp"

#include "kernels/cpu.hpp"
#include "kernels/int16_attention_body.hpp"

namespace loquor {
namespace {

struct Bodies {
  decltype(&plain::round_int16_block_body) round;
  decltype(&plain::attend_int16_body) attend;
};

const Bodies& best() {
  static const Bodies chosen = [] {
#if LOQUOR_HAS_AVX512
    if (vector_unit() == VectorUnit::kAvx512)
      return Bodies{avx512::round_int16_block_body, avx512::attend_int16_body};
#endif
#if LOQUOR_HAS_AVX2
    if (vector_unit() == VectorUnit::kAvx2)
      return Bodies{avx2::round_int16_block_body, avx2::attend_int16_body};
#endif
    return Bodies{plain::round_int16_block_body, plain::attend_int16_body};
  }();
  return chosen;
}

}  // namespace

void round_int16_block(const Int16Head& head, const float* keys, std::size_t key_stride, const float* values,
                       std::size_t value_stride, std::size_t block) {
  best().round(head, keys, key_stride, values, value_stride, block);
}

void attend_int16(const Int16Head& head, const float* queries, std::size_t stride, std::size_t count,
                  float scale, float* context, std::size_t context_stride) {
  best().attend(head, queries, stride, count, scale, context, context_stride);
}

}  // namespace loquor

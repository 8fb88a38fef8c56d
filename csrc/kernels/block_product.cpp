#include "kernels/block_product.hpp"

#include "kernels/block_product_body.hpp"

namespace loquor {
namespace {

// Decode waits for memory at AVX2's width already.
[[maybe_unused]] bool has_avx2() {
  const VectorUnit unit = vector_unit();
  return unit == VectorUnit::kAvx2 || unit == VectorUnit::kAvx512;
}

}  // namespace

void round_activations(const float* x, std::size_t blocks, int bits, RoundedBlock* rounded) {
#if LOQUOR_X86_UNITS
  if (has_avx2()) return avx2::round_activations_body(x, blocks, bits, rounded);
#endif
  plain::round_activations_body(x, blocks, bits, rounded);
}

void block_products(const BlockWeights& weights, const RoundedBlock* rounded, std::size_t count, float* y,
                    std::size_t first, std::size_t last) {
#if LOQUOR_X86_UNITS
  if (has_avx2() && weights.rows >= kProductRows)
    return avx2::block_products_body(weights, rounded, count, y, first, last);
#endif
  plain::block_products_body(weights, rounded, count, y, first, last);
}

}  // namespace loquor

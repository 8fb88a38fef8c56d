#include "kernels/block_product.hpp"

#include "kernels/block_product_body.hpp"
#include "kernels/cpu.hpp"

namespace loquor {
namespace {

struct Bodies {
  decltype(&plain::round_activations_body) round;
  decltype(&plain::block_products_body) products;
};

// Those variants that want no more rows of weights at once than there are.
Bodies bodies([[maybe_unused]] std::size_t rows) {
#if LOQUOR_HAS_AVX512
  if (vector_unit() == VectorUnit::kAvx512 && rows >= 16)
    return {avx512::round_activations_body, avx512::block_products_body};
#endif
#if LOQUOR_HAS_AVX2
  if (vector_unit() != VectorUnit::kPlain && rows >= 8)
    return {avx2::round_activations_body, avx2::block_products_body};
#endif
  return {plain::round_activations_body, plain::block_products_body};
}

}  // namespace

void round_activations(const float* x, std::size_t groups, int bits, RoundedGroup* rounded) {
  bodies(kProductRows).round(x, groups, bits, rounded);
}

void block_products(const BlockWeights& weights, const RoundedGroup* rounded, std::size_t count, float* y,
                    std::size_t first, std::size_t last) {
  bodies(weights.rows).products(weights, rounded, count, y, first, last);
}

}  // namespace loquor

#include "kernels/normal.hpp"

#include "kernels/cpu.hpp"
#include "kernels/normal_body.hpp"

namespace loquor {

void box_muller(const std::uint32_t* a, const std::uint32_t* b, float* one, float* other, std::size_t count) {
#if LOQUOR_HAS_AVX2
  if (vector_unit() != VectorUnit::kPlain) return avx2::box_muller_body(a, b, one, other, count);
#endif
  plain::box_muller_body(a, b, one, other, count);
}

}  // namespace loquor

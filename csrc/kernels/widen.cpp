#include "kernels/widen.hpp"

#include "kernels/cpu.hpp"
#include "kernels/widen_body.hpp"

namespace loquor {

void widen_halves(const std::uint16_t* from, float* to, std::size_t count) {
#if LOQUOR_HAS_AVX2
  if (vector_unit() != VectorUnit::kPlain) return avx2::widen_halves_body(from, to, count);
#endif
  plain::widen_halves_body(from, to, count);
}

}  // namespace loquor

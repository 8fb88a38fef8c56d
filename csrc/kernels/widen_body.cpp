#include "kernels/widen_body.hpp"

#include "kernels/cache_numbers.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

void widen_halves_body(const std::uint16_t* from, float* to, std::size_t count) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(to + i, widen(from + i));
  Half rest[kLanes] = {};
  float wide[kLanes];
  std::memcpy(rest, from + i, (count - i) * sizeof(Half));
  store(wide, widen(rest));
  std::memcpy(to + i, wide, (count - i) * sizeof(float));
}

}  // namespace loquor::LOQUOR_UNIT

#endif

// What normal_body.cpp is, by unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/units.hpp"

#define LOQUOR_NORMAL(unit)                                                                      \
  namespace loquor::unit {                                                                       \
  void box_muller_body(const std::uint32_t* a, const std::uint32_t* b, float* one, float* other, \
                       std::size_t count);                                                       \
  }
LOQUOR_NORMAL(plain)
#if LOQUOR_HAS_AVX2
LOQUOR_NORMAL(avx2)
#endif
#undef LOQUOR_NORMAL

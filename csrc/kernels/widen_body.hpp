// What widen_body.cpp is, by unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/units.hpp"

#define LOQUOR_WIDEN(unit)                                                         \
  namespace loquor::unit {                                                         \
  void widen_halves_body(const std::uint16_t* from, float* to, std::size_t count); \
  }
LOQUOR_WIDEN(plain)
#if LOQUOR_HAS_AVX2
LOQUOR_WIDEN(avx2)
#endif
#undef LOQUOR_WIDEN

// What normal_body.cpp is, by instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu.hpp"

#define LOQUOR_NORMAL(unit)                                                                      \
  namespace loquor::unit {                                                                       \
  void box_muller_body(const std::uint32_t* a, const std::uint32_t* b, float* one, float* other, \
                       std::size_t count);                                                       \
  }
LOQUOR_NORMAL(plain)
#if LOQUOR_X86_UNITS
LOQUOR_NORMAL(avx2)
#endif
#undef LOQUOR_NORMAL

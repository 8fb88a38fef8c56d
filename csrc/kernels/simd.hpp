// Vectors of the unit that a *_body.cpp is being compiled for (kernels/units.hpp).
//
// Such a file instantiates no template and no inline function of the standard library: the linker keeps one
// copy of those for the whole library, which might be the one that older processors cannot run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/units.hpp"

#if !defined(LOQUOR_UNIT)
#error "only for files that are compiled once a unit"
#endif

#if defined(__GNUC__) || defined(__clang__)
#define LOQUOR_INLINE inline __attribute__((always_inline))
#else
#define LOQUOR_INLINE __forceinline
#endif

#if LOQUOR_HAS_BODY

#if LOQUOR_USES_AVX2
#include <immintrin.h>
#endif

namespace loquor::LOQUOR_UNIT {

#if LOQUOR_USES_AVX512
constexpr std::size_t kLanes = 16;
#elif LOQUOR_USES_AVX2
constexpr std::size_t kLanes = 8;
#else
constexpr std::size_t kLanes = 4;
#endif

#if LOQUOR_HAS_VECTORS
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
#else
// The same in loops, for compilers without vector types.
struct Floats {
  float lanes[kLanes];
  float& operator[](std::size_t i) { return lanes[i]; }
  float operator[](std::size_t i) const { return lanes[i]; }
};
#define LOQUOR_LANEWISE(op)                                                         \
  LOQUOR_INLINE Floats operator op(Floats a, Floats b) {                            \
    for (std::size_t i = 0; i < kLanes; ++i) a.lanes[i] = a.lanes[i] op b.lanes[i]; \
    return a;                                                                       \
  }                                                                                 \
  LOQUOR_INLINE Floats& operator op## = (Floats & a, Floats b) { return a = a op b; }
LOQUOR_LANEWISE(+)
LOQUOR_LANEWISE(-)
LOQUOR_LANEWISE(*)
LOQUOR_LANEWISE(/)
#undef LOQUOR_LANEWISE
#endif

LOQUOR_INLINE Floats load(const float* from) {  // from any address
  Floats made;
  std::memcpy(&made, from, sizeof made);
  return made;
}

LOQUOR_INLINE void store(float* to, Floats value) { std::memcpy(to, &value, sizeof value); }

LOQUOR_INLINE Floats broadcast(float value) {
#if LOQUOR_HAS_VECTORS
  return value - Floats{};  // folded, which a sum would not be: it loses the sign of zero
#else
  Floats made;
  for (std::size_t i = 0; i < kLanes; ++i) made.lanes[i] = value;
  return made;
#endif
}

}  // namespace loquor::LOQUOR_UNIT

#endif

// What softmax and activations need of vectors: e^x, a product added at once, the larger of two.
#pragma once

#include "kernels/simd.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

// a b + c, rounded once where the processor can.
LOQUOR_INLINE Floats multiply_add(Floats a, Floats b, Floats c) {
#if LOQUOR_USES_AVX512
  return _mm512_fmadd_ps(a, b, c);
#elif LOQUOR_USES_AVX2
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

LOQUOR_INLINE Floats max(Floats a, Floats b) {
#if LOQUOR_USES_AVX512
  return _mm512_maskz_max_ps(0xffff, b, a);  // a, where b is not a number
#elif LOQUOR_USES_AVX2
  return _mm256_max_ps(b, a);
#else
  for (std::size_t i = 0; i < kLanes; ++i) a[i] = b[i] > a[i] ? b[i] : a[i];
  return a;
#endif
}

// e^x to 2e-7 of it, for x <= 0; never less than about 1e-35, so that products do not become subnormal.
LOQUOR_INLINE Floats exponential(Floats x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number, in the lowest bits
  x = max(x, broadcast(-80.0f));
  const Floats shifted = multiply_add(x, broadcast(1.44269504f), broadcast(kRound));
  const Floats whole = shifted - broadcast(kRound);
  const Floats rest =
      multiply_add(whole, broadcast(2.12194440e-4f), multiply_add(whole, broadcast(-0.693359375f), x));
  Floats tail = multiply_add(rest, broadcast(0.00139819994f), broadcast(0.00833345205f));
  tail = multiply_add(rest, tail, broadcast(0.0416657962f));
  tail = multiply_add(rest, tail, broadcast(0.166666657f));
  tail = multiply_add(rest, tail, broadcast(0.5f));
  const Floats grown = multiply_add(rest * rest, tail, rest + broadcast(1.0f));
  std::uint32_t bits[kLanes];
  std::memcpy(bits, &shifted, sizeof bits);
  for (std::size_t i = 0; i < kLanes; ++i) bits[i] = (bits[i] << 23U) + 0x3f800000U;
  Floats power;
  std::memcpy(&power, bits, sizeof power);
  return grown * power;
}

}  // namespace loquor::LOQUOR_UNIT

#endif

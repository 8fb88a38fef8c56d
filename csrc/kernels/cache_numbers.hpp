// The numbers of a KV cache as vectors of floats, and back; for bodies that have no variant for AVX-512.
#pragma once

#include "kernels/attention.hpp"
#include "kernels/simd.hpp"

#if !LOQUOR_USES_AVX2
#include "base/half.hpp"
#endif

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

using Half = std::uint16_t;

// Calls `work` with a number as a cache of that type holds it.
template <class Work>
void with_number_of(CacheType type, Work work) {
  switch (type) {
    case CacheType::kFloat32:
      return work(float{});
    case CacheType::kFloat16:
      return work(Half{});
    case CacheType::kInt8:
      return work(std::int8_t{});
  }
}

LOQUOR_INLINE Floats widen(const float* from) { return load(from); }

LOQUOR_INLINE Floats widen(const Half* from) {
#if LOQUOR_USES_AVX2
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
  Floats made = {};
  for (std::size_t i = 0; i < kLanes; ++i) made[i] = half_to_float(from[i]);
  return made;
#endif
}

LOQUOR_INLINE Floats widen(const std::int8_t* from) {
#if LOQUOR_USES_AVX2
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
#else
  Floats made = {};
  for (std::size_t i = 0; i < kLanes; ++i) made[i] = static_cast<float>(from[i]);
  return made;
#endif
}

LOQUOR_INLINE void narrow(const float* from, float* to, std::size_t size, float) {
  std::memcpy(to, from, size * sizeof(float));
}

LOQUOR_INLINE void narrow(const float* from, Half* to, std::size_t size, float) {
  for (std::size_t i = 0; i < size; i += kLanes) {
#if LOQUOR_USES_AVX2
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm256_cvtps_ph(load(from + i), _MM_FROUND_TO_NEAREST_INT));
#else
    for (std::size_t j = i; j < i + kLanes; ++j) to[j] = float_to_half(from[j]);
#endif
  }
}

// Rounds to the nearest step, ties to even; what lies beyond the range is cut off.
LOQUOR_INLINE void narrow(const float* from, std::int8_t* to, std::size_t size, float step) {
  const float steps = step > 0 ? 1.0f / step : 0.0f;
  for (std::size_t i = 0; i < size; i += kLanes) {
    const Floats value = load(from + i) * broadcast(steps);
#if LOQUOR_USES_AVX2
    const __m256i whole =
        _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(value, broadcast(-128.0f)), broadcast(127.0f)));
    const __m128i pairs = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to + i), _mm_packs_epi16(pairs, pairs));
#else
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
    for (std::size_t j = 0; j < kLanes; ++j) {
      const float low = value[j] > -128.0f ? value[j] : -128.0f;
      const float whole = ((low < 127.0f ? low : 127.0f) + kRound) - kRound;
      to[i + j] = static_cast<std::int8_t>(whole);
    }
#endif
  }
}

}  // namespace loquor::LOQUOR_UNIT

#endif

// Vectors whose lanes belong to neighbouring rows of weights: 8 rows with AVX2, 16 with AVX-512 and VNNI.
#pragma once

#include "kernels/simd.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

using Words = std::uint32_t __attribute__((vector_size(kLanes * sizeof(float))));  // four bytes of each row
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(float))));

#if LOQUOR_USES_AVX512
using Raw = __m512i;
#define LOQUOR_WIDE(operation) _mm512_##operation
// Without a mask of all lanes GCC 12 warns of its own headers.
#define LOQUOR_UNPACK32(half, a, b) _mm512_maskz_unpack##half##_epi32(0xffff, a, b)
#define LOQUOR_UNPACK64(half, a, b) _mm512_maskz_unpack##half##_epi64(0xff, a, b)
#else
using Raw = __m256i;
#define LOQUOR_WIDE(operation) _mm256_##operation
#define LOQUOR_UNPACK32(half, a, b) _mm256_unpack##half##_epi32(a, b)
#define LOQUOR_UNPACK64(half, a, b) _mm256_unpack##half##_epi64(a, b)
#endif

LOQUOR_INLINE __m128i sixteen(const std::uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// 16 bytes of every fourth row.
LOQUOR_INLINE Raw every_fourth(const std::uint8_t* at, std::size_t stride) {
#if LOQUOR_USES_AVX512
  Raw made = _mm512_castsi128_si512(sixteen(at));
  made = _mm512_inserti32x4(made, sixteen(at + 4 * stride), 1);
  made = _mm512_inserti32x4(made, sixteen(at + 8 * stride), 2);
  return _mm512_inserti32x4(made, sixteen(at + 12 * stride), 3);
#else
  return _mm256_inserti128_si256(_mm256_castsi128_si256(sixteen(at)), sixteen(at + 4 * stride), 1);
#endif
}

// 16 bytes of each row, as four vectors of which lane n has four bytes of row n.
LOQUOR_INLINE void turn(const std::uint8_t* at, std::size_t stride, Words* turned) {
  Raw rows[4];
  for (std::size_t i = 0; i < 4; ++i) rows[i] = every_fourth(at + i * stride, stride);
  const Raw a = LOQUOR_UNPACK32(lo, rows[0], rows[1]);
  const Raw b = LOQUOR_UNPACK32(lo, rows[2], rows[3]);
  const Raw c = LOQUOR_UNPACK32(hi, rows[0], rows[1]);
  const Raw d = LOQUOR_UNPACK32(hi, rows[2], rows[3]);
  turned[0] = reinterpret_cast<Words>(LOQUOR_UNPACK64(lo, a, b));
  turned[1] = reinterpret_cast<Words>(LOQUOR_UNPACK64(hi, a, b));
  turned[2] = reinterpret_cast<Words>(LOQUOR_UNPACK64(lo, c, d));
  turned[3] = reinterpret_cast<Words>(LOQUOR_UNPACK64(hi, c, d));
}

LOQUOR_INLINE Words low_halves(Words bytes) { return bytes & 0x0f0f0f0fu; }
LOQUOR_INLINE Words high_halves(Words bytes) { return bytes >> 4 & 0x0f0f0f0fu; }

// 16 bytes of each row, as four vectors of their lower halves and four of their upper ones.
LOQUOR_INLINE void turn_halves(const std::uint8_t* at, std::size_t stride, Words* low, Words* high) {
  turn(at, stride, low);
  for (std::size_t j = 0; j < 4; ++j) {
    high[j] = high_halves(low[j]);
    low[j] = low_halves(low[j]);
  }
}

// Floats of the float16 in the lower half of each lane; the upper one is 0.
LOQUOR_INLINE Floats widened(Words halves) {
#if LOQUOR_USES_AVX512
  return _mm512_maskz_cvtph_ps(0xffff, _mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<Raw>(halves)));
#else
  const __m256i packed = _mm256_packus_epi32(reinterpret_cast<Raw>(halves), _mm256_setzero_si256());
  return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
#endif
}

// The same four activations for each row.
LOQUOR_INLINE Raw broadcast(const std::int8_t* four) {
  std::int32_t bytes = 0;
  std::memcpy(&bytes, four, sizeof bytes);
  return LOQUOR_WIDE(set1_epi32)(bytes);
}

#if LOQUOR_USES_VNNI

// Sums of products of 32 weights and activations; exact.
LOQUOR_INLINE Ints dot(const Words* weights, const std::int8_t* a) {
  Raw sum = _mm512_setzero_si512();
  for (std::size_t j = 0; j < 8; ++j)
    sum = _mm512_dpbusd_epi32(sum, reinterpret_cast<Raw>(weights[j]), broadcast(a + 4 * j));
  return reinterpret_cast<Ints>(sum);
}

#else

// Of 16 halves and activations, in lanes of 16 bits. Nothing overflows, not even the sum of two such: a pair
// is within 2 * 15 * 127, and a lane has eight of them then.
LOQUOR_INLINE Raw pairs(const Words* halves, const std::int8_t* a) {
  Raw sum = LOQUOR_WIDE(maddubs_epi16)(reinterpret_cast<Raw>(halves[0]), broadcast(a));
  for (std::size_t j = 1; j < 4; ++j)
    sum = LOQUOR_WIDE(add_epi16)(
        sum, LOQUOR_WIDE(maddubs_epi16)(reinterpret_cast<Raw>(halves[j]), broadcast(a + 4 * j)));
  return sum;
}

LOQUOR_INLINE Ints joined(Raw pairs, std::int16_t factor) {
  return reinterpret_cast<Ints>(LOQUOR_WIDE(madd_epi16)(pairs, LOQUOR_WIDE(set1_epi16)(factor)));
}

// Sums of products of 32 weights of four bits and activations.
LOQUOR_INLINE Ints dot(const Words* weights, const std::int8_t* a) {
  return joined(LOQUOR_WIDE(add_epi16)(pairs(weights, a), pairs(weights + 4, a + 16)), 1);
}

// And of bytes, of which these are the sums of the lower and of the upper halves.
LOQUOR_INLINE Ints joined(Raw low, Raw high) { return joined(low, 1) + joined(high, 16); }

#endif

}  // namespace loquor::LOQUOR_UNIT

#endif

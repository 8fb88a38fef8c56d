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

LOQUOR_INLINE __m128i load_16(const std::uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// 16 bytes of every fourth row, as many as a vector holds.
LOQUOR_INLINE Raw load_rows(const std::uint8_t* at, std::size_t stride) {
#if LOQUOR_USES_AVX512
  Raw made = _mm512_castsi128_si512(load_16(at));
  made = _mm512_inserti32x4(made, load_16(at + 4 * stride), 1);
  made = _mm512_inserti32x4(made, load_16(at + 8 * stride), 2);
  return _mm512_inserti32x4(made, load_16(at + 12 * stride), 3);
#else
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_16(at)), load_16(at + 4 * stride), 1);
#endif
}

// 16 bytes of each row, as four vectors of which lane n has four bytes of row n.
LOQUOR_INLINE void transpose(const std::uint8_t* at, std::size_t stride, Words* transposed) {
  Raw rows[4];
  for (std::size_t i = 0; i < 4; ++i) rows[i] = load_rows(at + i * stride, stride);
  const Raw a = LOQUOR_UNPACK32(lo, rows[0], rows[1]);
  const Raw b = LOQUOR_UNPACK32(lo, rows[2], rows[3]);
  const Raw c = LOQUOR_UNPACK32(hi, rows[0], rows[1]);
  const Raw d = LOQUOR_UNPACK32(hi, rows[2], rows[3]);
  transposed[0] = reinterpret_cast<Words>(LOQUOR_UNPACK64(lo, a, b));
  transposed[1] = reinterpret_cast<Words>(LOQUOR_UNPACK64(hi, a, b));
  transposed[2] = reinterpret_cast<Words>(LOQUOR_UNPACK64(lo, c, d));
  transposed[3] = reinterpret_cast<Words>(LOQUOR_UNPACK64(hi, c, d));
}

LOQUOR_INLINE Words low_nibbles(Words bytes) { return bytes & 0x0f0f0f0fu; }
LOQUOR_INLINE Words high_nibbles(Words bytes) { return bytes >> 4 & 0x0f0f0f0fu; }

// 16 bytes of each row, as four vectors of their low nibbles and four of their high ones.
LOQUOR_INLINE void transpose_nibbles(const std::uint8_t* at, std::size_t stride, Words* low, Words* high) {
  transpose(at, stride, low);
  for (std::size_t j = 0; j < 4; ++j) {
    high[j] = high_nibbles(low[j]);
    low[j] = low_nibbles(low[j]);
  }
}

// Floats of the float16 in the lower half of each lane; the upper one is 0.
LOQUOR_INLINE Floats widen(Words halves) {
#if LOQUOR_USES_AVX512
  return _mm512_maskz_cvtph_ps(0xffff, _mm512_maskz_cvtepi32_epi16(0xffff, reinterpret_cast<Raw>(halves)));
#else
  const __m256i packed = _mm256_packus_epi32(reinterpret_cast<Raw>(halves), _mm256_setzero_si256());
  return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
#endif
}

// The same four activations for each row.
LOQUOR_INLINE Raw broadcast_four(const std::int8_t* four) {
  std::int32_t bytes = 0;
  std::memcpy(&bytes, four, sizeof bytes);
  return LOQUOR_WIDE(set1_epi32)(bytes);
}

#if LOQUOR_USES_VNNI

// Sums of products of 32 weights and activations; exact.
LOQUOR_INLINE Ints dot(const Words* weights, const std::int8_t* a) {
  Raw sum = _mm512_setzero_si512();
  for (std::size_t j = 0; j < 8; ++j)
    sum = _mm512_dpbusd_epi32(sum, reinterpret_cast<Raw>(weights[j]), broadcast_four(a + 4 * j));
  return reinterpret_cast<Ints>(sum);
}

#else

// Sums of products of 16 nibbles and activations, in lanes of 16 bits. Nothing overflows, not even the sum of
// two such: a pair is within 2 * 15 * 127, and a lane has eight of them then.
LOQUOR_INLINE Raw madd_nibbles(const Words* nibbles, const std::int8_t* a) {
  Raw sum = LOQUOR_WIDE(maddubs_epi16)(reinterpret_cast<Raw>(nibbles[0]), broadcast_four(a));
  for (std::size_t j = 1; j < 4; ++j)
    sum = LOQUOR_WIDE(add_epi16)(
        sum, LOQUOR_WIDE(maddubs_epi16)(reinterpret_cast<Raw>(nibbles[j]), broadcast_four(a + 4 * j)));
  return sum;
}

// Sums of neighbouring lanes, times a factor.
LOQUOR_INLINE Ints madd(Raw lanes, std::int16_t factor) {
  return reinterpret_cast<Ints>(LOQUOR_WIDE(madd_epi16)(lanes, LOQUOR_WIDE(set1_epi16)(factor)));
}

// Sums of products of 32 weights of four bits and activations.
LOQUOR_INLINE Ints dot(const Words* weights, const std::int8_t* a) {
  return madd(LOQUOR_WIDE(add_epi16)(madd_nibbles(weights, a), madd_nibbles(weights + 4, a + 16)), 1);
}

// Sums of products of bytes, from those of their low and of their high nibbles.
LOQUOR_INLINE Ints madd_bytes(Raw low, Raw high) { return madd(low, 1) + madd(high, 16); }

#endif

}  // namespace loquor::LOQUOR_UNIT

#endif

// Rounding to 16 bits, for the unit that a *_body.cpp is being compiled for.
#pragma once

#include <cmath>

#include "kernels/exponential.hpp"
#include "kernels/int16.hpp"
#include "kernels/simd.hpp"

#if LOQUOR_HAS_BODY

namespace loquor::LOQUOR_UNIT {

constexpr float kLongest = 46000;  // of vectors: 46000 and what rounding adds, squared, is below 2^31
constexpr float kLargest = 32767;
constexpr float kMostSquares = 1e30f;  // beyond, products of lengths are no numbers

LOQUOR_INLINE std::size_t least(std::size_t one, std::size_t other) { return one < other ? one : other; }

LOQUOR_INLINE float root(float x) {
#if LOQUOR_USES_AVX2
  return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)));
#else
  return std::sqrt(x);  // in code that every processor runs
#endif
}

LOQUOR_INLINE float no_number() {
  const std::uint32_t bits = 0x7fc00000;
  float made = 0;
  std::memcpy(&made, &bits, sizeof made);
  return made;
}

// What rounded elements are to be multiplied by to be what they were, and its inverse.
struct Step {
  float step, inverse;
};

// Of a vector with this sum of squares and this largest element. Where there is nothing, and where an element
// is not finite or so large that sums would not be, all become 0; then the step is NaN.
LOQUOR_INLINE Step step_of(float squares, float largest, float longest, float most) {
  constexpr float kSmallest = 1e-18f;  // below, squares are lost
  if (!(squares <= kMostSquares)) return {no_number(), 0};
  if (!(largest >= kSmallest)) return {0, 0};
  const float by_length = root(squares) / longest, by_largest = largest / most;
  const float step = by_length > by_largest ? by_length : by_largest;
  return {step, 1 / step};
}

#if LOQUOR_USES_AVX2

using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(float))));

LOQUOR_INLINE Ints load_pairs(const Pair* from) {
  Ints made;
  std::memcpy(&made, from, sizeof made);
  return made;
}

LOQUOR_INLINE Floats to_floats(Ints whole) { return __builtin_convertvector(whole, Floats); }

LOQUOR_INLINE Ints to_ints(Floats x) {  // to the nearest, or to the even one
#if LOQUOR_USES_AVX512
  return reinterpret_cast<Ints>(_mm512_maskz_cvtps_epi32(0xffff, x));
#else
  return reinterpret_cast<Ints>(_mm256_cvtps_epi32(x));
#endif
}

#endif

// The nearest whole number, or the even one, as an int.
LOQUOR_INLINE std::int32_t nearest(float x) {
#if LOQUOR_USES_AVX2
  return _mm_cvtss_si32(_mm_set_ss(x));
#else
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  return static_cast<std::int32_t>((x + kRound) - kRound);
#endif
}

// Rounds a row and returns its step, by which each segment is within bounds; an odd last element is paired
// with 0.
LOQUOR_INLINE float round_row(const float* x, std::size_t count, Pair* pairs) {
  // In sixteen sums in every unit, so that AVX2 and AVX-512 round alike.
  constexpr std::size_t kSums = 16, kParts = kSums / kLanes, kSegmentWidth = 2 * kSegment;
  Floats largest[kParts];
  for (std::size_t part = 0; part < kParts; ++part) largest[part] = Floats{};
  float longest = 0, sums[kSums], sizes[kSums];
  bool within = true;
  for (std::size_t start = 0; start < count; start += kSegmentWidth) {
    Floats squares[kParts];
    for (std::size_t part = 0; part < kParts; ++part) squares[part] = Floats{};
    const std::size_t end = least(count, start + kSegmentWidth);
    for (std::size_t k = start; k < end; k += kSums) {
      const float* from = x + k;
      float rest[kSums] = {};
      if (k + kSums > count) {
        for (std::size_t i = 0; k + i < count; ++i) rest[i] = x[k + i];
        from = rest;
      }
      for (std::size_t part = 0; part < kParts; ++part) {
        const Floats value = load(from + part * kLanes);
        squares[part] = multiply_add(value, value, squares[part]);
        largest[part] = max(largest[part], max(value, Floats{} - value));
      }
    }
    for (std::size_t part = 0; part < kParts; ++part) store(sums + part * kLanes, squares[part]);
    for (std::size_t width = kSums / 2; width > 0; width /= 2)
      for (std::size_t i = 0; i < width; ++i) sums[i] += sums[i + width];
    within = within && sums[0] <= kMostSquares;
    longest = sums[0] > longest ? sums[0] : longest;
  }
  for (std::size_t part = 0; part < kParts; ++part) store(sizes + part * kLanes, largest[part]);
  for (std::size_t i = 1; i < kSums; ++i) sizes[0] = sizes[i] > sizes[0] ? sizes[i] : sizes[0];
  const Step step = step_of(within ? longest : no_number(), sizes[0], kLongest, kLargest);
  const bool none = step.inverse == 0;
  std::size_t k = 0;
#if LOQUOR_USES_AVX2
  for (; k + 16 <= count && !none; k += 16) {  // the order of pairs is that of numbers in memory
#if LOQUOR_USES_AVX512
    const __m512i whole = reinterpret_cast<__m512i>(to_ints(load(x + k) * broadcast(step.inverse)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(pairs + k / 2),
                        _mm512_maskz_cvtepi32_epi16(0xffff, whole));
#else
    const __m256i low = reinterpret_cast<__m256i>(to_ints(load(x + k) * broadcast(step.inverse)));
    const __m256i high = reinterpret_cast<__m256i>(to_ints(load(x + k + 8) * broadcast(step.inverse)));
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(pairs + k / 2), packed);
#endif
  }
#endif
  for (; k < count; k += 2) {
    const std::int32_t one = none ? 0 : nearest(x[k] * step.inverse);
    const std::int32_t other = none || k + 1 == count ? 0 : nearest(x[k + 1] * step.inverse);
    pairs[k / 2] = (one & 0xffff) | static_cast<std::int32_t>(static_cast<std::uint32_t>(other) << 16);
  }
  return step.step;
}

// Rounds up to 32 columns of `rows` rows, `stride` apart, each column by itself, as pairs of rows; columns
// that are not there become 0.
LOQUOR_INLINE void round_columns(const float* x, std::size_t rows, std::size_t stride, std::size_t columns,
                                 std::size_t segment, float longest, float most, Pair* panel, float* steps) {
  float inverses[kPanelColumns], row[kPanelColumns] = {};
  constexpr std::size_t kParts = kPanelColumns / kLanes;
  Floats squares[kParts], most_squares[kParts], largest[kParts];
  for (std::size_t part = 0; part < kParts; ++part)
    squares[part] = most_squares[part] = largest[part] = Floats{};
  const bool whole = columns >= kPanelColumns;
  const auto row_at = [&](std::size_t k) -> const float* {
    if (whole) return x + k * stride;
    for (std::size_t i = 0; i < columns; ++i) row[i] = x[k * stride + i];
    return row;
  };
  for (std::size_t k = 0; k < rows; ++k) {
    const float* const from = row_at(k);
    for (std::size_t part = 0; part < kParts; ++part) {
      const Floats value = load(from + part * kLanes);
      squares[part] = multiply_add(value, value, squares[part]);
      largest[part] = max(largest[part], max(value, Floats{} - value));
    }
    if ((k + 1) % (2 * segment) != 0 && k + 1 != rows) continue;
    for (std::size_t part = 0; part < kParts; ++part) {
      most_squares[part] = max(squares[part], most_squares[part]);  // keeps what is no number
      squares[part] = Floats{} * squares[part];                     // likewise
    }
  }
  for (std::size_t part = 0; part < kParts; ++part)
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Step step = step_of(squares[part][i] + most_squares[part][i], largest[part][i], longest, most);
      steps[part * kLanes + i] = step.step;
      inverses[part * kLanes + i] = step.inverse;
    }
  for (std::size_t k = 0; k < rows; k += 2, panel += kPanelColumns) {
    float second[kPanelColumns] = {};
    const float* next = second;
    if (k + 1 < rows) {
      next = row_at(k + 1);
      if (!whole) {
        for (std::size_t i = 0; i < kPanelColumns; ++i) second[i] = row[i];
        next = second;
      }
    }
    const float* const from = row_at(k);
    for (std::size_t part = 0; part < kParts; ++part) {
      const Floats inverse = load(inverses + part * kLanes);
#if LOQUOR_USES_AVX2
      // A product of infinity or NaN and 0 would be no number: those columns are 0.
      const Ints kept = load(inverses + part * kLanes) != Floats{};
      const Ints one = to_ints(load(from + part * kLanes) * inverse) & kept;
      const Ints other = to_ints(load(next + part * kLanes) * inverse) & kept;
      const Ints both = (one & 0xffff) | (other << 16);
      std::memcpy(panel + part * kLanes, &both, sizeof both);
#else
      for (std::size_t i = 0; i < kLanes; ++i) {
        const bool none = inverse[i] == 0;
        const std::size_t at = part * kLanes + i;
        const std::int32_t one = none ? 0 : nearest(from[at] * inverse[i]);
        const std::int32_t other = none ? 0 : nearest(next[at] * inverse[i]);
        panel[at] = (one & 0xffff) | static_cast<std::int32_t>(static_cast<std::uint32_t>(other) << 16);
      }
#endif
    }
  }
}

}  // namespace loquor::LOQUOR_UNIT

#endif

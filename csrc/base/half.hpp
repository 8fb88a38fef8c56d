// IEEE 754 binary16 to and from binary32, in software: tensors of fp16 bundles cross the host here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/error.hpp"
#include "base/span.hpp"

namespace loquor {

constexpr float kLargestHalf = 65504.0f;

namespace detail {

inline uint32_t float_bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_from_bits(uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace detail

// Exact: every half is a float. The payload of a NaN is kept.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1Fu;
  const uint32_t mantissa = half & 0x3FFu;
  if (exponent == 0) {  // zero or subnormal: a multiple of 2^-24
    return detail::float_from_bits(sign | detail::float_bits(static_cast<float>(mantissa) * 0x1p-24f));
  }
  const uint32_t wide = exponent == 0x1F ? 0xFFu : exponent + 112;  // biases 15 and 127
  return detail::float_from_bits(sign | (wide << 23) | (mantissa << 13));
}

// Rounds to nearest, ties to even; what rounds past 65504 becomes infinity. The upper payload of a NaN is
// kept.
inline uint16_t float_to_half(float value) {
  constexpr uint32_t kInfinity = 0x7F800000u;
  constexpr uint32_t kOverflow = 0x477FF000u;     // 65520: halfway to what would be 65536
  constexpr uint32_t kLeastNormal = 0x38800000u;  // 2^-14
  constexpr uint32_t kRebias = 112u << 23;        // biases 127 and 15
  const uint32_t bits = detail::float_bits(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  uint32_t half = 0;
  if (magnitude > kInfinity) {
    const uint32_t payload = (magnitude >> 13) & 0x3FFu;
    half = 0x7C00u | (payload != 0 ? payload : 0x200u);  // a NaN must not turn into infinity
  } else if (magnitude >= kOverflow) {
    half = 0x7C00u;
  } else if (magnitude < kLeastNormal) {
    // Floats just above 0.5 are 2^-24 apart, as subnormal halves are: the addition does the rounding.
    half = detail::float_bits(detail::float_from_bits(magnitude) + 0.5f) - detail::float_bits(0.5f);
  } else {
    half = (magnitude - kRebias + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
}

// Both spans have the same length; kInternal if not.
inline void half_to_float(Span<const uint16_t> from, Span<float> to) {
  if (from.size() != to.size()) throw Error(ErrorKind::kInternal, "half_to_float: the lengths differ");
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = half_to_float(from[i]);
}

inline void float_to_half(Span<const float> from, Span<uint16_t> to) {
  if (from.size() != to.size()) throw Error(ErrorKind::kInternal, "float_to_half: the lengths differ");
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = float_to_half(from[i]);
}

}  // namespace loquor
